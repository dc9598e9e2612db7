//! Chapter 2 of the specification: the Server Recovery Manager, as those who are logged in see it.

mod common;

use common::*;
use takeover::client::Client;
use takeover::ha::{Reason, State};
use takeover::journal::{Event, Power};
use takeover::lab::Lab;
use takeover::service::{ServiceCause, ServiceKind, ServiceState};

/// Everybody is logged in and talks, one with another.
fn talking(seed: u64) -> (Lab, [Client; 4]) {
    let mut lab = lab(seed);
    let people = online(&mut lab, PEOPLE);
    talk(&people, None, 4 * SECOND);
    lab.pass(MINUTE);
    (lab, people)
}

/// Andy is logged in at `place`.
#[track_caller]
fn andy_at(lab: &mut Lab, andy: &Client, place: &str) {
    let what = format!("Andy is logged in at {place}");
    await_that(lab, &what, LONG, |_| {
        andy.place().is_ok_and(|at| at == place)
    });
}

#[track_caller]
fn reasons(lab: &Lab, first: Reason, second: Reason) {
    let seen = (lab.reason("1A"), lab.reason("1B"));
    assert_eq!(seen, (Some(first), Some(second)));
}

/// HA-1, SES-5: the power of 1A is cut. 1B notices 45 to 60 s later and takes over; Andy's client
/// waits its time in the re-login window and finds its session at 1B. Row 16, by way of row 27. 1A
/// boots (row 11), is fallen back to, and row 1 is reached again.
#[test]
fn ha_1_power_cut() {
    for seed in 1..=4 {
        let (mut lab, people) = talking(seed);
        let (began, cut) = (mark(&lab), lab.now());
        lab.node("1A").unwrap().kill().unwrap();
        await_that(&mut lab, "1B takes over", 2 * MINUTE, |lab| {
            lab.state("1B") == Some(State::TakingOver) || lab.state("1B") == Some(State::Backup)
        });
        let noticed = lab.now().saturating_since(cut);
        assert!(
            (45 * SECOND..=60 * SECOND).contains(&noticed),
            "{noticed:?}"
        );
        andy_at(&mut lab, &people[0], "1B");
        let away = lab.now().saturating_since(cut);
        assert!((120 * SECOND..=540 * SECOND).contains(&away), "{away:?}");
        assert_eq!(rows(&lab, "1A", "1B", began), [27, 16]);
        lab.node("1A").unwrap().power_on().unwrap();
        await_that(&mut lab, "row 11", 10 * MINUTE, |lab| {
            row(lab, "pair-1") == Some(11)
        });
        reasons(&lab, Reason::Initialization, Reason::CriticalServiceDown);
        lab.node("1A").unwrap().fall_back().unwrap();
        await_states(
            &mut lab,
            ("1A", State::Normal),
            ("1B", State::Normal),
            3 * MINUTE,
        );
        andy_at(&mut lab, &people[0], "1A");
        lab.pass(MINUTE);
        hush(&mut lab, &people);
        assert_epochs_grow(&lab);
    }
}

/// HA-2: a critical service is dead for 80 s and starts again: nobody notices, as often as that is.
#[test]
fn ha_2_back_in_time() {
    let (mut lab, people) = talking(5);
    let began = mark(&lab);
    for _ in 0..3 {
        lab.node("1A")
            .unwrap()
            .service(ServiceKind::PresenceEngine)
            .kill()
            .unwrap();
        lab.pass(80 * SECOND);
        lab.node("1A")
            .unwrap()
            .service(ServiceKind::PresenceEngine)
            .start()
            .unwrap();
        lab.pass(5 * SECOND);
    }
    lab.pass(2 * MINUTE);
    assert!(rows(&lab, "1A", "1B", began).is_empty());
    assert!(people.iter().all(|one| places(one).len() == 1));
    hush(&mut lab, &people);
}

