//! [`UserStore`] over ordered keys.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Backend, Facade, Key, Step, Tx, View};
use crate::{
    Account, OFFLINE_KEYS, OfflineMessage, PutAccount, Roster, RosterDelta, RosterItem, StoreError,
    StoreFuture, StoredOffline, UserStore,
    codec::{self, Record},
};

const TAG_ACCOUNT: u8 = b'U';
const TAG_ROSTER: u8 = b'R';
const TAG_ITEM: u8 = b'I';
const TAG_QUEUE: u8 = b'Q';
const TAG_OFFLINE: u8 = b'O';
const TAG_BY_KEY: u8 = b'K';
const TAG_PRIVATE: u8 = b'P';

/// Everything that is kept for a user.
const TAGS: [u8; 7] = [
    TAG_ACCOUNT,
    TAG_ROSTER,
    TAG_ITEM,
    TAG_QUEUE,
    TAG_OFFLINE,
    TAG_BY_KEY,
    TAG_PRIVATE,
];

#[derive(Serialize, Deserialize)]
struct AccountRow(Account);

/// Version of a roster.
#[derive(Default, Serialize, Deserialize)]
struct RosterRow(u64);

/// An item, or the trace of one, with the version of its last change.
#[derive(Serialize, Deserialize)]
struct ItemRow {
    changed: u64,
    item: Option<RosterItem>,
}

/// A user's offline messages: the last number given, and how many wait.
#[derive(Default, Serialize, Deserialize)]
struct QueueRow {
    last: u64,
    waiting: u64,
}

/// A waiting message, or the trace of a delivered one.
#[derive(Serialize, Deserialize)]
enum OfflineRow {
    Waits(OfflineMessage),
    Delivered { key: String },
}

/// Number of an offline message, by its key.
#[derive(Serialize, Deserialize)]
struct Place(u64);

#[derive(Serialize, Deserialize)]
struct PrivateRow(Vec<u8>);

macro_rules! records {
    ($($row:ty: $name:literal),+ $(,)?) => {$(
        impl Record for $row {
            const NAME: &'static str = $name;
            const VERSION: u8 = 1;
        }
    )+};
}

records! {
    AccountRow: "account",
    RosterRow: "version of a roster",
    ItemRow: "roster item",
    QueueRow: "queue of offline messages",
    OfflineRow: "offline message",
    Place: "place of an offline message",
    PrivateRow: "private value",
}

/// Keys of one user database.
#[derive(Clone)]
struct Layout(String);

impl Layout {
    fn of(&self, tag: u8, user: &str) -> Key {
        Key::new(&self.0, tag).text(user)
    }

    fn version(&self, view: &dyn View, user: &str) -> Result<u64, StoreError> {
        Ok(view
            .record::<RosterRow>(&self.of(TAG_ROSTER, user))?
            .unwrap_or_default()
            .0)
    }

    fn put_account(
        &self,
        tx: &mut Tx<'_>,
        account: Account,
        put: PutAccount,
    ) -> Result<(), StoreError> {
        let key = self.of(TAG_ACCOUNT, &account.user);
        match put {
            PutAccount::Create if tx.view().get(key.bytes())?.is_some() => {
                Err(StoreError::AccountExists { user: account.user })
            }
            PutAccount::Create | PutAccount::Replace => tx.put(&key, &AccountRow(account)),
        }
    }

    fn remove_account(&self, tx: &mut Tx<'_>, user: &str) -> Result<(), StoreError> {
        if tx.view().get(self.of(TAG_ACCOUNT, user).bytes())?.is_none() {
            return Err(StoreError::NoSuchAccount {
                user: user.to_owned(),
            });
        }
        TAGS.iter()
            .try_for_each(|&tag| tx.remove_all(&self.of(tag, user)))
    }

    /// Keeps or removes an item; an unchanged one leaves the version as it is.
    fn set_item(
        &self,
        tx: &mut Tx<'_>,
        user: &str,
        contact: &str,
        item: Option<RosterItem>,
    ) -> Result<u64, StoreError> {
        let key = self.of(TAG_ITEM, user).text(contact);
        let version = self.version(tx.view(), user)?;
        let was = tx.view().record::<ItemRow>(&key)?.and_then(|row| row.item);
        if was == item {
            return Ok(version);
        }
        let changed = version + 1;
        tx.put(&key, &ItemRow { changed, item })?;
        tx.put(&self.of(TAG_ROSTER, user), &RosterRow(changed))?;
        Ok(changed)
    }

    fn roster(&self, view: &dyn View, user: &str) -> Result<Roster, StoreError> {
        let mut roster = Roster {
            version: self.version(view, user)?,
            ..Roster::default()
        };
        view.records(&self.of(TAG_ITEM, user), |_, row: ItemRow| {
            roster
                .items
                .extend(row.item.map(|item| (item.jid.clone(), item)));
            Ok(())
        })?;
        Ok(roster)
    }

