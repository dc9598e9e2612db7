//! What every [`UserStore`] must do, whatever the engine. Each function starts with an empty store.

use std::collections::BTreeMap;

use takeover_protocols::{
    roster::subscription::State,
    sasl::{Password, ScramHash, ScramKeys},
};
use takeover_storage::{
    Account, OFFLINE_KEYS, OfflineMessage, PutAccount, Roster, RosterItem, StoreError, UserStore,
};

use super::{Part, at, good, wait};

/// All parts of the suite, by name.
pub const SUITE: &[Part<dyn UserStore>] = &[
    ("accounts are kept", accounts_are_kept),
    ("rosters have versions", rosters_have_versions),
    (
        "offline messages wait until confirmed",
        offline_messages_wait_until_confirmed,
    ),
    (
        "an offline message is stored once",
        an_offline_message_is_stored_once,
    ),
    ("private values are apart", private_values_are_apart),
    (
        "a removed account leaves nothing",
        a_removed_account_leaves_nothing,
    ),
];

pub const ANDY: &str = "andy@example.com";
pub const BOB: &str = "bob@example.com";

pub fn account(user: &str, iterations: u32) -> Account {
    let password = Password::new("secret");
    let keys = |hash| ScramKeys::derive(hash, &password, b"0123456789abcdef", iterations).unwrap();
    Account {
        user: user.into(),
        sha1: keys(ScramHash::Sha1),
        sha256: keys(ScramHash::Sha256),
        enabled: true,
    }
}

pub fn item(contact: &str, state: State) -> RosterItem {
    RosterItem {
        jid: contact.into(),
        name: Some(format!("Name of {contact}")),
        groups: vec!["Friends".into(), "\u{0}".into()],
        state,
        listed: true,
        ..RosterItem::default()
    }
}

pub fn offline(key: &str) -> OfflineMessage {
    OfflineMessage {
        key: key.into(),
        at: at(3),
        stanza: format!("<message id='{key}'/>").into(),
    }
}

/// USR-3, XMPP-3: accounts are unique, listed in order, kept as keys.
fn accounts_are_kept(users: &dyn UserStore) {
    assert_eq!(good(users.account(ANDY)), None);
    good(users.put_account(account(ANDY, 2), PutAccount::Create));
    let exists = StoreError::AccountExists { user: ANDY.into() };
    assert_eq!(
        wait(users.put_account(account(ANDY, 3), PutAccount::Create)),
        Err(exists)
    );
    assert_eq!(good(users.account(ANDY)), Some(account(ANDY, 2)));
    good(users.put_account(account(ANDY, 3), PutAccount::Replace));
    good(users.put_account(account("a@example.com", 2), PutAccount::Create));
    good(users.put_account(account(BOB, 2), PutAccount::Replace));
    let names = |after, limit| {
        let found = good(users.accounts(after, limit));
        found
            .into_iter()
            .map(|account| account.user)
            .collect::<Vec<_>>()
    };
    assert_eq!(names(None, 9), ["a@example.com", ANDY, BOB]);
    assert_eq!(names(Some("a@example.com"), 1), [ANDY]);
    assert_eq!(names(Some(BOB), 1), [""; 0]);
    assert_eq!(good(users.account(ANDY)).unwrap().sha1.iterations, 3);
}

/// RFC 6121 section 2.6: each change makes a version, nothing else does; a delta brings a client up.
fn rosters_have_versions(users: &dyn UserStore) {
    assert_eq!(good(users.roster(ANDY)), Roster::default());
    assert_eq!(good(users.remove_roster_item(ANDY, BOB)), 0);
    assert_eq!(good(users.put_roster_item(ANDY, item(BOB, State::None))), 1);
    assert_eq!(good(users.put_roster_item(ANDY, item(BOB, State::None))), 1);
    assert_eq!(
        good(users.put_roster_item(ANDY, item("cat@example.com", State::To))),
        2
    );
    let pending = RosterItem {
        request: Some(b"<presence type='subscribe'/>".to_vec()),
        ..item(BOB, State::FromPendingOut)
    };
    assert_eq!(good(users.put_roster_item(ANDY, pending.clone())), 3);
    assert_eq!(good(users.remove_roster_item(ANDY, "cat@example.com")), 4);
    assert_eq!(good(users.remove_roster_item(ANDY, "cat@example.com")), 4);
    let roster = good(users.roster(ANDY));
    assert_eq!(roster.version, 4);
    assert_eq!(
        roster.items,
        BTreeMap::from([(BOB.to_owned(), pending.clone())])
    );
    let delta = good(users.roster_since(ANDY, 2));
    assert_eq!(delta.version, 4);
    assert_eq!(delta.changed, [(3, pending)]);
    assert_eq!(delta.removed, [(4, "cat@example.com".to_owned())]);
    let nothing = good(users.roster_since(ANDY, 4));
    assert_eq!((nothing.changed.len(), nothing.removed.len()), (0, 0));
    assert_eq!(
        good(users.put_roster_item(ANDY, item("cat@example.com", State::Both))),
        5
    );
    assert_eq!(good(users.roster_since(ANDY, 0)).changed.len(), 2);
    assert_eq!(good(users.roster(BOB)), Roster::default());
}

fn waiting(users: &dyn UserStore, after: Option<u64>, limit: usize) -> Vec<(u64, String)> {
    let found = good(users.offline(ANDY, after, limit));
    found
        .into_iter()
        .map(|stored| (stored.seq, stored.message.key))
        .collect()
}

