//! Rooms of the engines against a plain model: any sequence of operations, the same answers.

mod support;

use std::{collections::BTreeMap, sync::Arc};

use jid::BareJid;
use proptest::prelude::*;
use support::{A, ALIAS, B, PEER, affiliation, message, postgres, record, room, wait};
use takeover_protocols::muc::{Affiliation, HistoryEntry, RoomConfig, RoomRecord, RoomWrite};
use takeover_storage::{
    ChatStore, Claim, Embedded, FailOnce, Faults, Fence, HistoryQuery, Memory, NodeId, PageEnd,
    StoreError,
};

/// Something that is done to a pair's chat database.
#[derive(Clone, Debug)]
enum Chat {
    Acquire {
        alias: usize,
        host: NodeId,
        claim: Claim,
    },
    Release {
        fence: usize,
    },
    Write {
        fence: usize,
        room: usize,
        writes: Vec<Write>,
        lose: Option<FailOnce>,
    },
    Read {
        room: usize,
        query: HistoryQuery,
    },
}

/// A write, its messages numbered from the room's last one.
#[derive(Clone, Debug)]
enum Write {
    Create(u64),
    Message { ahead: i64, subject: bool },
    Config(bool),
    Affiliate(usize, Option<Affiliation>),
    Delete,
}

const ALIASES: [&str; 2] = [ALIAS, PEER];
const USERS: [&str; 3] = ["owner@example.com", "andy@example.com", "bob@example.com"];

/// What a chat database is, without any of an engine's means.
#[derive(Default)]
struct Model {
    leases: BTreeMap<&'static str, (Option<NodeId>, u64)>,
    rooms: BTreeMap<BareJid, (RoomRecord, Vec<HistoryEntry>)>,
    /// Every fence ever granted; the newest last.
    fences: Vec<Fence>,
}

fn name(room_number: usize) -> BareJid {
    match room_number {
        0 => room("lunch"),
        1 => room("tea"),
        _ => format!("lunch@{PEER}").parse().unwrap(),
    }
}

impl Model {
    fn last(&self, room: &BareJid) -> u64 {
        self.rooms
            .get(room)
            .and_then(|(_, history)| history.last())
            .map_or(0, |entry| entry.seq)
    }

    fn concrete(&self, room: &BareJid, writes: &[Write]) -> Vec<Arc<RoomWrite>> {
        let mut last = i64::try_from(self.last(room)).unwrap();
        let write = |write: &Write| match write {
            Write::Create(count) => RoomWrite::Create {
                record: Box::new(record(room)),
                history: (1..=*count)
                    .map(|seq| message(seq, "andy", "early"))
                    .collect(),
            },
            Write::Message { ahead, subject } => {
                let seq = u64::try_from((last + ahead).max(1)).unwrap();
                last = last.max(last + ahead);
                let from = if seq.is_multiple_of(3) { "bob" } else { "andy" };
                let entry = message(seq, from, &format!("number {seq} subject {subject}"));
                if *subject {
                    RoomWrite::Subject(entry)
                } else {
                    RoomWrite::Message(entry)
                }
            }
            Write::Config(moderated) => RoomWrite::Config {
                config: Box::new(RoomConfig {
                    moderated: *moderated,
                    ..RoomConfig::default()
                }),
                affiliations: vec![affiliation(USERS[1], Some(Affiliation::Member))],
            },
            Write::Affiliate(user, entry) => {
                RoomWrite::Affiliations(vec![affiliation(USERS[*user], *entry)])
            }
            Write::Delete => RoomWrite::Delete,
        };
        writes.iter().map(write).map(Arc::new).collect()
    }