/// HA-2: whichever critical service dies and stays dead, its users are at the backup 90 s later.
#[test]
fn ha_2_every_critical_service() {
    use ServiceKind as K;
    let critical = [
        K::PresenceDatastore,
        K::RouteDatastore,
        K::XcpRouter,
        K::SipProxy,
        K::PresenceEngine,
        K::TextConference,
    ];
    for (seed, kind) in critical.into_iter().enumerate() {
        let (mut lab, people) = talking(10 + seed as u64);
        let (began, died) = (mark(&lab), lab.now());
        lab.node("1A").unwrap().service(kind).kill().unwrap();
        await_states(
            &mut lab,
            ("1A", State::FailedOverDown),
            ("1B", State::Backup),
            3 * MINUTE,
        );
        let failing = |event: &Event| matches!(event, Event::Ha(c) if c.to == State::FailingOver);
        let after = entries(&lab, "1A", began, failing)[0]
            .at
            .saturating_since(died);
        assert_eq!(after, 90 * SECOND, "{kind}");
        reasons(
            &lab,
            Reason::CriticalServiceDown,
            Reason::CriticalServiceDown,
        );
        andy_at(&mut lab, &people[0], "1B");
        lab.pass(MINUTE);
        assert_eq!(rows(&lab, "1A", "1B", began), [26, 12], "{kind}");
        hush(&mut lab, &people);
    }
}

/// HA-2, chapter 1: a service that is not critical moves nobody, however long it is dead.
#[test]
fn ha_2_no_other_service() {
    use ServiceKind as K;
    let others = [
        K::ClientProfileAgent,
        K::SyncAgent,
        K::XcpWebConnectionManager,
        K::XcpAuthentication,
        K::XcpFileTransfer,
        K::XmppFederation,
        K::Axl,
    ];
    let (mut lab, people) = talking(20);
    let began = mark(&lab);
    for kind in others {
        lab.node("1A").unwrap().service(kind).kill().unwrap();
        lab.pass(3 * MINUTE);
        assert!(!is_up(&lab, "1A", kind), "{kind}");
    }
    assert!(rows(&lab, "1A", "1B", began).is_empty());
    assert!(people.iter().all(Client::is_online));
    hush(&mut lab, &people);
}

/// HA-3: the database of 1A fails: failover at once, reason *Database Failure* (row 13).
#[test]
fn ha_3_database_failure() {
    for seed in 30..33 {
        let (mut lab, people) = talking(seed);
        let began = mark(&lab);
        let disk = ServiceCause::Other("the disk is full".into());
        lab.node("1A")
            .unwrap()
            .service(ServiceKind::Database)
            .fail(disk)
            .unwrap();
        await_states(
            &mut lab,
            ("1A", State::FailedOverDown),
            ("1B", State::Backup),
            30 * SECOND,
        );
        reasons(&lab, Reason::DatabaseFailure, Reason::DatabaseFailure);
        assert_eq!(rows(&lab, "1A", "1B", began), [26, 13]);
        andy_at(&mut lab, &people[0], "1B");
        lab.pass(MINUTE);
        hush(&mut lab, &people);
    }
}

/// HA-4, HA-5: failover and fallback by hand. In between the critical services of 1A stay stopped.
#[test]
fn ha_4_and_5_by_hand_and_back() {
    for seed in 40..44 {
        let (mut lab, people) = talking(seed);
        let began = mark(&lab);
        lab.node("1A").unwrap().fail_over().unwrap();
        await_states(
            &mut lab,
            ("1A", State::Idle),
            ("1B", State::Backup),
            2 * MINUTE,
        );
        andy_at(&mut lab, &people[0], "1B");
        lab.pass(40 * MINUTE);
        for kind in [
            ServiceKind::XcpRouter,
            ServiceKind::PresenceEngine,
            ServiceKind::SipProxy,
        ] {
            assert_eq!(
                lab.service_state("1A", kind),
                ServiceState::Stopped,
                "{kind}"
            );
        }
        lab.node("1A").unwrap().fall_back().unwrap();
        await_states(
            &mut lab,
            ("1A", State::Normal),
            ("1B", State::Normal),
            3 * MINUTE,
        );
        assert!(is_up(&lab, "1A", ServiceKind::XcpRouter));
        andy_at(&mut lab, &people[0], "1A");
        lab.pass(MINUTE);
        assert_eq!(rows(&lab, "1A", "1B", began), [2, 3, 4, 1]);
        hush(&mut lab, &people);
        assert_epochs_grow(&lab);
    }
}

