//! What a pair does by itself after a failover (HA-6, HA-8).

use super::*;

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
