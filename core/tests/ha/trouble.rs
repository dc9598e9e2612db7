//! Rows 19 to 24 of the table: failed mode and its ends, auto recovery, HA off and on; and splits.

use takeover_core::ha::{Action, Alarm, Reason, State};

use crate::rows::{ROUTER, failed_over, idle, recover};
use crate::sim::{Pair, secs};

/// Row 19: moving the users fails while taking over.
#[test]
fn row_19_take_over_fails() {
    let mut pair = Pair::normal();
    pair.hosts[1].broken.take_over = true;
    pair.admin(0, Action::Failover);
    pair.run(secs(60));
    pair.expect_row(0, 19);
    recover(&mut pair);
}

/// Row 20: moving the users fails while falling back, on either side.
#[test]
fn row_20_take_back_fails() {
    for i in 0..2 {
        let mut pair = idle();
        pair.hosts[i].broken.hand_back = true;
        pair.hosts[i].broken.take_back = true;
        pair.admin(0, Action::Fallback);
        pair.run(secs(60));
        pair.expect_row(0, 20);
        recover(&mut pair);
    }
}

/// HA-14: hanging work ends in rows 19 and 20 too.
#[test]
fn hanging_work_is_bounded() {
    let mut pair = Pair::normal();
    pair.hosts[1].broken.hangs = true;
    pair.admin(0, Action::Failover);
    pair.run(secs(700));
    pair.expect_row(0, 19);
    let mut pair = idle();
    pair.hosts[1].broken.hangs = true;
    pair.admin(0, Action::Fallback);
    pair.run(secs(1300));
    pair.expect_row(0, 20);
}

/// Row 21: SRM restarts on one node while the group is in failed mode.
#[test]
fn row_21_srm_restarts_in_failed_mode() {
    let mut pair = idle();
    pair.stop(1, ROUTER);
    pair.run(secs(92));
    pair.restart_srm(0);
    pair.run(secs(10));
    pair.expect_row(0, 21);
    recover(&mut pair);
}

/// HA-8: rows 22 and 23, all users move to the peer that is able; then row 11, then home.
#[test]
fn rows_22_and_23_auto_recovery() {
    for (number, database) in [(22, true), (23, false)] {
        let mut pair = failed_over();
        if database {
            pair.database(1, false)
        } else {
            pair.stop(1, ROUTER)
        }
        pair.run(secs(120));
        pair.expect_row(0, number);
        assert_eq!(pair.owner, [0, 0]);
        if database {
            pair.database(1, true)
        } else {
            pair.start(1, ROUTER)
        }
        pair.run(secs(1));
        pair.expect_row(1, 11);
        pair.admin(1, Action::Fallback);
        pair.run(secs(60));
        pair.expect_row(0, 1);
        assert_eq!(pair.owner, [0, 1]);
    }
}

/// HA-17: row 24, and back.
#[test]
fn row_24_ha_off_and_on() {
    let mut pair = Pair::normal();
    for i in 0..2 {
        pair.admin(i, Action::DisableHa);
    }
    pair.run(secs(120));
    pair.expect_row(0, 24);
    assert_eq!(pair.state(0), Some((State::Unknown, Reason::HaNotEnabled)));
    pair.crash(1);
    pair.run(secs(300));
    assert_eq!(pair.owner, [0, 1]);
    pair.power_on(1);
    for i in 0..2 {
        pair.tell(i, takeover_core::ha::Event::ServicesStarted);
        pair.tell(i, takeover_core::ha::Event::SessionsNotBack);
        pair.admin(i, Action::EnableHa);
    }
    assert!(pair.hosts[0].alarms.contains(&Alarm::EnabledTooEarly));
    pair.run(secs(60));
    pair.expect_row(0, 1);
}

/// HA-9: enabled with a sick node: it fails over at once; with two: failed mode.
#[test]
fn enabling_with_sick_nodes() {
    for (sick, row) in [(vec![0], 12), (vec![0, 1], 15)] {
        let mut pair = Pair::normal();
        for i in 0..2 {
            pair.admin(i, Action::DisableHa);
        }
        pair.run(secs(1));
        for i in &sick {
            pair.stop(*i, ROUTER);
        }
        for i in 0..2 {
            pair.admin(i, Action::EnableHa);
        }
        pair.run(secs(30));
        pair.expect_row(0, row);
    }
}

/// HA-9: enabled without replication: the node fails over at once, reason *Database Failure*.
#[test]
fn enabling_without_replication() {
    let mut pair = Pair::normal();
    for i in 0..2 {
        pair.admin(i, Action::DisableHa);
    }
    pair.run(secs(1));
    pair.tell(0, takeover_core::ha::Event::NotReplicated);
    for i in 0..2 {
        pair.admin(i, Action::EnableHa);
    }
    pair.run(secs(30));
    pair.expect_row(0, 13);
}

/// HA-10: both take over in a split; when it heals both go to failed mode; Recover brings row 1.
#[test]
fn a_split_ends_in_failed_mode_and_recovers() {
    let mut pair = Pair::normal();
    pair.cut();
    pair.run(secs(90));
    for i in 0..2 {
        assert_eq!(pair.state(i), Some((State::Backup, Reason::PeerDown)));
    }
    pair.heal();
    pair.run(secs(20));
    pair.expect_row(0, 21);
    assert!(
        pair.hosts
            .iter()
            .any(|host| host.alarms.contains(&Alarm::SplitBrain))
    );
    recover(&mut pair);
}

/// A cut in manual failover heals by itself.
#[test]
fn a_cut_in_manual_failover_heals() {
    let mut pair = idle();
    pair.cut();
    pair.run(secs(90));
    assert_eq!(pair.state(1), Some((State::Backup, Reason::PeerDown)));
    pair.heal();
    pair.run(secs(20));
    pair.expect_row(0, 3);
}
