//! A fault of the laboratory: one living actor or light child is made to panic, wherever it is.
//!
//! The blow travels through the mailboxes as everything else does, and the panic is a real one: it
//! rises in the victim's own turn, and all that follows is what follows any panic.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A panic on its way to its victim.
#[derive(Clone, Debug)]
pub struct Blow(Arc<Aim>);

#[derive(Debug)]
struct Aim {
    kind: String,
    name: String,
    text: String,
    landed: AtomicBool,
}

impl Blow {
    pub(super) fn new(kind: &str, name: &str, text: &str) -> Self {
        Self(Arc::new(Aim {
            kind: kind.to_owned(),
            name: name.to_owned(),
            text: text.to_owned(),
            landed: AtomicBool::new(false),
        }))
    }

    /// Whether it has found its victim; `None` while it is still on its way.
    #[must_use]
    pub fn landed(&self) -> Option<bool> {
        // Whoever has looked at it has dropped it: once nobody else holds it, all have.
        let looked = Arc::strong_count(&self.0) == 1;
        let landed = self.0.landed.load(Ordering::Acquire);
        (landed || looked).then_some(landed)
    }

    /// Takes the blow if it is meant for this one and nobody has taken it: the panic's text.
    pub(super) fn take(&self, kind: &str, name: &str) -> Option<&str> {
        let meant = self.0.kind == kind && self.0.name == name;
        (meant && !self.0.landed.swap(true, Ordering::AcqRel)).then_some(self.0.text.as_str())
    }
}
