//! A stanza on its way, and where it came from.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use takeover_core::sync::{Claim, Ticket};
use takeover_protocols::stanza::Stanza;

use super::tickets::Tickets;

/// A stanza on its way to the address in its `to`, with the ticket of the client that sent it. It is
/// handed on many times, and small for that.
#[derive(Debug)]
pub struct Parcel {
    /// What travels; `to` and `from` are set.
    pub stanza: Box<Stanza>,
    /// The inbound ticket it fulfils; `None` for what the server itself says.
    pub origin: Option<Origin>,
}

/// The ticket of one inbound stanza: which session sent it, as its how-manieth.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The tickets of the sender's session.
    pub tickets: Arc<Tickets>,
    /// Its place among all that the session has received.
    pub ticket: Ticket,
}

impl Parcel {
    /// A parcel of the server's own making.
    #[must_use]
    pub fn of(stanza: impl Into<Box<Stanza>>) -> Self {
        Self {
            stanza: stanza.into(),
            origin: None,
        }
    }

    /// Takes the right to let this parcel take effect. A parcel of the server's own always may.
    pub fn claim(self) -> Claim<Self> {
        match self.origin.clone() {
            None => Claim::Go(self),
            Some(origin) => origin.tickets.claim(origin.ticket, self),
        }
    }
}

impl Origin {
    /// Names the stanza among all that this run of the deployment has seen. What is sent again
    /// after a resumption gets another name: it was not handled under the first.
    #[must_use]
    pub fn key(&self) -> String {
        format!(
            "{}.{}.{}",
            self.tickets.session().0,
            self.ticket.life(),
            self.ticket.number()
        )
    }

    /// The stanza stands in its target's order, but is not settled yet (a room stores it, a
    /// frozen place holds it). Answers what waited for its turn behind it.
    #[must_use]
    pub fn accepted(&self) -> Option<Parcel> {
        self.tickets.accepted(self.ticket)
    }

    /// The stanza will not take effect where it was claimed: it may be claimed elsewhere. False if
    /// its session has begun a new life meanwhile: then nobody may.
    #[must_use]
    pub fn give_back(&self) -> bool {
        self.tickets.give_back(self.ticket)
    }

    /// Whoever claimed the stanza is dead and it has not taken effect; `answer` is what its client is
    /// told.
    pub fn refuse(&self, answer: Option<Parcel>) {
        self.tickets.refuse(self.ticket, answer);
    }

    /// The stanza has taken effect for good. Answers what waited for its turn behind it.
    #[must_use]
    pub fn finish(&self) -> Option<Parcel> {
        self.tickets.finish(self.ticket)
    }
}

/// What tells targets of one sender apart: the bare address. Two addresses with one key merely
/// wait for each other.
#[must_use]
pub fn target_key(stanza: &Stanza) -> u64 {
    let address = stanza.to.as_ref().map_or("", |to| to.as_str());
    let bare = address.split_once('/').map_or(address, |(bare, _)| bare);
    // The default hasher has fixed keys: one input, one key, in every run.
    let mut hasher = DefaultHasher::new();
    bare.hash(&mut hasher);
    hasher.finish()
}

/// What tells a stanza that is sent again after a resumption from other ones: all that the client
/// wrote, without the `from` that the server adds.
#[must_use]
pub fn content_key(stanza: &Stanza) -> u64 {
    let mut hasher = DefaultHasher::new();
    stanza.kind.hash(&mut hasher);
    stanza.to.as_ref().map(|to| to.as_str()).hash(&mut hasher);
    stanza.id.hash(&mut hasher);
    stanza.payload().hash(&mut hasher);
    hasher.finish()
}
