//! Chapter 4 of the specification: where rooms are, who reaches them, and which databases they are in.

mod common;

use common::*;
use takeover::admin::troubleshooter::{Finding, Level, examine};
use takeover::client::{Client, Note};
use takeover::lab::{LabError, Severity};
use takeover::service::ServiceKind;
use takeover::{Control, Lab};
use takeover_protocols::jid::BareJid;

const TC: ServiceKind = ServiceKind::TextConference;

fn troubles(lab: &mut Lab) -> Vec<Finding> {
    let control: Control = lab.control();
    let mut found = answered(lab, examine(&control));
    found.retain(|one| one.level > Level::Pass);
    found
}

/// The errors that came back to a client, those on entering a room included.
fn errors(client: &Client) -> Vec<String> {
    let error = |noted: takeover::client::Noted| match noted.note {
        Note::Error { what } => Some(what),
        Note::Left { why, .. } => Some(why),
        Note::State(_) | Note::StreamEnded { .. } | Note::Entered { .. } => None,
    };
    client.notes().into_iter().filter_map(error).collect()
}

fn refused(lab: Result<Lab, LabError>) -> String {
    match lab {
        Ok(_) => panic!("it is not allowed"),
        Err(error @ LabError::Chat { .. }) => error.to_string(),
        Err(other) => panic!("{other}"),
    }
}

/// CHAT-1: each node serves rooms under its own alias; persistent ones are in its database, ad hoc
/// ones in no database.
#[test]
fn chat_1_aliases_and_where_rooms_live() {
    let mut lab = lab(1);
    for (node, place) in HOMES.into_iter().zip(1..) {
        let room = lab.room("cave", node).unwrap();
        let alias = format!("conference-{place}-cluster-1.example.test");
        assert_eq!(room.domain().as_str(), alias);
    }
    let people = online(&mut lab, PEOPLE);
    let room = gather(&mut lab, &people, "1A");
    people[0].post(&room, "kept");
    await_that(&mut lab, "all read it", MINUTE, |_| {
        people.iter().all(|one| one.has_received("kept"))
    });
    let store = lab.chat_database("1A").unwrap().unwrap();
    let counts = answered(&mut lab, store.counts(None)).unwrap();
    assert_eq!((counts.rooms, counts.messages), (1, 1));

    let mut ad_hoc = started(Lab::virtual_time(1).parameter("Enable Persistent Chat", false));
    let people = online(&mut ad_hoc, PEOPLE);
    let room = gather(&mut ad_hoc, &people, "1A");
    people[0].post(&room, "not kept");
    await_that(&mut ad_hoc, "all read it", MINUTE, |_| {
        people.iter().all(|one| one.has_received("not kept"))
    });
    assert!(ad_hoc.chat_database("1A").unwrap().is_none());
}

/// CHAT-2: users of every node enter rooms of every node.
#[test]
fn chat_2_rooms_are_reached_from_every_node() {
    let mut lab = lab(2);
    let people = online(&mut lab, PEOPLE);
    for node in HOMES {
        let room = lab.room("everybody", node).unwrap();
        people[0].enter(&room);
        await_that(&mut lab, "the room is there", MINUTE, |_| {
            people[0].is_in(&room)
        });
        people[1..].iter().for_each(|one| one.enter(&room));
        await_that(&mut lab, "all are in", MINUTE, |_| {
            people.iter().all(|one| one.occupants(&room).len() == 4)
        });
    }
}

/// CHAT-2: users of a cluster enter rooms of another cluster, and what is said goes both ways; a cluster
/// without persistent chat of its own needs no database for that.
#[test]
fn chat_2_rooms_are_reached_from_another_cluster() {
    let mut lab = started(
        Lab::virtual_time(13)
            .cluster("east", |cluster| cluster.pair("pair-e", "E1", "E2"))
            .cluster("west", |cluster| cluster.pair("pair-w", "W1", "W2"))
            .user("andy", "E1")
            .user("bob", "W2"),
    );
    let [andy, bob] = online(&mut lab, ["andy", "bob"]);
    for (host, owner, guest) in [("E2", &andy, &bob), ("W1", &bob, &andy)] {
        let people = [owner.clone(), guest.clone()];
        let room = gather(&mut lab, &people, host);
        for one in &people {
            let word = format!("{} speaks at {host}", one.name());
            one.post(&room, &word);
            await_that(&mut lab, "both hear it", MINUTE, |_| {
                people.iter().all(|other| other.has_received(&word))
            });
        }
    }
}

