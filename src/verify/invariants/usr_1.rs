//! USR-1: everybody is served again.

use std::time::Duration;

use thiserror::Error;

use super::{Check, Invariant, Looked, Scene, Violation};

/// USR-1.
pub(super) const INVARIANT: Invariant = Invariant {
    id: "USR-1",
    sentence: "Once the faults are over and the operator has done what the table recommends, every \
               user is served within detection, move and re-login.",
    file: "usr_1.rs",
    looked: Looked::End,
};

/// Users without a session.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{count} users are not online {} s after the faults; the first is {first}", after.as_secs())]
pub struct Unserved {
    /// How many.
    pub count: usize,
    /// One of them, and how it stands.
    pub first: String,
    /// How long the faults have been over.
    pub after: Duration,
}

pub(super) struct Served;

impl Check for Served {
    fn end(&mut self, scene: &Scene<'_>) -> Result<(), Violation> {
        let clients = scene.lab.clients();
        let mut offline = clients.values().filter(|client| !client.is_online());
        let Some(first) = offline.next() else {
            return Ok(());
        };
        Err(Violation::Usr1(Unserved {
            count: 1 + offline.count(),
            first: format!("{}: {}", first.name(), first.state()),
            after: scene.now.saturating_since(scene.facts.began),
        }))
    }
}
