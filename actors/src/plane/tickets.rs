//! The inbound tickets of a session: the window of [`takeover_core::sync`], whose models prove it,
//! with parcels in it and a session's name on it.

use std::future::poll_fn;

use takeover_core::sync::{Claim, Issued, Ticket, TicketWindow};

use super::parcel::{Parcel, content_key};
use super::user::SessionId;

/// The inbound tickets of one session.
#[derive(Debug)]
pub struct Tickets {
    session: SessionId,
    window: TicketWindow<Parcel>,
}

impl Tickets {
    /// The tickets of a new session: life 0, nothing received.
    #[must_use]
    pub fn new(session: SessionId) -> Self {
        let window = TicketWindow::new();
        Self { session, window }
    }

    /// Whose tickets these are.
    #[must_use]
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// How many inbound stanzas are handled without a gap (`h`, not yet taken modulo 2^32).
    #[must_use]
    pub fn handled(&self) -> u64 {
        self.window.handled()
    }

    /// How many inbound stanzas have been received, handled or not.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.window.received()
    }

    /// Whether every ticket is finished.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.window.is_drained()
    }

    /// A ticket for the next inbound stanza of this life, as [`TicketWindow::issue`].
    pub fn issue(&self, life: u32, target: u64, content: impl FnOnce() -> u64) -> Issued {
        self.window.issue(life, target, content)
    }

    /// Claims a ticket for its parcel, as [`TicketWindow::claim`].
    pub fn claim(&self, ticket: Ticket, parcel: Parcel) -> Claim<Parcel> {
        let content = |parcel: &Parcel| content_key(&parcel.stanza);
        self.window.claim(ticket, parcel, content)
    }

    /// The stanza stands in its target's order. Answers who is next there.
    #[must_use]
    pub fn accepted(&self, ticket: Ticket) -> Option<Parcel> {
        self.window.accepted(ticket)
    }

    /// The stanza is done. Answers who is next at its target.
    #[must_use]
    pub fn finish(&self, ticket: Ticket) -> Option<Parcel> {
        self.window.finish(ticket)
    }

    /// The stanza may be claimed elsewhere; false where its life is over.
    #[must_use]
    pub fn give_back(&self, ticket: Ticket) -> bool {
        self.window.give_back(ticket)
    }

    /// Whoever claimed the stanza is dead.
    pub fn abandon(&self, ticket: Ticket) {
        self.window.abandon(ticket);
    }

    /// Begins a new life of the session; the count is right once [`Tickets::settled`] has completed.
    pub fn resume(&self) -> u32 {
        self.window.resume()
    }

    /// Completes when no ticket is in doubt, with the `h` to resume with.
    pub async fn settled(&self, life: u32) -> u64 {
        poll_fn(|context| self.window.poll_settled(life, context)).await
    }

    /// Completes when every ticket of the present life is finished.
    pub async fn drained(&self) {
        poll_fn(|context| self.window.poll_drained(context)).await;
    }
}
