//! What is owed to the sender of a stanza that somebody has claimed.

use takeover_protocols::jid::Jid;
use takeover_protocols::stanza::{Condition, ErrorType, Stanza, StanzaError, StanzaKind};

use super::parcel::{Origin, Parcel};

/// A claimed ticket in somebody's hands: it is kept ([`Promise::finish`]), given back to be routed
/// anew ([`Promise::give_back`]), or, when whoever holds it dies, broken: then the sender is answered
/// `recipient-unavailable`. What it sends after that may be handled before it connects anew, so it
/// must not learn only then that this one was not.
#[derive(Debug)]
#[must_use = "a promise that is dropped is broken"]
pub struct Promise(Option<Owed>);

/// Whose ticket it is, and what an answer needs of the stanza.
#[derive(Debug)]
struct Owed {
    origin: Origin,
    kind: StanzaKind,
    id: Option<String>,
    to: Option<Jid>,
    from: Option<Jid>,
}

impl Owed {
    fn to_sender_of(stanza: &Stanza, origin: Origin) -> Self {
        Self {
            origin,
            kind: stanza.kind,
            id: stanza.id.clone(),
            to: stanza.to.clone(),
            from: stanza.from.clone(),
        }
    }

    /// Tells the sender that its stanza was not handled.
    fn refuse(self) {
        let mut stanza = Stanza::new(self.kind);
        (stanza.id, stanza.to, stanza.from) = (self.id, self.to, self.from);
        let error = StanzaError::new(Condition::RecipientUnavailable).with_type(ErrorType::Wait);
        self.origin
            .refuse(stanza.error_reply(&error).map(Parcel::of));
    }
}

impl Promise {
    /// The stanza has taken effect for good. Answers what waited for its turn behind it.
    #[must_use]
    pub fn finish(mut self) -> Option<Parcel> {
        self.0.take()?.origin.finish()
    }

    /// The stanza has not taken effect and never will here: the parcel, to be routed anew. `None`
    /// where its sender has begun a new life meanwhile and sends it again by itself.
    #[must_use]
    pub fn give_back(mut self, stanza: impl Into<Box<Stanza>>) -> Option<Parcel> {
        let stanza = stanza.into();
        match self.0.take() {
            Some(Owed { origin, .. }) => origin.give_back().then_some(Parcel {
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
    pub stanza: Box<Stanza>,
    /// What is owed to its sender.
    pub promise: Promise,
}

impl Entrusted {
    /// Takes a claimed parcel on.
    #[must_use]
    pub fn of(claimed: Parcel) -> Self {
        let Parcel { stanza, origin } = claimed;
        let owed = origin.map(|origin| Owed::to_sender_of(&stanza, origin));
        Self {
            stanza,
            promise: Promise(owed),
        }
    }

    /// The claimed parcel again: nobody took it on.
    #[must_use]
    pub fn into_claimed(mut self) -> Parcel {
        Parcel {
            stanza: self.stanza,
            origin: self.promise.0.take().map(|owed| owed.origin),
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
        if let Some(owed) = self.0.take() {
            owed.refuse();
        }
    }
}