/// HA-6: with automatic fallback on, Andy is at home again after 30 healthy minutes (rows 12, 11, 10,
/// 1), and any new fault restarts the clock.
#[test]
fn ha_6_automatic_fallback() {
    let mut lab = started(Lab::virtual_time(50).parameter("Enable Automatic Fallback", true));
    let people = online(&mut lab, PEOPLE);
    talk(&people, None, 10 * SECOND);
    let began = mark(&lab);
    let tc = ServiceKind::TextConference;
    lab.node("1A").unwrap().service(tc).kill().unwrap();
    await_states(
        &mut lab,
        ("1A", State::FailedOverDown),
        ("1B", State::Backup),
        3 * MINUTE,
    );
    lab.node("1A").unwrap().service(tc).start().unwrap();
    lab.pass(20 * MINUTE);
    lab.node("1A").unwrap().service(tc).restart().unwrap();
    let healthy = lab.now();
    lab.pass(29 * MINUTE);
    assert_eq!(lab.state("1A"), Some(State::FailedOver));
    await_states(
        &mut lab,
        ("1A", State::Normal),
        ("1B", State::Normal),
        3 * MINUTE,
    );
    let waited = lab.now().saturating_since(healthy);
    assert!((30 * MINUTE..31 * MINUTE).contains(&waited), "{waited:?}");
    andy_at(&mut lab, &people[0], "1A");
    let passed = rows(&lab, "1A", "1B", began);
    assert!(
        passed.starts_with(&[26, 12, 11]) && passed.ends_with(&[11, 10, 1]),
        "{passed:?}"
    );
    hush(&mut lab, &people);
}

/// HA-6: without the parameter nobody goes home by herself, and an `Idle` node never qualifies.
#[test]
fn ha_6_never_where_it_is_off_or_idle() {
    let (mut lab, people) = talking(51);
    let tc = ServiceKind::TextConference;
    lab.node("1A").unwrap().service(tc).kill().unwrap();
    await_states(
        &mut lab,
        ("1A", State::FailedOverDown),
        ("1B", State::Backup),
        3 * MINUTE,
    );
    lab.node("1A").unwrap().service(tc).start().unwrap();
    people.iter().for_each(Client::fall_silent);
    lab.pass(120 * MINUTE);
    assert_eq!(row(&lab, "pair-1"), Some(11));
    let mut lab = started(Lab::virtual_time(52).parameter("Enable Automatic Fallback", true));
    lab.node("1A").unwrap().fail_over().unwrap();
    lab.pass(120 * MINUTE);
    assert_eq!(row(&lab, "pair-1"), Some(3));
}

/// HA-8: 1B hosts everybody and loses a critical service or its database while 1A is able again: all
/// users are at 1A at once (rows 23, 22).
#[test]
fn ha_8_automatic_recovery() {
    let tc = ServiceKind::TextConference;
    for (kind, wanted) in [
        (ServiceKind::PresenceEngine, 23),
        (ServiceKind::Database, 22),
    ] {
        let (mut lab, people) = talking(60);
        lab.node("1A").unwrap().service(tc).kill().unwrap();
        await_states(
            &mut lab,
            ("1A", State::FailedOverDown),
            ("1B", State::Backup),
            3 * MINUTE,
        );
        lab.node("1A").unwrap().service(tc).start().unwrap();
        await_that(&mut lab, "row 11", MINUTE, |lab| {
            row(lab, "pair-1") == Some(11)
        });
        andy_at(&mut lab, &people[0], "1B");
        lab.node("1B").unwrap().service(kind).kill().unwrap();
        let what = format!("row {wanted}");
        await_that(&mut lab, &what, 3 * MINUTE, |lab| {
            row(lab, "pair-1") == Some(wanted)
        });
        andy_at(&mut lab, &people[0], "1A");
        andy_at(&mut lab, &people[1], "1A");
        lab.pass(MINUTE);
        hush(&mut lab, &people);
        assert_epochs_grow(&lab);
    }
}

