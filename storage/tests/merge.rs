//! Merging two external databases into a third: MRG-1, MRG-2, MRG-3.

mod support;

use std::{collections::BTreeMap, sync::Arc};

use jid::BareJid;
use proptest::prelude::*;
use support::{
    A, ALIAS, PEER, affiliation, at,
    disguise::{Disguise, Fuse},
    good, jid,
    postgres::{self, Server},
    record,
};
use takeover_protocols::{
    datetime::Timestamp,
    muc::{Affiliation, HistoryEntry, RoomRecord, RoomWrite},
    stanza::Stanza,
};
use takeover_storage::{
    ChatStore, Claim, EngineKind, Export, HistoryQuery, Memory, Postgres, StoreError,
    merge::{Leases, Merge, MergeError, Options, Part, Phase, Report},
};

const SMALL: Options = Options {
    leases: Leases::Respect,
    page: 3,
    together: 2,
};

/// Waits for the end of a merge on this thread.
fn end<T>(merging: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.build().unwrap().block_on(merging)
}

fn three() -> [Arc<dyn ChatStore>; 3] {
    let memory = Memory::new();
    ["1A", "1B", "pair-1"].map(|instance| memory.chat(instance))
}

fn merge_of([a, b, target]: &[Arc<dyn ChatStore>; 3]) -> Merge {
    Merge::new([a.clone(), b.clone()], target.clone()).with_options(SMALL)
}

/// What a room says as its message `seq`, at so many seconds.
fn said(room: &BareJid, seq: u64, second: i64, from: &str, text: &str) -> HistoryEntry {
    let entry = HistoryEntry {
        seq,
        at: at(second),
        nick: from.to_owned(),
        from: format!("{from}@example.com/desk").parse().unwrap(),
        id: Some(format!("{from}-{text}")),
        stanza: format!(
            "<message xmlns='jabber:client' type='groupchat'><body>{text}</body></message>"
        )
        .into(),
    };
    entry.renumbered(room, seq)
}

/// A room of `alias` with messages at these seconds, written by a host that has left again.
fn furnish(chat: &dyn ChatStore, record: RoomRecord, writes: Vec<RoomWrite>) {
    let room = record.jid.clone();
    let alias = room.domain().as_str();
    let fence = good(chat.acquire(alias, A, Claim::Force)).fence;
    let create = RoomWrite::Create {
        record: Box::new(record),
        history: Vec::new(),
    };
    let all = std::iter::once(create)
        .chain(writes)
        .map(Arc::new)
        .collect();
    good(chat.write(&fence, &room, all));
    good(chat.release(&fence));
}

fn talk(room: &BareJid, lines: &[(u64, i64, &str)]) -> Vec<RoomWrite> {
    let line = |(seq, second, text): &(u64, i64, &str)| {
        RoomWrite::Message(said(room, *seq, *second, "andy", text))
    };
    lines.iter().map(line).collect()
}

/// All that is in a database, as its export says it.
fn dump(chat: &Arc<dyn ChatStore>) -> Vec<String> {
    let mut lines = Vec::new();
    for alias in good(chat.aliases()) {
        for room in good(chat.rooms(&alias, None, usize::MAX)) {
            let mut export = Export::new(chat.clone(), room);
            while let Some(line) = end(export.next_line()).unwrap() {
                lines.push(line);
            }
        }
    }
    lines
}

fn history(chat: &dyn ChatStore, room: &BareJid) -> Vec<HistoryEntry> {
    good(chat.history(room, HistoryQuery::after(0, usize::MAX))).entries
}

fn bodies(chat: &dyn ChatStore, room: &BareJid) -> Vec<String> {
    let body = |entry: HistoryEntry| takeover_storage::text_of(&entry).unwrap_or_default();
    history(chat, room).into_iter().map(body).collect()
}

/// The number that a stanza says it has (XEP-0359).
fn stable_id(entry: &HistoryEntry) -> Option<String> {
    let id = Stanza::parse(&entry.stanza)
        .unwrap()
        .child("stanza-id", "urn:xmpp:sid:0")?;
    id.attr("id").map(str::to_owned)
}

