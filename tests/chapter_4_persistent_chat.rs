//! Chapter 4 of the specification: rooms, persistent chat, and its high availability.

mod common;
#[path = "../storage/tests/support/postgres.rs"]
mod postgres;

use common::*;
use takeover::client::{Client, Note};
use takeover::ha::State;
use takeover::journal::Event;
use takeover::lab::Lab;
use takeover::service::ServiceKind;
use takeover_protocols::jid::BareJid;

const TC: ServiceKind = ServiceKind::TextConference;

/// What is worth knowing after the story of CHAT-8 and CHAT-9.
struct Played {
    lab: Lab,
    people: [Client; 4],
    room: BareJid,
    began: u64,
}

/// The cast in the room, talking.
fn scene(seed: u64) -> Played {
    scene_in(lab(seed))
}

fn scene_in(mut lab: Lab) -> Played {
    // Andy's client begins a new session wherever it logs in, the others take theirs up.
    lab.client_with("andy", |spec| spec.resumption = false)
        .unwrap();
    let people = online(&mut lab, PEOPLE);
    befriend(&mut lab, &people);
    let room = gather(&mut lab, &people, "1A");
    talk(&people, Some(&room), 3 * SECOND);
    lab.pass(MINUTE);
    let began = mark(&lab);
    Played {
        lab,
        people,
        room,
        began,
    }
}

/// The Text Conference service of 1A dies; the pair ends in row 12.
fn fail_over(played: &mut Played) {
    let lab = &mut played.lab;
    lab.node("1A").unwrap().service(TC).kill().unwrap();
    await_states(
        lab,
        ("1A", State::FailedOverDown),
        ("1B", State::Backup),
        3 * MINUTE,
    );
    let (andy, room) = (&played.people[0], &played.room);
    await_that(lab, "Andy is in the room again, at 1B", LONG, |_| {
        andy.place().is_ok_and(|place| place == "1B") && andy.is_in(room)
    });
}

/// TC is mended and the administrator falls back; the pair ends in row 1.
fn fall_back(played: &mut Played) {
    let lab = &mut played.lab;
    lab.node("1A").unwrap().service(TC).start().unwrap();
    await_that(lab, "1A is able again", MINUTE, |lab| {
        lab.state("1A") == Some(State::FailedOver)
    });
    lab.pass(MINUTE);
    lab.node("1A").unwrap().fall_back().unwrap();
    await_states(
        lab,
        ("1A", State::Normal),
        ("1B", State::Normal),
        3 * MINUTE,
    );
    let (andy, room) = (&played.people[0], &played.room);
    await_that(lab, "Andy is in the room again, at 1A", LONG, |_| {
        andy.place().is_ok_and(|place| place == "1A") && andy.is_in(room)
    });
    lab.pass(MINUTE);
}

fn story(seed: u64) -> Played {
    story_in(lab(seed))
}

fn story_in(lab: Lab) -> Played {
    let mut played = scene_in(lab);
    fail_over(&mut played);
    played.lab.pass(MINUTE);
    fall_back(&mut played);
    let people = played.people.clone();
    hush(&mut played.lab, &people);
    played
}

/// The room's notes of a client's leavings.
fn leavings(client: &Client) -> usize {
    let left = |noted: &takeover::client::Noted| matches!(noted.note, Note::Left { .. });
    client.notes().iter().filter(|noted| left(noted)).count()
}

/// CHAT-8, CHAT-9, CHAT-10: all four talk all along, one with another and in the room; TC of 1A dies,
/// users and room move to 1B and back. Nothing that was acknowledged is lost, doubled or reordered,
/// and the pair goes through the rows 1, 26, 12, 11, 4, 1.
#[test]
fn chat_8_and_9_the_whole_story() {
    for seed in 1..=5 {
        let played = timed("CHAT-8 and CHAT-9", || story(seed));
        let Played {
            lab, people, began, ..
        } = &played;
        assert_eq!(
            rows(lab, "1A", "1B", *began),
            [26, 12, 11, 4, 1],
            "seed {seed}"
        );
        assert_eq!(
            rows(lab, "2A", "2B", *began),
            Vec::<u8>::new(),
            "seed {seed}"
        );
        assert_eq!(row(lab, "pair-1"), Some(1));
        let total = lab.finding().total;
        assert!(total.acknowledged > 300, "seed {seed}: {total:?}");
        for one in people {
            let mine = lab.finding().clients[one.name()];
            assert!(
                mine.acknowledged > 50,
                "seed {seed}, {}: {mine:?}",
                one.name()
            );
        }
        assert_epochs_grow(lab);
    }
}