    fn write(
        &mut self,
        fence: &Fence,
        room: &BareJid,
        writes: &[Arc<RoomWrite>],
    ) -> Result<(), &'static str> {
        if room.domain().as_str() != fence.alias {
            return Err("other alias");
        }
        if self.leases.get(&*fence.alias) != Some(&(Some(fence.host), fence.epoch)) {
            return Err("fenced");
        }
        let before = self.rooms.get(room).cloned();
        for write in writes {
            if let Err(refused) = self.write_one(room, write) {
                match before {
                    Some(before) => self.rooms.insert(room.clone(), before),
                    None => self.rooms.remove(room),
                };
                return Err(refused);
            }
        }
        Ok(())
    }

    fn write_one(&mut self, room: &BareJid, write: &RoomWrite) -> Result<(), &'static str> {
        match (self.rooms.get_mut(room), write) {
            (_, RoomWrite::Delete) => drop(self.rooms.remove(room)),
            (None, RoomWrite::Create { record, history }) => {
                self.rooms
                    .insert(room.clone(), (RoomRecord::clone(record), history.clone()));
            }
            (Some(there), RoomWrite::Create { record, history }) => {
                if *there != (RoomRecord::clone(record), history.clone()) {
                    return Err("exists");
                }
            }
            (None, _) => return Err("no such room"),
            (Some((record, history)), write) => {
                if let RoomWrite::Message(entry) | RoomWrite::Subject(entry) = write {
                    let last = history.last().map_or(0, |entry| entry.seq);
                    match history.iter().any(|there| there == entry) {
                        true => {}
                        false if entry.seq > last => history.push(entry.clone()),
                        false => return Err("out of order"),
                    }
                }
                record.apply(write);
            }
        }
        Ok(())
    }

    fn page(&self, room: &BareJid, query: &HistoryQuery) -> Option<(Vec<HistoryEntry>, bool)> {
        let fits = |entry: &&HistoryEntry| {
            query.after.is_none_or(|after| entry.seq > after)
                && query.before.is_none_or(|before| entry.seq < before)
                && query.since.is_none_or(|since| entry.at >= since)
                && query.until.is_none_or(|until| entry.at <= until)
                && query
                    .sender
                    .as_ref()
                    .is_none_or(|sender| entry.from.to_bare() == *sender)
                && (query.text.is_none() || String::from_utf8_lossy(&entry.stanza).contains("true"))
        };
        let all: Vec<_> = self
            .rooms
            .get(room)?
            .1
            .iter()
            .filter(fits)
            .cloned()
            .collect();
        let kept = all.len().min(query.limit);
        let page = match query.from {
            PageEnd::Oldest => all[..kept].to_vec(),
            PageEnd::Newest => all[all.len() - kept..].to_vec(),
        };
        Some((page, kept == all.len()))
    }
}

fn kind(error: &StoreError) -> &'static str {
    match error {
        StoreError::Fenced { .. } => "fenced",
        StoreError::OtherAlias { .. } => "other alias",
        StoreError::NoSuchRoom { .. } => "no such room",
        StoreError::RoomExists { .. } => "exists",
        StoreError::OutOfOrder { .. } => "out of order",
        other => panic!("not expected of a healthy engine: {other}"),
    }
}

