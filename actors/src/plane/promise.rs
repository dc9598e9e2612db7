//! What is owed to the sender of a stanza that somebody has claimed.

use takeover_protocols::stanza::Stanza;

use super::parcel::{Origin, Parcel};

/// A claimed ticket in somebody's hands: it is kept ([`Promise::finish`]), given back to be routed
/// anew ([`Promise::give_back`]), or, when whoever holds it dies, broken: then the sender, who was
/// told nothing, sends the stanza again after it has resumed.
#[derive(Debug)]
#[must_use = "a promise that is dropped is broken"]
pub struct Promise(Option<Origin>);

impl Promise {
    /// The stanza has taken effect for good. Answers what waited for its turn behind it.
    #[must_use]
    pub fn finish(mut self) -> Option<Parcel> {
        self.0.take()?.finish()
    }

    /// The stanza has not taken effect and never will here: the parcel, to be routed anew. `None`
    /// where its sender has begun a new life meanwhile and sends it again by itself.
    #[must_use]
    pub fn give_back(mut self, stanza: Stanza) -> Option<Parcel> {
        match self.0.take() {
            Some(origin) => origin.give_back().then_some(Parcel {
                stanza,
                origin: Some(origin),
            }),
            None => Some(Parcel::of(stanza)),
        }
    }
}

/// A claimed stanza on its way through the mailboxes of those who will handle it.
#[derive(Debug)]
pub struct Entrusted {
    /// What is to be handled.
    pub stanza: Stanza,
    /// What is owed to its sender.
    pub promise: Promise,
}

impl Entrusted {
    /// Takes a claimed parcel on.
    #[must_use]
    pub fn of(claimed: Parcel) -> Self {
        Self {
            stanza: claimed.stanza,
            promise: Promise(claimed.origin),
        }
    }

    /// The claimed parcel again: nobody took it on.
    #[must_use]
    pub fn into_claimed(mut self) -> Parcel {
        Parcel {
            stanza: self.stanza,
            origin: self.promise.0.take(),
        }
    }

    /// The parcel, to be routed anew, as [`Promise::give_back`].
    #[must_use]
    pub fn give_back(self) -> Option<Parcel> {
        self.promise.give_back(self.stanza)
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        if let Some(origin) = self.0.take() {
            origin.abandon();
        }
    }
}
