//! Chapter 2: a pair with its SRMs, in virtual time (HA-1 to HA-5, HA-12, HA-15, ICP-14).

mod common;

use common::{A, B, Pair, pair, pair_with, seconds};
use std::time::Duration;
use takeover_actors::node::{ServiceAction, ServiceFault};
use takeover_actors::node_record::RecordError;
use takeover_actors::rack::PowerAction;
use takeover_actors::user_mover::UserWork;
use takeover_core::ha::{Action, Alarm, Reason, State};
use takeover_core::id::NodeId;
use takeover_core::journal::Event;
use takeover_core::service::{ServiceCause, ServiceKind as K, ServiceState as S};
use takeover_core::time::Moment;

fn reason(pair: &Pair, node: NodeId) -> Option<Reason> {
    pair.board.ha(node).map(|ha| ha.reason)
}

fn entered(pair: &Pair, node: NodeId, state: State) -> Moment {
    let is = |event: &Event| matches!(event, Event::Ha(change) if change.to == state);
    let entries = pair.entries(node, is);
    entries
        .last()
        .unwrap_or_else(|| panic!("never {state}\n{}", pair.lines()))
        .at
}

/// Row 25 to row 1: both nodes start and end `Normal`, and nobody is moved.
#[test]
fn a_pair_starts_and_is_normal() {
    let pair = pair(1).normal();
    assert_eq!(pair.ha_changes(A).last(), Some(&State::Normal));
    assert!(
        pair.mover
            .works()
            .iter()
            .all(|(_, work)| !matches!(work, UserWork::TakeOver { .. }))
    );
}

/// HA-1: with 15/60 a crash is noticed 45 to 60 s later, whenever it strikes.
#[test]
fn ha_1_a_crash_is_noticed_45_to_60_seconds_later() {
    for offset in (0..15_000).step_by(1_250) {
        let mut pair = pair(2).normal();
        pair.driver.pass(Duration::from_millis(60_000 + offset));
        pair.power(A, PowerAction::Kill).unwrap();
        let killed = pair.driver.world().now();
        pair.await_state(B, State::Backup, seconds(120));
        let noticed = entered(&pair, B, State::TakingOver).saturating_since(killed);
        assert!(
            (seconds(45)..=seconds(60)).contains(&noticed),
            "{offset} ms: {noticed:?}"
        );
        pair.await_state(B, State::Backup, seconds(60));
        assert_eq!(reason(&pair, B), Some(Reason::PeerDown));
        let forced = (B, UserWork::TakeOver { forced: true });
        assert_eq!(
            pair.mover.works().last(),
            Some(&forced),
            "its owner is dead: fence it"
        );
    }
}

/// HA-2: a critical service down for the delay starts a failover, 90 s after it went down.
#[test]
fn ha_2_a_critical_service_down_for_the_delay_fails_over() {
    let mut pair = pair(3).normal();
    pair.driver.pass(seconds(20));
    pair.fault(A, K::XcpRouter, ServiceFault::Kill);
    let down = pair.driver.world().now();
    pair.await_states(State::FailedOverDown, State::Backup, seconds(300));
    let after = entered(&pair, A, State::FailingOver).saturating_since(down);
    assert_eq!(after, seconds(90));
    assert_eq!(reason(&pair, A), Some(Reason::CriticalServiceDown));
    let works = pair.mover.works();
    let wanted = [
        (A, UserWork::Release),
        (B, UserWork::TakeOver { forced: false }),
    ];
    assert!(works.ends_with(&wanted), "{works:?}");
}

/// HA-2: back up in time, nothing happens, and the delay is as if it had never run.
#[test]
fn ha_2_back_in_time_is_as_if_nothing_had_been() {
    let mut pair = pair(4).normal();
    for _ in 0..3 {
        pair.fault(A, K::PresenceEngine, ServiceFault::Kill);
        pair.driver.pass(seconds(80));
        pair.act(A, K::PresenceEngine, ServiceAction::Start)
            .unwrap();
        pair.driver.pass(seconds(8));
    }
    pair.driver.pass(seconds(300));
    assert_eq!(
        (pair.state(A), pair.state(B)),
        (Some(State::Normal), Some(State::Normal))
    );
    assert!(
        pair.ha_changes(A)
            .iter()
            .all(|state| *state != State::FailingOver)
    );
}

