//! What can happen to a PostgreSQL server, and to the way to it.

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use jid::BareJid;
use support::{
    A, ALIAS, B, create, good, hosted, message,
    postgres::{Server, options, pause, server},
    proxy::Proxy,
    room, says, wait,
};
use takeover_protocols::muc::HistoryEntry;
use takeover_storage::{
    ChatStore, Claim, EngineKind, Fence, HistoryQuery, Postgres, PostgresOptions, PostgresSettings,
    PostgresTls, StoreError,
};

const KIND: EngineKind = EngineKind::PostgreSql;

fn said(chat: &dyn ChatStore, room: &BareJid) -> Vec<HistoryEntry> {
    good(chat.history(room, HistoryQuery::last(usize::MAX))).entries
}

/// Posts to a room until told to stop; asks again whenever asking again may help. The number of the
/// last message that was acknowledged, and how often an answer was no good one.
fn talk(chat: &dyn ChatStore, fence: &Fence, room: &BareJid, stop: &AtomicBool) -> (u64, u64) {
    let (mut last, mut refused) = (0, 0);
    while !stop.load(SeqCst) {
        match wait(chat.write(fence, room, vec![says(last + 1, "andy", "x")])) {
            Ok(()) => last += 1,
            Err(error) if error.is_transient() => {
                refused += 1;
                pause(Duration::from_millis(1));
            }
            Err(error) => panic!("message {} of {room}: {error}", last + 1),
        }
    }
    (last, refused)
}

/// Lets several rooms be talked in while `disturb` does its worst; then every room must hold what was
/// acknowledged, once, in order, and at most the one message more that was under way.
fn talk_while(chat: &dyn ChatStore, disturb: impl FnOnce()) -> u64 {
    let fence = good(chat.acquire(ALIAS, A, Claim::Force)).fence;
    let rooms: Vec<_> = (0..6).map(|n| room(&format!("room-{n}"))).collect();
    for room in &rooms {
        good(chat.write(&fence, room, vec![create(room)]));
    }
    let stop = AtomicBool::new(false);
    let told = thread::scope(|scope| {
        let talking: Vec<_> = rooms
            .iter()
            .map(|room| scope.spawn(|| talk(chat, &fence, room, &stop)))
            .collect();
        disturb();
        stop.store(true, SeqCst);
        let ended = talking.into_iter().map(|thread| thread.join().unwrap());
        ended.collect::<Vec<_>>()
    });
    while wait(chat.ping()).is_err() {
        // The engine has not noticed yet that all is well again.
        pause(Duration::from_millis(5));
    }
    for (room, (last, refused)) in rooms.iter().zip(&told) {
        let there = said(chat, room);
        let count = there.len() as u64;
        eprintln!("{room}: {last} acknowledged, {count} stored, {refused} refused");
        assert!(*last > 0 && (count == *last || count == last + 1));
        for (seq, entry) in (1..).zip(&there) {
            assert_eq!(*entry, message(seq, "andy", "x"));
        }
    }
    told.iter().map(|(last, _)| last).sum()
}

/// CHAT-10, CHAT-12: a server killed (`kill -9`) and restarted under load has lost and doubled
/// nothing that was acknowledged.
#[test]
fn a_server_is_killed_under_load() {
    let Some(mut server) = server("postgres::a_server_is_killed_under_load") else {
        return;
    };
    let postgres = server.open("pair");
    let chat = postgres.chat();
    talk_while(&*chat, || {
        for round in 0..4 {
            pause(Duration::from_millis(100 + 70 * round));
            server.kill();
            pause(Duration::from_millis(20 * round));
            server.start();
        }
        pause(Duration::from_millis(300));
    });
    eprintln!("{:?}", postgres.traffic());
}

/// CHAT-10: connections cut in mid-transaction cost nobody anything.
#[test]
fn connections_are_cut_in_mid_transaction() {
    let Some(server) = server("postgres::connections_are_cut_in_mid_transaction") else {
        return;
    };
    let postgres = server.open("pair");
    let chat = postgres.chat();
    talk_while(&*chat, || {
        let mut cuts = 0;
        while cuts < 15 || postgres.traffic().repeated == 0 {
            cuts += 1;
            assert!(
                cuts < 1000,
                "no transaction was hit: {:?}",
                postgres.traffic()
            );
            pause(Duration::from_millis(30));
            server.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE application_name = 'takeover'",
            );
        }
    });
    eprintln!("{:?}", postgres.traffic());
}

