//! The sharded directory: key to shared value, read on every stanza.

use super::shim::{Arc, RwLock, planted};
use hashbrown::HashTable;
use std::sync::Arc as Key;

/// A map from a key (a user's bare JID, a room's JID) to a shared value.
///
/// Sharded by a fixed hash, so that readers of different keys rarely meet and the same keys lie
/// in the same places in every run. A look-up takes one shard's lock, shared, for the time of a
/// probe; it allocates nothing. No order of the hash table ever leaves: snapshots are sorted.
#[derive(Debug)]
pub struct Directory<T> {
    shards: Box<[Shard<T>]>,
}

/// On a cache line of its own, so that two shards' locks do not slow each other down.
#[derive(Debug)]
#[repr(align(64))]
struct Shard<T>(RwLock<HashTable<Entry<T>>>);

#[derive(Debug)]
struct Entry<T> {
    key: Key<str>,
    value: Arc<T>,
}

impl<T> Entry<T> {
    fn value(&self) -> Arc<T> {
        Arc::clone(&self.value)
    }
}

impl<T> Default for Directory<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Directory<T> {
    /// Shards of a directory made by [`Directory::new`].
    pub const SHARDS: usize = 256;

    /// An empty directory with [`Self::SHARDS`] shards.
    #[must_use]
    pub fn new() -> Self {
        Self::with_shards(Self::SHARDS)
    }

    /// An empty directory with `shards` shards, rounded up to a power of two (0 counts as 1).
    #[must_use]
    pub fn with_shards(shards: usize) -> Self {
        let shards = (0..shards.max(1).next_power_of_two())
            .map(|_| Shard(RwLock::new(HashTable::new())))
            .collect();
        Self { shards }
    }

    /// The value under `key`.
    #[inline]
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Arc<T>> {
        let hash = hash(key);
        self.shard(hash)
            .0
            .read()
            .find(hash, |entry| *entry.key == *key)
            .map(Entry::value)
    }

    /// Puts `value` under `key`, in place of what is there, which it returns.
    pub fn insert(&self, key: impl Into<Key<str>>, value: Arc<T>) -> Option<Arc<T>> {
        let key = key.into();
        let hash = hash(&key);
        let mut table = self.shard(hash).0.write();
        if let Some(entry) = table.find_mut(hash, |entry| entry.key == key) {
            return Some(std::mem::replace(&mut entry.value, value));
        }
        table.insert_unique(hash, Entry { key, value }, |entry| self::hash(&entry.key));
        None
    }

    /// The value under `key`, or, where there is none, the one that `make` makes, put there.
    ///
    /// Whoever asks for one key gets one value: `make` runs under the shard's lock, once. It must
    /// be short and must not touch the directory.
    pub fn get_or_insert_with(
        &self,
        key: impl Into<Key<str>>,
        make: impl FnOnce() -> Arc<T>,
    ) -> Arc<T> {
        let key = key.into();
        if let Some(value) = self.get(&key) {
            return value;
        }
        let hash = hash(&key);
        let mut table = self.shard(hash).0.write();
        match table.find(hash, |entry| entry.key == key) {
            Some(entry) if !planted!(DirectoryInsertsUnchecked) => entry.value(),
            Some(_) | None => {
                let value = make();
                let entry = Entry {
                    key,
                    value: Arc::clone(&value),
                };
                table.insert_unique(hash, entry, |entry| self::hash(&entry.key));
                value
            }
        }
    }

    /// Takes out what is under `key`.
    pub fn remove(&self, key: &str) -> Option<Arc<T>> {
        self.remove_if(key, |_| true)
    }

    /// Takes out what is under `key` if it is `value` itself, and says whether it was.
    ///
    /// Who removes what it has closed must not remove the successor that somebody else has put
    /// there meanwhile.
    pub fn remove_exact(&self, key: &str, value: &Arc<T>) -> bool {
        self.remove_if(key, |found| {
            Arc::ptr_eq(found, value) || planted!(DirectoryRemovesSuccessor)
        })
        .is_some()
    }

    fn remove_if(&self, key: &str, condition: impl FnOnce(&Arc<T>) -> bool) -> Option<Arc<T>> {
        let hash = hash(key);
        let mut table = self.shard(hash).0.write();
        let found = table.find_entry(hash, |entry| *entry.key == *key).ok()?;
        condition(&found.get().value).then(|| found.remove().0.value)
    }

    /// Everything, sorted by key. Each shard is seen at one moment, the whole is not.
    #[must_use]
    pub fn snapshot(&self) -> Vec<(Key<str>, Arc<T>)> {
        let mut all = Vec::new();
        for shard in &self.shards {
            let table = shard.0.read();
            all.extend(
                table
                    .iter()
                    .map(|entry| (Key::clone(&entry.key), entry.value())),
            );
        }
        all.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        all
    }

    /// How many keys there are. Each shard is counted at one moment, the whole is not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.0.read().len()).sum()
    }

    /// Whether no key is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shards.iter().all(|shard| shard.0.read().is_empty())
    }

    /// Keys in the shard that has most of them.
    #[cfg(all(test, not(any(takeover_loom, takeover_shuttle))))]
    pub(super) fn fullest_shard(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| shard.0.read().len())
            .max()
            .unwrap_or(0)
    }

    /// The table takes the low bits and the top seven; the shard is chosen by others.
    #[inline]
    fn shard(&self, hash: u64) -> &Shard<T> {
        let index = (hash >> 40) as usize & (self.shards.len() - 1);
        &self.shards[index]
    }
}

/// A fixed hash of `key`, eight bytes a step, each step a folded 128-bit product.
///
/// The same in every run and on every machine. Not made to withstand keys chosen by an enemy:
/// the keys are the names of users and rooms that an administrator has created.
#[inline]
fn hash(key: &str) -> u64 {
    const START: u64 = 0x9e37_79b9_7f4a_7c15;
    const STEP: u64 = 0xd6e8_feb8_6659_fd93;
    let mut chunks = key.as_bytes().chunks_exact(8);
    let mut state = START ^ key.len() as u64;
    for chunk in &mut chunks {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        state = fold(state ^ u64::from_le_bytes(word), STEP);
    }
    let mut word = [0; 8];
    let rest = chunks.remainder();
    word[..rest.len()].copy_from_slice(rest);
    fold(state ^ u64::from_le_bytes(word), START | 1)
}

/// Both halves of the 128-bit product, folded into one.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    // The cuts are meant: low half and high half.
    (product as u64) ^ ((product >> 64) as u64)
}
