//! Who waits at a node for a user to come (SES-7): inactive sessions that were activated before their
//! user had moved.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use takeover_core::id::NodeId;
use tokio::sync::Notify;

use super::user::User;
use super::{NodePlane, Plane};

/// Those who wait at one node, by bare address.
#[derive(Debug, Default)]
pub(super) struct Awaited(Mutex<BTreeMap<String, Arc<Notify>>>);

/// An inactive session, counted while it is there (`JsmSessionsClientInactive`, SES-8).
pub struct Inactive<'a>(&'a AtomicU64);

impl Drop for Inactive<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl NodePlane {
    /// Counts an inactive session of this node for as long as the answer is kept.
    #[must_use]
    pub fn inactive(&self) -> Inactive<'_> {
        self.counters.inactive.fetch_add(1, Ordering::Relaxed);
        Inactive(&self.counters.inactive)
    }

    /// A user has come to this node.
    pub(super) fn has_come(&self, user: &User) {
        if let Some(waiting) = self.awaited().0.lock().remove(user.jid.as_str()) {
            waiting.notify_waiters();
        }
    }
}

impl Plane {
    /// Whether a client of `user` may have an inactive session at `node`: the other node of the group
    /// that hosts the user now.
    #[must_use]
    pub fn stands_by(&self, node: NodeId, user: &User) -> bool {
        let owner = user.slot.owner().node();
        self.node(owner).spec.peer == Some(node)
    }

    /// Completes when `node` hosts the user.
    pub async fn hosted_at(&self, node: NodeId, user: &User) {
        let key = user.jid.as_str().to_owned();
        loop {
            let waiting = {
                let mut awaited = self.node(node).awaited().0.lock();
                awaited.entry(key.clone()).or_default().clone()
            };
            let come = waiting.notified();
            // Looked at after the name is on the list: whoever publishes the user now finds it.
            if user.slot.owner().node() == node {
                self.node(node).awaited().0.lock().remove(&key);
                return;
            }
            come.await;
        }
    }
}
