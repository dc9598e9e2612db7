//! Chapter 5 of the specification: intercluster peering, as far as the control plane of one node goes:
//! ICSA is there, and SRM and ICSA watch each other.

mod common;

use common::*;
use takeover::ha::State;
use takeover::journal::Event;
use takeover::lab::Lab;
use takeover::service::{ServiceCause, ServiceKind};

const SRM: ServiceKind = ServiceKind::Srm;
const ICSA: ServiceKind = ServiceKind::InterclusterSyncAgent;

/// Who has noticed whose end at a node, after a journal entry.
fn noticed(lab: &Lab, node: &str, after: u64) -> Vec<(ServiceKind, ServiceKind, String)> {
    let watched = |event: &Event| matches!(event, Event::WatchedEnded { .. });
    let who = |entry: takeover::journal::Entry| match entry.event {
        Event::WatchedEnded {
            watcher,
            watched,
            exit,
        } => (watcher, watched, exit),
        other => unreachable!("selected above: {other}"),
    };
    entries(lab, node, after, watched)
        .into_iter()
        .map(who)
        .collect()
}

/// ICP-4: ICSA runs on every node of every cluster.
#[test]
fn icp_4_icsa_on_every_node() {
    let two = Lab::virtual_time(1)
        .cluster("east", |east| east.pair("e", "e1", "e2").single("f", "e3"))
        .cluster("west", |west| west.pair("w", "w1", "w2"));
    let lab = started(two);
    for node in lab.node_names() {
        assert!(is_up(&lab, &node, ICSA), "{node}");
    }
}

/// ICP-14: however SRM ends, ICSA hears it, with how; the node starts SRM again; nobody moves, and
/// whoever is logged in does not notice.
#[test]
fn icp_14_the_end_of_srm() {
    let mut lab = lab(2);
    let people = online(&mut lab, PEOPLE);
    talk(&people, None, 2 * SECOND);
    for (round, exit) in ["killed", "panicked: no more", "stopped"]
        .into_iter()
        .enumerate()
    {
        let began = mark(&lab);
        let mut node = lab.node("1A").unwrap();
        let mut srm = node.service(SRM);
        match round {
            0 => srm.kill().unwrap(),
            1 => srm.panic("no more").unwrap(),
            _ => srm.restart().unwrap(),
        }
        lab.pass(MINUTE);
        assert!(is_up(&lab, "1A", SRM), "{exit}");
        // Its service kills it if it ends by a panic of its own.
        let heard = noticed(&lab, "1A", began);
        assert_eq!(heard.len(), 1, "{exit}: {heard:?}");
        assert_eq!((heard[0].0, heard[0].1), (ICSA, SRM), "{exit}");
        assert_eq!(lab.state("1A"), Some(State::Normal), "{exit}");
    }
    assert!(people.iter().all(|one| places(one).len() == 1));
    hush(&mut lab, &people);
}

/// ICP-14: however ICSA ends, SRM hears it and has it started again, later each time; the other nodes'
/// stay up.
#[test]
fn icp_14_the_end_of_icsa() {
    let mut lab = lab(3);
    let mut waits = Vec::new();
    for _ in 0..3 {
        let (began, ended) = (mark(&lab), lab.now());
        let cause = ServiceCause::Other("out of memory".into());
        lab.node("1A").unwrap().service(ICSA).fail(cause).unwrap();
        assert!(!is_up(&lab, "1A", ICSA));
        await_that(&mut lab, "ICSA is back", 5 * MINUTE, |lab| {
            is_up(lab, "1A", ICSA)
        });
        waits.push(lab.now().saturating_since(ended));
        let heard = noticed(&lab, "1A", began);
        assert_eq!(heard.len(), 1, "{heard:?}");
        assert_eq!((heard[0].0, heard[0].1), (SRM, ICSA));
        assert!(is_up(&lab, "1B", ICSA));
    }
    assert!(waits[0] < waits[1] && waits[1] < waits[2], "{waits:?}");
    assert_eq!(row(&lab, "pair-1"), Some(1));
}

/// ICP-14: both end at once: the node starts SRM, and SRM starts ICSA.
#[test]
fn icp_14_both_at_once() {
    let mut lab = lab(4);
    let mut node = lab.node("1A").unwrap();
    node.service(SRM).panic("together").unwrap();
    node.service(ICSA).panic("together").unwrap();
    await_that(&mut lab, "both are back", 5 * MINUTE, |lab| {
        is_up(lab, "1A", SRM) && is_up(lab, "1A", ICSA)
    });
    lab.pass(MINUTE);
    assert_eq!(lab.state("1A"), Some(State::Normal));
}
