//! MSG-3: what was not acknowledged is unknown, and nothing worse.

use thiserror::Error;

use super::{Check, Invariant, Looked, Scene, Violation};

/// MSG-3.
pub(super) const INVARIANT: Invariant = Invariant {
    id: "MSG-3",
    sentence: "What is not acknowledged stays unknown: it arrived or not. A one-to-one message that came back \
               as an error has reached nobody; and when all is over, a client that is online waits for no \
               acknowledgement of one.",
    file: "msg_3.rs",
    looked: Looked::End,
};

/// A client that is left waiting.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Broken {
    /// It waits for an acknowledgement.
    #[error("{client} still waits to hear of {count} one-to-one messages")]
    Waits {
        /// Who.
        client: String,
        /// For how many.
        count: usize,
    },
    /// What it was told is not so.
    #[error("{what}")]
    Untrue {
        /// What it was told, and what is so.
        what: String,
    },
}

pub(super) struct Unknown;

impl Check for Unknown {
    fn end(&mut self, scene: &Scene<'_>) -> Result<(), Violation> {
        if let Some(what) = scene.lab.first_untruth() {
            return Err(Violation::Msg3(Broken::Untrue { what }));
        }
        let clients = scene.lab.clients();
        let online = clients.values().filter(|client| client.is_online());
        for client in online {
            let count = client.unacknowledged();
            if count > 0 {
                let client = client.name().to_owned();
                return Err(Violation::Msg3(Broken::Waits { client, count }));
            }
        }
        Ok(())
    }
}
