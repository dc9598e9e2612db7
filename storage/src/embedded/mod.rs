//! The embedded engine: sled behind a log of our own. The default, nothing to install.
//!
//! # Which sled, and what its flush does
//! * **0.34.7**: `flush` ends in `sync_file_range` (traced: 20 flushes, 20 of these, no `fsync`),
//!   which by its manual writes neither the file's metadata (its new length!) nor the device's
//!   cache: after a loss of power what was flushed may be gone. Against a kill of the process it holds. When a byte of its data file is changed it opens,
//!   drops what followed, and says nothing about it (66 of 66 trials of `tests/damage.rs`).
//! * **1.0.0-alpha**: syncs its files in earnest, twice for each flush, but its format is declared
//!   unstable from one alpha to the next, it carries more unmaintained crates, and it has been an
//!   alpha for years.
//!
//! So 0.34.7 keeps the records, and the promise is kept by what stands in front of it:
//!
//! 1. One writer thread takes all waiting writes, runs them one after the other as transactions,
//!    appends what they want written to the **log** as one record and syncs that once
//!    (`fdatasync`): group commit.
//! 2. Only then readers see the records, and the answers go out. What a reader sees is durable.
//!    To sled they go in large batches; until then they lie above it in memory.
//! 3. When the log has grown ([`Options::checkpoint`]), sled is flushed, every file of it is synced in
//!    earnest, and a fresh log replaces the old one by a rename.
//! 4. Opening replays the log: it holds absolute values, so replaying twice is replaying once.
//! 5. Every record of the log carries the **digest** of the whole database after it. Opening
//!    compares it with what sled holds, so records that sled lost or changed are an error
//!    ([`StoreError::DamagedFile`]), never a gap.
//!
//! An error of the system while writing leaves the engine [`StoreError::Broken`] until it is opened
//! again: after a failed sync nobody knows what is on disk. A full disk alone is refused and
//! survived, as long as the log can be cut back.

mod commit;
mod log;
mod pages;

use std::{any::Any, fs, path::Path, sync::Arc, time::Duration};

use tokio::sync::oneshot;

use crate::{
    ChatStore, EngineInfo, EngineKind, Faults, NodeStore, StoreError, StoreFuture, UserStore,
    kv::{Backend, Facade, Key, Step, Tx, View},
    ready,
};
use commit::{Committer, Job};
use pages::Pages;

pub use commit::Traffic;

const KIND: EngineKind = EngineKind::Embedded;

/// What the names of chat databases begin with.
const CHATS: &str = "chat/";

/// Bytes of disk that a byte of records may take while many are written: its place in the log, and
/// sled's copies of it until old ones are dropped.
const SPREAD: u64 = 4;

/// What can be set about the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Bytes of log after which sled is synced and the log begins anew.
    pub checkpoint: u64,
    /// Writes that may wait; further ones are refused as [`StoreError::Busy`].
    pub waiting: usize,
    /// Memory that sled may use for its cache, bytes.
    pub cache: u64,
}

impl Default for Options {
    /// 16 MiB of log, 16384 writes, 64 MiB of cache.
    fn default() -> Self {
        Self {
            checkpoint: 16 * 1024 * 1024,
            waiting: 16 * 1024,
            cache: 64 * 1024 * 1024,
        }
    }
}

/// A database in a folder; clones are handles on the same one, the last one to go closes it.
/// Parts of different names (chat instances, clusters, nodes) share nothing but file and faults.
#[derive(Clone)]
pub struct Embedded(Arc<Inner>);

struct Inner {
    place: String,
    pages: Arc<Pages>,
    committer: Committer,
    faults: Faults,
    _lock: fs::File,
    /// Dropped last.
    _around: Option<Box<dyn Any + Send + Sync>>,
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedded")
            .field("place", &self.0.place)
            .finish_non_exhaustive()
    }
}