/// Two sources: `tea` in one of them, `lunch` in both, with subjects, gaps and affiliations.
fn sources([a, b, _]: &[Arc<dyn ChatStore>; 3]) -> (BareJid, BareJid) {
    let lunch = support::room("lunch");
    let tea = jid(&format!("tea@{PEER}"));
    let mut first = record(&lunch);
    first.config.name = "Lunch, as it was".into();
    first.change_affiliations(&[
        affiliation("bob@example.com", Some(Affiliation::Admin)),
        affiliation("eve@example.com", Some(Affiliation::Outcast)),
    ]);
    let mut second = record(&lunch);
    second.config.name = "Lunch, as it is".into();
    second.created = at(3);
    second.change_affiliations(&[affiliation("bob@example.com", Some(Affiliation::Member))]);
    let mut writes = talk(&lunch, &[(1, 10, "one"), (4, 30, "three"), (5, 50, "five")]);
    writes.push(RoomWrite::Subject(said(
        &lunch,
        6,
        55,
        "andy",
        "subject of the first",
    )));
    furnish(&**a, first, writes);
    let mut writes = talk(&lunch, &[(1, 20, "two"), (2, 40, "four")]);
    writes.push(RoomWrite::Subject(said(
        &lunch,
        3,
        60,
        "bob",
        "subject of the second",
    )));
    furnish(&**b, second, writes);
    furnish(
        &**b,
        record(&tea),
        talk(&tea, &[(2, 5, "tea"), (7, 6, "more tea")]),
    );
    (lunch, tea)
}

/// MRG-2: every room, affiliation, configuration and message of both sources is in the target once; a
/// room of both has its histories joined in time order and its messages numbered anew; one of a
/// single source is as it was; the sources stay as they were.
#[test]
fn mrg_2_everything_is_in_the_target_once() {
    let all = three();
    let (lunch, tea) = sources(&all);
    let before = [dump(&all[0]), dump(&all[1])];
    let leases = || [0, 1].map(|n| good(all[n].lease(ALIAS)));
    let held = leases();
    let merge = merge_of(&all);
    let report = end(merge.run()).unwrap();
    let wanted = Report {
        rooms: 2,
        joined: 1,
        messages: 9,
        ..Report::default()
    };
    assert_eq!(report, wanted);
    assert_eq!([dump(&all[0]), dump(&all[1])], before);
    assert_eq!(leases(), held);
    let target = &*all[2];
    let lines = [
        "one",
        "two",
        "three",
        "four",
        "five",
        "subject of the first",
        "subject of the second",
    ];
    assert_eq!(bodies(target, &lunch), lines);
    for (entry, number) in history(target, &lunch).iter().zip(1..) {
        assert_eq!(entry.seq, number);
        assert_eq!(stable_id(entry), Some(number.to_string()));
    }
    let joined = good(target.room(&lunch)).unwrap();
    assert_eq!((joined.last_seq, joined.messages), (7, 7));
    let record = joined.record;
    assert_eq!(
        record.config.name, "Lunch, as it is",
        "the life in which was spoken last"
    );
    assert_eq!(record.created, at(3));
    assert_eq!(record.subject, history(target, &lunch).last().cloned());
    let of = |user: &str| record.affiliation(&jid(user));
    assert_eq!(of("bob@example.com"), Affiliation::Member);
    assert_eq!(of("eve@example.com"), Affiliation::Outcast);
    assert_eq!(of("owner@example.com"), Affiliation::Owner);
    assert_eq!(good(target.room(&tea)), good(all[1].room(&tea)));
    assert_eq!(history(target, &tea), history(&*all[1], &tea));
    let status = merge.watch().status();
    assert_eq!(
        (status.phase.clone(), status.percent()),
        (Phase::Done, 100.0)
    );
    assert_eq!(
        (status.rooms_done, status.messages_done),
        (status.rooms, status.messages)
    );
    assert_eq!(good(target.lease(ALIAS)).held_by, None, "free for its host");
}

