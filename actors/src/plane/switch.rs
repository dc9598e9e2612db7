//! The plane as the way out of conferences.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use takeover_core::id::NodeId;
use takeover_protocols::datetime::Timestamp;
use takeover_protocols::jid::BareJid;
use takeover_protocols::muc::Broadcast;

use super::transfer::{address, is_of};
use super::{Parcel, Plane};
use crate::conference::{Alias, Rush, Switch};

impl Switch for Plane {
    fn route(&self, at: NodeId, parcel: Parcel) {
        Self::route(self, at, parcel);
    }

    /// A copy for a session at this node is not built: its queue holds what all share.
    fn broadcast(&self, at: NodeId, broadcast: &Broadcast, rush: Rush) {
        let mut octets = Vec::new();
        let shared = Arc::new(broadcast.clone());
        for (recipient, to) in broadcast.recipients().iter().enumerate() {
            let octets = (rush == Rush::Now).then_some(&mut octets);
            if !self.offer_copy(at, &shared, recipient, octets) {
                Self::route(self, at, Parcel::of(broadcast.stanza_for(to)));
            }
        }
    }

    fn send_on(&self, old: NodeId, new: NodeId, room: &BareJid) {
        Self::send_on(self, old, new, |stanza| {
            is_of(address(&stanza.from), room.as_str())
        });
    }

    fn sweep_to(&self, alias: &Alias, old: NodeId) {
        self.sweep_to_alias(alias, old);
    }

    fn keep(&self, work: Pin<Box<dyn Future<Output = ()> + Send>>) {
        Self::keep(self, work);
    }

    fn wall_time(&self) -> Timestamp {
        self.stamp()
    }

    fn name_of(&self, node: NodeId) -> String {
        self.node(node).spec.name.clone()
    }
}