/// CHAT-8, CHAT-9 with PostgreSQL, an instance for each pair on one server (CHAT-5): the same story,
/// in virtual time, which stands still while the server is at work. One seed is one run.
#[test]
fn chat_8_and_9_with_postgresql() {
    let Some(server) = postgres::server("chapter_4::chat_8_and_9_with_postgresql") else {
        return;
    };
    let digests = [1, 2].map(|run| {
        let schema = |pair: &str| server.settings(&format!("run_{run}_{pair}"));
        let lab = Lab::virtual_time(11)
            .postgresql("pair-1", schema("one"))
            .postgresql("pair-2", schema("two"));
        let played = timed("CHAT-8 and CHAT-9 with PostgreSQL", || {
            story_in(started(lab))
        });
        let Played {
            lab,
            people,
            began,
            room,
        } = &played;
        assert_clean(lab);
        assert_eq!(rows(lab, "1A", "1B", *began), [26, 12, 11, 4, 1]);
        let total = lab.finding().total;
        assert!(total.acknowledged > 300, "{total:?}");
        assert!(people.iter().all(|one| one.is_in(room)));
        let stored = format!("SELECT sum(messages) FROM run_{run}_one.takeover_room");
        let stored: u64 = server.sql(&stored).parse().unwrap();
        assert!(stored > 100, "{stored}");
        assert_eq!(
            server.sql(&format!("SELECT count(*) FROM run_{run}_two.takeover_room")),
            "0"
        );
        lab.journal().digest()
    });
    assert_eq!(digests[0], digests[1]);
}

/// CHAT-8: SRM waits for the critical-service delay of 90 s before it acts.
#[test]
fn chat_8_the_failover_starts_after_the_delay() {
    let mut played = scene(6);
    let died = played.lab.now();
    fail_over(&mut played);
    let failing = |event: &Event| matches!(event, Event::Ha(c) if c.to == State::FailingOver);
    let started = entries(&played.lab, "1A", played.began, failing)[0].at;
    assert_eq!(started.saturating_since(died), 90 * SECOND);
}

/// CHAT-8: Andy is logged out of 1A and logs in at 1B, is in the room again, sees the history, posts;
/// the others are never thrown out, and the room is hosted by 1B.
#[test]
fn chat_8_andy_comes_back_and_the_others_stay() {
    let mut played = scene(7);
    fail_over(&mut played);
    let Played {
        lab,
        people,
        room,
        began,
    } = &mut played;
    let [andy, others @ ..] = people;
    assert_eq!(places(andy), [("1A".into(), false), ("1B".into(), false)]);
    for other in others.iter() {
        assert_eq!(leavings(other), 0, "{}: {:?}", other.name(), other.notes());
        assert_eq!(places(other).len(), 1, "{} kept its session", other.name());
        assert_eq!(other.occupants(room), PEOPLE);
    }
    let alias = room.domain().to_string();
    let hosts = |event: &Event| matches!(event, Event::RoomsHosted { alias: a, rooms, .. } if *a == alias && *rooms == 1);
    assert_eq!(entries(lab, "1B", *began, hosts).len(), 1);
    let history = andy
        .received()
        .into_iter()
        .filter(|message| message.delayed)
        .count();
    assert!(history >= 20, "{history}");
    let since = lab.now();
    andy.fall_silent();
    andy.post(room, "I am back");
    let (andy, others) = (andy.clone(), others.to_vec());
    await_that(lab, "all hear Andy", MINUTE, |_| {
        others
            .iter()
            .chain([&andy])
            .all(|one| one.has_received("I am back"))
    });
    assert!(lab.now().saturating_since(since) < 5 * SECOND);
}

/// CHAT-9: 1A takes back, 1B falls back; Andy is logged out of 1B and home again; the others stay in.
#[test]
fn chat_9_fallback_brings_everybody_home() {
    let played = story(8);
    let Played {
        lab,
        people,
        room,
        began,
    } = &played;
    let [andy, others @ ..] = people;
    let wanted = ["1A", "1B", "1A"].map(|place| (place.to_owned(), false));
    assert_eq!(places(andy), wanted);
    for other in others {
        assert_eq!(leavings(other), 0, "{}", other.name());
        assert_eq!(other.occupants(room), PEOPLE);
    }
    let ha = |event: &Event| matches!(event, Event::Ha(_));
    let states = |node| -> Vec<State> {
        let to = |entry: takeover::journal::Entry| match entry.event {
            Event::Ha(change) => Some(change.to),
            _ => None,
        };
        entries(lab, node, *began, ha)
            .into_iter()
            .filter_map(to)
            .collect()
    };
    use State as S;
    let home = [
        S::FailingOver,
        S::FailedOverDown,
        S::FailedOver,
        S::TakingBack,
        S::Normal,
    ];
    assert_eq!(states("1A"), home);
    assert_eq!(
        states("1B"),
        [S::TakingOver, S::Backup, S::FallingBack, S::Normal]
    );
}

