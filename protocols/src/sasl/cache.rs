//! Salted passwords of earlier logins, so that PBKDF2 need not be paid each time.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, PoisonError};

use super::crypto::ScramHash;

/// Remembers salted passwords that were right. Servers use it for PLAIN, clients for SCRAM.
///
/// Whoever implements this keeps secrets: a salted password is as good as the password here.
pub trait SaltedPasswords: Send + Sync + fmt::Debug {
    /// The salted password, if it is remembered.
    fn get(&self, hash: ScramHash, salt: &[u8], iterations: u32, password: &str)
    -> Option<Vec<u8>>;

    /// Remembers a salted password that was right.
    fn put(&self, hash: ScramHash, salt: &[u8], iterations: u32, password: &str, salted: &[u8]);
}

/// Remembers nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCache;

impl SaltedPasswords for NoCache {
    fn get(&self, _: ScramHash, _: &[u8], _: u32, _: &str) -> Option<Vec<u8>> {
        None
    }

    fn put(&self, _: ScramHash, _: &[u8], _: u32, _: &str, _: &[u8]) {}
}

/// Remembers a bounded number of salted passwords; the oldest gives way.
///
/// The password itself is not kept: entries are found by a keyed hash of it.
pub struct SaltedCache {
    secret: [u8; 32],
    capacity: usize,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    salted: BTreeMap<Vec<u8>, Vec<u8>>,
    oldest_first: VecDeque<Vec<u8>>,
}

impl SaltedCache {
    /// A cache of at most `capacity` entries; `secret` is random and of this process alone.
    #[must_use]
    pub fn new(capacity: usize, secret: [u8; 32]) -> Self {
        Self {
            secret,
            capacity,
            entries: Mutex::default(),
        }
    }

    /// Entries remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().salted.len()
    }

    /// Whether nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Entries> {
        // No code panics while it holds the lock; were it so, the map would still be whole.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn key(&self, hash: ScramHash, salt: &[u8], iterations: u32, password: &str) -> Vec<u8> {
        let salt_octets = (salt.len() as u64).to_be_bytes();
        let kind = [match hash {
            ScramHash::Sha1 => 1,
            ScramHash::Sha256 => 2,
        }];
        let rounds = iterations.to_be_bytes();
        let pieces: [&[u8]; 5] = [&kind, &rounds, &salt_octets, salt, password.as_bytes()];
        ScramHash::Sha256.hmac(&self.secret, &pieces)
    }
}

impl SaltedPasswords for SaltedCache {
    fn get(
        &self,
        hash: ScramHash,
        salt: &[u8],
        iterations: u32,
        password: &str,
    ) -> Option<Vec<u8>> {
        self.lock()
            .salted
            .get(&self.key(hash, salt, iterations, password))
            .cloned()
    }

    fn put(&self, hash: ScramHash, salt: &[u8], iterations: u32, password: &str, salted: &[u8]) {
        if self.capacity == 0 {
            return;
        }
        let key = self.key(hash, salt, iterations, password);
        let mut entries = self.lock();
        if entries
            .salted
            .insert(key.clone(), salted.to_vec())
            .is_none()
        {
            entries.oldest_first.push_back(key);
        }
        while entries.salted.len() > self.capacity {
            let Some(oldest) = entries.oldest_first.pop_front() else {
                return;
            };
            entries.salted.remove(&oldest);
        }
    }
}

impl fmt::Debug for SaltedCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SaltedCache({} of {})", self.len(), self.capacity)
    }
}
