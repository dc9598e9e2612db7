//! The plane as the way out of conferences.

use std::future::Future;
use std::pin::Pin;

use takeover_core::id::NodeId;
use takeover_protocols::datetime::Timestamp;

use super::{Parcel, Plane};
use crate::conference::Switch;

impl Switch for Plane {
    fn route(&self, at: NodeId, parcel: Parcel) {
        Self::route(self, at, parcel);
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
