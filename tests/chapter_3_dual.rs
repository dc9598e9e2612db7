//! Chapter 3 of the specification: dual registration (SES-7, SES-8).

mod common;

use common::*;
use takeover::client::{Client, ClientSpec, Dual};
use takeover::ha::State;
use takeover::lab::{Builder, Lab};

/// Users of a pair; the first ones are at home on 1A.
const USERS: usize = 30;
const AT_1A: u64 = 18;

fn window() -> Dual {
    Dual {
        lower: 120 * SECOND,
        upper: 300 * SECOND,
        ..Dual::default()
    }
}

fn pair(seed: u64) -> Builder {
    let pair = Lab::virtual_time(seed).cluster("c", |cluster| cluster.pair("pair-1", "1A", "1B"));
    let users = (0..USERS).map(|number| (number, if number < 18 { "1A" } else { "1B" }));
    users.fold(pair, |lab, (number, home)| {
        lab.user(&format!("u{number}"), home)
    })
}

/// All users, logged in; each second one speaks XML, the others hand their stanzas over.
fn people(lab: &mut Lab, change: impl Fn(&mut ClientSpec)) -> Vec<Client> {
    let person = |number: usize| {
        let made = lab.client_with(&format!("u{number}"), |spec| {
            spec.hands_over = number.is_multiple_of(2);
            spec.dual = Some(window());
            change(spec);
        });
        made.expect("a user of the lab")
    };
    let all: Vec<Client> = (0..USERS).map(person).collect();
    log_in(lab, &all);
    all
}

#[track_caller]
fn assert_counters(lab: &mut Lab, active: [u64; 2], inactive: [u64; 2]) {
    for (name, expected) in [
        ("ActiveJsmSessions", active),
        ("JsmSessionsClient", active),
        ("JsmSessionsClientInactive", inactive),
    ] {
        let told = counter(lab, name);
        assert_eq!([told["1A"], told["1B"]], expected, "{name}");
    }
}

fn total(lab: &mut Lab, name: &str) -> u64 {
    counter(lab, name).values().sum()
}

/// SES-7, SES-8: after a random time in the window each client has an inactive session at the other node;
/// with X users on the primary and Y on the secondary they show X and Y, and Y and X.
#[test]
fn ses_8_counters_of_a_dual_registered_pair() {
    let mut lab = started(pair(1));
    let people = people(&mut lab, |_| {});
    lab.pass(100 * SECOND);
    assert_counters(&mut lab, [AT_1A, 12], [0, 0]);
    lab.pass(100 * SECOND);
    let early = total(&mut lab, "JsmSessionsClientInactive");
    assert!(
        (1..30).contains(&early),
        "each at a time of its own: {early}"
    );
    lab.pass(110 * SECOND);
    assert_counters(&mut lab, [AT_1A, 12], [12, AT_1A]);
    for (number, one) in people.iter().enumerate() {
        let other = if number < 18 { "1B" } else { "1A" };
        assert_eq!(one.inactive_at().as_deref(), Some(other));
    }
}

/// SES-7, SES-8: a failover by hand takes the clients nearly no time and makes no storm: their inactive
/// sessions become active, the sessions go on. While it lasts `ActiveJsmSessions` is zero on the failed
/// node; after the fallback all is as before.
#[test]
fn ses_7_downtime_near_zero_and_no_storm() {
    for seed in 2..5 {
        let mut lab = started(pair(seed));
        let people = people(&mut lab, |_| {});
        lab.pass(310 * SECOND);
        talk(&people, None, 2 * SECOND);
        lab.pass(20 * SECOND);
        let came = total(&mut lab, "ConnectionsAccepted");
        lab.node("1A").unwrap().fail_over().unwrap();
        await_states(
            &mut lab,
            ("1A", State::Idle),
            ("1B", State::Backup),
            3 * MINUTE,
        );
        lab.pass(SECOND);
        assert!(
            people
                .iter()
                .all(|one| one.place().is_ok_and(|at| at == "1B"))
        );
        assert_eq!(
            total(&mut lab, "ConnectionsAccepted"),
            came,
            "nobody logged in anew"
        );
        let told = counter(&mut lab, "ActiveJsmSessions");
        assert_eq!((told["1A"], told["1B"]), (0, 30));
        let longest = people.iter().map(Client::downtime).max().unwrap();
        assert!(longest < 2 * SECOND, "{longest:?}");
        assert!(places(&people[0]).last().unwrap().1, "the session went on");
        lab.node("1A").unwrap().fall_back().unwrap();
        await_states(
            &mut lab,
            ("1A", State::Normal),
            ("1B", State::Normal),
            3 * MINUTE,
        );
        lab.pass(400 * SECOND);
        assert_counters(&mut lab, [AT_1A, 12], [12, AT_1A]);
        hush(&mut lab, &people);
    }
}

/// SES-7: where the node is killed, its clients are active at the backup as soon as that has noticed and
/// has taken the users: no window, no storm.
#[test]
fn ses_7_a_killed_node() {
    for seed in 5..8 {
        let mut lab = started(pair(seed));
        let people = people(&mut lab, |_| {});
        lab.pass(310 * SECOND);
        talk(&people, None, 2 * SECOND);
        lab.pass(20 * SECOND);
        let came = total(&mut lab, "ConnectionsAccepted");
        lab.node("1A").unwrap().kill().unwrap();
        await_that(&mut lab, "1B has taken over", 2 * MINUTE, |lab| {
            lab.state("1B") == Some(State::Backup)
        });
        lab.pass(SECOND);
        assert!(
            people
                .iter()
                .all(|one| one.place().is_ok_and(|at| at == "1B"))
        );
        assert_eq!(
            total(&mut lab, "ConnectionsAccepted"),
            came,
            "nobody logged in anew"
        );
        assert_counters(&mut lab, [0, 30], [0, 0]);
        let longest = people.iter().map(Client::downtime).max().unwrap();
        assert!(
            longest <= 62 * SECOND,
            "{longest:?}: as long as it took to notice"
        );
        hush(&mut lab, &people);
    }
}

/// SES-7: *Inactive_Connection_Activation_Timer* is how long after a loss the client waits first.
#[test]
fn ses_7_the_activation_timer() {
    let mut lab = started(pair(8));
    let people = people(&mut lab, |spec| {
        spec.dual = Some(Dual {
            activation: 90 * SECOND,
            ..window()
        });
    });
    lab.pass(310 * SECOND);
    lab.node("1A").unwrap().kill().unwrap();
    lab.pass(89 * SECOND);
    assert_eq!(counter(&mut lab, "ActiveJsmSessions")["1B"], 12);
    lab.pass(2 * SECOND);
    assert_eq!(counter(&mut lab, "ActiveJsmSessions")["1B"], 30);
    assert!(people.iter().all(Client::is_online));
}

/// SES-7: not with *EnableDualConnections* off, not with HA off, not with TLS for clients disabled.
#[test]
fn ses_7_switched_off() {
    let nobody = |mut lab: Lab, dual: Option<Dual>| {
        let people = people(&mut lab, |spec| spec.dual = dual);
        lab.pass(1000 * SECOND);
        assert_counters(&mut lab, [AT_1A, 12], [0, 0]);
        assert!(people.iter().all(|one| one.inactive_at().is_none()));
    };
    nobody(started(pair(9)), None);
    let without_tls = pair(9).parameter("Enable TLS for XMPP Clients", "off");
    nobody(started(without_tls), Some(window()));
    let mut lab = started(pair(9));
    typed(&mut lab, "utils ha disable pair-1").unwrap();
    lab.pass(10 * SECOND);
    nobody(lab, Some(window()));
}
