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
    /// The promise that goes with a parcel that has just been claimed.
    pub fn of(claimed: &Parcel) -> Self {
        Self(claimed.origin.clone())
    }

    /// Names the stanza for ever among those of this run; `None` for what the server itself says.
    #[must_use]
    pub fn key(&self) -> Option<String> {
        self.0.as_ref().map(Origin::key)
    }

    /// The stanza stands in its target's order. Answers what waited for its turn behind it.
    #[must_use]
    pub fn accepted(&self) -> Option<Parcel> {
        self.0.as_ref()?.accepted()
    }

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
            Some(origin) => {
                origin.give_back().then_some(Parcel { stanza, origin: Some(origin) })
            }
            None => Some(Parcel::of(stanza)),
        }
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        if let Some(origin) = self.0.take() {
            origin.abandon();
        }
    }
}