/// CHAT-10: a commit whose answer was lost is looked for: what was done is not done again, and what
/// was not done is.
#[test]
fn an_answer_that_is_lost_is_found() {
    let Some(server) = server("postgres::an_answer_that_is_lost_is_found") else {
        return;
    };
    let proxy = Proxy::to(server.port());
    let settings = PostgresSettings {
        port: proxy.port(),
        ..server.settings("pair")
    };
    let postgres = Postgres::open(settings, options()).unwrap();
    let chat = postgres.chat();
    let (fence, room) = hosted(&*chat, "lunch");
    for round in 0..10 {
        let before = postgres.traffic();
        proxy.cut_after_commit();
        good(chat.write(&fence, &room, vec![says(2 * round + 1, "andy", "x")]));
        assert!(proxy.has_cut());
        let after = postgres.traffic();
        assert_eq!(after.doubted - before.doubted, 1);
        assert_eq!(after.repeated, before.repeated, "it was there");
        proxy.cut_before_commit();
        good(chat.write(&fence, &room, vec![says(2 * round + 2, "andy", "x")]));
        assert!(proxy.has_cut());
        let last = postgres.traffic();
        assert_eq!(last.doubted - after.doubted, 1);
        assert_eq!(last.repeated - after.repeated, 1, "it was not");
    }
    let seqs: Vec<_> = said(&*chat, &room).iter().map(|entry| entry.seq).collect();
    assert_eq!(seqs, (1..=20).collect::<Vec<_>>());
    // A lease too: its epoch is used once.
    proxy.cut_after_commit();
    let grant = good(chat.acquire(ALIAS, B, Claim::Force));
    assert_eq!(grant.fence.epoch, fence.epoch + 1);
    assert_eq!(good(chat.lease(ALIAS)).epoch, fence.epoch + 1);
}

/// CHAT-12: a server that falls silent, without a word and without closing a connection, is taken for
/// dead after a while; what was under way is there once when it speaks again.
#[test]
fn a_server_falls_silent() {
    let Some(server) = server("postgres::a_server_falls_silent") else {
        return;
    };
    let proxy = Proxy::to(server.port());
    let settings = PostgresSettings {
        port: proxy.port(),
        ..server.settings("pair")
    };
    let hasty = PostgresOptions {
        statement: Duration::from_millis(1000),
        connect: Duration::from_millis(1000),
        resolve: 2,
        ..options()
    };
    let chat = Postgres::open(settings, hasty).unwrap().chat();
    let (fence, room) = hosted(&*chat, "lunch");
    good(chat.write(&fence, &room, vec![says(1, "andy", "x")]));
    proxy.be_silent(true);
    let under_way = wait(chat.write(&fence, &room, vec![says(2, "andy", "x")])).unwrap_err();
    assert!(under_way.is_transient(), "{under_way}");
    let read = wait(chat.room(&room)).unwrap_err();
    assert!(matches!(read, StoreError::Unreachable { .. }), "{read}");
    proxy.be_silent(false);
    while wait(chat.ping()).is_err() {
        pause(Duration::from_millis(5));
    }
    good(chat.write(&fence, &room, vec![says(2, "andy", "x")]));
    let seqs: Vec<_> = said(&*chat, &room).iter().map(|entry| entry.seq).collect();
    assert_eq!(seqs, [1, 2]);
}

/// CHAT-12: a full disk refuses what is written, loses nothing, and is survived.
#[test]
fn a_disk_is_full() {
    let Some(server) = server("postgres::a_disk_is_full") else {
        return;
    };
    let chat = server.open("pair").chat();
    let (fence, room) = hosted(&*chat, "lunch");
    good(chat.write(&fence, &room, vec![says(1, "andy", "x")]));
    server.sql(
        "CREATE FUNCTION pair.full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; \
         END $$; CREATE TRIGGER full_disk BEFORE INSERT ON pair.takeover_message \
         EXECUTE PROCEDURE pair.full_disk()",
    );
    let many: Vec<_> = (2..10)
        .map(|seq| chat.write(&fence, &room, vec![says(seq, "andy", "x")]))
        .collect();
    for answer in many {
        assert_eq!(wait(answer), Err(StoreError::DiskFull { engine: KIND }));
    }
    assert_eq!(said(&*chat, &room).len(), 1);
    server.sql("DROP TRIGGER full_disk ON pair.takeover_message");
    good(chat.write(&fence, &room, vec![says(2, "andy", "x")]));
    assert_eq!(said(&*chat, &room).len(), 2);
}

