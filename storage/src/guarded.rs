//! A chat database with something in front of it: faults of its own, and a way to let its answers in.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use jid::BareJid;
use takeover_protocols::muc::{HistoryEntry, RoomWrite};

use crate::{
    ChatStore, Claim, Counts, EngineInfo, Faults, Fence, HistoryPage, HistoryQuery, LeaseGrant,
    LeaseState, Means, NodeId, Store, StoreFuture, StoredRoom, ready,
};

/// How answers come in: called when a question sets out; what it gives is awaited when the answer is
/// there, and the answer is handed over after that.
pub type Passage = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// A chat database whose faults are its own, whatever else its engine keeps. Without faults and
/// passage it costs one uncontended lock a request.
pub struct Guarded {
    inner: Arc<dyn ChatStore>,
    faults: Faults,
    passage: Option<Passage>,
}

impl std::fmt::Debug for Guarded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Guarded({})", self.inner.info())
    }
}

impl Guarded {
    /// Puts `faults`, and a passage where answers must not come as they please, before `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn ChatStore>, faults: Faults, passage: Option<Passage>) -> Self {
        Self {
            inner,
            faults,
            passage,
        }
    }

    fn let_in<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&dyn ChatStore) -> StoreFuture<T>,
    ) -> StoreFuture<T> {
        let Some(passage) = &self.passage else {
            return ask(&*self.inner);
        };
        let way = passage();
        let answer = ask(&*self.inner);
        Box::pin(async move {
            let answer = answer.await;
            way.await;
            answer
        })
    }

    fn read<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&dyn ChatStore) -> StoreFuture<T>,
    ) -> StoreFuture<T> {
        match self.faults.read(self.inner.info().kind) {
            Ok(()) => self.let_in(ask),
            Err(error) => ready(Err(error)),
        }
    }

    fn write<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&dyn ChatStore) -> StoreFuture<T>,
    ) -> StoreFuture<T> {
        match self.faults.write(self.inner.info().kind) {
            Ok(None) => self.let_in(ask),
            Ok(Some(lost)) => {
                let answer = self.let_in(ask);
                Box::pin(async move { answer.await.and(Err(lost)) })
            }
            Err(error) => ready(Err(error)),
        }
    }
}

impl Store for Guarded {
    fn info(&self) -> EngineInfo {
        self.inner.info()
    }

    fn ping(&self) -> StoreFuture<()> {
        self.write(|store| store.ping())
    }

    fn latency(&self) -> Duration {
        self.faults.latency().max(self.inner.latency())
    }
}

impl ChatStore for Guarded {
    fn acquire(&self, alias: &str, host: NodeId, claim: Claim) -> StoreFuture<LeaseGrant> {
        self.write(|store| store.acquire(alias, host, claim))
    }

    fn renew(&self, fence: &Fence) -> StoreFuture<()> {
        self.read(|store| store.renew(fence))
    }

    fn release(&self, fence: &Fence) -> StoreFuture<()> {
        self.write(|store| store.release(fence))
    }

    fn lease(&self, alias: &str) -> StoreFuture<LeaseState> {
        self.read(|store| store.lease(alias))
    }

    fn write(&self, fence: &Fence, room: &BareJid, writes: Vec<Arc<RoomWrite>>) -> StoreFuture<()> {
        Self::write(self, |store| store.write(fence, room, writes))
    }

    fn room(&self, room: &BareJid) -> StoreFuture<Option<StoredRoom>> {
        self.read(|store| store.room(room))
    }

    fn rooms(
        &self,
        alias: &str,
        after: Option<&BareJid>,
        limit: usize,
    ) -> StoreFuture<Vec<BareJid>> {
        self.read(|store| store.rooms(alias, after, limit))
    }

    fn aliases(&self) -> StoreFuture<Vec<String>> {
        self.read(|store| store.aliases())
    }

    fn counts(&self, alias: Option<&str>) -> StoreFuture<Counts> {
        self.read(|store| store.counts(alias))
    }

    fn history(&self, room: &BareJid, query: HistoryQuery) -> StoreFuture<HistoryPage> {
        self.read(|store| store.history(room, query))
    }

    fn entry(&self, room: &BareJid, seq: u64) -> StoreFuture<Option<HistoryEntry>> {
        self.read(|store| store.entry(room, seq))
    }

    fn verify(&self) -> StoreFuture<u32> {
        self.write(|store| store.verify())
    }

    fn means(&self) -> StoreFuture<Means> {
        let free = self.faults.free();
        let answer = self.read(|store| store.means());
        Box::pin(async move {
            let means = answer.await?;
            let free = free.or(means.free);
            Ok(Means { free, ..means })
        })
    }
}
