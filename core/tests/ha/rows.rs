//! Rows 1 to 18 and 25 to 27 of the table, reached by what their causes say.

use takeover_core::ha::{Action, HaParams, Reason, State};
use takeover_core::service::ServiceKind::{self, XcpRouter};

use crate::sim::{Broken, Pair, secs};

pub const ROUTER: ServiceKind = XcpRouter;

pub fn idle() -> Pair {
    let mut pair = Pair::normal();
    pair.admin(0, Action::Failover);
    pair.run(secs(20));
    pair.expect_row(0, 3);
    pair
}

pub fn services_down() -> Pair {
    let mut pair = Pair::normal();
    pair.stop(0, ROUTER);
    pair.run(secs(120));
    pair.expect_row(0, 12);
    pair
}

pub fn failed_over() -> Pair {
    let mut pair = services_down();
    pair.start(0, ROUTER);
    pair.run(secs(1));
    pair.expect_row(0, 11);
    pair
}

/// Row 25, row 1: both start, both serve their own users.
#[test]
fn row_25_then_1() {
    let mut pair = Pair::starting(HaParams::default());
    pair.expect_row(0, 25);
    pair.run(secs(1));
    pair.expect_row(0, 1);
}

/// HA-4: rows 1, 2, 3. The users move, the services stop.
#[test]
fn rows_2_and_3_manual_failover() {
    let mut pair = Pair::normal();
    pair.admin(0, Action::Failover);
    pair.run(secs(1));
    pair.expect_row(0, 2);
    pair.run(secs(20));
    pair.expect_row(0, 3);
    assert_eq!(pair.owner, [1, 1]);
    assert!(!pair.hosts[0].down.is_empty());
}

/// HA-5: rows 3, 4, 1. The services start, the users come home.
#[test]
fn row_4_manual_fallback() {
    let mut pair = idle();
    pair.admin(0, Action::Fallback);
    pair.run(secs(1));
    pair.expect_row(0, 4);
    pair.run(secs(60));
    pair.expect_row(0, 1);
    assert_eq!(pair.owner, [0, 1]);
    assert!(pair.hosts[0].down.is_empty());
}

/// HA-5: a fallback from row 11.
#[test]
fn fallback_from_failed_over() {
    let mut pair = failed_over();
    pair.admin(0, Action::Fallback);
    pair.run(secs(1));
    pair.expect_row(0, 4);
    pair.run(secs(60));
    pair.expect_row(0, 1);
    assert_eq!(pair.owner, [0, 1]);
}

/// HA-12: row 5. A restart of SRM alone moves nobody.
#[test]
fn row_5_srm_of_the_idle_node_restarts() {
    let mut pair = idle();
    pair.restart_srm(0);
    pair.run(secs(300));
    pair.expect_row(0, 5);
    assert_eq!(pair.owner, [1, 1]);
}

/// HA-12: row 6, by restarts of both SRMs, and by reboots of both nodes.
#[test]
fn row_6_both_restart() {
    let mut pair = idle();
    pair.restart_srm(0);
    pair.restart_srm(1);
    pair.run(secs(300));
    pair.expect_row(0, 6);
    let mut pair = idle();
    pair.crash(0);
    pair.crash(1);
    pair.power_on(0);
    pair.power_on(1);
    pair.run(secs(300));
    pair.expect_row(0, 6);
    assert_eq!(pair.owner, [1, 1]);
    assert!(pair.hosts[1].down.is_empty() && !pair.hosts[0].down.is_empty());
}

/// HA-12: row 7.
#[test]
fn row_7_srm_of_the_backup_restarts() {
    let mut pair = idle();
    pair.restart_srm(1);
    pair.run(secs(300));
    pair.expect_row(0, 7);
}

/// HA-12: row 8, a half-done take-over is resumed.
#[test]
fn row_8_srm_restarts_while_taking_over() {
    let mut pair = Pair::normal();
    pair.admin(0, Action::Failover);
    pair.run(secs(1));
    pair.restart_srm(1);
    pair.run(secs(1));
    pair.expect_row(0, 8);
    pair.run(secs(60));
    pair.expect_row(0, 7);
    assert_eq!(pair.owner, [1, 1]);
}

/// HA-12: row 9, a half-done take-back is resumed.
#[test]
fn row_9_srm_restarts_while_taking_back() {
    let mut pair = idle();
    pair.admin(0, Action::Fallback);
    pair.run(secs(1));
    pair.restart_srm(0);
    pair.run(secs(1));
    pair.expect_row(0, 9);
    pair.run(secs(60));
    pair.expect_row(0, 1);
    assert_eq!(pair.owner, [0, 1]);
}

/// HA-6: row 10 after thirty minutes of health; a fault starts the clock anew.
#[test]
fn row_10_automatic_fallback() {
    let params = HaParams {
        automatic_fallback: Some(HaParams::FALLBACK_HEALTH),
        ..HaParams::default()
    };
    let mut pair = Pair::normal_with(params);
    pair.stop(0, ROUTER);
    pair.run(secs(120));
    pair.start(0, ROUTER);
    pair.run(secs(29 * 60));
    pair.expect_row(0, 11);
    pair.stop(0, ROUTER);
    pair.start(0, ROUTER);
    pair.run(secs(29 * 60));
    pair.expect_row(0, 11);
    pair.run(secs(61));
    pair.expect_row(0, 10);
    pair.run(secs(60));
    pair.expect_row(0, 1);
}

/// HA-6: an idle node never qualifies.
#[test]
fn an_idle_node_does_not_fall_back_by_itself() {
    let params = HaParams {
        automatic_fallback: Some(HaParams::FALLBACK_HEALTH),
        ..HaParams::default()
    };
    let mut pair = Pair::normal_with(params);
    pair.admin(0, Action::Failover);
    pair.run(secs(3 * 3600));
    pair.expect_row(0, 3);
}