/// HA-8: 1B hosts everybody and fails while 1A is not able: failed mode on both (row 15).
#[test]
fn ha_8_peer_not_able() {
    let (mut lab, people) = talking(61);
    lab.node("1A")
        .unwrap()
        .service(ServiceKind::TextConference)
        .kill()
        .unwrap();
    await_states(
        &mut lab,
        ("1A", State::FailedOverDown),
        ("1B", State::Backup),
        3 * MINUTE,
    );
    andy_at(&mut lab, &people[0], "1B");
    lab.node("1B")
        .unwrap()
        .service(ServiceKind::PresenceEngine)
        .kill()
        .unwrap();
    await_that(&mut lab, "row 15", 3 * MINUTE, |lab| {
        row(lab, "pair-1") == Some(15)
    });
}

/// HA-10, HA-7, SES-4: the link of the pair is cut under talk. Each side takes over; healed, both are in
/// failed mode; Recover brings row 1; no user ever had two owners, and no promise is broken.
#[test]
fn ha_10_split_brain() {
    for seed in 70..73 {
        let (mut lab, people) = talking(seed);
        lab.link("1A", "1B").unwrap().cut();
        await_states(
            &mut lab,
            ("1A", State::Backup),
            ("1B", State::Backup),
            3 * MINUTE,
        );
        lab.pass(MINUTE);
        lab.link("1A", "1B").unwrap().heal();
        await_states(
            &mut lab,
            ("1A", State::FailedMode),
            ("1B", State::FailedMode),
            3 * MINUTE,
        );
        lab.pair("pair-1").unwrap().recover().unwrap();
        await_states(
            &mut lab,
            ("1A", State::Normal),
            ("1B", State::Normal),
            10 * MINUTE,
        );
        assert_eq!(row(&lab, "pair-1"), Some(1));
        andy_at(&mut lab, &people[0], "1A");
        andy_at(&mut lab, &people[1], "1B");
        lab.pass(MINUTE);
        hush(&mut lab, &people);
        assert_epochs_grow(&lab);
    }
}

/// HA-11: an action is refused where the state does not allow it, with the state and what is allowed.
#[test]
fn ha_11_refusals() {
    let mut lab = lab(80);
    let refused = lab.node("1A").unwrap().fall_back().unwrap_err().to_string();
    assert!(
        refused.contains("Normal") && refused.contains("failover"),
        "{refused}"
    );
    let refused = lab
        .pair("pair-1")
        .unwrap()
        .recover()
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("Normal") && refused.contains("failover"),
        "{refused}"
    );
    lab.node("1A").unwrap().fail_over().unwrap();
    await_states(
        &mut lab,
        ("1A", State::Idle),
        ("1B", State::Backup),
        2 * MINUTE,
    );
    let refused = lab.node("1A").unwrap().fail_over().unwrap_err().to_string();
    assert!(
        refused.contains("Idle") && refused.contains("fallback"),
        "{refused}"
    );
    let refused = lab.node("1B").unwrap().fail_over().unwrap_err().to_string();
    assert!(refused.contains("Running in Backup Mode"), "{refused}");
    assert_eq!(row(&lab, "pair-1"), Some(3));
}

/// HA-12: SRM dies and is started again: nobody is moved, nobody is thrown out, the state is as it was.
#[test]
fn ha_12_srm_restart_moves_nobody() {
    let (mut lab, people) = talking(90);
    for node in HOMES {
        lab.node(node)
            .unwrap()
            .service(ServiceKind::Srm)
            .kill()
            .unwrap();
        lab.pass(3 * MINUTE);
        assert_eq!(lab.state(node), Some(State::Normal), "{node}");
    }
    assert!(people.iter().all(|one| places(one).len() == 1));
    hush(&mut lab, &people);
}

