//! The user database of a cluster, replicated to its nodes: accounts, rosters, offline messages,
//! private data (chapter 7).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use takeover_protocols::{
    datetime::Timestamp,
    roster::subscription::State,
    sasl::{Found, Mechanism, SaslCondition, ScramHash, ScramKeys},
};

use crate::{Store, StoreFuture};

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Bare JID, prepared.
    pub user: String,
    /// Keys for SCRAM-SHA-1.
    pub sha1: ScramKeys,
    /// Keys for SCRAM-SHA-256.
    pub sha256: ScramKeys,
    /// May log in.
    pub enabled: bool,
}

/// What a login is checked with, where there is this account.
#[must_use]
pub fn credential_of(account: Option<Account>, mechanism: Mechanism) -> Found {
    match account {
        Some(account) if account.enabled => Found::Keys(match mechanism.hash() {
            ScramHash::Sha1 => account.sha1,
            ScramHash::Sha256 => account.sha256,
        }),
        Some(_) => Found::Refused(SaslCondition::AccountDisabled),
        None => Found::Nobody,
    }
}

/// Whether an account may be there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PutAccount {
    /// It must be new (USR-3).
    Create,
    /// New or not.
    Replace,
}

/// A contact, or a request that waits for an answer (RFC 6121 section 2.1.2 and appendix A).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterItem {
    /// Bare JID of the contact.
    pub jid: String,
    /// Name the user gave it, if any.
    pub name: Option<String>,
    /// Groups, in order.
    pub groups: Vec<String>,
    /// State of the subscription.
    pub state: State,
    /// The user has approved in advance (RFC 6121 section 3.4).
    pub approved: bool,
    /// The stanza of the contact's request while that is pending, delivered again at every login.
    pub request: Option<Vec<u8>>,
    /// On the roster that clients see; `false`: only the request is remembered.
    pub listed: bool,
}

/// A roster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roster {
    /// Version: grows by one with every change (RFC 6121 section 2.6); 0: never had one.
    pub version: u64,
    /// Items by bare JID of the contact.
    pub items: BTreeMap<String, RosterItem>,
}

/// What happened to a roster behind a version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterDelta {
    /// Version now.
    pub version: u64,
    /// Items that changed, each with the version of its change, in that order.
    pub changed: Vec<(u64, RosterItem)>,
    /// Items that went, each with the version of its going, in that order.
    pub removed: Vec<(u64, String)>,
}

/// A message for a user who is not there (XEP-0160).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfflineMessage {
    /// Identifies the message among those of its user: storing the same key again stores nothing.
    /// Remembered for [`OFFLINE_KEYS`] further messages, also when the message was delivered.
    pub key: String,
    /// When it came.
    pub at: Timestamp,
    /// The stanza (opaque to the store).
    pub stanza: Vec<u8>,
}

/// How many messages of a user later the key of a delivered message is forgotten.
pub const OFFLINE_KEYS: u64 = 1024;

/// A message that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredOffline {
    /// Its place: grows, never used twice for a user.
    pub seq: u64,
    /// The message.
    pub message: OfflineMessage,
}

/// The replicated user database of a cluster.
///
/// Users are named by their prepared bare JID. Data of a user without an account can be kept all
/// the same (a deployment may take its users from a directory).
///
/// # Errors
/// All methods: the transport errors of [`crate::StoreError`]; what a method adds is said there.
pub trait UserStore: Store {
    /// Keeps an account.
    ///
    /// # Errors
    /// [`crate::StoreError::AccountExists`] with [`PutAccount::Create`].
    fn put_account(&self, account: Account, put: PutAccount) -> StoreFuture<()>;

    /// An account, if there is one.
    ///
    /// # Errors
    /// Transport errors only.
    fn account(&self, user: &str) -> StoreFuture<Option<Account>>;

    /// What a login as this user is checked with: the keys of its account.
    ///
    /// # Errors
    /// Transport errors only.
    fn credential(&self, user: &str, mechanism: Mechanism) -> StoreFuture<Found> {
        let account = self.account(user);
        Box::pin(async move { Ok(credential_of(account.await?, mechanism)) })
    }

    /// Accounts in order of their names: at most `limit` behind `after`.
    ///
    /// # Errors
    /// Transport errors only.
    fn accounts(&self, after: Option<&str>, limit: usize) -> StoreFuture<Vec<Account>>;

    /// Removes an account and everything that is kept for its user.
    ///
    /// # Errors
    /// [`crate::StoreError::NoSuchAccount`].
    fn remove_account(&self, user: &str) -> StoreFuture<()>;

    /// A user's roster; an empty one of version 0 if there never was any.
    ///
    /// # Errors
    /// Transport errors only.
    fn roster(&self, user: &str) -> StoreFuture<Roster>;

    /// What changed behind version `since`.
    ///
    /// # Errors
    /// Transport errors only.
    fn roster_since(&self, user: &str, since: u64) -> StoreFuture<RosterDelta>;

    /// Keeps an item: the version of the roster now. An item that is the same already changes
    /// nothing.
    ///
    /// # Errors
    /// Transport errors only.
    fn put_roster_item(&self, user: &str, item: RosterItem) -> StoreFuture<u64>;

    /// Removes an item: the version of the roster now. No such item, no change.
    ///
    /// # Errors
    /// Transport errors only.
    fn remove_roster_item(&self, user: &str, contact: &str) -> StoreFuture<u64>;

    /// Keeps a message for a user who is not there, durable when answered: its place. At most
    /// `limit` messages wait for one user.
    ///
    /// # Errors
    /// [`crate::StoreError::OfflineFull`].
    fn push_offline(&self, user: &str, message: OfflineMessage, limit: u64) -> StoreFuture<u64>;

    /// Waiting messages in order: at most `limit` behind `after`. They stay until
    /// [`UserStore::confirm_offline`] says that they were delivered.
    ///
    /// # Errors
    /// Transport errors only.
    fn offline(
        &self,
        user: &str,
        after: Option<u64>,
        limit: usize,
    ) -> StoreFuture<Vec<StoredOffline>>;

    /// How many messages wait.
    ///
    /// # Errors
    /// Transport errors only.
    fn offline_count(&self, user: &str) -> StoreFuture<u64>;

    /// Removes messages that were delivered (or thrown away, XEP-0013): how many were there.
    ///
    /// # Errors
    /// Transport errors only.
    fn confirm_offline(&self, user: &str, delivered: Vec<u64>) -> StoreFuture<u64>;

    /// Keeps a value for a user under a name within a namespace (private data, vCard, privacy
    /// lists …); `None` removes it.
    ///
    /// # Errors
    /// Transport errors only.
    fn put_private(
        &self,
        user: &str,
        namespace: &str,
        name: &str,
        value: Option<Vec<u8>>,
    ) -> StoreFuture<()>;

    /// A value, if there is one.
    ///
    /// # Errors
    /// Transport errors only.
    fn private(&self, user: &str, namespace: &str, name: &str) -> StoreFuture<Option<Vec<u8>>>;

    /// All values of a namespace by name.
    ///
    /// # Errors
    /// Transport errors only.
    fn private_all(&self, user: &str, namespace: &str) -> StoreFuture<BTreeMap<String, Vec<u8>>>;
}