/// HA-2: rows 26, 12, 11. 90 s after the service went down, not before.
#[test]
fn rows_26_12_11_critical_service() {
    let mut pair = Pair::normal();
    pair.stop(0, ROUTER);
    pair.run(secs(89));
    pair.expect_row(0, 1);
    pair.run(secs(2));
    pair.expect_row(0, 26);
    pair.run(secs(20));
    pair.expect_row(0, 12);
    assert_eq!(pair.owner, [1, 1]);
    pair.start(0, ROUTER);
    pair.run(secs(1));
    pair.expect_row(0, 11);
    pair.stop(0, ROUTER);
    pair.run(secs(1));
    pair.expect_row(0, 12);
}

/// HA-2: back up in time, nothing happens, and the timer is as if it had never run.
#[test]
fn a_service_back_in_time_starts_nothing() {
    let mut pair = Pair::normal();
    for _ in 0..5 {
        pair.stop(0, ROUTER);
        pair.run(secs(80));
        pair.start(0, ROUTER);
        pair.run(secs(5));
    }
    pair.expect_row(0, 1);
    assert_eq!(pair.hosts[0].changes.len(), 2);
}

/// HA-3: row 13 at once, then row 11.
#[test]
fn row_13_database() {
    let mut pair = Pair::normal();
    pair.database(0, false);
    pair.run(secs(1));
    pair.expect_row(0, 26);
    pair.run(secs(20));
    pair.expect_row(0, 13);
    pair.database(0, true);
    pair.run(secs(1));
    pair.expect_row(0, 11);
}

/// Row 14: the services do not start on the node that takes its users back.
#[test]
fn row_14_services_do_not_start() {
    let mut pair = idle();
    pair.hosts[0].broken.start = Some(ROUTER);
    pair.admin(0, Action::Fallback);
    pair.run(secs(60));
    pair.expect_row(0, 14);
    recover(&mut pair);
}

/// HA-7: the cause is gone, Recover leads to row 1 by row 25.
pub fn recover(pair: &mut Pair) {
    for host in &mut pair.hosts {
        host.broken = Broken::default();
        host.database_down = false;
    }
    for i in 0..2 {
        pair.database(i, true);
    }
    pair.admin(0, Action::Recover);
    pair.admin(1, Action::Recover);
    pair.expect_row(0, 25);
    pair.run(secs(300));
    pair.expect_row(0, 1);
    assert_eq!(pair.owner, [0, 1]);
}

/// HA-8: row 15, the backup loses a service while the home is idle, or has services down.
#[test]
fn row_15_nobody_is_able() {
    for mut pair in [idle(), services_down()] {
        pair.stop(1, ROUTER);
        pair.run(secs(92));
        pair.expect_row(0, 15);
        recover(&mut pair);
    }
}

/// HA-8: row 15 while the home is off.
#[test]
fn row_15_with_the_home_off() {
    let mut pair = idle();
    pair.crash(0);
    pair.run(secs(70));
    pair.stop(1, ROUTER);
    pair.run(secs(92));
    pair.expect_row(0, 15);
}

/// HA-1: rows 27, 16: between 45 and 60 s after the crash.
#[test]
fn row_16_crash() {
    let mut pair = Pair::normal();
    pair.run(secs(7));
    pair.crash(0);
    pair.run(secs(44));
    assert_eq!(pair.state(1), Some((State::Normal, Reason::Normal)));
    pair.run(secs(17));
    assert_ne!(pair.state(1), Some((State::Normal, Reason::Normal)));
    pair.run(secs(20));
    pair.expect_row(0, 16);
    assert_eq!(pair.owner, [1, 1]);
    pair.power_on(0);
    pair.run(secs(120));
    pair.expect_row(0, 11);
    assert_eq!(
        pair.state(0),
        Some((State::FailedOver, Reason::Initialization))
    );
}

/// Row 27, seen on the way.
#[test]
fn row_27_on_the_way() {
    let mut pair = Pair::normal();
    pair.shut_down(0);
    pair.run(secs(1));
    pair.expect_row(0, 27);
}

/// Row 16 by a dead SRM; row 12 when the home boots without a service.
#[test]
fn row_16_srm_not_running() {
    let mut pair = Pair::normal();
    pair.kill_srm(0);
    pair.run(secs(90));
    pair.expect_row(0, 16);
    pair.hosts[0].broken.start = Some(ROUTER);
    pair.power_on(0);
    pair.run(secs(300));
    pair.expect_row(0, 12);
}

/// HA-15: row 17 at once after a goodbye.
#[test]
fn row_17_goodbye() {
    let mut pair = Pair::normal();
    pair.shut_down(0);
    pair.run(secs(10));
    pair.expect_row(0, 17);
    pair.power_on(0);
    pair.run(secs(120));
    pair.expect_row(0, 11);
}

/// Row 18 both ways: the home comes with its services, or without.
#[test]
fn row_18_peer_down_during_initialization() {
    for (start, down) in [(None, false), (Some(ROUTER), true)] {
        let mut pair = Pair::normal();
        pair.crash(0);
        pair.crash(1);
        pair.power_on(1);
        pair.run(secs(119));
        assert_eq!(
            pair.state(1).map(|(state, _)| state),
            Some(State::Initializing)
        );
        pair.run(secs(20));
        pair.expect_row(0, 18);
        pair.hosts[0].broken.start = start;
        pair.power_on(0);
        pair.run(secs(300));
        pair.expect_row(0, 18);
        let state = if down {
            State::FailedOverDown
        } else {
            State::FailedOver
        };
        assert_eq!(pair.state(0), Some((state, Reason::Initialization)));
    }
}
