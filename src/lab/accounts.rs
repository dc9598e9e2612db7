//! Accounts that come from a configuration: their keys are made when somebody first logs in.
//!
//! Making SCRAM keys is slow on purpose; a lab of 10 000 users that made all of them at its start
//! would be minutes late. What is stored is nothing of them, neither password nor keys (XMPP-3): the
//! passwords are the configuration's, in the memory of whoever has read it. PLAIN is checked against
//! them at once; keys are made for SCRAM, which needs them. An account in the store counts more, and
//! of that there are keys only.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use takeover_core::digest::Digest;
use takeover_protocols::sasl::{Found, Mechanism, Password, ScramHash, ScramKeys};
use takeover_storage::{
    Account, EngineInfo, OfflineMessage, PutAccount, Roster, RosterDelta, RosterItem, Store,
    StoreFuture, StoredOffline, UserStore, credential_of,
};

/// Rounds of PBKDF2 (RFC 7677, section 4).
pub(super) const ITERATIONS: u32 = 4096;

/// A user database that knows the passwords of a configuration.
pub(super) struct ConfiguredAccounts {
    below: Arc<dyn UserStore>,
    seed: u64,
    iterations: u32,
    passwords: Mutex<BTreeMap<String, Password>>,
    made: Arc<Mutex<BTreeMap<String, Account>>>,
}

impl ConfiguredAccounts {
    /// Over a store; what the store has itself counts more.
    pub(super) fn new(
        below: Arc<dyn UserStore>,
        seed: u64,
        iterations: u32,
        passwords: BTreeMap<String, Password>,
    ) -> Self {
        Self {
            below,
            seed,
            iterations,
            passwords: Mutex::new(passwords),
            made: Arc::default(),
        }
    }

    /// Knows one more user.
    pub(super) fn add(&self, user: &str, password: Password) {
        self.passwords.lock().insert(user.to_owned(), password);
    }

    /// Makes the keys of the first `count` users now.
    pub(super) fn make_first(&self, count: usize) {
        for (user, password) in self.passwords.lock().iter().take(count) {
            let salts = [self.salt(user, "sha1"), self.salt(user, "sha256")];
            if let Some(account) = make(user, password, salts, self.iterations) {
                self.made.lock().insert(user.clone(), account);
            }
        }
    }

    fn salt(&self, user: &str, hash: &str) -> [u8; 16] {
        let mut salt = [0; 16];
        for (part, octets) in salt.chunks_mut(8).enumerate() {
            let mut digest = Digest::new();
            digest.update(&self.seed.to_le_bytes());
            digest.update(&[part as u8]);
            digest.update(hash.as_bytes());
            digest.update(user.as_bytes());
            octets.copy_from_slice(&digest.value().to_le_bytes());
        }
        salt
    }
}

/// The account of a user of the configuration; `None` for a password that cannot be prepared.
fn make(user: &str, password: &Password, salts: [[u8; 16]; 2], iterations: u32) -> Option<Account> {
    let keys = |hash, salt: [u8; 16]| ScramKeys::derive(hash, password, &salt, iterations).ok();
    Some(Account {
        user: user.to_owned(),
        sha1: keys(ScramHash::Sha1, salts[0])?,
        sha256: keys(ScramHash::Sha256, salts[1])?,
        enabled: true,
    })
}

impl Store for ConfiguredAccounts {
    fn info(&self) -> EngineInfo {
        self.below.info()
    }

    fn ping(&self) -> StoreFuture<()> {
        self.below.ping()
    }

    fn latency(&self) -> Duration {
        self.below.latency()
    }
}

impl UserStore for ConfiguredAccounts {
    fn account(&self, user: &str) -> StoreFuture<Option<Account>> {
        let stored = self.below.account(user);
        let made = self.made.clone();
        let password = self.passwords.lock().get(user).cloned();
        let salts = [self.salt(user, "sha1"), self.salt(user, "sha256")];
        let iterations = self.iterations;
        let user = user.to_owned();
        Box::pin(async move {
            if let Some(account) = stored.await? {
                return Ok(Some(account));
            }
            let Some(password) = password else {
                return Ok(None);
            };
            if let Some(account) = made.lock().get(&user) {
                return Ok(Some(account.clone()));
            }
            let account = make(&user, &password, salts, iterations);
            if let Some(account) = &account {
                made.lock().insert(user, account.clone());
            }
            Ok(account)
        })
    }

    fn credential(&self, user: &str, mechanism: Mechanism) -> StoreFuture<Found> {
        let configured = match mechanism {
            Mechanism::Plain => self.passwords.lock().get(user).cloned(),
            Mechanism::ScramSha1 | Mechanism::ScramSha256 => None,
        };
        let Some(password) = configured else {
            let account = self.account(user);
            return Box::pin(async move { Ok(credential_of(account.await?, mechanism)) });
        };
        let stored = self.below.account(user);
        Box::pin(async move {
            Ok(match stored.await? {
                None => Found::Password(password),
                account => credential_of(account, mechanism),
            })
        })
    }

    fn put_account(&self, account: Account, put: PutAccount) -> StoreFuture<()> {
        self.below.put_account(account, put)
    }

    fn accounts(&self, after: Option<&str>, limit: usize) -> StoreFuture<Vec<Account>> {
        self.below.accounts(after, limit)
    }

    fn remove_account(&self, user: &str) -> StoreFuture<()> {
        let configured = self.passwords.lock().remove(user).is_some();
        self.made.lock().remove(user);
        let removed = self.below.remove_account(user);
        Box::pin(async move {
            match removed.await {
                Err(takeover_storage::StoreError::NoSuchAccount { .. }) if configured => Ok(()),
                other => other,
            }
        })
    }

    fn roster(&self, user: &str) -> StoreFuture<Roster> {
        self.below.roster(user)
    }

    fn roster_since(&self, user: &str, since: u64) -> StoreFuture<RosterDelta> {
        self.below.roster_since(user, since)
    }

    fn put_roster_item(&self, user: &str, item: RosterItem) -> StoreFuture<u64> {
        self.below.put_roster_item(user, item)
    }

    fn remove_roster_item(&self, user: &str, contact: &str) -> StoreFuture<u64> {
        self.below.remove_roster_item(user, contact)
    }

    fn push_offline(&self, user: &str, message: OfflineMessage, limit: u64) -> StoreFuture<u64> {
        self.below.push_offline(user, message, limit)
    }

    fn offline(
        &self,
        user: &str,
        after: Option<u64>,
        limit: usize,
    ) -> StoreFuture<Vec<StoredOffline>> {
        self.below.offline(user, after, limit)
    }

    fn offline_count(&self, user: &str) -> StoreFuture<u64> {
        self.below.offline_count(user)
    }

    fn confirm_offline(&self, user: &str, delivered: Vec<u64>) -> StoreFuture<u64> {
        self.below.confirm_offline(user, delivered)
    }

    fn put_private(
        &self,
        user: &str,
        namespace: &str,
        name: &str,
        value: Option<Vec<u8>>,
    ) -> StoreFuture<()> {
        self.below.put_private(user, namespace, name, value)
    }

    fn private(&self, user: &str, namespace: &str, name: &str) -> StoreFuture<Option<Vec<u8>>> {
        self.below.private(user, namespace, name)
    }

    fn private_all(&self, user: &str, namespace: &str) -> StoreFuture<BTreeMap<String, Vec<u8>>> {
        self.below.private_all(user, namespace)
    }
}
