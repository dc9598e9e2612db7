//! Chapter 4 of the specification: merging the databases of a pair, as a job of a running lab.

mod common;

use common::*;
use takeover::Lab;
use takeover::admin::reply::Refusal;
use takeover::client::Client;
use takeover::lab::LabError;
use takeover::service::ServiceKind;
use takeover_protocols::jid::BareJid;
use takeover_storage::merge::{MergeError, Part, Phase};

const TC: ServiceKind = ServiceKind::TextConference;
const GROUP: &str = "pair-1";
const SOURCES: [&str; 2] = ["pair-1-1A", "pair-1-1B"];

/// A pair that comes from one database per node, with a room and some words in each.
struct Scene {
    lab: Lab,
    people: [Client; 2],
    rooms: [BareJid; 2],
}

fn scene(seed: u64) -> Scene {
    let mut lab = started(
        Lab::virtual_time(seed)
            .cluster("c", |cluster| cluster.pair(GROUP, "1A", "1B").without_ha())
            .user("andy", "1A")
            .user("bob", "1B"),
    );
    let people = online(&mut lab, ["andy", "bob"]);
    let rooms = ["1A", "1B"].map(|node| {
        let room = gather(&mut lab, &people, node);
        for (one, word) in people.iter().zip(["first", "second"]) {
            one.post(&room, &format!("{word} at {node}"));
            await_that(&mut lab, "it is read", MINUTE, |_| {
                people
                    .iter()
                    .all(|one| one.has_received(&format!("{word} at {node}")))
            });
        }
        room
    });
    Scene { lab, people, rooms }
}

fn stop_conferences(lab: &mut Lab) {
    for node in ["1A", "1B"] {
        lab.node(node).unwrap().service(TC).stop().unwrap();
    }
    await_that(lab, "both have stopped", MINUTE, |lab| {
        has_stopped(lab, "1A", TC) && has_stopped(lab, "1B", TC)
    });
}

fn assign(lab: &Lab, database: &str) {
    for node in ["1A", "1B"] {
        lab.assign_database(database, node).unwrap();
    }
}

/// MRG-2, MRG-4, CHAT-5: one database per node becomes one per pair: merged, asked for a restart of the
/// router, assigned to both nodes, TC started; rooms and histories are there, and with HA on they move.
#[test]
fn mrg_4_from_one_database_per_node_to_one_per_pair() {
    let Scene {
        mut lab,
        people,
        rooms,
    } = scene(1);
    stop_conferences(&mut lab);
    assign(&lab, "both");
    let answer = lab.merge_databases(GROUP, SOURCES, "both").unwrap();
    let report = lab.wait_for(answer).unwrap().unwrap();
    assert_eq!((report.rooms, report.messages, report.joined), (2, 4, 0));
    let jobs = lab.merge_jobs();
    assert_eq!((jobs.len(), jobs[0].status().phase), (1, Phase::Done));
    assert_eq!(jobs[0].afterwards().len(), 3, "{:?}", jobs[0].afterwards());
    let asked: Vec<_> = lab
        .restarts_asked_for()
        .into_iter()
        .map(|asked| (asked.node, asked.service))
        .collect();
    let router = ServiceKind::XcpRouter;
    assert_eq!(asked.len(), 2);
    assert!(asked.contains(&("1A".into(), router)) && asked.contains(&("1B".into(), router)));
    let both = lab
        .databases()
        .into_iter()
        .find(|database| database.name == "both")
        .unwrap();
    assert_eq!(both.used, ["1A", "1B"]);
    await_that(&mut lab, "TC runs on both nodes", MINUTE, |lab| {
        is_up(lab, "1A", TC) && is_up(lab, "1B", TC)
    });
    let [andy, bob] = &people;
    for (room, words) in rooms.iter().zip(["more at 1A", "more at 1B"]) {
        bob.enter(room);
        await_that(&mut lab, "Bob is in", MINUTE, |_| bob.is_in(room));
        bob.post(room, words);
        await_that(&mut lab, "it is read", MINUTE, |_| bob.has_received(words));
        let found = typed(
            &mut lab,
            &format!("show room search {room} andy@example.test at"),
        )
        .unwrap();
        let messages = found.data["messages"].as_array().unwrap();
        assert_eq!(messages.len(), 3, "{}", found.text);
    }
    lab.pair(GROUP).unwrap().enable_ha().unwrap();
    await_that(&mut lab, "HA is on", LONG, |lab| row(lab, GROUP) == Some(1));
    lab.pair(GROUP).unwrap().enable_chat_ha().unwrap();
    lab.node("1A").unwrap().kill().unwrap();
    await_that(&mut lab, "1B hosts the rooms of 1A", LONG, |lab| {
        let alias = lab.plane().alias(rooms[0].domain().as_str());
        alias.is_some_and(|alias| Some(alias.owner().node()) == lab.node_id("1B").ok())
    });
    await_that(&mut lab, "Andy is at 1B", LONG, |_| {
        andy.place().is_ok_and(|place| place == "1B")
    });
    andy.enter(&rooms[0]);
    await_that(&mut lab, "Andy reads on", MINUTE, |_| andy.is_in(&rooms[0]));
}

