//! A lease on its way from the database to the manager that asked for it.

use std::sync::Arc;

use takeover_core::id::NodeId;
use takeover_storage::{ChatStore, Claim, Fence, LeaseGrant, StoreError};

use crate::conference::switch::Switch;

/// A lease that was granted. Who asked for it may be gone by then, or want it no more: unless it is kept, it goes back.
#[doc(hidden)]
pub struct Lent {
    grant: Option<LeaseGrant>,
    store: Arc<dyn ChatStore>,
    switch: Arc<dyn Switch>,
}

impl Lent {
    /// Asks for the lease of an alias. Who owns the alias is decided in its slot; the database only follows.
    pub(super) async fn ask(
        store: Arc<dyn ChatStore>,
        alias: &str,
        node: NodeId,
        switch: Arc<dyn Switch>,
    ) -> Result<Self, StoreError> {
        let grant = store.acquire(alias, node, Claim::Force).await?;
        Ok(Self {
            grant: Some(grant),
            store,
            switch,
        })
    }

    /// It stays with who asked for it.
    pub(super) fn keep(mut self) -> Option<Fence> {
        self.grant.take().map(|grant| grant.fence)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(grant) = self.grant.take() {
            give_back(&*self.switch, self.store.clone(), grant.fence);
        }
    }
}

/// Gives a lease back whose time is over.
pub(super) fn give_back(switch: &dyn Switch, store: Arc<dyn ChatStore>, fence: Fence) {
    switch.keep(Box::pin(async move {
        // Not given back, it is taken by force.
        let _ = store.release(&fence).await;
    }));
}
