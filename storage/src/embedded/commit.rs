//! The writer thread: group commit.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
};

use tokio::sync::oneshot;

use super::{KIND, Options, broken, log::Log, pages::Pages};
use crate::{StoreError, kv::Tx};

/// Writes that share one sync at most.
const GROUP: usize = 1024;

/// Tells the waiting caller how it went, once it is known whether the group is durable.
type Reply = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// A transaction to be run, and its caller to be answered.
pub(super) struct Job(Box<dyn FnOnce(&mut Tx<'_>) -> Reply + Send>);

impl Job {
    pub(super) fn new<T, F>(job: F, caller: oneshot::Sender<Result<T, StoreError>>) -> Self
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        Self(Box::new(move |group| {
            let mut own = Tx::new(group.view());
            let answer = job(&mut own);
            let writes = own.into_writes();
            if answer.is_ok() {
                group.absorb(writes);
            }
            Box::new(move |durable| {
                // A refusal, too, may rest on what others of the group wrote. A caller that has
                // gone away does not want to know.
                drop(caller.send(durable.and(answer)));
            })
        }))
    }
}

/// How much was written since the database was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Traffic {
    /// Transactions run.
    pub writes: u64,
    /// Groups made durable, each by one sync.
    pub groups: u64,
    /// Times sled was synced and the log begun anew.
    pub checkpoints: u64,
    /// Writes refused because too many were waiting.
    pub refused: u64,
}

#[derive(Default)]
struct Counters {
    writes: AtomicU64,
    groups: AtomicU64,
    checkpoints: AtomicU64,
    refused: AtomicU64,
}

/// The writer thread's handle; dropping it ends the thread, after all that is waiting was written.
pub(super) struct Committer {
    jobs: Option<SyncSender<Job>>,
    bound: usize,
    thread: Option<thread::JoinHandle<()>>,
    counters: Arc<Counters>,
}

impl Committer {
    pub(super) fn start(pages: Arc<Pages>, log: Log, options: Options) -> Result<Self, StoreError> {
        let Options {
            waiting: bound,
            checkpoint,
            cache: _,
        } = options;
        let (jobs, waiting) = sync_channel(bound);
        let counters = Arc::new(Counters::default());
        let writer = Writer {
            pages,
            log,
            checkpoint,
            broken: None,
            counters: Arc::clone(&counters),
        };
        let thread = thread::Builder::new()
            .name("storage writer".into())
            .spawn(move || writer.run(&waiting))
            .map_err(broken("starting the writer thread"))?;
        Ok(Self {
            jobs: Some(jobs),
            bound,
            thread: Some(thread),
            counters,
        })
    }

    pub(super) fn submit(&self, job: Job) -> Result<(), StoreError> {
        let Some(jobs) = &self.jobs else {
            return Err(StoreError::Closed { engine: KIND });
        };
        jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => {
                self.counters.refused.fetch_add(1, Relaxed);
                StoreError::Busy {
                    engine: KIND,
                    waiting: self.bound,
                }
            }
            TrySendError::Disconnected(_) => StoreError::Closed { engine: KIND },
        })
    }

    pub(super) fn traffic(&self) -> Traffic {
        Traffic {
            writes: self.counters.writes.load(Relaxed),
            groups: self.counters.groups.load(Relaxed),
            checkpoints: self.counters.checkpoints.load(Relaxed),
            refused: self.counters.refused.load(Relaxed),
        }
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // The thread catches its panics; and there is nobody to tell.
            drop(thread.join());
        }
    }
}

struct Writer {
    pages: Arc<Pages>,
    log: Log,
    checkpoint: u64,
    /// Why no more writes are taken, if so.
    broken: Option<StoreError>,
    counters: Arc<Counters>,
}

impl Writer {
    /// The channel is one that sleeps at once while it is empty: a thread that yields instead loses
    /// its turn to whoever computes, and is not woken from that by the next write.
    fn run(mut self, waiting: &Receiver<Job>) {
        while let Ok(first) = waiting.recv() {
            let group: Vec<Job> = std::iter::once(first)
                .chain(waiting.try_iter())
                .take(GROUP)
                .collect();
            self.counters.writes.fetch_add(group.len() as u64, Relaxed);
            let mut replies = Vec::with_capacity(group.len());
            let done = caught(|| self.commit(group, &mut replies));
            if let Err(error @ StoreError::Broken { .. }) = &done {
                self.give_up(error.clone());
            }
            for reply in replies {
                reply(done.clone());
            }
            self.tidy(self.checkpoint);
        }
        self.tidy(1);
    }

    /// Runs a group; when it is `Ok` all of it is durable, else nothing of it is there.
    fn commit(&mut self, group: Vec<Job>, replies: &mut Vec<Reply>) -> Result<(), StoreError> {
        let writes = self.pages.read(|view| {
            let mut tx = Tx::new(view);
            replies.extend(group.into_iter().map(|Job(job)| job(&mut tx)));
            Ok(tx.into_writes())
        })?;
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        if writes.is_empty() {
            return Ok(());
        }
        let digest = self.pages.digest_after(self.log.digest(), &writes)?;
        self.log.append(&writes, digest)?;
        self.counters.groups.fetch_add(1, Relaxed);
        self.pages.apply(writes);
        Ok(())
    }

    /// Does what can wait until everybody is answered: gives sled what is recent, and begins the log
    /// anew where it has grown to `threshold`.
    fn tidy(&mut self, threshold: u64) {
        if self.broken.is_some() {
            return;
        }
        let done = match self.log.grown() < threshold {
            true => caught(|| self.pages.pour_if_full()),
            false => caught(|| self.checkpoint()),
        };
        if let Err(error) = done {
            self.give_up(error);
        }
    }

    fn checkpoint(&mut self) -> Result<(), StoreError> {
        self.pages.sync()?;
        self.log.restart()?;
        self.counters.checkpoints.fetch_add(1, Relaxed);
        Ok(())
    }

    fn give_up(&mut self, error: StoreError) {
        tracing::error!(%error, "the embedded database takes no more writes");
        self.broken = Some(error);
    }
}

/// What came of some work; sled asserts what it could answer with an error.
fn caught(work: impl FnOnce() -> Result<(), StoreError>) -> Result<(), StoreError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(broken("writing")("the engine panicked")))
}
