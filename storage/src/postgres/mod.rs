//! The PostgreSQL engine: 9.1 and later (CHAT-3), for the external databases of pairs.
//!
//! One thread per database instance speaks to the server, over a pool of connections, so nobody
//! who asks has to be on any runtime. How it keeps its promises:
//!
//! 1. **Order and groups.** The writer takes what waits, in order, and carries it out as one
//!    transaction: messages of all rooms go by one statement, anything that has to look first
//!    behind a savepoint of its own. While the database works the next group grows.
//! 2. **The fence.** Each transaction reads the leases of its aliases `FOR SHARE`: whoever takes a
//!    lease waits for the writes under the old one, and every later write sees the new epoch
//!    (CHAT-10). Leases are taken by compare-and-set.
//! 3. **Answers that are lost.** Each group leaves its number with what it writes. When the answer
//!    to a commit is lost, that number is asked for, behind a lock that waits for a commit that is
//!    still under way; then it is known, and nothing is written twice. Only if the server stays
//!    away the caller hears [`StoreError::AnswerLost`].
//! 4. **A server that is away** shuts the door: requests are refused at once (CHAT-12) while the
//!    engine knocks with growing pauses. Real time is the lab's business ([`Pause`]).
//! 5. **The schema** is made and brought up to date by numbered migrations.

mod careful;
mod conn;
mod group;
mod lease;
mod link;
mod migrate;
mod read;
mod rows;
mod scratch;
mod settings;
mod sql;
mod tls;
mod trouble;
mod writer;

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    thread,
    time::Duration,
};

use futures_util::{
    future::BoxFuture,
    stream::{FuturesUnordered, StreamExt},
};
use jid::BareJid;
use takeover_protocols::muc::{HistoryEntry, RoomWrite};
use tokio::sync::{mpsc, oneshot};

use crate::{
    ChatStore, Claim, Counts, EngineInfo, EngineKind, Faults, Fence, HistoryPage, HistoryQuery,
    LeaseGrant, LeaseState, Means, NodeId, Store, StoreError, StoreFuture, StoredRoom, ready,
};
use conn::Conn;
use link::Link;
use trouble::Trouble;
use writer::{Counters, Job, Writer};

pub use scratch::PostgresScratch;
pub use settings::{Pause, PostgresOptions, PostgresSettings, PostgresTls};
pub use writer::PostgresTraffic;

const KIND: EngineKind = EngineKind::PostgreSql;

/// A request on its way through the engine's thread.
type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Something that is written.
#[derive(Debug)]
enum Deed {
    Write {
        fence: Fence,
        room: BareJid,
        writes: Vec<Arc<RoomWrite>>,
    },
    Acquire {
        alias: String,
        host: NodeId,
        claim: Claim,
    },
    Release(Fence),
    Ping,
}

impl Deed {
    fn is_write(&self) -> bool {
        matches!(self, Self::Write { .. })
    }

    /// How many writes it is.
    fn size(&self) -> usize {
        match self {
            Self::Write { writes, .. } => writes.len(),
            Self::Acquire { .. } | Self::Release(_) | Self::Ping => 1,
        }
    }
}

/// What comes of a deed.
#[derive(Clone, Debug)]
enum Done {
    Nothing,
    Granted(LeaseGrant),
}

/// A database instance on a PostgreSQL server; clones are handles on the same one, the last one to
/// go ends its thread, after all that waits was written.
#[derive(Clone)]
pub struct Postgres(Arc<Inner>);

struct Inner {
    settings: PostgresSettings,
    waiting: usize,
    link: Arc<Link>,
    counters: Arc<Counters>,
    faults: Faults,
    /// `None` only while it is dropped.
    ways: Option<Ways>,
    thread: Option<thread::JoinHandle<()>>,
}

/// The ways to the engine's thread.
struct Ways {
    works: mpsc::UnboundedSender<Work>,
    jobs: mpsc::UnboundedSender<Job>,
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Postgres").field(&self.0.settings).finish()
    }
}