    fn roster_since(
        &self,
        view: &dyn View,
        user: &str,
        since: u64,
    ) -> Result<RosterDelta, StoreError> {
        let mut delta = RosterDelta {
            version: self.version(view, user)?,
            ..RosterDelta::default()
        };
        let prefix = self.of(TAG_ITEM, user);
        view.records(&prefix, |key, row: ItemRow| {
            match row.item {
                _ if row.changed <= since => {}
                Some(item) => delta.changed.push((row.changed, item)),
                None => delta.removed.push((row.changed, prefix.text_behind(key))),
            }
            Ok(())
        })?;
        delta.changed.sort_by_key(|(changed, _)| *changed);
        delta.removed.sort();
        Ok(delta)
    }

    fn push(
        &self,
        tx: &mut Tx<'_>,
        user: &str,
        message: OfflineMessage,
        limit: u64,
    ) -> Result<u64, StoreError> {
        let place = self.of(TAG_BY_KEY, user).text(&message.key);
        if let Some(Place(seq)) = tx.view().record(&place)? {
            return Ok(seq);
        }
        let queue = self.of(TAG_QUEUE, user);
        let QueueRow { last, waiting } = tx.view().record(&queue)?.unwrap_or_default();
        if waiting >= limit {
            return Err(StoreError::OfflineFull {
                user: user.to_owned(),
                limit,
            });
        }
        let seq = last + 1;
        tx.put(
            &queue,
            &QueueRow {
                last: seq,
                waiting: waiting + 1,
            },
        )?;
        tx.put(&place, &Place(seq))?;
        tx.put(
            &self.of(TAG_OFFLINE, user).number(seq),
            &OfflineRow::Waits(message),
        )?;
        self.forget(tx, user, seq)?;
        Ok(seq)
    }

    /// Forgets the key of the delivered message that lies far enough behind `seq`.
    fn forget(&self, tx: &mut Tx<'_>, user: &str, seq: u64) -> Result<(), StoreError> {
        let Some(old) = seq.checked_sub(OFFLINE_KEYS) else {
            return Ok(());
        };
        let row = self.of(TAG_OFFLINE, user).number(old);
        match tx.view().record(&row)? {
            Some(OfflineRow::Delivered { key }) => {
                tx.remove(&self.of(TAG_BY_KEY, user).text(&key));
                tx.remove(&row);
            }
            Some(OfflineRow::Waits(_)) | None => {}
        }
        Ok(())
    }

    fn confirm(&self, tx: &mut Tx<'_>, user: &str, delivered: Vec<u64>) -> Result<u64, StoreError> {
        let queue = self.of(TAG_QUEUE, user);
        let Some(mut row) = tx.view().record::<QueueRow>(&queue)? else {
            return Ok(0);
        };
        let mut gone = 0;
        for seq in delivered {
            let place = self.of(TAG_OFFLINE, user).number(seq);
            match tx.view().record(&place)? {
                Some(OfflineRow::Waits(message)) => {
                    gone += 1;
                    self.bury(tx, user, &place, message.key, seq, row.last)?;
                }
                Some(OfflineRow::Delivered { .. }) | None => {}
            }
        }
        row.waiting = row.waiting.saturating_sub(gone);
        tx.put(&queue, &row)?;
        Ok(gone)
    }

    /// Leaves a trace of a delivered message, unless it is old enough to be forgotten.
    fn bury(
        &self,
        tx: &mut Tx<'_>,
        user: &str,
        place: &Key,
        key: String,
        seq: u64,
        last: u64,
    ) -> Result<(), StoreError> {
        if last.saturating_sub(seq) < OFFLINE_KEYS {
            return tx.put(place, &OfflineRow::Delivered { key });
        }
        tx.remove(&self.of(TAG_BY_KEY, user).text(&key));
        tx.remove(place);
        Ok(())
    }

    fn offline(
        &self,
        view: &dyn View,
        user: &str,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Vec<StoredOffline>, StoreError> {
        let prefix = self.of(TAG_OFFLINE, user);
        let from = prefix
            .clone()
            .number(after.map_or(0, |seq| seq.saturating_add(1)));
        let mut waiting = Vec::new();
        if limit == 0 {
            return Ok(waiting);
        }
        view.visit(from.bytes(), &prefix.end(), Step::Forwards, |key, value| {
            match codec::decode(&key, &value)? {
                OfflineRow::Waits(message) => {
                    waiting.push(StoredOffline {
                        seq: prefix.number_behind(&key),
                        message,
                    });
                }
                OfflineRow::Delivered { .. } => {}
            }
            Ok(waiting.len() < limit)
        })?;
        Ok(waiting)
    }
}

impl<B: Backend> Facade<B> {
    fn users(&self) -> Layout {
        Layout(self.instance.clone())
    }

    fn read_user<T: Send + 'static>(
        &self,
        user: &str,
        job: impl FnOnce(&Layout, &dyn View, &str) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreFuture<T> {
        let (layout, user) = (self.users(), user.to_owned());
        self.backend.read(move |view| job(&layout, view, &user))
    }