/// DET-1: the same seed gives the same story byte for byte, another seed another one.
#[test]
fn chat_8_and_9_the_same_seed_is_the_same_story() {
    let run = |seed| {
        let played = story(seed);
        (played.lab.journal().digest(), played.lab.journal().lines())
    };
    let (first, again, other) = (run(21), run(21), run(22));
    assert!(first == again, "the same seed, another journal");
    assert_ne!(first.0, other.0);
}

/// The errors that came back to a client.
fn errors(client: &Client) -> Vec<String> {
    let error = |noted: takeover::client::Noted| match noted.note {
        Note::Error { what } => Some(what),
        Note::State(_) | Note::StreamEnded { .. } | Note::Entered { .. } | Note::Left { .. } => {
            None
        }
    };
    client.notes().into_iter().filter_map(error).collect()
}

/// CHAT-12: while its database is away a node refuses what it cannot store with the standard's error,
/// shows it to nobody, lets nobody fall out of the room, and goes on by itself when it is back; what
/// it had acknowledged is there for whoever comes later.
#[test]
fn chat_12_without_its_database() {
    let mut lab = lab(41);
    let people = online(&mut lab, ["andy", "bob", "catherine"]);
    let room = gather(&mut lab, &people[..2], "1A");
    let (andy, bob) = (people[0].clone(), people[1].clone());
    andy.post(&room, "kept");
    await_that(&mut lab, "it is shown", MINUTE, |_| {
        andy.has_received("kept") && bob.has_received("kept")
    });
    lab.database("pair-1").unwrap().down();
    andy.post(&room, "refused");
    await_that(&mut lab, "it is refused", MINUTE, |_| {
        !errors(&andy).is_empty()
    });
    let said = errors(&andy).join("; ");
    let standard = ["recipient-unavailable", "internal-server-error"];
    assert!(standard.iter().any(|name| said.contains(name)), "{said}");
    lab.pass(MINUTE);
    assert!(is_up(&lab, "1A", TC), "TC stays up without it");
    lab.database("pair-1").unwrap().heal();
    lab.pass(MINUTE);
    andy.post(&room, "stored again");
    await_that(&mut lab, "the room goes on", MINUTE, |_| {
        bob.has_received("stored again")
    });
    assert!(!bob.has_received("refused"));
    assert!(
        [&andy, &bob]
            .iter()
            .all(|one| one.is_in(&room) && leavings(one) == 0)
    );
    let late = people[2].clone();
    late.enter(&room);
    await_that(&mut lab, "the history is there", MINUTE, |_| {
        late.has_received("stored again")
    });
    let recalled: Vec<String> = late.received().into_iter().map(|one| one.body).collect();
    assert_eq!(recalled, ["kept", "stored again"]);
}

/// CHAT-11: without persistent chat a room lives in the memory of its node. When that fails its
/// occupants are told so, and are left in no room that is not there; a new one can be made.
#[test]
fn chat_11_ad_hoc_rooms_end_with_their_node() {
    let mut lab = started(Lab::virtual_time(31).parameter("Enable Persistent Chat", false));
    let people = online(&mut lab, PEOPLE);
    let room = gather(&mut lab, &people, "1A");
    people[1].post(&room, "before");
    let others = people[1..].to_vec();
    await_that(&mut lab, "all hear it", MINUTE, |_| {
        others.iter().all(|one| one.has_received("before"))
    });
    lab.node("1A").unwrap().kill().unwrap();
    await_that(&mut lab, "all are told that it is over", 5 * MINUTE, |_| {
        others.iter().all(|one| leavings(one) == 1)
    });
    await_that(&mut lab, "all are in a new one", LONG, |_| {
        people.iter().all(|one| one.occupants(&room) == PEOPLE)
    });
    people[0].post(&room, "after");
    await_that(&mut lab, "all hear it", MINUTE, |_| {
        others.iter().all(|one| one.has_received("after"))
    });
    let history = |one: &Client| one.received().iter().any(|heard| heard.delayed);
    assert!(
        !people.iter().any(history),
        "nothing was kept of the old one"
    );
}
