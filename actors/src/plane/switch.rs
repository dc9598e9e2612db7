//! The plane as the way out of conferences.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use takeover_core::id::NodeId;
use takeover_protocols::datetime::Timestamp;
use takeover_protocols::muc::Broadcast;

use super::{Parcel, Plane};
use crate::conference::Switch;

impl Switch for Plane {
    fn route(&self, at: NodeId, parcel: Parcel) {
        Self::route(self, at, parcel);
    }

    /// A copy for a session at this node is not built: its queue holds what all share.
    fn broadcast(&self, at: NodeId, broadcast: &Broadcast) {
        let shared = Arc::new(broadcast.clone());
        for (recipient, to) in broadcast.recipients().iter().enumerate() {
            if !self.offer_copy(at, &shared, recipient) {
                Self::route(self, at, Parcel::of(broadcast.stanza_for(to)));
            }
        }
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