impl Postgres {
    /// A handle on a database. The server need not be there yet: each request says whether it is.
    /// The schema is made, or brought up to date, by the first connection.
    ///
    /// # Errors
    /// [`StoreError::Unfit`] for settings that cannot be right; [`StoreError::Broken`] if the
    /// system refuses a thread.
    pub fn open(settings: PostgresSettings, options: PostgresOptions) -> Result<Self, StoreError> {
        let (works, work_queue) = mpsc::unbounded_channel();
        let (jobs, job_queue) = mpsc::unbounded_channel();
        let waiting = options.waiting;
        let link = Link::new(settings.clone(), options, works.downgrade())?;
        let (link, counters) = (Arc::new(link), Arc::new(Counters::default()));
        let writer = Writer::new(Arc::clone(&link), Arc::clone(&counters));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(broken)?;
        let thread = thread::Builder::new()
            .name("postgresql".into())
            .spawn(move || runtime.block_on(serve(writer.run(job_queue), work_queue)))
            .map_err(broken)?;
        Ok(Self(Arc::new(Inner {
            settings,
            waiting,
            link,
            counters,
            faults: Faults::none(),
            ways: Some(Ways { works, jobs }),
            thread: Some(thread),
        })))
    }

    /// Its faults: injected ones; real ones need no injection.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// How much was written.
    #[must_use]
    pub fn traffic(&self) -> PostgresTraffic {
        self.0.counters.traffic()
    }

    /// This database as a pair's external database.
    #[must_use]
    pub fn chat(&self) -> Arc<dyn ChatStore> {
        Arc::new(self.clone())
    }

    /// Has a deed done, in the order of calls.
    fn ask(&self, deed: Deed) -> StoreFuture<Done> {
        let lost = match self.0.faults.write(KIND) {
            Ok(lost) => lost,
            Err(error) => return ready(Err(error)),
        };
        let (reply, answer) = oneshot::channel();
        let taken = self.0.admit().and_then(|ways| {
            let job = Job { deed, reply };
            ways.jobs.send(job).map_err(|_| closed())
        });
        if let Err(error) = taken {
            return ready(Err(error));
        }
        Box::pin(async move {
            let answer = answer.await.unwrap_or(Err(closed()));
            match lost {
                Some(lost) => answer.and(Err(lost)),
                None => answer,
            }
        })
    }

    /// Has a deed done that brings nothing.
    fn do_it(&self, deed: Deed) -> StoreFuture<()> {
        let done = self.ask(deed);
        Box::pin(async move { done.await.map(drop) })
    }

    /// Reads; requests do not wait for one another.
    fn read<T, F>(&self, job: F) -> StoreFuture<T>
    where
        T: Send + 'static,
        F: for<'c> Fn(Conn<'c>) -> BoxFuture<'c, Result<T, Trouble>> + Send + Sync + 'static,
    {
        if let Err(error) = self.0.faults.read(KIND) {
            return ready(Err(error));
        }
        let (tell, told) = oneshot::channel();
        let (link, counters) = (Arc::clone(&self.0.link), Arc::clone(&self.0.counters));
        let taken = self.0.admit().and_then(|ways| {
            let work = async move {
                let answer = link.read(job).await;
                counters.waiting.fetch_sub(1, Relaxed);
                // A caller that has gone away does not want to know.
                drop(tell.send(answer));
            };
            ways.works.send(Box::pin(work)).map_err(|_| closed())
        });
        if let Err(error) = taken {
            return ready(Err(error));
        }
        Box::pin(async move { told.await.unwrap_or(Err(closed())) })
    }
}

impl Inner {
    /// Counts one more request that waits.
    fn admit(&self) -> Result<&Ways, StoreError> {
        let ways = self.ways.as_ref().ok_or_else(closed)?;
        if self.counters.waiting.fetch_add(1, Relaxed) < self.waiting {
            return Ok(ways);
        }
        self.counters.waiting.fetch_sub(1, Relaxed);
        Err(StoreError::Busy {
            engine: KIND,
            waiting: self.waiting,
        })
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.ways = None;
        if let Some(thread) = self.thread.take() {
            // Nobody is left to tell of a panic.
            drop(thread.join());
        }
    }
}

/// The engine's thread: the writer, and beside it whatever else is asked, until the writer ends.
async fn serve(writer: impl Future<Output = ()>, mut queue: mpsc::UnboundedReceiver<Work>) {
    let mut writer = std::pin::pin!(writer);
    let mut works = FuturesUnordered::new();
    loop {
        tokio::select! {
            biased;
            () = &mut writer => return,
            Some(work) = queue.recv() => works.push(work),
            Some(()) = works.next(), if !works.is_empty() => {}
        }
    }
}

fn closed() -> StoreError {
    StoreError::Closed { engine: KIND }
}