/// MRG-1: TC running, a database that is not assigned: each refused with its own error, nothing done.
#[test]
fn mrg_1_what_a_lab_refuses() {
    let Scene { mut lab, .. } = scene(2);
    assign(&lab, "both");
    let refused = |lab: &Lab, sources: [&str; 2], target: &str| match lab
        .merge_databases(GROUP, sources, target)
    {
        Err(LabError::Merge(error)) => error,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it is not allowed"),
    };
    let runs = |node: &str| MergeError::ConferenceRuns { node: node.into() };
    assert_eq!(refused(&lab, SOURCES, "both"), runs("1A"));
    lab.node("1A").unwrap().service(TC).stop().unwrap();
    await_that(&mut lab, "one has stopped", MINUTE, |lab| {
        has_stopped(lab, "1A", TC)
    });
    assert_eq!(refused(&lab, SOURCES, "both"), runs("1B"));
    stop_conferences_left(&mut lab);
    let unassigned = |error: &MergeError, part: Part| matches!(error, MergeError::NotAssigned { part: found, .. } if *found == part);
    let foreign = refused(&lab, ["elsewhere", SOURCES[1]], "both");
    assert!(unassigned(&foreign, Part::First), "{foreign}");
    lab.assign_database("half", "1A").unwrap();
    let half = refused(&lab, SOURCES, "half");
    assert!(
        unassigned(&half, Part::Target) && half.to_string().contains("1B"),
        "{half}"
    );
    assert!(lab.merge_jobs().is_empty());
    let answer = lab.merge_databases(GROUP, [SOURCES[0]; 2], "both").unwrap();
    let same = lab.wait_for(answer).unwrap().unwrap_err();
    assert!(matches!(same, MergeError::SameDatabase { .. }), "{same}");
    let failed = lab.merge_jobs()[0].status().phase;
    assert!(matches!(failed, Phase::Failed(why) if why.contains("one and the same")));
    assert!(!is_up(&lab, "1A", TC), "nothing was done afterwards");
}

fn stop_conferences_left(lab: &mut Lab) {
    lab.node("1B").unwrap().service(TC).stop().unwrap();
    await_that(lab, "the other has stopped", MINUTE, |lab| {
        has_stopped(lab, "1B", TC)
    });
}

/// Chapter 6, *Console*: the job, its databases, its notifications, and a room's words and lines, as
/// typed.
#[test]
fn mrg_4_from_the_console() {
    let Scene { mut lab, rooms, .. } = scene(3);
    let refused = typed(
        &mut lab,
        "utils database merge pair-1 pair-1-1A pair-1-1B both",
    )
    .unwrap_err();
    assert!(matches!(refused, Refusal::Forbidden(_)), "{refused}");
    assert!(
        refused.to_string().contains("still runs on 1A"),
        "{refused}"
    );
    for node in ["1A", "1B"] {
        typed(&mut lab, &format!("utils database assign both {node}")).unwrap();
        typed(&mut lab, &format!("utils service stop {node} tc")).unwrap();
    }
    await_that(&mut lab, "both have stopped", MINUTE, |lab| {
        has_stopped(lab, "1A", TC) && has_stopped(lab, "1B", TC)
    });
    typed(
        &mut lab,
        "utils database merge pair-1 pair-1-1A pair-1-1B both",
    )
    .unwrap();
    await_that(&mut lab, "TC runs on both nodes", MINUTE, |lab| {
        is_up(lab, "1A", TC) && is_up(lab, "1B", TC)
    });
    let jobs = typed(&mut lab, "utils database jobs").unwrap();
    assert_eq!(
        jobs.data["jobs"][0]["status"]["phase"], "done",
        "{}",
        jobs.text
    );
    assert_eq!(jobs.data["jobs"][0]["percent"], 100.0);
    let list = typed(&mut lab, "utils database list").unwrap();
    assert!(
        list.text.contains("used by 1A, 1B; 2 rooms, 4 messages"),
        "{}",
        list.text
    );
    let notices = typed(&mut lab, "show notifications").unwrap();
    assert_eq!(notices.data["counts"]["warning"], 2, "{}", notices.text);
    let command = notices.data["notifications"][0]["command"]
        .as_str()
        .unwrap()
        .to_owned();
    typed(&mut lab, &command).unwrap();
    await_that(&mut lab, "the notification is over", MINUTE, |lab| {
        lab.notifications().len() == 1
    });
    let room = &rooms[0];
    let stranger = typed(
        &mut lab,
        &format!("show room search {room} bob@example.test first"),
    );
    assert!(
        matches!(stranger, Err(Refusal::Forbidden(_))),
        "{stranger:?}"
    );
    let lines = typed(&mut lab, &format!("show room export {room}")).unwrap();
    assert_eq!(lines.text.lines().count(), 1 + 1 + 2, "{}", lines.text);
    let rest = typed(&mut lab, &format!("show room export {room} 1")).unwrap();
    assert_eq!(rest.text.lines().count(), 1, "{}", rest.text);
    await_that(&mut lab, "all is up again", MINUTE, |lab| {
        is_up(lab, "1A", TC) && is_up(lab, "1B", TC)
    });
    let report = typed(&mut lab, "show troubleshooter").unwrap();
    assert_eq!(report.data["worst"], "warning", "{}", report.text);
    assert!(
        report.text.contains("without persistent-chat HA"),
        "{}",
        report.text
    );
}

/// MRG-3: begun again, the job finds all there and ends in the same target.
#[test]
fn mrg_3_a_job_is_begun_again() {
    let Scene { mut lab, .. } = scene(4);
    assign(&lab, "both");
    for found in [0, 4] {
        stop_conferences(&mut lab);
        let answer = lab.merge_databases(GROUP, SOURCES, "both").unwrap();
        let report = lab.wait_for(answer).unwrap().unwrap();
        assert_eq!((report.messages, report.found), (4, found));
        await_that(&mut lab, "TC runs again", MINUTE, |lab| {
            is_up(lab, "1A", TC) && is_up(lab, "1B", TC)
        });
    }
    assert_eq!(lab.merge_jobs().len(), 2);
}