/// HA-3: the node's database fails: failover at once, reason *Database Failure*.
#[test]
fn ha_3_a_database_failure_fails_over_at_once() {
    let mut pair = pair(5).normal();
    pair.fault(
        A,
        K::Database,
        ServiceFault::Fail(ServiceCause::Other("disk".to_owned())),
    );
    let failed = pair.driver.world().now();
    pair.await_states(State::FailedOverDown, State::Backup, seconds(60));
    assert_eq!(
        entered(&pair, A, State::FailingOver).saturating_since(failed),
        Duration::ZERO
    );
    assert_eq!(reason(&pair, A), Some(Reason::DatabaseFailure));
    assert_eq!(reason(&pair, B), Some(Reason::DatabaseFailure));
}

/// HA-3: a database whose record cannot be read does not start.
#[test]
fn ha_3_a_database_that_cannot_be_read_does_not_start() {
    let mut pair = pair(6);
    pair.records[0].break_with(Some(RecordError("bad sector".to_owned())));
    pair.power(A, PowerAction::On).unwrap();
    pair.driver.pass(seconds(30));
    let S::Failed(ServiceCause::Other(why)) = pair.service(A, K::Database) else {
        panic!("{}", pair.lines())
    };
    assert!(why.contains("bad sector"), "{why}");
}

/// HA-4: manual failover: users released, then taken; critical services stopped and staying so.
#[test]
fn ha_4_manual_failover_ends_idle_and_backup() {
    let mut pair = pair(7).normal();
    pair.admin(A, Action::Failover).unwrap();
    pair.await_states(State::Idle, State::Backup, seconds(60));
    pair.driver.pass(seconds(120));
    for kind in [
        K::XcpRouter,
        K::PresenceEngine,
        K::SipProxy,
        K::XcpConnectionManager,
    ] {
        assert_eq!(pair.service(A, kind), S::Stopped, "{kind}");
    }
    assert!(pair.service(A, K::Srm).is_up() && pair.service(A, K::Database).is_up());
    pair.power(A, PowerAction::Reboot).unwrap();
    pair.driver.pass(seconds(180));
    assert_eq!(pair.state(A), Some(State::Idle), "{}", pair.lines());
    assert_eq!(
        pair.service(A, K::XcpRouter),
        S::Stopped,
        "until a manual fallback"
    );
}

/// HA-5: manual fallback: services first, then the users; both `Normal`.
#[test]
fn ha_5_manual_fallback_ends_normal() {
    let mut pair = pair(8).normal();
    pair.admin(A, Action::Failover).unwrap();
    pair.await_states(State::Idle, State::Backup, seconds(60));
    pair.admin(A, Action::Fallback).unwrap();
    pair.await_states(State::Normal, State::Normal, seconds(120));
    for kind in [
        K::XcpRouter,
        K::PresenceEngine,
        K::SipProxy,
        K::XcpConnectionManager,
    ] {
        assert!(pair.service(A, kind).is_up(), "{kind}");
    }
    let works = pair.mover.works();
    let wanted = [
        (B, UserWork::HandBack),
        (A, UserWork::TakeBack { forced: false }),
        // The backup makes sure of its own users as it becomes `Normal`.
        (B, UserWork::TakeBack { forced: true }),
    ];
    assert!(works.ends_with(&wanted), "{works:?}");
    pair.fault(A, K::XcpRouter, ServiceFault::Kill);
    pair.await_states(State::FailedOverDown, State::Backup, seconds(200));
}

/// HA-11: an action is refused where the state forbids it, naming what is allowed.
#[test]
fn ha_11_a_refused_action_changes_nothing() {
    let mut pair = pair(9).normal();
    let before = pair.board.ha(A);
    let refusal = pair.admin(A, Action::Fallback).unwrap_err();
    assert!(refusal.to_string().contains("Normal") && refusal.to_string().contains("failover"));
    assert_eq!(
        pair.board.ha(A).map(|ha| ha.state),
        before.map(|ha| ha.state)
    );
    assert_eq!(
        pair.entries(A, |event| matches!(event, Event::HaRefused(_)))
            .len(),
        1
    );
}

