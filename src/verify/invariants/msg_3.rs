//! MSG-3: what was not acknowledged is unknown, and nothing worse.

use thiserror::Error;

use super::{Check, Invariant, Looked, Scene, Violation};

/// MSG-3.
pub(super) const INVARIANT: Invariant = Invariant {
    id: "MSG-3",
    sentence: "Nothing is known of a message without acknowledgement: it arrived or not. When all is \
               over, a client that is online waits for no acknowledgement of a one-to-one message.",
    file: "msg_3.rs",
    looked: Looked::End,
};

/// A client that is left waiting.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{client} still waits to hear of {count} one-to-one messages")]
pub struct Broken {
    client: String,
    count: usize,
}

pub(super) struct Unknown;

impl Check for Unknown {
    fn end(&mut self, scene: &Scene<'_>) -> Result<(), Violation> {
        let clients = scene.lab.clients();
        let online = clients.values().filter(|client| client.is_online());
        for client in online {
            let count = client.unacknowledged();
            if count > 0 {
                let client = client.name().to_owned();
                return Err(Violation::Msg3(Broken { client, count }));
            }
        }
        Ok(())
    }
}
