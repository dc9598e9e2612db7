//! The stores of chapters 1, 4 and 7 laid out over ordered keys: what the memory and the embedded
//! engine have in common. An engine brings a [`Backend`]; rules live here, once.

mod chat;
mod keys;
mod layer;
mod node;
mod tx;
mod users;

pub(crate) use keys::Key;
pub(crate) use layer::Layer;
pub(crate) use tx::{Entry, Step, Tx, View, Writes};

use std::time::Duration;

use crate::{EngineInfo, Store, StoreError, StoreFuture};

/// An engine that keeps ordered keys and runs a job as one transaction.
pub(crate) trait Backend: Clone + Send + Sync + 'static {
    /// Reads one consistent state, everything in it durable.
    fn read<T, F>(&self, job: F) -> StoreFuture<T>
    where
        T: Send + 'static,
        F: FnOnce(&dyn View) -> Result<T, StoreError> + Send + 'static;

    /// Reads and writes, alone; nothing is kept if the job fails, everything is durable when the
    /// answer is there.
    fn write<T, F>(&self, job: F) -> StoreFuture<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static;

    /// Which database this is; `instance` is filled in by the facade.
    fn info(&self, instance: &str) -> EngineInfo;

    /// Latency to be played.
    fn latency(&self) -> Duration;

    /// Bytes of records that there is room for; `None` if there is no bound that it knows.
    fn free(&self) -> Option<u64>;
}

/// A part of a backend, under its own name: a chat instance, a cluster's users, a node.
#[derive(Clone, Debug)]
pub(crate) struct Facade<B> {
    backend: B,
    instance: String,
}

impl<B: Backend> Facade<B> {
    pub(crate) fn new(backend: B, instance: impl Into<String>) -> Self {
        Self {
            backend,
            instance: instance.into(),
        }
    }

    /// The beginning of a key in this part.
    fn key(&self, tag: u8) -> Key {
        Key::new(&self.instance, tag)
    }
}

impl<B: Backend> Store for Facade<B> {
    fn info(&self) -> EngineInfo {
        self.backend.info(&self.instance)
    }

    fn ping(&self) -> StoreFuture<()> {
        self.backend.write(|_| Ok(()))
    }

    fn latency(&self) -> Duration {
        self.backend.latency()
    }
}