fn run_chat(chat: &dyn ChatStore, faults: &Faults, steps: &[Chat]) -> Result<(), TestCaseError> {
    let mut model = Model::default();
    for step in steps {
        match step {
            Chat::Acquire { alias, host, claim } => {
                acquire(chat, &mut model, ALIASES[*alias], *host, *claim)?
            }
            Chat::Release { fence } => {
                let Some(fence) = newest(&model, *fence) else {
                    continue;
                };
                let current = model.leases[alias_of(&fence)] == (Some(fence.host), fence.epoch);
                prop_assert_eq!(wait(chat.release(&fence)).is_ok(), current);
                if current {
                    model.leases.insert(alias_of(&fence), (None, fence.epoch));
                }
            }
            Chat::Write {
                fence,
                room,
                writes,
                lose,
            } => {
                let Some(fence) = newest(&model, *fence) else {
                    continue;
                };
                let room = name(*room);
                let writes = model.concrete(&room, writes);
                write(chat, faults, &mut model, &fence, &room, &writes, *lose)?;
            }
            Chat::Read { room, query } => read(chat, &model, &name(*room), query)?,
        }
    }
    for room in (0..3).map(name) {
        read(chat, &model, &room, &HistoryQuery::last(999))?;
        let stored = wait(chat.room(&room)).unwrap();
        let expected = model.rooms.get(&room);
        prop_assert_eq!(
            stored.as_ref().map(|stored| &stored.record),
            expected.map(|(record, _)| record)
        );
        prop_assert_eq!(
            stored.map_or(0, |stored| stored.last_seq),
            model.last(&room)
        );
    }
    let counts = wait(chat.counts(None)).unwrap();
    let messages: usize = model.rooms.values().map(|(_, history)| history.len()).sum();
    let affiliations: usize = model
        .rooms
        .values()
        .map(|(record, _)| record.affiliations.len())
        .sum();
    prop_assert_eq!(counts.rooms, model.rooms.len() as u64);
    prop_assert_eq!(counts.messages, messages as u64);
    prop_assert_eq!(counts.affiliations, affiliations as u64);
    Ok(())
}

fn alias_of(fence: &Fence) -> &'static str {
    ALIASES
        .into_iter()
        .find(|alias| *alias == fence.alias)
        .unwrap()
}

/// A fence granted lately: 0 is the newest one.
fn newest(model: &Model, back: usize) -> Option<Fence> {
    model.fences.iter().rev().nth(back).cloned()
}

fn acquire(
    chat: &dyn ChatStore,
    model: &mut Model,
    alias: &'static str,
    host: NodeId,
    claim: Claim,
) -> Result<(), TestCaseError> {
    let (held_by, epoch) = model.leases.get(alias).copied().unwrap_or_default();
    let granted = claim == Claim::Force || held_by.is_none_or(|holder| holder == host);
    match wait(chat.acquire(alias, host, claim)) {
        Ok(grant) => {
            prop_assert!(granted);
            prop_assert_eq!((grant.taken_from, grant.fence.epoch), (held_by, epoch + 1));
            model.leases.insert(alias, (Some(host), epoch + 1));
            model.fences.push(grant.fence);
        }
        Err(StoreError::LeaseHeld { .. }) => prop_assert!(!granted),
        Err(other) => panic!("{other}"),
    }
    Ok(())
}

fn write(
    chat: &dyn ChatStore,
    faults: &Faults,
    model: &mut Model,
    fence: &Fence,
    room: &BareJid,
    writes: &[Arc<RoomWrite>],
    lose: Option<FailOnce>,
) -> Result<(), TestCaseError> {
    let expected = model.write(fence, room, writes);
    let other_alias = expected == Err("other alias");
    if let (Some(how), false) = (lose, other_alias) {
        faults.fail_next(how, 1);
        let first = wait(chat.write(fence, room, writes.to_vec()));
        // A refusal stays one; what was done, and lost its answer, may be asked for again.
        prop_assert!(first.is_err());
        let repeatable = writes.len() == 1;
        if how == FailOnce::AfterCommit && expected.is_ok() && !repeatable {
            return Ok(());
        }
    }
    let answer = wait(chat.write(fence, room, writes.to_vec()));
    prop_assert_eq!(answer.as_ref().map(|&()| ()).map_err(kind), expected);
    Ok(())
}

fn read(
    chat: &dyn ChatStore,
    model: &Model,
    room: &BareJid,
    query: &HistoryQuery,
) -> Result<(), TestCaseError> {
    let page = wait(chat.history(room, query.clone())).ok();
    prop_assert_eq!(
        page.map(|page| (page.entries, page.complete)),
        model.page(room, query)
    );
    Ok(())
}

