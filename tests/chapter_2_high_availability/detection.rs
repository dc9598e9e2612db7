//! What SRM notices: a silent peer, a goodbye, services and databases that fail (HA-1 to HA-3, HA-15, HA-16).

use super::*;

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

/// HA-1, HA-16: a crash is noticed 45 to 60 s later, with Multiple Device Messaging 90 to 120 s, also where the
/// nodes have but started: the longer timeout is for initializing alone.
#[test]
fn ha_16_twice_as_late() {
    for (mdm, seconds) in [("off", 45..=60), ("on", 90..=120)] {
        for seed in 160..163 {
            let builder = Lab::virtual_time(seed);
            let mut lab = started(builder.parameter("Enable Multiple Device Messaging", mdm));
            let killed = lab.now();
            lab.node("1A").unwrap().kill().unwrap();
            await_that(&mut lab, "1B takes over", 3 * MINUTE, |lab| {
                lab.state("1B") != Some(State::Normal)
            });
            let noticed = lab.now().saturating_since(killed);
            assert!(seconds.contains(&noticed.as_secs()), "{mdm}: {noticed:?}");
            assert_eq!(lab.reason("1B"), Some(Reason::PeerDown));
        }
    }
}
