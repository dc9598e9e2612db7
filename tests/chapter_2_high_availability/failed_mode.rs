//! What goes wrong on the way: moves that fail, services that do not start, a home that is not seen
//! (rows 14, 18, 19 and 20; HA-7, HA-14).

use super::*;
use std::time::Duration;
use takeover::lab::MoveFault;

#[track_caller]
fn await_row(lab: &mut Lab, wanted: u8, limit: Duration) {
    let what = format!("pair-1 is in row {wanted}");
    await_that(lab, &what, limit, |lab| row(lab, "pair-1") == Some(wanted));
}

/// Recover brings a pair in failed mode to row 1; Andy is at home, and no promise was broken.
fn recover(lab: &mut Lab, people: &[Client]) {
    lab.pair("pair-1").unwrap().recover().unwrap();
    await_row(lab, 1, 10 * MINUTE);
    andy_at(lab, &people[0], "1A");
    lab.pass(MINUTE);
    hush(lab, people);
    assert_epochs_grow(lab);
}

fn cannot_move() -> Option<MoveFault> {
    Some(MoveFault::Fail("the database is read-only".into()))
}

/// Row 14, HA-7: 1A takes its users back and its services do not start: failed mode on both, for as
/// long as nobody mends it; then Recover.
#[test]
fn row_14_services_do_not_start() {
    let (mut lab, people) = talking(200);
    let engine = ServiceKind::PresenceEngine;
    lab.node("1A").unwrap().fail_over().unwrap();
    await_row(&mut lab, 3, MINUTE);
    andy_at(&mut lab, &people[0], "1B");
    let broken = ServiceCause::Other("a library is missing".into());
    let mut node = lab.node("1A").unwrap();
    node.service(engine).refuse_start(Some(broken)).unwrap();
    node.fall_back().unwrap();
    await_row(&mut lab, 14, 6 * MINUTE);
    let why = Reason::StartOfCriticalServicesFailed;
    reasons(&lab, why, why);
    lab.pass(10 * MINUTE);
    assert_eq!(row(&lab, "pair-1"), Some(14));
    lab.node("1A")
        .unwrap()
        .service(engine)
        .refuse_start(None)
        .unwrap();
    recover(&mut lab, &people);
}

/// Row 18, both ways, HA-1: after a power loss only 1B comes back within the initialization timeout.
/// 1A comes later, with its services or without one.
#[test]
fn row_18_home_is_not_seen() {
    let engine = ServiceKind::PresenceEngine;
    for (seed, home) in [(210, State::FailedOver), (211, State::FailedOverDown)] {
        let (mut lab, people) = talking(seed);
        lab.node("1A").unwrap().kill().unwrap();
        lab.node("1B").unwrap().kill().unwrap();
        lab.pass(MINUTE);
        let on = lab.now();
        lab.node("1B").unwrap().power_on().unwrap();
        await_that(&mut lab, "1B misses 1A", 4 * MINUTE, |lab| {
            lab.state("1B") == Some(State::Backup)
        });
        let waited = lab.now().saturating_since(on);
        assert!(waited >= 120 * SECOND, "{waited:?}");
        assert_eq!(lab.reason("1B"), Some(Reason::PeerDownDuringInitialization));
        andy_at(&mut lab, &people[0], "1B");
        lab.node("1A").unwrap().power_on().unwrap();
        if home == State::FailedOverDown {
            let broken = ServiceCause::Other("a library is missing".into());
            let mut node = lab.node("1A").unwrap();
            node.service(engine).refuse_start(Some(broken)).unwrap();
        }
        await_row(&mut lab, 18, 5 * MINUTE);
        lab.pass(2 * MINUTE);
        assert_eq!(
            (lab.state("1A"), row(&lab, "pair-1")),
            (Some(home), Some(18))
        );
        assert_eq!(lab.reason("1A"), Some(Reason::Initialization));
        lab.node("1A")
            .unwrap()
            .service(engine)
            .refuse_start(None)
            .unwrap();
        // Refused where it runs.
        let _ = lab.node("1A").unwrap().service(engine).start();
        await_that(&mut lab, "1A is able", MINUTE, |lab| {
            lab.state("1A") == Some(State::FailedOver)
        });
        lab.node("1A").unwrap().fall_back().unwrap();
        await_row(&mut lab, 1, 3 * MINUTE);
        andy_at(&mut lab, &people[0], "1A");
        lab.pass(MINUTE);
        hush(&mut lab, &people);
    }
}

/// Row 19, HA-7: the users cannot be moved while 1B takes over.
#[test]
fn row_19_taking_over_fails() {
    let (mut lab, people) = talking(220);
    lab.disturb_moves("1B", cannot_move()).unwrap();
    lab.node("1A").unwrap().fail_over().unwrap();
    await_row(&mut lab, 19, MINUTE);
    reasons(
        &lab,
        Reason::TakeOverUsersFailed,
        Reason::TakeOverUsersFailed,
    );
    lab.pass(10 * MINUTE);
    assert_eq!(row(&lab, "pair-1"), Some(19));
    lab.disturb_moves("1B", None).unwrap();
    recover(&mut lab, &people);
}

/// Row 20, HA-7: the users cannot be moved back while 1B falls back.
#[test]
fn row_20_falling_back_fails() {
    let (mut lab, people) = talking(230);
    lab.node("1A").unwrap().fail_over().unwrap();
    await_row(&mut lab, 3, MINUTE);
    andy_at(&mut lab, &people[0], "1B");
    lab.disturb_moves("1B", cannot_move()).unwrap();
    lab.node("1A").unwrap().fall_back().unwrap();
    await_row(&mut lab, 20, 3 * MINUTE);
    reasons(
        &lab,
        Reason::TakeBackUsersFailed,
        Reason::TakeBackUsersFailed,
    );
    lab.disturb_moves("1B", None).unwrap();
    recover(&mut lab, &people);
}