/// MRG-2: a source that was restored from a copy of the other brings no doubles, and a subject that
/// is in no history stays one.
#[test]
fn mrg_2_no_doubles() {
    let all = three();
    let room = support::room("lunch");
    let lines = [
        (1, 10, "one"),
        (2, 10, "two"),
        (3, 10, "two"),
        (4, 9, "late clock"),
    ];
    let mut with_subject = record(&room);
    with_subject.subject = Some(said(&room, 90, 5, "andy", "before all"));
    furnish(&*all[0], with_subject.clone(), talk(&room, &lines));
    let more = [&lines[..], &[(6, 11, "after the copy")]].concat();
    furnish(&*all[1], with_subject, talk(&room, &more));
    let report = end(merge_of(&all).run()).unwrap();
    assert_eq!((report.messages, report.doubles), (5, 4));
    let lines = ["one", "two", "two", "late clock", "after the copy"];
    assert_eq!(bodies(&*all[2], &room), lines);
    let subject = good(all[2].room(&room)).unwrap().record.subject.unwrap();
    assert_eq!((subject.seq, stable_id(&subject)), (0, None));
    assert_eq!(takeover_storage::text_of(&subject).unwrap(), "before all");
}

/// MRG-3: interrupted at any request to any of the databases, carried out or not, and run again, the
/// job ends in the same target.
#[test]
fn mrg_3_interrupted_anywhere_it_ends_in_the_same_target() {
    let whole = three();
    sources(&whole);
    let fuse = Fuse::default();
    let watched = whole
        .each_ref()
        .map(|chat| -> Arc<dyn ChatStore> { Arc::new(Disguise::with(chat.clone(), fuse.clone())) });
    let report = end(merge_of(&watched).run()).unwrap();
    let requests = fuse.asked();
    assert!(requests > 40, "{requests}");
    let wanted = dump(&whole[2]);
    for blows_at in 0..requests {
        for carried_out in [false, true] {
            let all = three();
            sources(&all);
            let fuse = Fuse::at(blows_at, carried_out);
            let fused = all.each_ref().map(|chat| -> Arc<dyn ChatStore> {
                Arc::new(Disguise::with(chat.clone(), fuse.clone()))
            });
            let interrupted = merge_of(&fused);
            let error = end(interrupted.run()).unwrap_err();
            assert!(matches!(error, MergeError::Store { .. }), "{error}");
            let failed = Phase::Failed(error.to_string());
            assert_eq!(interrupted.watch().status().phase, failed);
            let again = end(merge_of(&all).run()).unwrap();
            assert_eq!(dump(&all[2]), wanted, "request {blows_at}");
            let whole = Report { found: 0, ..again };
            assert_eq!(whole, report, "request {blows_at}");
        }
    }
}

/// MRG-3: run again after its end, it finds all there and changes nothing.
#[test]
fn mrg_3_run_twice_it_changes_nothing() {
    let all = three();
    sources(&all);
    let first = end(merge_of(&all).run()).unwrap();
    let target = dump(&all[2]);
    let again = end(merge_of(&all).run()).unwrap();
    assert_eq!((first.found, again.found), (0, first.messages));
    assert_eq!(dump(&all[2]), target);
}

/// What a merge of these three is refused with, nothing written.
#[track_caller]
fn refused(all: [Arc<dyn ChatStore>; 3]) -> MergeError {
    let before = dump(&all[2]);
    let merge = merge_of(&all);
    let error = end(merge.run()).unwrap_err();
    assert_eq!(dump(&all[2]), before, "{error}");
    assert_eq!(
        end(merge.verify()),
        Err(error.clone()),
        "verifying alone says it, too"
    );
    error
}

/// The three with one of them in disguise.
fn disguised(part: usize, change: impl FnOnce(&mut Disguise)) -> [Arc<dyn ChatStore>; 3] {
    let mut all = three();
    sources(&all);
    let mut disguise = Disguise::of(all[part].clone());
    change(&mut disguise);
    all[part] = Arc::new(disguise);
    all
}

