//! The engine of virtual time: a map in memory. It answers at once and in order, so a run with one
//! seed is the same run every time; it goes through the same layout and codec as the embedded
//! engine. Its faults are injected through [`Faults`].

use std::{collections::BTreeMap, ops::Bound, sync::Arc, time::Duration};

use parking_lot::Mutex;

use crate::{
    ChatStore, EngineInfo, EngineKind, Faults, NodeStore, StoreError, StoreFuture, UserStore,
    kv::{Backend, Entry, Facade, Step, Tx, View},
    ready,
};

/// A database in memory; clones are handles on the same one. Parts of different names (chat
/// instances, clusters, nodes) share nothing but the faults.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    map: Arc<Mutex<Map>>,
    faults: Faults,
}

#[derive(Debug, Default)]
struct Map(BTreeMap<Vec<u8>, Vec<u8>>);

impl Memory {
    /// An empty database.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Its faults.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The external chat database `instance`.
    #[must_use]
    pub fn chat(&self, instance: &str) -> Arc<dyn ChatStore> {
        Arc::new(Facade::new(self.clone(), format!("chat/{instance}")))
    }

    /// The user database of a cluster.
    #[must_use]
    pub fn users(&self, cluster: &str) -> Arc<dyn UserStore> {
        Arc::new(Facade::new(self.clone(), format!("users/{cluster}")))
    }

    /// The database of a node.
    #[must_use]
    pub fn node(&self, node: &str) -> Arc<dyn NodeStore> {
        Arc::new(Facade::new(self.clone(), format!("node/{node}")))
    }
}

impl View for Map {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.get(key).cloned())
    }

    fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        step: Step,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let range = self
            .0
            .range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)));
        let range = range.map(|(key, value)| (key.clone(), value.clone()));
        Ok(match step {
            Step::Forwards => range.take(limit).collect(),
            Step::Backwards => range.rev().take(limit).collect(),
        })
    }
}

impl Memory {
    fn commit<T>(
        &self,
        job: impl FnOnce(&mut Tx<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let lost = self.faults.write(EngineKind::Memory)?;
        let mut map = self.map.lock();
        let mut tx = Tx::new(&*map);
        let answer = job(&mut tx)?;
        for (key, value) in tx.into_writes() {
            match value {
                Some(value) => map.0.insert(key, value),
                None => map.0.remove(&key),
            };
        }
        lost.map_or(Ok(answer), Err)
    }
}

impl Backend for Memory {
    fn read<T, F>(&self, job: F) -> StoreFuture<T>
    where
        T: Send + 'static,
        F: FnOnce(&dyn View) -> Result<T, StoreError> + Send + 'static,
    {
        let up = self.faults.read(EngineKind::Memory);
        ready(up.and_then(|()| job(&*self.map.lock())))
    }

    fn write<T, F>(&self, job: F) -> StoreFuture<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        ready(self.commit(job))
    }

    fn info(&self, instance: &str) -> EngineInfo {
        EngineInfo {
            kind: EngineKind::Memory,
            place: String::new(),
            instance: instance.to_owned(),
        }
    }

    fn latency(&self) -> Duration {
        self.faults.latency()
    }

    fn free(&self) -> Option<u64> {
        self.faults.free()
    }
}
