//! The way out of a conference.

use std::future::Future;
use std::pin::Pin;

use takeover_core::id::NodeId;
use takeover_protocols::datetime::Timestamp;
use takeover_protocols::jid::BareJid;
use takeover_protocols::muc::Broadcast;

use super::Alias;
use crate::plane::Parcel;

/// When the copies of a broadcast are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rush {
    /// On the spot, to whoever waits: nothing else goes out with it.
    Now,
    /// Others go to the same people: what one of them gets is written together.
    Together,
}

/// Whoever routes stanzas for a conference: the data plane, or a test's own.
pub trait Switch: Send + Sync {
    /// Routes one parcel from node `at` to the address in its `to`.
    fn route(&self, at: NodeId, parcel: Parcel);

    /// Routes one stanza from node `at` to many; in the order of calls for each of them.
    fn broadcast(&self, at: NodeId, broadcast: &Broadcast, _: Rush) {
        for recipient in broadcast.recipients().iter() {
            self.route(at, Parcel::of(broadcast.stanza_for(recipient)));
        }
    }

    /// What `room` has said at `old` and that has not arrived goes on from `new`, its host since then.
    fn send_on(&self, _old: NodeId, _new: NodeId, _room: &BareJid) {}

    /// What is on its way to an alias at `old`, which hosts it no more, goes to the new host, before anything newer
    /// can come.
    fn sweep_to(&self, _alias: &Alias, _old: NodeId) {}

    /// Runs work to its end even if the node that asked for it dies meanwhile: a database does not
    /// forget a write because its client is gone.
    fn keep(&self, work: Pin<Box<dyn Future<Output = ()> + Send>>);

    /// The wall time now, for people (XEP-0203).
    fn wall_time(&self) -> Timestamp;

    /// A node's name, for logs.
    fn name_of(&self, node: NodeId) -> String {
        node.to_string()
    }
}