/// CHAT-2: the users of a node without TC cannot enter, wherever the room is; others can.
#[test]
fn chat_2_tc_must_run_for_a_nodes_users_to_join() {
    let mut lab = started(
        Lab::virtual_time(3)
            .cluster("c", |cluster| {
                cluster.single("one", "1A").single("two", "2A").without_ha()
            })
            .user("andy", "1A")
            .user("bob", "2A"),
    );
    let [andy, bob] = online(&mut lab, ["andy", "bob"]);
    let room = lab.room("lunch", "1A").unwrap();
    andy.enter(&room);
    await_that(&mut lab, "the room is there", MINUTE, |_| andy.is_in(&room));
    lab.node("2A").unwrap().service(TC).stop().unwrap();
    await_that(&mut lab, "TC of 2A has stopped", MINUTE, |lab| {
        has_stopped(lab, "2A", TC)
    });
    bob.enter(&room);
    await_that(&mut lab, "Bob is refused", MINUTE, |_| {
        !errors(&bob).is_empty()
    });
    assert!(
        errors(&bob)[0].contains("service-unavailable"),
        "{:?}",
        errors(&bob)
    );
    assert!(!bob.is_in(&room));
    lab.node("2A").unwrap().service(TC).start().unwrap();
    await_that(&mut lab, "TC of 2A runs", MINUTE, |lab| {
        is_up(lab, "2A", TC)
    });
    bob.enter(&room);
    await_that(&mut lab, "Bob is in", MINUTE, |_| bob.is_in(&room));
}

/// CHAT-4: without persistent-chat HA each node has its own database; when it fails its rooms are
/// unreachable, also for its users who fail over, and are back with it.
#[test]
fn chat_4_rooms_stay_with_their_node() {
    let mut lab = started(
        Lab::virtual_time(4)
            .cluster("c", |cluster| {
                cluster.pair("pair-1", "1A", "1B").chat_ha(false)
            })
            .user("andy", "1A")
            .user("bob", "1B"),
    );
    let databases = lab.databases();
    assert_eq!(databases.len(), 2, "{databases:?}");
    assert!(databases.iter().all(|database| database.used.len() == 1));
    assert!(!lab.has_chat_ha("pair-1").unwrap());
    let [andy, bob] = online(&mut lab, ["andy", "bob"]);
    let people = [andy.clone(), bob.clone()];
    let there = gather(&mut lab, &people, "1A");
    let here = lab.room("here", "1B").unwrap();
    bob.enter(&here);
    bob.post(&there, "before");
    await_that(&mut lab, "Andy reads it", MINUTE, |_| {
        andy.has_received("before")
    });

    lab.node("1A").unwrap().kill().unwrap();
    await_that(&mut lab, "Andy has failed over", LONG, |_| {
        andy.place().is_ok_and(|place| place == "1B")
    });
    for one in &people {
        let before = errors(one).len();
        one.enter(&there);
        await_that(&mut lab, "the room is unreachable", MINUTE, |_| {
            errors(one).len() > before
        });
    }
    bob.enter(&here);
    andy.enter(&here);
    await_that(&mut lab, "rooms of 1B are not concerned", MINUTE, |_| {
        andy.is_in(&here) && bob.is_in(&here)
    });
    lab.node("1A").unwrap().power_on().unwrap();
    await_that(&mut lab, "1A is back", LONG, |lab| is_up(lab, "1A", TC));
    bob.enter(&there);
    await_that(&mut lab, "its room is back", MINUTE, |_| bob.is_in(&there));
    bob.post(&there, "after");
    await_that(&mut lab, "and works", MINUTE, |_| bob.has_received("after"));
    let warned = troubles(&mut lab);
    let stay = |one: &Finding| one.level == Level::Warning && one.finding.contains("unreachable");
    assert!(warned.iter().any(stay), "{warned:?}");
}

/// CHAT-5: a pair with persistent-chat HA has one and the same database, another pair another one.
#[test]
fn chat_5_one_database_for_a_pair() {
    let mut lab = lab(5);
    let databases = lab.databases();
    let used: Vec<Vec<String>> = databases
        .iter()
        .map(|database| database.used.clone())
        .collect();
    assert_eq!(used, [["1A", "1B"], ["2A", "2B"]]);
    let infos: Vec<_> = HOMES
        .iter()
        .map(|node| lab.chat_database(node).unwrap().unwrap().info())
        .collect();
    assert!(infos[0] == infos[1] && infos[2] == infos[3] && infos[0] != infos[2]);
    assert!(lab.has_chat_ha("pair-1").unwrap());
    assert_eq!(troubles(&mut lab), []);
}

