//! Bytes that are not what was written are an error, never another value and never a gap.

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
};

use proptest::{
    prelude::Rng as _,
    test_runner::{RngAlgorithm, TestRng},
};
use support::{
    A, ALIAS, create, good, hosted, message, room, says,
    user_suite::{ANDY, BOB, account, item, offline},
};
use takeover_protocols::roster::subscription::State;
use takeover_storage::{
    ChatStore, Claim, Embedded, HistoryQuery, PutAccount, StoreError, embedded::Options,
};

const MESSAGES: u64 = 60;

fn text(seq: u64) -> String {
    format!("number {seq} {}", "y".repeat(50))
}

/// A database with a little of everything, some of it in sled, some in the log alone.
fn fill(folder: &Path) {
    let embedded = Embedded::open_with(
        folder,
        Options {
            checkpoint: 8 * 1024,
            ..Options::default()
        },
    );
    let embedded = embedded.unwrap();
    let chat = embedded.chat("pair");
    let (fence, room) = hosted(&*chat, "lunch");
    for seq in 1..=MESSAGES {
        good(chat.write(&fence, &room, vec![says(seq, "andy", &text(seq))]));
    }
    let users = embedded.users("cluster");
    good(users.put_account(account(ANDY, 2), PutAccount::Create));
    good(users.put_roster_item(ANDY, item(BOB, State::Both)));
    good(users.push_offline(ANDY, offline("k"), 9));
    assert!(embedded.traffic().checkpoints > 0);
    // As if killed: what is written after this copy was made is not part of it.
    copy(folder, &folder.with_extension("killed"));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target)
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found)
        } else {
            found.push(path)
        }
    }
    found.sort();
}

/// Everything is there, or the answer is an error; says which.
fn check(folder: &Path) -> Result<(), StoreError> {
    let embedded = Embedded::open(folder)?;
    let wait =
        |chat: &dyn ChatStore| support::wait(chat.history(&room("lunch"), HistoryQuery::last(99)));
    let entries = wait(&*embedded.chat("pair"))?.entries;
    let all: Vec<_> = (1..=MESSAGES)
        .map(|seq| message(seq, "andy", &text(seq)))
        .collect();
    assert_eq!(entries, all);
    let users = embedded.users("cluster");
    assert_eq!(support::wait(users.account(ANDY))?, Some(account(ANDY, 2)));
    assert_eq!(
        support::wait(users.roster(ANDY))?.items[BOB],
        item(BOB, State::Both)
    );
    assert_eq!(
        support::wait(users.offline(ANDY, None, 9))?[0].message,
        offline("k")
    );
    Ok(())
}

/// Chapter 4, storage: one changed byte in any file of the database, 200 times: an error or no
/// difference. In our own log it is always an error.
#[test]
fn a_changed_byte_is_an_error_or_makes_no_difference() {
    let folder = tempfile::tempdir().unwrap();
    fill(&folder.path().join("whole"));
    for whole in ["whole", "whole.killed"] {
        let whole = folder.path().join(whole);
        let mut chance = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
        let mut names = Vec::new();
        files(&whole, &mut names);
        names.retain(|name| fs::metadata(name).unwrap().len() > 0);
        let mut errors = 0;
        for round in 0..100 {
            let name = &names[round % names.len()];
            let damaged = folder.path().join("damaged");
            copy(&whole, &damaged);
            let file = damaged.join(name.strip_prefix(&whole).unwrap());
            let mut bytes = fs::read(&file).unwrap();
            // sled's file is mostly empty: aim at what is written.
            let written: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at] != 0).collect();
            let at = written[usize::try_from(chance.next_u64()).unwrap() % written.len()];
            bytes[at] ^= 1 << (chance.next_u64() % 8);
            fs::write(&file, bytes).unwrap();
            let outcome = check(&damaged);
            eprintln!("{} byte {at}: {outcome:?}", file.display());
            errors += u32::from(outcome.is_err());
            assert!(outcome.is_err() || !file.ends_with("log"));
            fs::remove_dir_all(&damaged).unwrap();
        }
        assert!(errors > 20, "only {errors} of 100 changes were noticed");
        check(&whole).unwrap();
    }
}

/// A database whose sled lost its newest records (which the log no longer has) is refused.
#[test]
fn records_that_sled_lost_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    let write = |seq| {
        let embedded = Embedded::open(&old).unwrap();
        let chat = embedded.chat("pair");
        let fence = good(chat.acquire(ALIAS, A, Claim::Force)).fence;
        let room = room("lunch");
        let first = (seq == 1).then(|| create(&room));
        let writes = first
            .into_iter()
            .chain([says(seq, "andy", &text(seq))])
            .collect();
        good(chat.write(&fence, &room, writes));
    };
    write(1);
    copy(&old, &new);
    write(2);
    // The new log on the old sled.
    fs::copy(old.join("log"), new.join("log")).unwrap();
    let refused = Embedded::open(&new).unwrap_err();
    assert!(
        matches!(refused, StoreError::DamagedFile { .. }),
        "{refused}"
    );
    drop(Embedded::open(&old).unwrap());
}

/// Chapter 4, storage: a process that is killed while sled writes a snapshot leaves half of one beside
/// the former, which is the one that counts.
#[test]
fn half_a_snapshot_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    fill(&whole);
    check(&whole).unwrap();
    let mut names = Vec::new();
    files(&whole, &mut names);
    let snapshot = names.into_iter().find(|name| {
        let name = name.file_name().unwrap().to_str().unwrap();
        name.starts_with("snap.")
    });
    let snapshot = snapshot.expect("sled writes one when it is opened");
    let bytes = fs::read(&snapshot).unwrap();
    for half in [0, 12, bytes.len() / 2] {
        let next = snapshot.with_extension("FFFFFFFFFFFFFFFF.generating");
        fs::write(next, &bytes[..half]).unwrap();
        check(&whole).unwrap();
    }
}
