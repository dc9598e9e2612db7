//! Types of databases, their faults, and the export of a room.

mod support;

use std::{sync::Arc, time::Duration};

use support::{A, ALIAS, affiliation, good, hosted, says, wait};
use takeover_protocols::muc::{Affiliation, RoomWrite};
use takeover_storage::{
    ChatStore, Claim, Embedded, EngineInfo, EngineKind, Export, FailOnce, Faults, Guarded,
    HistoryQuery, Memory, StoreError,
};

/// CHAT-3: known types without a driver, and unknown ones, are refused by an error that names the
/// types there are.
#[test]
fn types_that_are_not_there() {
    for (name, kind) in [("oracle", EngineKind::Oracle), ("MSSQL", EngineKind::MsSql)] {
        assert_eq!(name.parse(), Ok(kind));
        let refused = kind.built_in().unwrap_err();
        assert_eq!(refused, StoreError::NotBuiltIn { kind });
        let text = refused.to_string();
        for there in EngineKind::BUILT_IN {
            assert!(text.contains(there.name()), "{text}");
        }
    }
    let unknown = "dbase".parse::<EngineKind>().unwrap_err().to_string();
    for kind in EngineKind::KNOWN {
        assert!(unknown.contains(kind.name()), "{unknown}");
        assert_eq!(kind.name().parse(), Ok(*kind));
    }
    assert!(unknown.contains("\"dbase\""), "{unknown}");
    for kind in EngineKind::BUILT_IN {
        assert_eq!(kind.built_in(), Ok(*kind));
    }
}

/// A database in a temporary folder keeps it until the last of its handles is gone.
#[test]
fn a_temporary_folder_goes_when_its_database_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let database = Embedded::open_within(folder, path.join("store")).unwrap();
    let chat = database.chat(ALIAS);
    drop(database);
    hosted(&*chat, "lunch");
    assert!(path.exists());
    drop(chat);
    assert!(!path.exists());
}

/// CHAT-12: what each fault does, on an engine with a room of two messages.
fn faults_do_what_they_say(chat: &dyn ChatStore, faults: &Faults) {
    let (fence, room) = hosted(chat, "lunch");
    let kind = chat.info().kind;
    let say = |seq| wait(chat.write(&fence, &room, vec![says(seq, "andy", "x")]));
    let last = || wait(chat.room(&room)).map(|stored| stored.unwrap().last_seq);
    say(1).unwrap();

    faults.set_down(true);
    for refused in [
        say(2).unwrap_err(),
        last().unwrap_err(),
        wait(chat.ping()).unwrap_err(),
    ] {
        assert!(
            matches!(refused, StoreError::Unreachable { .. }),
            "{refused}"
        );
        assert!(refused.is_transient() && !refused.is_unknown());
    }
    faults.set_down(false);
    assert_eq!(last(), Ok(1));

    faults.set_disk_full(true);
    assert_eq!(say(2), Err(StoreError::DiskFull { engine: kind }));
    assert_eq!(last(), Ok(1));
    faults.heal();

    faults.fail_next(FailOnce::Before, 1);
    assert!(say(2).unwrap_err().is_transient());
    assert_eq!(last(), Ok(1));
    faults.fail_next(FailOnce::AfterCommit, 1);
    assert!(say(2).unwrap_err().is_unknown());
    assert_eq!(last(), Ok(2));
    say(2).unwrap();
    assert_eq!(
        good(chat.history(&room, HistoryQuery::last(9)))
            .entries
            .len(),
        2
    );

    assert_eq!(chat.latency(), Duration::ZERO);
    faults.set_latency(Duration::from_secs(3));
    assert_eq!(chat.latency(), Duration::from_secs(3));
    assert_eq!(faults.refused(), 6);
}

/// CHAT-12, on all engines.
#[test]
fn faults() {
    let memory = Memory::new();
    faults_do_what_they_say(&*memory.chat("pair"), memory.faults());
    let folder = tempfile::tempdir().unwrap();
    let embedded = Embedded::open(folder.path()).unwrap();
    faults_do_what_they_say(&*embedded.chat("pair"), embedded.faults());
    embedded.faults().heal();
    let faults = Faults::none();
    let guarded = Guarded::new(embedded.chat("guarded"), faults.clone(), None);
    faults_do_what_they_say(&guarded, &faults);
    assert_eq!(
        wait(embedded.node("1A").get("ha")),
        Ok(None),
        "its own alone"
    );
    if let Some(server) = support::postgres::server("engines::faults") {
        let postgres = server.open("pair");
        faults_do_what_they_say(&*postgres.chat(), postgres.faults());
    }
}

