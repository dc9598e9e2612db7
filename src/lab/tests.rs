//! The lab as a newcomer uses it.

use std::time::Duration;

use takeover_core::ha::{Reason, State};
use takeover_core::journal::Power;
use takeover_core::service::{ServiceKind, ServiceState};

use super::*;
use crate::client::{Client, Target};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn the_built_in_lab_comes_up() {
    let mut lab = Lab::virtual_time(1).start().unwrap();
    assert_eq!(lab.node_names(), ["1A", "1B", "2A", "2B"]);
    for name in lab.node_names() {
        assert_eq!(lab.state(&name), Some(State::Normal), "{name}");
        assert_eq!(
            lab.service_state(&name, ServiceKind::TextConference),
            ServiceState::Started
        );
    }
    lab.pass(10 * MINUTE);
    assert_eq!(lab.state("1A"), Some(State::Normal));
    lab.shut_down(MINUTE).unwrap();
}

/// HA-1: a node whose power is cut is noticed and taken over.
#[test]
fn a_killed_node_is_taken_over() {
    let mut lab = Lab::virtual_time(2).start().unwrap();
    let before = lab.now();
    lab.node("1A").unwrap().kill().unwrap();
    assert_eq!(lab.node("1A").unwrap().power(), Some(Power::Killed));
    assert!(lab.until(|lab| lab.state("1B") == Some(State::Backup), 5 * MINUTE));
    assert_eq!(lab.reason("1B"), Some(Reason::PeerDown));
    let noticed = lab.now().saturating_since(before);
    assert!((45..=75).contains(&noticed.as_secs()), "{noticed:?}");
    assert_eq!(lab.state("2A"), Some(State::Normal));
}

/// HA-2, HA-5: a critical service that stays down fails the node over; an administrator brings the
/// users back.
#[test]
fn a_dead_service_fails_its_node_over_and_back() {
    let mut lab = Lab::virtual_time(3).start().unwrap();
    lab.node("1A")
        .unwrap()
        .service(ServiceKind::TextConference)
        .kill()
        .unwrap();
    lab.pass(Duration::from_secs(80));
    assert_eq!(lab.state("1A"), Some(State::Normal));
    let over = |lab: &Control| lab.state("1A") == Some(State::FailedOverDown);
    assert!(lab.until(over, 2 * MINUTE), "{}", lab.journal().lines());
    lab.node("1A")
        .unwrap()
        .service(ServiceKind::TextConference)
        .start()
        .unwrap();
    assert!(lab.until(|lab| lab.state("1A") == Some(State::FailedOver), 5 * MINUTE));
    lab.node("1A").unwrap().fall_back().unwrap();
    let normal = |lab: &Control| {
        lab.state("1A") == Some(State::Normal) && lab.state("1B") == Some(State::Normal)
    };
    assert!(lab.until(normal, 5 * MINUTE), "{}", lab.journal().lines());
}

/// HA-11: what the state does not allow is refused with what it does allow.
#[test]
fn a_fallback_of_a_normal_node_is_refused() {
    let mut lab = Lab::virtual_time(4).start().unwrap();
    let refused = lab.node("1A").unwrap().fall_back().unwrap_err().to_string();
    assert!(
        refused.contains("Normal") && refused.contains("failover"),
        "{refused}"
    );
}

#[test]
fn an_unknown_name_is_refused_with_those_there_are() {
    let mut lab = Lab::virtual_time(5).start().unwrap();
    let refused = lab.node("9Z").err().unwrap().to_string();
    assert_eq!(
        refused,
        "no node is called \"9Z\"; there are: 1A, 1B, 2A, 2B"
    );
    assert!(
        lab.pair("none")
            .err()
            .unwrap()
            .to_string()
            .contains("pair-1, pair-2")
    );
}

/// HA-10: in a split both sides take over; healed, both are in failed mode; Recover mends it.
#[test]
fn a_cut_link_splits_the_pair_and_recover_mends_it() {
    let mut lab = Lab::virtual_time(6).start().unwrap();
    lab.link("1A", "1B").unwrap().cut();
    let both =
        |state| move |lab: &Control| ["1A", "1B"].iter().all(|n| lab.state(n) == Some(state));
    assert!(
        lab.until(both(State::Backup), 5 * MINUTE),
        "{}",
        lab.journal().lines()
    );
    lab.link("1A", "1B").unwrap().heal();
    assert!(
        lab.until(both(State::FailedMode), 5 * MINUTE),
        "{}",
        lab.journal().lines()
    );
    lab.pair("pair-1").unwrap().recover().unwrap();
    assert!(
        lab.until(both(State::Normal), 10 * MINUTE),
        "{}",
        lab.journal().lines()
    );
}

/// The same seed gives the same run, another seed another one.
#[test]
fn a_seed_is_a_run() {
    let digest = |seed| {
        let mut lab = Lab::virtual_time(seed).start().unwrap();
        lab.node("1A").unwrap().kill().unwrap();
        lab.pass(5 * MINUTE);
        lab.journal().digest()
    };
    assert_eq!(digest(7), digest(7));
    assert_ne!(digest(7), digest(8));
}