/// HA-12: a restart of SRM alone never moves a user, and the state resumes.
#[test]
fn ha_12_an_srm_restart_moves_nobody() {
    let mut pair = pair(10).normal();
    let works = pair.mover.works().len();
    pair.fault(A, K::Srm, ServiceFault::Panic("watcher".to_owned()));
    pair.await_states(State::Normal, State::Normal, seconds(120));
    // The node makes sure that its own users are here; that moves nobody who is.
    let sure = (A, UserWork::TakeBack { forced: true });
    assert_eq!(pair.mover.works()[works..], [sure], "{}", pair.lines());
    pair.admin(A, Action::Failover).unwrap();
    pair.await_states(State::Idle, State::Backup, seconds(60));
    let works = pair.mover.works().len();
    pair.fault(A, K::Srm, ServiceFault::Kill);
    pair.driver.pass(seconds(180));
    assert_eq!(
        (pair.state(A), reason(&pair, A)),
        (Some(State::Idle), Some(Reason::Initialization))
    );
    pair.fault(B, K::Srm, ServiceFault::Kill);
    pair.driver.pass(seconds(180));
    assert_eq!(pair.state(B), Some(State::Backup));
    // The backup makes sure of every user after each new life; nobody is let go of.
    let sure = (B, UserWork::TakeOver { forced: true });
    assert_eq!(pair.mover.works()[works..], [sure; 2], "rows 5 and 6");
}

/// HA-12: a reboot in the middle of a take-over resumes it.
#[test]
fn ha_12_a_half_done_take_over_is_resumed() {
    let mut pair = pair(11).normal();
    pair.mover.answer_next(None);
    pair.power(A, PowerAction::Kill).unwrap();
    pair.await_state(B, State::TakingOver, seconds(120));
    assert!(matches!(
        pair.mover.works().last(),
        Some((B, UserWork::TakeOver { .. }))
    ));
    pair.fault(B, K::Srm, ServiceFault::Kill);
    pair.await_state(B, State::Backup, seconds(300));
    assert_eq!(
        pair.records[1].record().ha.map(|record| record.state),
        Some(State::Backup)
    );
}

/// HA-12: the record is durable before any later effect; while it cannot be written SRM stands
/// still, and says so.
#[test]
fn ha_12_nothing_happens_before_the_record_is_durable() {
    let mut pair = pair(12).normal();
    pair.records[0].break_with(Some(RecordError("disk full".to_owned())));
    let works = pair.mover.works().len();
    let asked = pair.driver.world().now();
    let (action, before) = (Action::Failover, Vec::new());
    let reply = takeover_actors::rt::Recipient::nobody();
    let srm: takeover_actors::rt::Addr<takeover_actors::srm::SrmMsg> = pair
        .driver
        .world()
        .books()
        .addr(A, takeover_actors::srm::BOOK_NAME)
        .unwrap();
    srm.send(takeover_actors::srm::SrmMsg::Admin {
        action,
        before,
        reply,
    })
    .unwrap();
    pair.driver.pass(seconds(30));
    assert_eq!(
        pair.mover.works().len(),
        works,
        "no effect before the record is kept"
    );
    assert!(
        pair.lines().contains("SRM stands still"),
        "{}",
        pair.lines()
    );
    pair.records[0].break_with(None);
    pair.await_states(State::Idle, State::Backup, seconds(60));
    assert!(entered(&pair, A, State::FailingOver) >= asked + seconds(30));
}

/// HA-15: an orderly shutdown says goodbye: the peer takes over at once, reason *Peer Reboot*.
#[test]
fn ha_15_goodbye_makes_it_a_peer_reboot() {
    for action in [PowerAction::Off, PowerAction::Reboot] {
        let mut pair = pair(13).normal();
        pair.power(A, action).unwrap();
        let left = pair.driver.world().now();
        pair.await_state(B, State::Backup, seconds(60));
        assert_eq!(reason(&pair, B), Some(Reason::PeerReboot));
        assert!(entered(&pair, B, State::TakingOver).saturating_since(left) < seconds(1));
    }
}

/// HA-10: a split: both take over; healed, both are in failed mode; Recover brings row 1.
#[test]
fn ha_10_a_split_heals_into_failed_mode_and_recovers() {
    let mut pair = pair(14).normal();
    pair.driver.world().network().cut(A, B);
    pair.await_states(State::Backup, State::Backup, seconds(200));
    pair.driver.world().network().heal(A, B);
    pair.await_states(State::FailedMode, State::FailedMode, seconds(60));
    let split = |event: &Event| matches!(event, Event::HaAlarm(Alarm::SplitBrain));
    assert!(!pair.entries(A, split).is_empty() || !pair.entries(B, split).is_empty());
    pair.admin(A, Action::Recover).unwrap();
    // The second may be on its way already, by the peer's word; then it is refused.
    let _ = pair.try_admin(B, Action::Recover);
    pair.await_states(State::Normal, State::Normal, seconds(400));
}