/// MRG-1: sources and target of different types, types that cannot be merged, one database twice.
#[test]
fn mrg_1_types() {
    let different = refused(disguised(1, |second| {
        second.info.kind = EngineKind::Embedded
    }));
    let (part, kind, target) = (Part::Second, EngineKind::Embedded, EngineKind::Memory);
    assert_eq!(different, MergeError::DifferentTypes { part, kind, target });
    let mssql = refused(disguised(0, |first| first.info.kind = EngineKind::MsSql));
    let (part, kind) = (Part::First, EngineKind::MsSql);
    assert_eq!(mssql, MergeError::TypeNotMergeable { part, kind });
    let [a, _, target] = three();
    let twice = refused([a.clone(), a.clone(), target.clone()]);
    assert!(
        matches!(
            twice,
            MergeError::SameDatabase {
                a: Part::First,
                b: Part::Second,
                ..
            }
        ),
        "{twice}"
    );
    let into_itself = refused([target.clone(), a, target]);
    assert!(
        matches!(
            into_itself,
            MergeError::SameDatabase {
                b: Part::Target,
                ..
            }
        ),
        "{into_itself}"
    );
}

/// MRG-1: a target without enough room, before it begins and on the way, and without privileges.
#[test]
fn mrg_1_room_and_privileges() {
    let narrow = refused(disguised(2, |target| target.free = Some(100)));
    assert!(
        matches!(
            narrow,
            MergeError::NoRoom {
                free: 100,
                needed: 1000..,
                ..
            }
        ),
        "{narrow}"
    );
    let wide = disguised(2, |target| target.free = Some(1_000_000));
    end(merge_of(&wide).run()).unwrap();
    let poor = refused(disguised(2, |target| target.may_create = false));
    assert!(matches!(poor, MergeError::MayNotCreate { .. }), "{poor}");
    let memory = Memory::new();
    let full = Memory::new();
    let all = [memory.chat("1A"), memory.chat("1B"), full.chat("pair-1")];
    sources(&all);
    full.faults().set_disk_full(true);
    let on_the_way = end(merge_of(&all).run()).unwrap_err();
    assert!(
        matches!(on_the_way, MergeError::Full { .. }),
        "{on_the_way}"
    );
    full.faults().heal();
    end(merge_of(&all).run()).unwrap();
}

/// MRG-1: a schema that does not verify, in each of the three.
#[test]
fn mrg_1_schemas() {
    for (place, part) in [Part::First, Part::Second, Part::Target]
        .into_iter()
        .enumerate()
    {
        let bad = StoreError::Schema {
            found: 9,
            expected: 1,
        };
        let error = refused(disguised(place, |chat| chat.schema = Some(bad.clone())));
        let MergeError::Schema {
            part: found, error, ..
        } = error
        else {
            panic!("{error}");
        };
        assert_eq!((found, error), (part, bad));
    }
}

/// MRG-1: a Text Conference Manager that holds the rooms of a source, or of the target, stops the
/// merge, unless it is known to be dead.
#[test]
fn mrg_1_leases() {
    for part in 0..3 {
        let all = three();
        sources(&all);
        good(all[part].acquire(ALIAS, A, Claim::Force));
        let error = refused(all.clone());
        assert!(matches!(error, MergeError::Leased { .. }), "{error}");
        assert!(error.to_string().contains(ALIAS), "{error}");
        let left_behind = Options {
            leases: Leases::LeftBehind,
            ..SMALL
        };
        end(merge_of(&all).with_options(left_behind).run()).unwrap();
    }
}

/// MRG-3: what is in the target and is not an earlier run's is not touched.
#[test]
fn mrg_3_a_foreign_room_is_not_touched() {
    for foreign in [
        "another configuration",
        "another history",
        "a longer history",
    ] {
        let all = three();
        let (lunch, _) = sources(&all);
        let mut theirs = record(&lunch);
        match foreign {
            "another configuration" => furnish(&*all[2], theirs, talk(&lunch, &[(1, 1, "hello")])),
            "another history" => {
                end(merge_of(&all).run()).unwrap();
                theirs = good(all[2].room(&lunch)).unwrap().record;
                theirs.subject = None;
                let fence = good(all[2].acquire(ALIAS, A, Claim::Force)).fence;
                good(all[2].write(&fence, &lunch, vec![Arc::new(RoomWrite::Delete)]));
                good(all[2].release(&fence));
                furnish(&*all[2], theirs, talk(&lunch, &[(1, 1, "hello")]));
            }
            _ => {
                end(merge_of(&all).run()).unwrap();
                let fence = good(all[2].acquire(ALIAS, A, Claim::Force)).fence;
                let more = RoomWrite::Message(said(&lunch, 8, 99, "andy", "new life"));
                good(all[2].write(&fence, &lunch, vec![Arc::new(more)]));
                good(all[2].release(&fence));
            }
        }
        let before = history(&*all[2], &lunch);
        let error = end(merge_of(&all).run()).unwrap_err();
        let MergeError::OtherRoom { room, .. } = &error else {
            panic!("{foreign}: {error}");
        };
        assert_eq!(room, &lunch);
        assert_eq!(history(&*all[2], &lunch), before, "{foreign}");
    }
}