fn broken(error: std::io::Error) -> StoreError {
    StoreError::Broken {
        engine: KIND,
        action: "starting its thread",
        reason: error.to_string(),
    }
}

impl Store for Postgres {
    fn info(&self) -> EngineInfo {
        let PostgresSettings {
            host,
            port,
            database,
            schema,
            ..
        } = &self.0.settings;
        EngineInfo {
            kind: KIND,
            place: format!("{host}:{port}"),
            instance: format!("{database}/{schema}"),
        }
    }

    fn ping(&self) -> StoreFuture<()> {
        self.do_it(Deed::Ping)
    }

    fn latency(&self) -> Duration {
        self.0.faults.latency()
    }
}

impl ChatStore for Postgres {
    fn acquire(&self, alias: &str, host: NodeId, claim: Claim) -> StoreFuture<LeaseGrant> {
        let alias = alias.to_owned();
        let done = self.ask(Deed::Acquire { alias, host, claim });
        Box::pin(async move {
            match done.await? {
                Done::Granted(grant) => Ok(grant),
                Done::Nothing => Err(closed()),
            }
        })
    }

    fn renew(&self, fence: &Fence) -> StoreFuture<()> {
        let fence = fence.clone();
        self.read(move |conn| {
            let fence = fence.clone();
            Box::pin(async move {
                let lease = read::lease(conn, &fence.alias).await?;
                Ok(lease.check(&fence)?)
            })
        })
    }

    fn release(&self, fence: &Fence) -> StoreFuture<()> {
        self.do_it(Deed::Release(fence.clone()))
    }

    fn lease(&self, alias: &str) -> StoreFuture<LeaseState> {
        let alias = alias.to_owned();
        self.read(move |conn| {
            let alias = alias.clone();
            Box::pin(async move { read::lease(conn, &alias).await })
        })
    }

    fn write(&self, fence: &Fence, room: &BareJid, writes: Vec<Arc<RoomWrite>>) -> StoreFuture<()> {
        let (fence, room) = (fence.clone(), room.clone());
        if room.domain().as_str() != fence.alias {
            let alias = fence.alias;
            return ready(Err(StoreError::OtherAlias { room, alias }));
        }
        self.do_it(Deed::Write {
            fence,
            room,
            writes,
        })
    }

    fn room(&self, room: &BareJid) -> StoreFuture<Option<StoredRoom>> {
        let room = room.clone();
        self.read(move |conn| {
            let room = room.clone();
            Box::pin(async move { read::room(conn, &room).await })
        })
    }

    fn rooms(
        &self,
        alias: &str,
        after: Option<&BareJid>,
        limit: usize,
    ) -> StoreFuture<Vec<BareJid>> {
        let (alias, after) = (alias.to_owned(), after.cloned());
        self.read(move |conn| {
            let (alias, after) = (alias.clone(), after.clone());
            Box::pin(async move { read::rooms(conn, &alias, after.as_ref(), limit).await })
        })
    }

    fn aliases(&self) -> StoreFuture<Vec<String>> {
        self.read(|conn| Box::pin(read::aliases(conn)))
    }

    fn counts(&self, alias: Option<&str>) -> StoreFuture<Counts> {
        let alias = alias.map(str::to_owned);
        self.read(move |conn| {
            let alias = alias.clone();
            Box::pin(async move { read::counts(conn, alias.as_deref()).await })
        })
    }

    fn history(&self, room: &BareJid, query: HistoryQuery) -> StoreFuture<HistoryPage> {
        let room = room.clone();
        self.read(move |conn| {
            let (room, query) = (room.clone(), query.clone());
            Box::pin(async move { read::history(conn, &room, &query).await })
        })
    }

    fn entry(&self, room: &BareJid, seq: u64) -> StoreFuture<Option<HistoryEntry>> {
        let room = room.clone();
        self.read(move |conn| {
            let room = room.clone();
            Box::pin(async move { read::message(conn, &room, seq).await })
        })
    }

    fn verify(&self) -> StoreFuture<u32> {
        let (read, ping) = (
            self.read(|conn| Box::pin(migrate::verify(conn))),
            self.ping(),
        );
        Box::pin(async move {
            let version = read.await?;
            ping.await.map(|()| version)
        })
    }

    fn means(&self) -> StoreFuture<Means> {
        let free = self.0.faults.free();
        self.read(move |conn| Box::pin(read::means(conn, free)))
    }
}