/// ICP-14: the end of SRM reaches ICSA, the node restarts SRM; both are on record.
#[test]
fn icp_14_srm_is_watched_by_icsa_and_restarted_by_the_node() {
    let mut pair = pair(15).normal();
    pair.fault(A, K::Srm, ServiceFault::Panic("srm broke".to_owned()));
    let noticed = pair.entries(A, |event| {
        let Event::WatchedEnded {
            watcher, watched, ..
        } = event
        else {
            return false;
        };
        (*watcher, *watched) == (K::InterclusterSyncAgent, K::Srm)
    });
    assert_eq!(noticed.len(), 1, "{}", pair.lines());
    pair.await_service(A, K::Srm, seconds(10));
    pair.fault(A, K::Srm, ServiceFault::Kill);
    let noticed = pair.entries(A, |event| matches!(event, Event::WatchedEnded { .. }));
    assert_eq!(noticed.len(), 2, "the next life is watched as well");
}

/// ICP-14: the end of ICSA reaches SRM, which has it restarted, later each time.
#[test]
fn icp_14_icsa_is_watched_and_restarted_by_srm() {
    let mut pair = pair(16).normal();
    let mut waits = Vec::new();
    for _ in 0..3 {
        pair.fault(
            A,
            K::InterclusterSyncAgent,
            ServiceFault::Panic("icsa broke".to_owned()),
        );
        let failed = pair.driver.world().now();
        let board = pair.board.clone();
        let starts = move || board.service(A, K::InterclusterSyncAgent) == S::Starting;
        assert!(pair.driver.until(starts, seconds(60)), "{}", pair.lines());
        waits.push(pair.driver.world().now().saturating_since(failed));
        pair.await_service(A, K::InterclusterSyncAgent, seconds(10));
    }
    assert_eq!(waits, [seconds(1), seconds(2), seconds(4)]);
    let noticed = pair.entries(A, |event| {
        matches!(
            event,
            Event::WatchedEnded {
                watcher: K::Srm,
                ..
            }
        )
    });
    assert_eq!(noticed.len(), 3);
    pair.act(A, K::InterclusterSyncAgent, ServiceAction::Stop)
        .unwrap();
    pair.driver.pass(seconds(120));
    assert_eq!(
        pair.service(A, K::InterclusterSyncAgent),
        S::Stopped,
        "stopped on purpose"
    );
}

fn eventful(seed: u64) -> (u64, String) {
    let mut pair = pair(seed).normal();
    pair.fault(A, K::TextConference, ServiceFault::Kill);
    pair.driver.pass(seconds(50));
    pair.driver.world().network().change_both(A, B, |link| {
        link.loss = 0.3;
        link.jitter = seconds(1);
    });
    pair.driver.pass(seconds(200));
    pair.power(B, PowerAction::Kill).unwrap();
    pair.driver.pass(seconds(200));
    pair.power(B, PowerAction::On).unwrap();
    pair.driver.pass(seconds(400));
    (pair.driver.world().journal().digest(), pair.lines())
}

/// DET-1: same seed, same journal, byte for byte; another seed, another journal.
#[test]
fn det_1_same_seed_same_journal() {
    let (first, second, other) = (eventful(1), eventful(1), eventful(2));
    assert_eq!(first, second);
    assert_ne!(first.0, other.0);
}

/// HA off: the pair rests in row 24, and a dead node moves nobody.
#[test]
fn without_ha_nobody_is_moved() {
    let mut pair = pair_with(17, |setup| setup.ha = false).up();
    pair.driver.pass(seconds(200));
    assert_eq!(
        (pair.state(A), pair.state(B)),
        (Some(State::Unknown), Some(State::Unknown))
    );
    pair.power(A, PowerAction::Kill).unwrap();
    pair.driver.pass(seconds(600));
    assert!(pair.mover.works().is_empty());
}

/// HA-12: what SRM keeps survives in the node's database as well: a reboot resumes `Idle`.
#[test]
fn ha_12_the_record_lives_in_the_node_database() {
    let memory = takeover_storage::Memory::new();
    let mut pair = pair_with(18, |setup| {
        let store = memory.node(&setup.name);
        setup.records =
            std::sync::Arc::new(takeover_actors::node_record::StoredRecords::new(store));
    })
    .normal();
    pair.admin(A, Action::Failover).unwrap();
    pair.await_states(State::Idle, State::Backup, seconds(60));
    for node in [A, B] {
        pair.power(node, PowerAction::Kill).unwrap();
    }
    pair.driver.pass(seconds(60));
    for node in [A, B] {
        pair.power(node, PowerAction::On).unwrap();
    }
    pair.await_states(State::Idle, State::Backup, seconds(400));
    assert_eq!(reason(&pair, B), Some(Reason::Initialization), "row 6");
    assert_eq!(pair.service(A, K::XcpRouter), S::Stopped);
}
