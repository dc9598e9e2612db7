//! A node's address book: who does what on this life of the node.

use super::mailbox::Addr;
use parking_lot::RwLock;
use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::sync::Arc;
use takeover_core::id::NodeId;

type Page = BTreeMap<(TypeId, &'static str), Arc<dyn Any + Send + Sync>>;

/// The address books of all nodes, by node, type and name.
pub struct Books(Vec<RwLock<Page>>);

impl Books {
    pub(super) fn new(nodes: u16) -> Self {
        Self((0..nodes).map(|_| RwLock::default()).collect())
    }

    /// Enters `what` under `name`; whoever stood there before is forgotten. False for a node that
    /// the world does not have.
    pub fn put<T: Send + Sync + 'static>(&self, node: NodeId, name: &'static str, what: T) -> bool {
        let Some(page) = self.0.get(usize::from(node.0)) else {
            return false;
        };
        page.write()
            .insert((TypeId::of::<T>(), name), Arc::new(what));
        true
    }

    /// Who stands under `name` on `node`.
    pub fn get<T: Clone + Send + Sync + 'static>(&self, node: NodeId, name: &str) -> Option<T> {
        let page = self.0.get(usize::from(node.0))?.read();
        // Names are few; the key's lifetime forbids a look-up by a borrowed one.
        let (_, entry) = page
            .iter()
            .find(|((of, n), _)| *of == TypeId::of::<T>() && *n == name)?;
        entry.downcast_ref::<T>().cloned()
    }

    /// The address under `name` on `node`.
    pub fn addr<M: Send + 'static>(&self, node: NodeId, name: &str) -> Option<Addr<M>> {
        self.get::<Addr<M>>(node, name)
    }

    /// Forgets everybody of `node`: its life is over.
    pub fn clear(&self, node: NodeId) {
        if let Some(page) = self.0.get(usize::from(node.0)) {
            // Dropped outside the lock.
            let old = std::mem::take(&mut *page.write());
            drop(old);
        }
    }
}