/// CHAT-12: a slow database is waited for, up to a limit; what takes longer is not done.
#[test]
fn a_database_is_slow() {
    let Some(server) = server("postgres::a_database_is_slow") else {
        return;
    };
    let patient = server.open("pair").chat();
    let (fence, room) = hosted(&*patient, "lunch");
    let hasty = PostgresOptions {
        statement: Duration::from_millis(500),
        ..options()
    };
    let hasty = Postgres::open(server.settings("pair"), hasty)
        .unwrap()
        .chat();
    good(hasty.ping());
    thread::scope(|scope| {
        scope.spawn(|| {
            server.sql("BEGIN; LOCK pair.takeover_message; SELECT pg_sleep(3); COMMIT");
        });
        let held = "SELECT count(*) FROM pg_locks WHERE relation = 'pair.takeover_message'::regclass \
            AND mode = 'AccessExclusiveLock' AND granted";
        while server.sql(held) != "1" {
            pause(Duration::from_millis(5));
        }
        let late = wait(hasty.write(&fence, &room, vec![says(1, "hasty", "x")]));
        assert!(
            matches!(late, Err(StoreError::Unreachable { .. })),
            "{late:?}"
        );
        good(patient.write(&fence, &room, vec![says(1, "patient", "x")]));
    });
    assert_eq!(said(&*patient, &room), [message(1, "patient", "x")]);
}

/// HA-10, CHAT-10: two nodes, each with connections of its own; the one that lost the lease cannot
/// write, however much of its work is on its way.
#[test]
fn a_node_that_was_cut_off_is_fenced() {
    let Some(server) = server("postgres::a_node_that_was_cut_off_is_fenced") else {
        return;
    };
    let (old, new) = (server.open("pair").chat(), server.open("pair").chat());
    let (mut fence, room) = hosted(&*old, "lunch");
    for _ in 0..10 {
        let last = good(new.room(&room)).unwrap().last_seq;
        let under_way: Vec<_> = (1..30)
            .map(|n| old.write(&fence, &room, vec![says(last + n, "old", "x")]))
            .collect();
        let taken = good(new.acquire(ALIAS, B, Claim::Force)).fence;
        let there = good(new.room(&room)).unwrap().last_seq;
        let after = old.write(&fence, &room, vec![says(there + 1, "old", "x")]);
        let written = under_way
            .into_iter()
            .map(wait)
            .take_while(Result::is_ok)
            .count();
        assert!(matches!(wait(after), Err(StoreError::Fenced { .. })));
        // What the old host was told is stored was there when the new one had its lease.
        assert_eq!(last + written as u64, there);
        good(new.write(&taken, &room, vec![says(there + 1, "new", "x")]));
        assert_eq!(good(old.room(&room)).unwrap().last_seq, there + 1);
        fence = good(old.acquire(ALIAS, A, Claim::Force)).fence;
    }
}

/// CHAT-12: while the server is away requests are refused at once; when it is back they are not.
#[test]
fn a_server_is_away() {
    let Some(mut server) = server("postgres::a_server_is_away") else {
        return;
    };
    let chat = server.open("pair").chat();
    let (fence, room) = hosted(&*chat, "lunch");
    server.stop();
    for answer in [
        wait(chat.ping()),
        wait(chat.write(&fence, &room, vec![says(1, "andy", "x")])),
        wait(chat.room(&room)).map(drop),
        wait(chat.verify()).map(drop),
    ] {
        let error = answer.unwrap_err();
        assert!(matches!(error, StoreError::Unreachable { .. }), "{error}");
    }
    server.start();
    while wait(chat.ping()).is_err() {
        pause(Duration::from_millis(5));
    }
    good(chat.write(&fence, &room, vec![says(1, "andy", "x")]));
    assert_eq!(said(&*chat, &room), [message(1, "andy", "x")]);
}

/// MRG-1, CHAT-6: a schema is made once, however many come at once; one that is newer, damaged or
/// not to be had is refused with what is wrong.
#[test]
fn a_schema_is_made_and_checked() {
    let Some(server) = server("postgres::a_schema_is_made_and_checked") else {
        return;
    };
    let crowd: Vec<_> = (0..8).map(|_| server.open("crowd").chat()).collect();
    let verified: Vec<_> = crowd.iter().map(|chat| chat.verify()).collect();
    assert!(verified.into_iter().all(|version| good(version) == 1));
    assert_eq!(
        server.sql("SELECT count(*) FROM crowd.takeover_schema"),
        "1"
    );

    server.sql("ALTER TABLE crowd.takeover_message DROP COLUMN words");
    let refused = wait(server.open("crowd").chat().verify()).unwrap_err();
    assert!(refused.to_string().contains("words"), "{refused}");
    server.sql("INSERT INTO crowd.takeover_schema VALUES (99)");
    let (found, expected) = (99, 1);
    let refused = wait(server.open("crowd").chat().ping());
    assert_eq!(refused, Err(StoreError::Schema { found, expected }));

    let told = |settings| {
        let postgres = Postgres::open(settings, options()).unwrap();
        wait(postgres.chat().verify()).unwrap_err().to_string()
    };
    let settings = || server.settings("other");
    let wrong = PostgresSettings {
        password: "wrong".into(),
        ..settings()
    };
    assert!(told(wrong).contains("password authentication failed"));
    let missing = PostgresSettings {
        database: "nowhere".into(),
        ..settings()
    };
    assert!(told(missing).contains("\"nowhere\" does not exist"));
    server.sql(
        "CREATE DATABASE old ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'",
    );
    let latin = PostgresSettings {
        database: "old".into(),
        ..settings()
    };
    assert!(told(latin).contains("UTF8 is needed"));
    server.sql("CREATE ROLE guest LOGIN PASSWORD 'guest'");
    let guest = PostgresSettings {
        user: "guest".into(),
        password: "guest".into(),
        ..settings()
    };
    assert!(told(guest).contains("permission denied"));
}

