//! A chat database that says it is another one, or stops working at a chosen request.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::SeqCst},
};

use jid::BareJid;
use takeover_protocols::muc::{HistoryEntry, RoomWrite};
use takeover_storage::{
    ChatStore, Claim, Counts, EngineInfo, Fence, HistoryPage, HistoryQuery, LeaseGrant, LeaseState,
    Means, NodeId, Store, StoreError, StoreFuture, StoredRoom, ready,
};

/// Requests, counted over all databases that share it; one of them, and all behind it, fail.
#[derive(Clone, Debug, Default)]
pub struct Fuse(Arc<FuseState>);

#[derive(Debug)]
struct FuseState {
    asked: AtomicU64,
    blows_at: AtomicU64,
    answered_late: std::sync::atomic::AtomicBool,
}

impl Default for FuseState {
    fn default() -> Self {
        Self {
            asked: AtomicU64::new(0),
            blows_at: AtomicU64::new(u64::MAX),
            answered_late: false.into(),
        }
    }
}

impl Fuse {
    /// Blows at request `at` (from 0): it is carried out without an answer if `carried_out`.
    pub fn at(at: u64, carried_out: bool) -> Self {
        let fuse = Self::default();
        fuse.0.blows_at.store(at, SeqCst);
        fuse.0.answered_late.store(carried_out, SeqCst);
        fuse
    }

    /// Requests so far.
    pub fn asked(&self) -> u64 {
        self.0.asked.load(SeqCst)
    }
}

/// The disguise.
pub struct Disguise {
    real: Arc<dyn ChatStore>,
    /// Said in the place of the real one's.
    pub info: EngineInfo,
    /// Said in the place of the real one's.
    pub may_create: bool,
    /// Said in the place of the real one's, if so.
    pub free: Option<u64>,
    /// Answered in the place of the real one's version, if so.
    pub schema: Option<StoreError>,
    fuse: Fuse,
}

impl Disguise {
    pub fn of(real: Arc<dyn ChatStore>) -> Self {
        Self::with(real, Fuse::default())
    }

    pub fn with(real: Arc<dyn ChatStore>, fuse: Fuse) -> Self {
        Self {
            info: real.info(),
            real,
            may_create: true,
            free: None,
            schema: None,
            fuse,
        }
    }

    fn pass<T: Send + 'static>(&self, ask: impl FnOnce() -> StoreFuture<T>) -> StoreFuture<T> {
        let number = self.fuse.0.asked.fetch_add(1, SeqCst);
        let blows_at = self.fuse.0.blows_at.load(SeqCst);
        let engine = self.info.kind;
        if number < blows_at {
            return ask();
        }
        let reason = "the fuse has blown".to_owned();
        if number == blows_at && self.fuse.0.answered_late.load(SeqCst) {
            let asked = ask();
            return Box::pin(async move {
                asked.await?;
                Err(StoreError::AnswerLost { engine, reason })
            });
        }
        ready(Err(StoreError::Unreachable { engine, reason }))
    }
}

impl Store for Disguise {
    fn info(&self) -> EngineInfo {
        self.info.clone()
    }

    fn ping(&self) -> StoreFuture<()> {
        self.pass(|| self.real.ping())
    }
}

impl ChatStore for Disguise {
    fn acquire(&self, alias: &str, host: NodeId, claim: Claim) -> StoreFuture<LeaseGrant> {
        self.pass(|| self.real.acquire(alias, host, claim))
    }

    fn renew(&self, fence: &Fence) -> StoreFuture<()> {
        self.pass(|| self.real.renew(fence))
    }

    fn release(&self, fence: &Fence) -> StoreFuture<()> {
        self.pass(|| self.real.release(fence))
    }

    fn lease(&self, alias: &str) -> StoreFuture<LeaseState> {
        self.pass(|| self.real.lease(alias))
    }

    fn write(&self, fence: &Fence, room: &BareJid, writes: Vec<Arc<RoomWrite>>) -> StoreFuture<()> {
        self.pass(|| self.real.write(fence, room, writes))
    }

    fn room(&self, room: &BareJid) -> StoreFuture<Option<StoredRoom>> {
        self.pass(|| self.real.room(room))
    }

    fn rooms(
        &self,
        alias: &str,
        after: Option<&BareJid>,
        limit: usize,
    ) -> StoreFuture<Vec<BareJid>> {
        self.pass(|| self.real.rooms(alias, after, limit))
    }

    fn aliases(&self) -> StoreFuture<Vec<String>> {
        self.pass(|| self.real.aliases())
    }

    fn counts(&self, alias: Option<&str>) -> StoreFuture<Counts> {
        self.pass(|| self.real.counts(alias))
    }

    fn history(&self, room: &BareJid, query: HistoryQuery) -> StoreFuture<HistoryPage> {
        self.pass(|| self.real.history(room, query))
    }

    fn entry(&self, room: &BareJid, seq: u64) -> StoreFuture<Option<HistoryEntry>> {
        self.pass(|| self.real.entry(room, seq))
    }

    fn verify(&self) -> StoreFuture<u32> {
        match &self.schema {
            Some(error) => ready(Err(error.clone())),
            None => self.pass(|| self.real.verify()),
        }
    }

    fn means(&self) -> StoreFuture<Means> {
        let (may_create, free) = (self.may_create, self.free);
        let real = self.pass(|| self.real.means());
        Box::pin(async move {
            let means = real.await?;
            Ok(Means {
                may_create,
                free: free.or(means.free),
                ..means
            })
        })
    }
}