fn chat_step() -> impl Strategy<Value = Chat> {
    let host = prop_oneof![Just(A), Just(B)];
    let claim = prop_oneof![Just(Claim::IfFree), Just(Claim::Force)];
    let entry = prop_oneof![
        Just(None),
        Just(Some(Affiliation::None)),
        Just(Some(Affiliation::Owner)),
        Just(Some(Affiliation::Outcast)),
    ];
    let one = prop_oneof![
        2 => (0_u64..3).prop_map(Write::Create),
        8 => (prop_oneof![6 => 1_i64..3, 1 => -2_i64..1], any::<bool>())
            .prop_map(|(ahead, subject)| Write::Message { ahead, subject }),
        1 => any::<bool>().prop_map(Write::Config),
        1 => (0_usize..3, entry).prop_map(|(user, entry)| Write::Affiliate(user, entry)),
        1 => Just(Write::Delete),
    ];
    let lose = prop_oneof![
        6 => Just(None),
        1 => Just(Some(FailOnce::Before)),
        1 => Just(Some(FailOnce::AfterCommit)),
    ];
    let bound = || prop::option::weighted(0.3, 0_u64..12);
    let time = || prop::option::weighted(0.2, (0_i64..12).prop_map(support::at));
    let sender = prop::option::weighted(0.2, Just(support::jid("bob@example.com")));
    let text = prop::option::weighted(0.2, Just("subject True".to_owned()));
    let end = prop_oneof![Just(PageEnd::Oldest), Just(PageEnd::Newest)];
    let query = (
        bound(),
        bound(),
        time(),
        time(),
        sender,
        text,
        end,
        0_usize..5,
    )
        .prop_map(
            |(after, before, since, until, sender, text, from, limit)| HistoryQuery {
                after,
                before,
                since,
                until,
                sender,
                nick: None,
                text,
                from,
                limit,
            },
        );
    // Mostly the newest lease and the first room, so that something comes of it.
    let fence = || prop_oneof![5 => Just(0_usize), 2 => 1_usize..4];
    prop_oneof![
        2 => (prop_oneof![4 => Just(0_usize), 1 => Just(1)], host, claim)
            .prop_map(|(alias, host, claim)| Chat::Acquire { alias, host, claim }),
        1 => fence().prop_map(|fence| Chat::Release { fence }),
        10 => (fence(), prop_oneof![4 => Just(0_usize), 2 => 1_usize..3], prop::collection::vec(one, 0..4), lose)
            .prop_map(|(fence, room, writes, lose)| Chat::Write { fence, room, writes, lose }),
        4 => (prop_oneof![4 => Just(0_usize), 2 => 1_usize..3], query)
            .prop_map(|(room, query)| Chat::Read { room, query }),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Chat>> {
    let start = Just(Chat::Acquire {
        alias: 0,
        host: A,
        claim: Claim::Force,
    });
    (start, prop::collection::vec(chat_step(), 1..40))
        .prop_map(|(start, rest)| std::iter::once(start).chain(rest).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// CHAT-10: rooms in memory are what the model says, answers lost or not.
    #[test]
    fn rooms_in_memory(steps in steps()) {
        let memory = Memory::new();
        run_chat(&*memory.chat("pair"), memory.faults(), &steps)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// CHAT-10: the same for the embedded engine.
    #[test]
    fn rooms_embedded(steps in steps()) {
        let folder = tempfile::tempdir().unwrap();
        let embedded = Embedded::open(folder.path()).unwrap();
        run_chat(&*embedded.chat("pair"), embedded.faults(), &steps)?;
    }
}

/// CHAT-10: the same for PostgreSQL, every case in a schema of its own.
#[test]
fn rooms_in_postgresql() {
    let Some(server) = postgres::server("model_rooms::rooms_in_postgresql") else {
        return;
    };
    let case = std::cell::Cell::new(0);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        source_file: Some(file!()),
        ..ProptestConfig::with_cases(60)
    });
    let ran = runner.run(&steps(), |steps| {
        case.set(case.get() + 1);
        let postgres = server.open(&format!("case_{}", case.get()));
        run_chat(&*postgres.chat(), postgres.faults(), &steps)
    });
    ran.unwrap();
}