/// CHAT-5: equal descriptions are one instance, others are not.
#[test]
fn instances_can_be_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let embedded = Embedded::open(folder.path()).unwrap();
    assert_eq!(
        embedded.chat("pair-1").info(),
        embedded.chat("pair-1").info()
    );
    assert_ne!(
        embedded.chat("pair-1").info(),
        embedded.chat("pair-2").info()
    );
    assert_eq!(
        embedded.chat("pair-1").info(),
        EngineInfo {
            kind: EngineKind::Embedded,
            place: folder.path().display().to_string(),
            instance: "chat/pair-1".into(),
        }
    );
    // And what one holds, the other does not.
    hosted(&*embedded.chat("pair-1"), "lunch");
    assert_eq!(good(embedded.chat("pair-2").aliases()), [""; 0]);
}

/// Writes of many rooms share their syncs: the group commit is one.
#[test]
fn waiting_writes_share_a_sync() {
    let folder = tempfile::tempdir().unwrap();
    let embedded = Embedded::open(folder.path()).unwrap();
    let chat = embedded.chat("pair");
    let (fence, room) = hosted(&*chat, "lunch");
    let before = embedded.traffic();
    let writes = (1..=500).map(|seq| chat.write(&fence, &room, vec![says(seq, "andy", "x")]));
    let answers: Vec<_> = writes.collect();
    answers.into_iter().for_each(good);
    let after = embedded.traffic();
    assert_eq!(after.writes - before.writes, 500);
    assert!(after.groups - before.groups < 250, "{after:?}");
    assert_eq!(good(chat.room(&room)).unwrap().last_seq, 500);
}

/// A room comes out as JSON lines: itself, its affiliations, its messages in order.
#[test]
fn a_room_as_json_lines() {
    let memory = Memory::new();
    let chat = memory.chat("pair");
    let (fence, room) = hosted(&*chat, "lunch");
    let bob = affiliation("bob@example.com", Some(Affiliation::Outcast));
    good(chat.write(
        &fence,
        &room,
        vec![Arc::new(RoomWrite::Affiliations(vec![bob]))],
    ));
    let text = |seq| format!("\"number\"\u{e4} {seq}");
    let writes = (1..=600).map(|seq| says(seq, "andy", &text(seq))).collect();
    good(chat.write(&fence, &room, writes));
    let mut export = Export::new(Arc::clone(&chat), room.clone());
    let lines = good(Box::pin(async move {
        let mut lines: Vec<serde_json::Value> = Vec::new();
        while let Some(line) = export.next_line().await? {
            assert!(!line.contains('\n'));
            lines.push(serde_json::from_str(&line).unwrap());
        }
        Ok(lines)
    }));
    assert_eq!(lines.len(), 1 + 2 + 600);
    assert_eq!(
        (&lines[0]["type"], &lines[0]["jid"]),
        (&"room".into(), &room.as_str().into())
    );
    assert_eq!(lines[0]["messages"], 600);
    assert_eq!(lines[1]["affiliation"], "outcast");
    for (seq, line) in (1..).zip(&lines[3..]) {
        assert_eq!(
            (&line["seq"], &line["body"]),
            (&seq.into(), &text(seq).into())
        );
    }
    let mut missing = Export::new(chat, support::room("nowhere"));
    let answer = wait(Box::pin(async move { missing.next_line().await }));
    assert!(matches!(answer, Err(StoreError::NoSuchRoom { .. })));
}

/// HA-10: while writers of a lost lease go on, the new host's history has no message of theirs
/// behind its own first one.
#[test]
fn a_lease_changes_hands_under_load() {
    let folder = tempfile::tempdir().unwrap();
    let embedded = Embedded::open(folder.path()).unwrap();
    let chat = embedded.chat("pair");
    let (mut fence, room) = hosted(&*chat, "lunch");
    for _ in 0..20 {
        let last = good(chat.room(&room)).unwrap().last_seq;
        let old = fence.clone();
        let before: Vec<_> = (1..9)
            .map(|n| chat.write(&old, &room, vec![says(last + n, "old", "x")]))
            .collect();
        let grant = chat.acquire(ALIAS, A, Claim::Force);
        let late: Vec<_> = (9..17)
            .map(|n| chat.write(&old, &room, vec![says(last + n, "old", "x")]))
            .collect();
        before.into_iter().for_each(good);
        fence = good(grant).fence;
        for answer in late {
            assert!(matches!(wait(answer), Err(StoreError::Fenced { .. })));
        }
        good(chat.write(&fence, &room, vec![says(last + 9, "new", "x")]));
        assert_eq!(good(chat.room(&room)).unwrap().last_seq, last + 9);
    }
}