/// The same words work in real time, on threads of its own.
#[test]
fn real_time_is_the_same_lab() {
    let mut lab = Lab::real_time(300.0).start().unwrap();
    assert_eq!(lab.state("1A"), Some(State::Normal));
    lab.node("1A").unwrap().kill().unwrap();
    assert!(lab.until(|lab| lab.state("1B") == Some(State::Backup), 5 * MINUTE));
    lab.shut_down(Duration::from_secs(5)).unwrap();
}

/// Two labs in one process do not know of each other.
#[test]
fn labs_live_side_by_side() {
    let mut first = Lab::virtual_time(1).start().unwrap();
    let mut second = Lab::virtual_time(1).start().unwrap();
    first.node("1A").unwrap().kill().unwrap();
    first.pass(5 * MINUTE);
    second.pass(5 * MINUTE);
    assert_eq!(first.state("1B"), Some(State::Backup));
    assert_eq!(second.state("1B"), Some(State::Normal));
}

#[test]
fn a_topology_of_ones_own() {
    let lab = Lab::virtual_time(1)
        .domain("chat.test")
        .cluster("east", |east| {
            east.pair("e", "e1", "e2").single("lone", "e3")
        })
        .cluster("west", |west| west.pair("w", "w1", "w2").ova(25_000))
        .user("eve", "e3")
        .start()
        .unwrap();
    assert_eq!(lab.node_names(), ["e1", "e2", "e3", "w1", "w2"]);
    assert_eq!(lab.deployment().domain(), "chat.test");
    assert_eq!(lab.state("e3"), Some(State::Unknown));
}

/// Andy and Bob log in and talk, in memory and over TCP with TLS: the same code on both clocks.
fn two_talk(mut lab: Lab) {
    let (andy, bob) = (lab.client("andy").unwrap(), lab.client("bob").unwrap());
    andy.log_in();
    bob.log_in();
    assert!(
        lab.until(|_| andy.is_online() && bob.is_online(), MINUTE),
        "{}",
        andy.state()
    );
    assert_eq!(
        (andy.place().unwrap(), bob.place().unwrap()),
        ("1A".into(), "1B".into())
    );
    andy.say("bob", "hello");
    assert!(lab.until(|_| bob.has_received("hello"), MINUTE));
    assert!(lab.until(|lab| lab.finding().total.acknowledged == 1, MINUTE));
    assert!(lab.finding().total.is_clean() && lab.nothing_missing());
    lab.shut_down(Duration::from_secs(60)).unwrap();
}

#[test]
fn two_clients_talk_in_virtual_time() {
    two_talk(Lab::virtual_time(1).start().unwrap());
}

#[test]
fn two_clients_talk_over_tls() {
    two_talk(Lab::real_time(10.0).start().unwrap());
}

/// SES-3: who talks through the death of a node loses nothing, and nothing comes twice.
#[test]
fn a_node_dies_under_talk_and_nothing_acknowledged_is_lost() {
    let mut lab = Lab::virtual_time(11).start().unwrap();
    let names = ["andy", "bob", "catherine", "deborah"];
    let clients: Vec<_> = names.iter().map(|name| lab.client(name).unwrap()).collect();
    for (client, next) in clients.iter().zip(["bob", "catherine", "deborah", "andy"]) {
        client.log_in();
        client.keep_talking(
            Duration::from_secs(3),
            vec![Target::Client(next.to_owned())],
        );
    }
    assert!(lab.until(|_| clients.iter().all(Client::is_online), MINUTE));
    lab.pass(MINUTE);
    lab.node("1A").unwrap().kill().unwrap();
    lab.pass(MINUTE);
    assert!(!clients[0].is_online());
    assert!(
        lab.until(|_| clients[0].is_online(), 15 * MINUTE),
        "{}",
        clients[0].state()
    );
    assert_eq!(clients[0].place().unwrap(), "1B");
    lab.pass(MINUTE);
    clients.iter().for_each(Client::fall_silent);
    assert!(
        lab.until(|lab| lab.nothing_missing(), 5 * MINUTE),
        "{:?}",
        lab.finding()
    );
    let finding = lab.finding();
    assert!(finding.total.is_clean(), "{finding:?}");
    assert!(finding.clients["andy"].acknowledged > 20, "{finding:?}");
}

#[test]
fn numbered_users_are_spread_and_log_in() {
    let mut lab = Lab::virtual_time(1).users(10).start().unwrap();
    let client = lab.client("user7").unwrap();
    client.log_in();
    assert!(
        lab.until(|_| client.is_online(), MINUTE),
        "{}",
        client.state()
    );
    let refused = lab.client("user11").err().unwrap().to_string();
    assert!(refused.contains("user11"), "{refused}");
}

/// CFG-6: a parameter set on the lab is checked, and obeyed.
#[test]
fn parameters_are_checked_and_obeyed() {
    let refused = Lab::virtual_time(1)
        .parameter("Critical Service Down Delay", 0)
        .start();
    assert!(
        refused
            .err()
            .unwrap()
            .to_string()
            .contains("Critical Service Down Delay")
    );
    let mut lab = Lab::virtual_time(1)
        .parameter("Critical Service Down Delay", 10)
        .start()
        .unwrap();
    lab.node("1A")
        .unwrap()
        .service(ServiceKind::TextConference)
        .kill()
        .unwrap();
    lab.pass(Duration::from_secs(15));
    assert_eq!(lab.state("1A"), Some(State::FailedOverDown));
}
