//! The writer thread: group commit.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
};

use crossbeam_channel::{Receiver, Sender, TrySendError};
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
    jobs: Option<Sender<Job>>,
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
        let (jobs, waiting) = crossbeam_channel::bounded(bound);
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
    fn run(mut self, waiting: &Receiver<Job>) {
        while let Ok(first) = waiting.recv() {
            let group: Vec<Job> = std::iter::once(first)
                .chain(waiting.try_iter())
                .take(GROUP)
                .collect();
            self.counters.writes.fetch_add(group.len() as u64, Relaxed);
            let mut replies = Vec::with_capacity(group.len());
            let done = catch_unwind(AssertUnwindSafe(|| self.commit(group, &mut replies)));
            let done = done.unwrap_or_else(|_| Err(broken("writing")("the engine panicked")));
            if let Err(error @ (StoreError::Broken { .. } | StoreError::AnswerLost { .. })) = &done
            {
                tracing::error!(%error, "the embedded database takes no more writes");
                self.broken = Some(error.clone());
            }
            for reply in replies {
                reply(done.clone());
            }
            self.checkpoint(self.checkpoint);
        }
        self.checkpoint(1);
    }

    /// Runs a group; when it is `Ok` all of it is durable, else nothing of it is there.
    fn commit(&mut self, group: Vec<Job>, replies: &mut Vec<Reply>) -> Result<(), StoreError> {
        let mut tx = Tx::new(&*self.pages);
        replies.extend(group.into_iter().map(|Job(job)| job(&mut tx)));
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        let writes = tx.into_writes();
        if writes.is_empty() {
            return Ok(());
        }
        let digest = self.pages.digest_after(self.log.digest(), &writes)?;
        self.log.append(&writes, digest)?;
        self.counters.groups.fetch_add(1, Relaxed);
        // Durable, so it will be there when the database is opened again; but not now.
        self.pages
            .apply(&writes)
            .map_err(|error| StoreError::AnswerLost {
                engine: KIND,
                reason: error.to_string(),
            })
    }

    fn checkpoint(&mut self, threshold: u64) {
        if self.broken.is_some() || self.log.grown() < threshold {
            return;
        }
        match self.pages.sync().and_then(|()| self.log.restart()) {
            Ok(()) => {
                self.counters.checkpoints.fetch_add(1, Relaxed);
            }
            Err(error) => {
                tracing::error!(%error, "the embedded database takes no more writes");
                self.broken = Some(error);
            }
        }
    }
}