/// Certificates for 127.0.0.1 in the server's folder; the authority's, as PEM.
fn certify(server: &Server) -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::default();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let pem = authority.self_signed(&key).unwrap().pem();
    let issuer = rcgen::Issuer::new(authority, key);
    let own = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&own, &issuer).unwrap();
    for (name, text) in [
        ("server.crt", certificate.pem()),
        ("server.key", own.serialize_pem()),
    ] {
        use std::os::unix::fs::PermissionsExt;
        let path = server.data().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        server.give_away(&path);
    }
    server.sql("ALTER SYSTEM SET ssl = on");
    server.sql("SELECT pg_reload_conf()");
    pem
}

/// CHAT-3: TLS where it is asked for; an authority that did not sign is not trusted.
#[test]
fn connections_are_encrypted() {
    let Some(server) = server("postgres::connections_are_encrypted") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let with = |ca: &std::path::Path| PostgresSettings {
        tls: PostgresTls::Verified { ca: ca.to_owned() },
        ..server.settings("pair")
    };
    let unread = Postgres::open(with(&ca), options()).unwrap_err();
    assert!(unread.to_string().contains("ca.pem"), "{unread}");
    std::fs::write(&ca, certify(&server)).unwrap();
    let chat = Postgres::open(with(&ca), options()).unwrap().chat();
    while wait(chat.ping()).is_err() {
        // The server takes its new settings in its own time.
        pause(Duration::from_millis(5));
    }
    let encrypted = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
        WHERE application_name = 'takeover'";
    assert_eq!(server.sql(encrypted), "t");

    let stranger = rcgen::KeyPair::generate().unwrap();
    let stranger = rcgen::CertificateParams::default()
        .self_signed(&stranger)
        .unwrap();
    std::fs::write(&ca, stranger.pem()).unwrap();
    let refused = wait(Postgres::open(with(&ca), options()).unwrap().chat().ping());
    assert!(
        matches!(refused, Err(StoreError::Unreachable { .. })),
        "{refused:?}"
    );
}

/// Writes of many rooms that wait share their transactions, and keep their order.
#[test]
fn waiting_writes_share_a_transaction() {
    let Some(server) = server("postgres::waiting_writes_share_a_transaction") else {
        return;
    };
    let postgres = server.open("pair");
    let chat = postgres.chat();
    let (fence, first) = hosted(&*chat, "lunch");
    let second = room("tea");
    good(chat.write(&fence, &second, vec![create(&second)]));
    let before = postgres.traffic();
    let answers: Vec<_> = (1..=500)
        .flat_map(|seq| [(&first, seq), (&second, seq)])
        .map(|(room, seq)| chat.write(&fence, room, vec![says(seq, "andy", "x")]))
        .collect();
    answers.into_iter().for_each(good);
    let after = postgres.traffic();
    assert_eq!(after.writes - before.writes, 1000);
    assert!(after.groups - before.groups < 100, "{after:?}");
    for room in [&first, &second] {
        assert_eq!(good(chat.room(room)).unwrap().messages, 500);
    }
}

/// One write that the database cannot take does not take its neighbours along.
#[test]
fn a_bad_write_stands_alone() {
    let Some(server) = server("postgres::a_bad_write_stands_alone") else {
        return;
    };
    let chat = server.open("pair").chat();
    let (fence, first) = hosted(&*chat, "lunch");
    let second = room("tea");
    good(chat.write(&fence, &second, vec![create(&second)]));
    let bad = HistoryEntry {
        nick: "a zero byte \0".into(),
        ..message(1, "andy", "x")
    };
    let bad = Arc::new(takeover_protocols::muc::RoomWrite::Message(bad));
    // The first of them keeps the writer busy while the others gather.
    let answers = [
        chat.write(&fence, &first, vec![says(1, "andy", "x")]),
        chat.write(&fence, &first, vec![says(2, "andy", "x")]),
        chat.write(&fence, &second, vec![bad]),
        chat.write(&fence, &first, vec![says(3, "andy", "x")]),
    ];
    let answers: Vec<_> = answers.into_iter().map(wait).collect();
    assert!(
        matches!(answers[2], Err(StoreError::Broken { .. })),
        "{answers:?}"
    );
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 3);
    assert_eq!(good(chat.room(&first)).unwrap().messages, 3);
    assert_eq!(good(chat.room(&second)).unwrap().messages, 0);
}