/// HA-12: both nodes are rebooted at once while the group is in manual failover: it still is, and Andy is
/// still served by 1B. (1B, which heard 1A's goodbye before its own end, comes to rest in row 5.)
#[test]
fn ha_12_reboot_resumes() {
    let (mut lab, people) = talking(91);
    lab.node("1A").unwrap().fail_over().unwrap();
    await_states(
        &mut lab,
        ("1A", State::Idle),
        ("1B", State::Backup),
        2 * MINUTE,
    );
    andy_at(&mut lab, &people[0], "1B");
    lab.node("1A").unwrap().reboot().unwrap();
    lab.node("1B").unwrap().reboot().unwrap();
    lab.pass(20 * SECOND);
    await_states(
        &mut lab,
        ("1A", State::Idle),
        ("1B", State::Backup),
        5 * MINUTE,
    );
    lab.pass(MINUTE);
    assert!(
        matches!(row(&lab, "pair-1"), Some(5 | 6)),
        "{}",
        tail(&lab, 50)
    );
    andy_at(&mut lab, &people[0], "1B");
    andy_at(&mut lab, &people[1], "1B");
    lab.pass(MINUTE);
    hush(&mut lab, &people);
}

/// HA-15: an orderly shutdown says goodbye: the peer takes over at once, reason *Peer Reboot* (row 17).
#[test]
fn ha_15_goodbye() {
    let (mut lab, people) = talking(100);
    let (began, off) = (mark(&lab), lab.now());
    lab.node("1A").unwrap().power_off().unwrap();
    await_that(&mut lab, "row 17", 2 * MINUTE, |lab| {
        lab.state("1B") == Some(State::Backup) && lab.power_of("1A") == Some(Power::Off)
    });
    let noticed = lab.now().saturating_since(off);
    assert!(noticed < 45 * SECOND, "{noticed:?}");
    assert_eq!(lab.reason("1B"), Some(Reason::PeerReboot));
    assert_eq!(rows(&lab, "1A", "1B", began).last(), Some(&17));
    andy_at(&mut lab, &people[0], "1B");
    lab.pass(MINUTE);
    hush(&mut lab, &people);
}

/// HA-13: every change of a pair is one entry of the journal with node, from, to, reason and cause; each
/// begins where the one before ended.
#[test]
fn ha_13_history() {
    let (mut lab, _) = talking(110);
    lab.node("1A").unwrap().fail_over().unwrap();
    await_states(
        &mut lab,
        ("1A", State::Idle),
        ("1B", State::Backup),
        2 * MINUTE,
    );
    for node in ["1A", "1B"] {
        let changes = entries(&lab, node, 0, |event| matches!(event, Event::Ha(_)));
        let mut before = None;
        for entry in &changes {
            let Event::Ha(change) = &entry.event else {
                unreachable!("selected above")
            };
            assert!(before.is_none_or(|state| state == change.from), "{entry}");
            before = Some(change.to);
        }
        let last = changes.last().unwrap().to_string();
        assert!(last.contains("On Admin Request"), "{last}");
    }
}

/// HA-1, HA-10: a firewall blocks the service port: silence is as good as death, and since both live the
/// pair ends in split brain.
#[test]
fn ha_1_peer_silence() {
    let (mut lab, people) = talking(120);
    let blocked = lab.now();
    lab.link("1A", "1B").unwrap().block([22_001]);
    await_states(
        &mut lab,
        ("1A", State::Backup),
        ("1B", State::Backup),
        3 * MINUTE,
    );
    let noticed = lab.now().saturating_since(blocked);
    assert!(noticed < 75 * SECOND, "{noticed:?}");
    lab.link("1A", "1B").unwrap().block([]);
    await_states(
        &mut lab,
        ("1A", State::FailedMode),
        ("1B", State::FailedMode),
        3 * MINUTE,
    );
    lab.pair("pair-1").unwrap().recover().unwrap();
    await_states(
        &mut lab,
        ("1A", State::Normal),
        ("1B", State::Normal),
        10 * MINUTE,
    );
    andy_at(&mut lab, &people[0], "1A");
    lab.pass(MINUTE);
    hush(&mut lab, &people);
}