/// A message as the model sees it: second, author, text.
type Line = (i64, u8, u8);

fn lines() -> impl Strategy<Value = Vec<Line>> {
    prop::collection::vec((0i64..6, 0u8..3, 0u8..3), 0..20)
}

fn write_lines(chat: &dyn ChatStore, name: &str, lines: &[Line]) {
    let room = support::room(name);
    let write = |(place, (second, who, what)): (usize, &Line)| {
        let seq = 2 * place as u64 + 1;
        let entry = said(&room, seq, *second, &format!("u{who}"), &format!("t{what}"));
        RoomWrite::Message(entry)
    };
    furnish(
        chat,
        record(&room),
        lines.iter().enumerate().map(write).collect(),
    );
}

fn in_order(mut lines: Vec<Line>) -> Vec<Line> {
    lines.sort_by_key(|line| line.0);
    lines
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// MRG-2: whatever two histories in time order hold, the joined one is in time order, holds of
    /// every line as many as the one that has more of it, and is numbered without gaps.
    #[test]
    fn mrg_2_any_two_histories(a in lines().prop_map(in_order), b in lines().prop_map(in_order)) {
        let all = three();
        write_lines(&*all[0], "cave", &a);
        write_lines(&*all[1], "cave", &b);
        end(merge_of(&all).run()).unwrap();
        let merged = history(&*all[2], &support::room("cave"));
        let times: Vec<Timestamp> = merged.iter().map(|entry| entry.at).collect();
        prop_assert!(times.is_sorted());
        let numbers: Vec<u64> = merged.iter().map(|entry| entry.seq).collect();
        prop_assert_eq!(numbers, (1..=merged.len() as u64).collect::<Vec<_>>());
        let count = |lines: &[Line]| {
            let mut counts: BTreeMap<String, usize> = BTreeMap::new();
            for (second, who, what) in lines {
                *counts.entry(format!("{} u{who}-t{what}", at(*second))).or_default() += 1;
            }
            counts
        };
        let mut wanted = count(&a);
        for (line, times) in count(&b) {
            let more = wanted.entry(line).or_default();
            *more = times.max(*more);
        }
        let mut found: BTreeMap<String, usize> = BTreeMap::new();
        for entry in &merged {
            let id = entry.id.clone().unwrap();
            *found.entry(format!("{} {id}", entry.at)).or_default() += 1;
            prop_assert_eq!(stable_id(entry), Some(entry.seq.to_string()));
        }
        prop_assert_eq!(found, wanted);
    }
}

/// MRG-2: a history of many pages is whole in the target, whatever the size of a page.
#[test]
fn mrg_2_pages_do_not_matter() {
    let lines: Vec<Line> = (0..50)
        .map(|n| (n / 7, (n % 3) as u8, (n % 2) as u8))
        .collect();
    let merged = |page| {
        let all = three();
        write_lines(&*all[0], "long", &lines);
        write_lines(&*all[1], "long", &lines[..20]);
        write_lines(&*all[1], "other", &lines);
        let options = Options { page, ..SMALL };
        end(merge_of(&all).with_options(options).run()).unwrap();
        dump(&all[2])
    };
    let one = merged(1);
    assert!(one.len() > 100);
    for page in [2, 7, 1000] {
        assert_eq!(merged(page), one, "pages of {page}");
    }
}

/// Three schemas of a server.
fn schemas(server: &Server) -> [Arc<dyn ChatStore>; 3] {
    ["one", "two", "both"].map(|schema| server.open(schema).chat())
}

