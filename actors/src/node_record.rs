//! What a node keeps for its next life (HA-12): the SRM's record, and what SRM holds down.

use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use takeover_core::ha::HaRecord;
use takeover_core::service::ServiceKind;
use takeover_storage::{HA_RECORD, NodeStore, StoreError, get_value, put_value};

/// The node's record could not be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the node's record: {0}")]
pub struct RecordError(pub String);

/// The answer of a store of records: complete when it is durable.
pub type RecordFuture<T> = Pin<Box<dyn Future<Output = Result<T, RecordError>> + Send>>;

/// What survives a life of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeRecord {
    /// The SRM's record; `None` before its first.
    pub ha: Option<HaRecord>,
    /// The services that SRM has stopped and that stay stopped until it starts them (HA-4).
    pub halted: BTreeSet<ServiceKind>,
}

/// Keeps one node's record.
pub trait NodeRecords: Send + Sync {
    /// Reads the record; a node that never ran has the default one.
    ///
    /// # Errors
    /// It cannot be read.
    fn load(&self) -> RecordFuture<NodeRecord>;

    /// Keeps the SRM's part.
    ///
    /// # Errors
    /// It cannot be written.
    fn save_ha(&self, record: HaRecord) -> RecordFuture<()>;

    /// Keeps what SRM holds down.
    ///
    /// # Errors
    /// It cannot be written.
    fn save_halted(&self, halted: BTreeSet<ServiceKind>) -> RecordFuture<()>;
}

/// The name under which [`StoredRecords`] keeps what SRM holds down.
pub const HALTED_RECORD: &str = "halted-services";

/// Keeps a record in a node's database, each part under its name.
#[derive(Clone)]
pub struct StoredRecords(Arc<dyn NodeStore>);

impl StoredRecords {
    /// Over this store.
    pub fn new(store: Arc<dyn NodeStore>) -> Self {
        Self(store)
    }
}

fn refused(error: StoreError) -> RecordError {
    RecordError(error.to_string())
}

impl NodeRecords for StoredRecords {
    fn load(&self) -> RecordFuture<NodeRecord> {
        let ha = get_value::<HaRecord>(&*self.0, HA_RECORD);
        let halted = get_value::<BTreeSet<ServiceKind>>(&*self.0, HALTED_RECORD);
        Box::pin(async move {
            let ha = ha.await.map_err(refused)?;
            let halted = halted.await.map_err(refused)?.unwrap_or_default();
            Ok(NodeRecord { ha, halted })
        })
    }

    fn save_ha(&self, record: HaRecord) -> RecordFuture<()> {
        let saved = put_value(&*self.0, HA_RECORD, &record);
        Box::pin(async move { saved.await.map_err(refused) })
    }

    fn save_halted(&self, halted: BTreeSet<ServiceKind>) -> RecordFuture<()> {
        let saved = put_value(&*self.0, HALTED_RECORD, &halted);
        Box::pin(async move { saved.await.map_err(refused) })
    }
}

/// Keeps a record in memory: it survives the node, not the process. Can be told to fail.
#[derive(Debug, Default)]
pub struct MemoryRecords {
    record: Mutex<NodeRecord>,
    broken: Mutex<Option<RecordError>>,
}

impl MemoryRecords {
    /// From now on every access fails with this; `None`: no longer.
    pub fn break_with(&self, error: Option<RecordError>) {
        *self.broken.lock() = error;
    }

    /// What is kept.
    pub fn record(&self) -> NodeRecord {
        self.record.lock().clone()
    }

    fn change(&self, change: impl FnOnce(&mut NodeRecord)) -> RecordFuture<()> {
        if let Some(error) = self.broken.lock().clone() {
            return Box::pin(ready(Err(error)));
        }
        change(&mut self.record.lock());
        Box::pin(ready(Ok(())))
    }
}

impl NodeRecords for MemoryRecords {
    fn load(&self) -> RecordFuture<NodeRecord> {
        let broken = self.broken.lock().clone();
        Box::pin(ready(broken.map_or_else(|| Ok(self.record()), Err)))
    }

    fn save_ha(&self, record: HaRecord) -> RecordFuture<()> {
        self.change(|kept| kept.ha = Some(record))
    }

    fn save_halted(&self, halted: BTreeSet<ServiceKind>) -> RecordFuture<()> {
        self.change(|kept| kept.halted = halted)
    }
}