/// CHAT-4, CHAT-5, CHAT-6: configurations that break a rule are refused, each with its own words.
#[test]
fn chat_5_broken_configurations_are_refused() {
    let pairs = |describe: fn(takeover::lab::ClusterBuilder) -> takeover::lab::ClusterBuilder| {
        Lab::virtual_time(1)
            .cluster("c", |cluster| {
                describe(
                    cluster
                        .pair("pair-1", "1A", "1B")
                        .pair("pair-2", "2A", "2B"),
                )
            })
            .build()
    };
    let different = refused(pairs(|c| {
        c.chat_ha(true)
            .chat_database("1A", "a")
            .chat_database("1B", "b")
    }));
    for part in ["pair-1", "1A uses a", "1B uses b", "one and the same"] {
        assert!(different.contains(part), "{part}: {different}");
    }
    let shared = refused(pairs(|c| {
        ["1A", "1B", "2A", "2B"]
            .into_iter()
            .fold(c, |c, node| c.chat_database(node, "rooms"))
    }));
    assert!(
        shared.contains("several groups: pair-1, pair-2"),
        "{shared}"
    );
    let no_ha = refused(pairs(|c| c.without_ha().chat_ha(true)));
    assert!(no_ha.contains("high availability of the group"), "{no_ha}");
    let no_chat = Lab::virtual_time(1)
        .cluster("c", |c| c.pair("pair-1", "1A", "1B").chat_ha(true))
        .parameter("Enable Persistent Chat", false)
        .build();
    let no_chat = refused(no_chat);
    assert!(
        no_chat.contains("persistent chat, which is not enabled"),
        "{no_chat}"
    );
}

/// CHAT-6: persistent-chat HA is switched on where all it needs is there; each thing that is not is
/// named.
#[test]
fn chat_6_every_precondition_is_named() {
    let mut lab = started(
        Lab::virtual_time(6)
            .cluster("c", |cluster| {
                cluster.pair("pair-1", "1A", "1B").chat_ha(false)
            })
            .user("andy", "1A"),
    );
    lab.node("1B").unwrap().service(TC).stop().unwrap();
    await_that(&mut lab, "TC of 1B has stopped", MINUTE, |lab| {
        has_stopped(lab, "1B", TC)
    });
    let error = lab.pair("pair-1").unwrap().enable_chat_ha().unwrap_err();
    let LabError::Chat { unmet } = &error else {
        panic!("{error}");
    };
    assert_eq!(unmet.len(), 2, "{error}");
    assert!(
        error.to_string().contains("Text Conference Manager of 1B"),
        "{error}"
    );
    assert!(
        error.to_string().contains("one and the same database"),
        "{error}"
    );
    assert!(!lab.has_chat_ha("pair-1").unwrap());

    // 1B takes the database of 1A; a restart of the router is asked for (CFG-1) and clears it.
    let used = lab.databases()[0].name.clone();
    let running = lab.use_database(&used, "1A").unwrap_err();
    assert!(
        running.to_string().contains("still runs on 1A"),
        "{running}"
    );
    lab.assign_database(&used, "1B").unwrap();
    lab.use_database(&used, "1B").unwrap();
    let active = lab.notifications();
    assert_eq!(active.len(), 1, "{active:?}");
    assert_eq!(active[0].severity, Severity::Warning);
    assert_eq!(active[0].restart.as_ref().unwrap().node, "1B");
    lab.node("1B")
        .unwrap()
        .service(ServiceKind::XcpRouter)
        .restart()
        .unwrap();
    await_that(&mut lab, "the notification is over", MINUTE, |lab| {
        lab.notifications().is_empty()
    });
    lab.node("1B").unwrap().service(TC).start().unwrap();
    await_that(&mut lab, "TC of 1B runs", MINUTE, |lab| {
        is_up(lab, "1B", TC)
    });
    lab.pair("pair-1").unwrap().enable_chat_ha().unwrap();
    assert!(lab.has_chat_ha("pair-1").unwrap());
    assert_eq!(troubles(&mut lab), []);
}

/// CHAT-5: rooms that a pair shares fail over once persistent-chat HA is on.
#[test]
fn chat_5_enabled_rooms_move_with_their_node() {
    let mut lab = started(
        Lab::virtual_time(7)
            .cluster("c", |c| {
                c.pair("pair-1", "1A", "1B")
                    .chat_ha(false)
                    .chat_database("1A", "rooms")
                    .chat_database("1B", "rooms")
            })
            .user("andy", "1A")
            .user("bob", "1B"),
    );
    let shared = troubles(&mut lab);
    assert!(
        shared[0].finding.contains("without persistent-chat HA"),
        "{shared:?}"
    );
    lab.pair("pair-1").unwrap().enable_chat_ha().unwrap();
    let people = online(&mut lab, ["andy", "bob"]);
    let room: BareJid = gather(&mut lab, &people, "1A");
    lab.node("1A").unwrap().kill().unwrap();
    let [_, bob] = &people;
    await_that(&mut lab, "1B hosts the room", LONG, |lab| {
        let alias = lab.plane().alias(room.domain().as_str());
        alias.is_some_and(|alias| Some(alias.owner().node()) == lab.node_id("1B").ok())
    });
    bob.post(&room, "goes on");
    await_that(&mut lab, "the room goes on", MINUTE, |_| {
        bob.has_received("goes on")
    });
}