/// XEP-0160: in order, until delivery is confirmed, at most so many.
fn offline_messages_wait_until_confirmed(users: &dyn UserStore) {
    assert_eq!(good(users.offline_count(ANDY)), 0);
    assert_eq!(good(users.confirm_offline(ANDY, vec![1])), 0);
    for (key, seq) in [("a", 1), ("b", 2), ("c", 3)] {
        assert_eq!(good(users.push_offline(ANDY, offline(key), 3)), seq);
    }
    let full = StoreError::OfflineFull {
        user: ANDY.into(),
        limit: 3,
    };
    assert_eq!(wait(users.push_offline(ANDY, offline("d"), 3)), Err(full));
    good(users.push_offline(BOB, offline("d"), 3));
    let all = [
        (1, "a".to_owned()),
        (2, "b".to_owned()),
        (3, "c".to_owned()),
    ];
    for _ in 0..2 {
        assert_eq!(waiting(users, None, 9), all);
        assert_eq!(waiting(users, None, 2), all[..2]);
        assert_eq!(waiting(users, Some(1), 9), all[1..]);
        assert_eq!(waiting(users, None, 0), []);
    }
    assert_eq!(good(users.offline(ANDY, None, 1))[0].message, offline("a"));
    assert_eq!(good(users.confirm_offline(ANDY, vec![1, 3, 3, 77])), 2);
    assert_eq!(waiting(users, None, 9), all[1..2]);
    assert_eq!(good(users.offline_count(ANDY)), 1);
    assert_eq!(good(users.push_offline(ANDY, offline("e"), 3)), 4);
    assert_eq!(good(users.confirm_offline(ANDY, vec![2, 4])), 2);
    assert_eq!(waiting(users, None, 9), []);
    assert_eq!(good(users.offline_count(BOB)), 1);
}

/// Exactly once: the same message again is the same message, waiting or delivered long ago.
fn an_offline_message_is_stored_once(users: &dyn UserStore) {
    assert_eq!(good(users.push_offline(ANDY, offline("a"), 9)), 1);
    assert_eq!(good(users.push_offline(ANDY, offline("a"), 1)), 1);
    assert_eq!(good(users.push_offline(ANDY, offline("stays"), 9)), 2);
    good(users.confirm_offline(ANDY, vec![1]));
    assert_eq!(good(users.push_offline(ANDY, offline("a"), 9)), 1);
    assert_eq!(waiting(users, None, 9), [(2, "stays".to_owned())]);
    for number in 3..=OFFLINE_KEYS {
        let seq = good(users.push_offline(ANDY, offline(&format!("n{number}")), 9));
        assert_eq!(seq, number);
        good(users.confirm_offline(ANDY, vec![seq]));
    }
    assert_eq!(good(users.push_offline(ANDY, offline("a"), 9)), 1);
    // One further message, and the key is forgotten; what waits is not.
    assert_eq!(
        good(users.push_offline(ANDY, offline("last"), 9)),
        OFFLINE_KEYS + 1
    );
    assert_eq!(
        good(users.push_offline(ANDY, offline("a"), 9)),
        OFFLINE_KEYS + 2
    );
    assert_eq!(good(users.push_offline(ANDY, offline("stays"), 9)), 2);
    assert_eq!(waiting(users, None, 1), [(2, "stays".to_owned())]);
    good(users.confirm_offline(ANDY, vec![2]));
    assert_eq!(good(users.offline_count(ANDY)), 2);
}

/// XEP-0049, XEP-0054: values by user, namespace and name.
fn private_values_are_apart(users: &dyn UserStore) {
    let value = |text: &str| Some(text.as_bytes().to_vec());
    good(users.put_private(ANDY, "vcard", "", value("<vCard/>")));
    good(users.put_private(ANDY, "notes", "a", value("1")));
    good(users.put_private(ANDY, "notes", "b", value("")));
    good(users.put_private(ANDY, "note", "sa", value("other")));
    good(users.put_private(BOB, "notes", "a", value("2")));
    assert_eq!(good(users.private(ANDY, "vcard", "")), value("<vCard/>"));
    assert_eq!(good(users.private(ANDY, "notes", "b")), value(""));
    assert_eq!(good(users.private(ANDY, "notes", "c")), None);
    let all = good(users.private_all(ANDY, "notes"));
    assert_eq!(all.into_keys().collect::<Vec<_>>(), ["a", "b"]);
    good(users.put_private(ANDY, "notes", "a", None));
    good(users.put_private(ANDY, "notes", "a", None));
    assert_eq!(good(users.private(ANDY, "notes", "a")), None);
    assert_eq!(good(users.private(BOB, "notes", "a")), value("2"));
}

/// Nothing of a user that is gone comes back to a new one of the same name.
fn a_removed_account_leaves_nothing(users: &dyn UserStore) {
    let no_such = StoreError::NoSuchAccount { user: ANDY.into() };
    assert_eq!(wait(users.remove_account(ANDY)), Err(no_such));
    for user in [ANDY, BOB] {
        good(users.put_account(account(user, 2), PutAccount::Create));
        good(users.put_roster_item(user, item("cat@example.com", State::Both)));
        good(users.push_offline(user, offline("a"), 9));
        good(users.put_private(user, "notes", "a", Some(vec![1])));
    }
    good(users.remove_account(ANDY));
    assert_eq!(good(users.account(ANDY)), None);
    assert_eq!(good(users.roster(ANDY)), Roster::default());
    assert_eq!(good(users.offline_count(ANDY)), 0);
    assert_eq!(waiting(users, None, 9), []);
    assert_eq!(good(users.private(ANDY, "notes", "a")), None);
    assert_eq!(good(users.roster(BOB)).version, 1);
    assert_eq!(good(users.offline_count(BOB)), 1);
}
