//! sled, and what we make sure of around it.

use std::{
    fs,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use parking_lot::RwLock;
use takeover_core::digest::Digest;

use super::broken;
use crate::{
    StoreError,
    kv::{Entry, Layer, Step, View, Writes},
};

/// Bytes of records after which what is recent goes to sled. sled seals a buffer and wakes all of its
/// writing threads for every batch, however small.
const POUR: usize = 512 * 1024;

/// The records: in sled, and above it those that are recent. Readers see whole groups of writes or
/// none of them.
pub(super) struct Pages {
    folder: PathBuf,
    tree: sled::Tree,
    db: sled::Db,
    /// What the log has and sled has not; changed by the writer alone.
    recent: RwLock<Recent>,
}

/// Groups of writes on their way to sled: the last value of each key.
#[derive(Default)]
struct Recent {
    writes: Writes,
    /// Bytes that went in, overwritten ones too.
    bytes: usize,
}

/// A number that stands for a set of entries: the sum of a hash of each. Adding and removing one
/// changes it without looking at the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct SetDigest(pub(super) u64);

impl SetDigest {
    pub(super) fn add(&mut self, key: &[u8], value: &[u8]) {
        self.0 = self.0.wrapping_add(hash(key, value));
    }

    pub(super) fn remove(&mut self, key: &[u8], value: &[u8]) {
        self.0 = self.0.wrapping_sub(hash(key, value));
    }
}

fn hash(key: &[u8], value: &[u8]) -> u64 {
    let mut digest = Digest::new();
    digest.update(&(key.len() as u64).to_le_bytes());
    digest.update(key);
    digest.update(value);
    digest.value()
}

impl Pages {
    /// Opens sled in `folder`, with so many bytes of cache.
    pub(super) fn open(folder: &Path, cache: u64) -> Result<Self, StoreError> {
        let damaged = |reason: String| StoreError::DamagedFile {
            file: folder.display().to_string(),
            offset: 0,
            reason,
        };
        drop_half_snapshots(folder).map_err(broken("clearing sled's folder"))?;
        let config = sled::Config::new()
            .path(folder)
            .cache_capacity(cache)
            .flush_every_ms(None);
        // sled asserts some of what it reads instead of returning an error.
        let db = catch_unwind(AssertUnwindSafe(|| config.open()))
            .map_err(|_| damaged("sled does not understand its own files".into()))?
            .map_err(|error| match error {
                sled::Error::Corruption { .. } => damaged(error.to_string()),
                other => broken("opening sled")(other),
            })?;
        let tree = db.open_tree("records").map_err(broken("opening sled"))?;
        Ok(Self {
            folder: folder.to_owned(),
            tree,
            db,
            recent: RwLock::default(),
        })
    }

    /// Reads one state.
    pub(super) fn read<T>(
        &self,
        job: impl FnOnce(&dyn View) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let recent = self.recent.read();
        job(&Layer::new(&recent.writes, &self.tree))
    }

    /// Puts a group of writes in, without making them durable.
    pub(super) fn apply(&self, writes: Writes) {
        let size = |(key, value): (&Vec<u8>, &Option<Vec<u8>>)| {
            key.len() + value.as_ref().map_or(0, Vec::len)
        };
        let bytes: usize = writes.iter().map(size).sum();
        let mut recent = self.recent.write();
        recent.writes.extend(writes);
        recent.bytes += bytes;
    }

    /// Gives sled what is recent, if that is much.
    pub(super) fn pour_if_full(&self) -> Result<(), StoreError> {
        let bytes = self.recent.read().bytes;
        if bytes < POUR { Ok(()) } else { self.pour() }
    }

    /// Gives sled what is recent. Readers go on: to them it is above sled until all of it is in.
    fn pour(&self) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        let recent = self.recent.read();
        for (key, value) in &recent.writes {
            match value {
                Some(value) => batch.insert(&**key, &**value),
                None => batch.remove(&**key),
            }
        }
        self.tree
            .apply_batch(batch)
            .map_err(broken("writing to sled"))?;
        drop(recent);
        *self.recent.write() = Recent::default();
        Ok(())
    }

    /// The digest after `writes`, which are not in yet, from the one before them.
    pub(super) fn digest_after(
        &self,
        mut digest: SetDigest,
        writes: &Writes,
    ) -> Result<SetDigest, StoreError> {
        self.read(|view| {
            for (key, value) in writes {
                if let Some(old) = view.get(key)? {
                    digest.remove(key, &old);
                }
                if let Some(value) = value {
                    digest.add(key, value);
                }
            }
            Ok(digest)
        })
    }

    /// The digest of all that is there, by looking at all of it, in sled.
    pub(super) fn digest(&self) -> Result<SetDigest, StoreError> {
        self.pour()?;
        let mut digest = SetDigest::default();
        for entry in &self.tree {
            let (key, value) = entry.map_err(broken("reading sled"))?;
            digest.add(&key, &value);
        }
        Ok(digest)
    }

    /// Makes everything that is in durable in sled: its flush, then a real sync of its files.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.pour()?;
        self.db.flush().map_err(broken("flushing sled"))?;
        sync_tree(&self.folder).map_err(broken("syncing sled's files"))
    }

    /// Bytes that are free on the device, for whoever is not its administrator.
    pub(super) fn free_on_device(&self) -> Option<u64> {
        let device = rustix::fs::statvfs(&self.folder).ok()?;
        Some(device.f_bavail.saturating_mul(device.f_frsize))
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Removes snapshots that sled was writing when its process was killed. It gives one its name only when it is
/// whole, and has the former one until then, but reads whatever begins like a snapshot's name, the half
/// one before all others, and calls it corrupted.
fn drop_half_snapshots(folder: &Path) -> std::io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        let is_half = path.extension().is_some_and(|end| end == "generating");
        if is_half {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn sync_tree(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sync_tree(&path)?
        } else {
            fs::File::open(&path)?.sync_all()?
        }
    }
    fs::File::open(folder)?.sync_all()
}

impl View for sled::Tree {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let found = Self::get(self, key).map_err(broken("reading sled"))?;
        Ok(found.map(|value| value.to_vec()))
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
        let range = self.range::<&[u8], Range<&[u8]>>(from..to);
        let read = |entry: sled::Result<(sled::IVec, sled::IVec)>| {
            let (key, value) = entry.map_err(broken("reading sled"))?;
            Ok((key.to_vec(), value.to_vec()))
        };
        match step {
            Step::Forwards => range.take(limit).map(read).collect(),
            Step::Backwards => range.rev().take(limit).map(read).collect(),
        }
    }
}
