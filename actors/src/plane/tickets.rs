//! The inbound tickets of a session: the window of [`takeover_core::sync`], whose models prove it,
//! with parcels in it and a session's name on it.

use std::future::poll_fn;
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use takeover_core::sync::{Claim, Issued, Ticket, TicketWindow};

use super::parcel::{Parcel, content_key};
use super::user::SessionId;

/// The inbound tickets of one session.
#[derive(Debug)]
pub struct Tickets {
    session: SessionId,
    window: TicketWindow<Parcel>,
    /// Answers to what nobody could handle, and what had waited behind it.
    returned: Mutex<Vec<Parcel>>,
    wake: AtomicWaker,
}

impl Tickets {
    /// The tickets of a new session: life 0, nothing received.
    #[must_use]
    pub fn new(session: SessionId) -> Self {
        Self {
            session,
            window: TicketWindow::new(),
            returned: Mutex::default(),
            wake: AtomicWaker::new(),
        }
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

    /// Gives idle memory back, as [`TicketWindow::rest`].
    pub fn rest(&self) {
        self.window.rest();
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

    /// The session's present life.
    #[must_use]
    pub fn life(&self) -> u32 {
        self.window.life()
    }

    /// Whoever claimed the stanza is dead, and it has not taken effect: it is done, and `answer` says so
    /// to the client, in whichever life.
    pub fn refuse(&self, ticket: Ticket, answer: Option<Parcel>) {
        let next = self.window.finish(ticket);
        self.returned.lock().extend(answer.into_iter().chain(next));
        self.wake.wake();
    }

    /// What is to be routed by the task that serves the client: whoever broke a promise could not.
    #[must_use]
    pub fn take_returned(&self) -> Vec<Parcel> {
        std::mem::take(&mut self.returned.lock())
    }

    /// Ready when something is to be routed. One task waits at a time: the one that serves the client.
    pub fn poll_returned(&self, context: &mut Context<'_>) -> Poll<()> {
        self.wake.register(context.waker());
        match self.returned.lock().is_empty() {
            true => Poll::Pending,
            false => Poll::Ready(()),
        }
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
        poll_fn(|context| self.poll_drained(context)).await;
    }

    /// As [`Tickets::drained`], asked once.
    pub fn poll_drained(&self, context: &mut Context<'_>) -> Poll<()> {
        self.window.poll_drained(context)
    }
}
