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
    kv::{Entry, Step, View, Writes},
};

/// The records in sled. Readers see whole groups of writes or none of them.
pub(super) struct Pages {
    folder: PathBuf,
    tree: sled::Tree,
    db: sled::Db,
    /// Held for writing while a group goes in.
    gate: RwLock<()>,
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
            gate: RwLock::new(()),
        })
    }

    /// Reads one state.
    pub(super) fn read<T>(
        &self,
        job: impl FnOnce(&dyn View) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let _open = self.gate.read();
        job(self)
    }

    /// Puts a group of writes in, without making them durable.
    pub(super) fn apply(&self, writes: &Writes) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        for (key, value) in writes {
            match value {
                Some(value) => batch.insert(&**key, &**value),
                None => batch.remove(&**key),
            }
        }
        let _shut = self.gate.write();
        self.tree
            .apply_batch(batch)
            .map_err(broken("writing to sled"))
    }

    /// The digest after `writes`, which are not in yet, from the one before them.
    pub(super) fn digest_after(
        &self,
        mut digest: SetDigest,
        writes: &Writes,
    ) -> Result<SetDigest, StoreError> {
        for (key, value) in writes {
            if let Some(old) = self.tree.get(key).map_err(broken("reading sled"))? {
                digest.remove(key, &old);
            }
            if let Some(value) = value {
                digest.add(key, value);
            }
        }
        Ok(digest)
    }

    /// The digest of all that is there, by looking at all of it.
    pub(super) fn digest(&self) -> Result<SetDigest, StoreError> {
        let mut digest = SetDigest::default();
        for entry in &self.tree {
            let (key, value) = entry.map_err(broken("reading sled"))?;
            digest.add(&key, &value);
        }
        Ok(digest)
    }

    /// Makes everything that is in durable: sled's flush, then a real sync of its files.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
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

impl View for Pages {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.tree.get(key).map_err(broken("reading sled"))?;
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
        let range = self.tree.range::<&[u8], Range<&[u8]>>(from..to);
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