    fn write_user<T: Send + 'static>(
        &self,
        user: &str,
        job: impl FnOnce(&Layout, &mut Tx<'_>, &str) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreFuture<T> {
        let (layout, user) = (self.users(), user.to_owned());
        self.backend.write(move |tx| job(&layout, tx, &user))
    }
}

impl<B: Backend> UserStore for Facade<B> {
    fn put_account(&self, account: Account, put: PutAccount) -> StoreFuture<()> {
        let layout = self.users();
        self.backend
            .write(move |tx| layout.put_account(tx, account, put))
    }

    fn account(&self, user: &str) -> StoreFuture<Option<Account>> {
        self.read_user(user, |layout, view, user| {
            let row = view.record(&layout.of(TAG_ACCOUNT, user))?;
            Ok(row.map(|AccountRow(account)| account))
        })
    }

    fn accounts(&self, after: Option<&str>, limit: usize) -> StoreFuture<Vec<Account>> {
        let (prefix, after) = (self.key(TAG_ACCOUNT), after.map(str::to_owned));
        self.backend.read(move |view| {
            let from = after.map_or(prefix.bytes().to_vec(), |user| {
                prefix.clone().text(&user).end()
            });
            let found = view.scan(&from, &prefix.end(), Step::Forwards, limit)?;
            let read = |(key, value): &super::Entry| {
                let AccountRow(account) = codec::decode(key, value)?;
                Ok(account)
            };
            found.iter().map(read).collect()
        })
    }

    fn remove_account(&self, user: &str) -> StoreFuture<()> {
        self.write_user(user, |layout, tx, user| layout.remove_account(tx, user))
    }

    fn roster(&self, user: &str) -> StoreFuture<Roster> {
        self.read_user(user, |layout, view, user| layout.roster(view, user))
    }

    fn roster_since(&self, user: &str, since: u64) -> StoreFuture<RosterDelta> {
        self.read_user(user, move |layout, view, user| {
            layout.roster_since(view, user, since)
        })
    }

    fn put_roster_item(&self, user: &str, item: RosterItem) -> StoreFuture<u64> {
        self.write_user(user, move |layout, tx, user| {
            let contact = item.jid.clone();
            layout.set_item(tx, user, &contact, Some(item))
        })
    }

    fn remove_roster_item(&self, user: &str, contact: &str) -> StoreFuture<u64> {
        let contact = contact.to_owned();
        self.write_user(user, move |layout, tx, user| {
            layout.set_item(tx, user, &contact, None)
        })
    }

    fn push_offline(&self, user: &str, message: OfflineMessage, limit: u64) -> StoreFuture<u64> {
        self.write_user(user, move |layout, tx, user| {
            layout.push(tx, user, message, limit)
        })
    }

    fn offline(
        &self,
        user: &str,
        after: Option<u64>,
        limit: usize,
    ) -> StoreFuture<Vec<StoredOffline>> {
        self.read_user(user, move |layout, view, user| {
            layout.offline(view, user, after, limit)
        })
    }

    fn offline_count(&self, user: &str) -> StoreFuture<u64> {
        self.read_user(user, |layout, view, user| {
            let row: Option<QueueRow> = view.record(&layout.of(TAG_QUEUE, user))?;
            Ok(row.unwrap_or_default().waiting)
        })
    }

    fn confirm_offline(&self, user: &str, delivered: Vec<u64>) -> StoreFuture<u64> {
        self.write_user(user, move |layout, tx, user| {
            layout.confirm(tx, user, delivered)
        })
    }

    fn put_private(
        &self,
        user: &str,
        namespace: &str,
        name: &str,
        value: Option<Vec<u8>>,
    ) -> StoreFuture<()> {
        let key = self
            .users()
            .of(TAG_PRIVATE, user)
            .text(namespace)
            .text(name);
        self.backend.write(move |tx| match value {
            Some(value) => tx.put(&key, &PrivateRow(value)),
            None => {
                tx.remove(&key);
                Ok(())
            }
        })
    }

    fn private(&self, user: &str, namespace: &str, name: &str) -> StoreFuture<Option<Vec<u8>>> {
        let key = self
            .users()
            .of(TAG_PRIVATE, user)
            .text(namespace)
            .text(name);
        self.backend
            .read(move |view| Ok(view.record(&key)?.map(|PrivateRow(value)| value)))
    }

    fn private_all(&self, user: &str, namespace: &str) -> StoreFuture<BTreeMap<String, Vec<u8>>> {
        let prefix = self.users().of(TAG_PRIVATE, user).text(namespace);
        self.backend.read(move |view| {
            let mut all = BTreeMap::new();
            view.records(&prefix, |key, PrivateRow(value)| {
                all.insert(prefix.text_behind(key), value);
                Ok(())
            })?;
            Ok(all)
        })
    }
}