/// MRG-2, MRG-3: PostgreSQL's target is the same as any engine's, line by line; and nothing changes
/// when it is run again.
#[test]
fn mrg_2_postgresql() {
    let Some(server) = postgres::server("merge::mrg_2_postgresql") else {
        return;
    };
    let (all, memory) = (schemas(&server), three());
    sources(&all);
    sources(&memory);
    let before = [dump(&all[0]), dump(&all[1])];
    let report = end(merge_of(&all).run()).unwrap();
    assert_eq!(end(merge_of(&memory).run()).unwrap(), report);
    let wanted = dump(&memory[2]);
    assert_eq!(dump(&all[2]), wanted);
    assert_eq!([dump(&all[0]), dump(&all[1])], before);
    let again = end(merge_of(&all).run()).unwrap();
    assert_eq!((again.found, dump(&all[2])), (report.messages, wanted));
    let mixed = [all[0].clone(), memory[1].clone(), all[2].clone()];
    let error = end(merge_of(&mixed).run()).unwrap_err();
    assert!(
        matches!(
            error,
            MergeError::DifferentTypes {
                part: Part::Second,
                ..
            }
        ),
        "{error}"
    );
}

/// MRG-1: a database user who may not create tables, and a schema of another version.
#[test]
fn mrg_1_postgresql_privileges_and_schemas() {
    let Some(server) = postgres::server("merge::mrg_1_postgresql_privileges_and_schemas") else {
        return;
    };
    let [a, b, both] = schemas(&server);
    for chat in [&a, &b, &both] {
        good(chat.verify());
    }
    server.sql(
        "CREATE ROLE poor LOGIN PASSWORD 'poor'; GRANT USAGE ON SCHEMA \"both\" TO poor; \
         GRANT ALL ON ALL TABLES IN SCHEMA \"both\" TO poor; \
         GRANT ALL ON ALL SEQUENCES IN SCHEMA \"both\" TO poor",
    );
    let mut settings = server.settings("both");
    (settings.user, settings.password) = ("poor".into(), "poor".into());
    let poor = Postgres::open(settings, postgres::options())
        .unwrap()
        .chat();
    let error = end(merge_of(&[a.clone(), b.clone(), poor]).run()).unwrap_err();
    assert!(matches!(error, MergeError::MayNotCreate { .. }), "{error}");
    server.sql("ALTER TABLE one.takeover_message DROP COLUMN nick");
    let fresh = server.open("one").chat();
    let error = end(merge_of(&[fresh, b, both]).run()).unwrap_err();
    let first = matches!(
        error,
        MergeError::Schema {
            part: Part::First,
            ..
        } | MergeError::Store {
            part: Part::First,
            ..
        }
    );
    assert!(first, "{error}");
}

/// MRG-3: the server is killed on the way, again and again, and comes back: the target is the same.
#[test]
fn mrg_3_postgresql_killed_on_the_way() {
    let Some(mut server) = postgres::server("merge::mrg_3_postgresql_killed_on_the_way") else {
        return;
    };
    let lines: Vec<Line> = (0..2000)
        .map(|n| (n / 5, (n % 3) as u8, (n % 2) as u8))
        .collect();
    let fill = |all: &[Arc<dyn ChatStore>; 3]| {
        for (chat, names) in all.iter().zip([["cave", "hill"], ["hill", "lake"]]) {
            names
                .iter()
                .for_each(|name| write_lines(&**chat, name, &lines));
        }
    };
    let memory = three();
    fill(&memory);
    let options = Options { page: 50, ..SMALL };
    let merge = |all: &[Arc<dyn ChatStore>; 3]| merge_of(all).with_options(options);
    end(merge(&memory).run()).unwrap();
    fill(&schemas(&server));
    let mut interrupted = 0;
    for kill in 1..6 {
        let merge = merge(&schemas(&server));
        let watch = merge.watch();
        let ended = std::thread::scope(|scope| {
            let run = scope.spawn(|| end(merge.run()));
            while watch.status().messages_done < kill * 1000 && !run.is_finished() {
                std::thread::yield_now();
            }
            server.kill();
            run.join().unwrap()
        });
        interrupted += usize::from(ended.is_err());
        server.start();
    }
    assert!(interrupted > 2, "{interrupted}");
    end(merge(&schemas(&server)).run()).unwrap();
    assert_eq!(dump(&schemas(&server)[2]), dump(&memory[2]));
}