impl Embedded {
    /// Opens the database in `folder`, which is made if it is not there; replays what its log holds
    /// and checks the whole of it.
    ///
    /// # Errors
    /// [`StoreError::InUse`] if another process or lab has it open, [`StoreError::DamagedFile`] if
    /// it is not what was written, [`StoreError::Broken`] for errors of the system.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with(folder, Options::default())
    }

    /// [`Embedded::open`] in a folder that does not outlive `around`, such as a temporary one: that is dropped when
    /// the last handle has closed the database, whoever has it.
    ///
    /// # Errors
    /// Those of [`Embedded::open`].
    pub fn open_within(
        around: impl Send + Sync + 'static,
        folder: impl AsRef<Path>,
    ) -> Result<Self, StoreError> {
        Self::open_all(folder.as_ref(), Options::default(), Some(Box::new(around)))
    }

    /// [`Embedded::open`] with other options than the usual ones.
    ///
    /// # Errors
    /// Those of [`Embedded::open`].
    pub fn open_with(folder: impl AsRef<Path>, options: Options) -> Result<Self, StoreError> {
        Self::open_all(folder.as_ref(), options, None)
    }

    fn open_all(
        folder: &Path,
        options: Options,
        around: Option<Box<dyn Any + Send + Sync>>,
    ) -> Result<Self, StoreError> {
        let place = folder.display().to_string();
        fs::create_dir_all(folder).map_err(broken("making the folder"))?;
        let lock = lock(folder, &place)?;
        let pages = Arc::new(Pages::open(&folder.join("sled"), options.cache)?);
        let log = log::recover(folder, &pages)?;
        let committer = Committer::start(Arc::clone(&pages), log, options)?;
        Ok(Self(Arc::new(Inner {
            place,
            pages,
            committer,
            faults: Faults::none(),
            _lock: lock,
            _around: around,
        })))
    }

    /// Its faults.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// How many writes and syncs there were.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.0.committer.traffic()
    }

    /// The external chat database `instance`.
    #[must_use]
    pub fn chat(&self, instance: &str) -> Arc<dyn ChatStore> {
        Arc::new(Facade::new(self.clone(), format!("{CHATS}{instance}")))
    }

    /// The external chat databases there are, in order: those that something was written to.
    ///
    /// # Errors
    /// [`StoreError::Broken`] for errors of the system.
    pub fn chats(&self) -> Result<Vec<String>, StoreError> {
        self.0.pages.read(|view| {
            let (mut from, to) = (CHATS.as_bytes().to_vec(), vec![u8::MAX]);
            let mut found = Vec::new();
            while let Some((key, _)) = view.scan(&from, &to, Step::Forwards, 1)?.pop() {
                let (instance, end) = Key::instance_of(&key);
                let Some(name) = instance.strip_prefix(CHATS) else {
                    break;
                };
                found.push(name.to_owned());
                from = end;
            }
            Ok(found)
        })
    }

    /// Whether there is a database in this folder.
    #[must_use]
    pub fn is_in(folder: impl AsRef<Path>) -> bool {
        folder.as_ref().join("log").is_file()
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

/// The folder's lock: held by the file, given back by the system when the process ends.
fn lock(folder: &Path, place: &str) -> Result<fs::File, StoreError> {
    let file = fs::File::create(folder.join("lock")).map_err(broken("making the lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(StoreError::InUse {
            place: place.to_owned(),
        }),
        Err(fs::TryLockError::Error(error)) => Err(broken("locking the folder")(error)),
    }
}

/// An error of the system while the engine was `action`.
fn broken<E: std::fmt::Display>(action: &'static str) -> impl Fn(E) -> StoreError {
    move |error| StoreError::Broken {
        engine: KIND,
        action,
        reason: error.to_string(),
    }
}

impl Backend for Embedded {
    fn read<T, F>(&self, job: F) -> StoreFuture<T>
    where
        T: Send + 'static,
        F: FnOnce(&dyn View) -> Result<T, StoreError> + Send + 'static,
    {
        let up = self.0.faults.read(KIND);
        ready(up.and_then(|()| self.0.pages.read(job)))
    }

    fn write<T, F>(&self, job: F) -> StoreFuture<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let lost = match self.0.faults.write(KIND) {
            Ok(lost) => lost,
            Err(error) => return ready(Err(error)),
        };
        let (sender, answer) = oneshot::channel();
        if let Err(error) = self.0.committer.submit(Job::new(job, sender)) {
            return ready(Err(error));
        }
        Box::pin(async move {
            let answer = answer
                .await
                .unwrap_or(Err(StoreError::Closed { engine: KIND }));
            match lost {
                Some(lost) => answer.and(Err(lost)),
                None => answer,
            }
        })
    }

    fn info(&self, instance: &str) -> EngineInfo {
        EngineInfo {
            kind: KIND,
            place: self.0.place.clone(),
            instance: instance.to_owned(),
        }
    }

    fn latency(&self) -> Duration {
        self.0.faults.latency()
    }

    fn free(&self) -> Option<u64> {
        let set = self.0.faults.free();
        set.or_else(|| self.0.pages.free_on_device().map(|bytes| bytes / SPREAD))
    }
}
