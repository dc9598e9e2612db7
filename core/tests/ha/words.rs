//! What the machine tells people: causes, changes, refusals (HA-11, HA-13).

use takeover_core::ha::{
    Action, Attempt, Cause, PeerObstacle, Reason, Refusal, State, StateChange, Timer, TimerSet,
};
use takeover_core::service::ServiceKind::XcpRouter;

/// HA-13: every cause is a sentence of its own.
#[test]
fn every_cause_is_told() {
    let causes = [
        (
            Cause::Admin(Action::Failover),
            "an administrator asked for failover",
        ),
        (Cause::Service(XcpRouter), "XCP Router stayed down"),
        (Cause::Database, "the database is down"),
        (Cause::PeerSilent, "the peer fell silent"),
        (Cause::PeerGoodbye, "the peer said goodbye"),
        (Cause::PeerIn(State::Idle), "the peer is Idle"),
        (Cause::WorkDone, "done"),
        (Cause::TimedOut, "it took too long"),
    ];
    for (cause, told) in causes {
        assert!(cause.to_string().ends_with(told), "{cause}");
    }
}

/// HA-13: a change tells from, to, reason and cause.
#[test]
fn a_change_is_told() {
    let change = StateChange {
        from: State::Normal,
        to: State::FailingOver,
        reason: Reason::DatabaseFailure,
        cause: Cause::Database,
    };
    let told = "Normal -> Failing Over (Database Failure): the database is down";
    assert_eq!(change.to_string(), told);
    assert_eq!(Attempt(3).to_string(), "attempt 3");
}

/// HA-11: a refusal names the action, the state, and what is allowed there.
#[test]
fn a_refusal_says_what_is_allowed() {
    let mut refusal = Refusal {
        action: Action::Recover,
        state: State::Normal,
        allowed: vec![Action::Failover, Action::DisableHa],
        peer: None,
    };
    let told = "recover is refused: the node is Normal; allowed there: failover, disable HA";
    assert_eq!(refusal.to_string(), told);
    refusal.peer = Some(PeerObstacle::Unreachable);
    assert!(
        refusal
            .to_string()
            .contains("the peer cannot be reached (this node is Normal)")
    );
    refusal.allowed.clear();
    assert!(refusal.to_string().ends_with("no action is allowed there"));
    assert_eq!(
        PeerObstacle::In(State::Idle).to_string(),
        "the peer is Idle"
    );
}

/// A set of timers holds what was put in, and forgets what was taken out; bits that are no timer are none.
#[test]
fn a_set_of_timers_is_a_set() {
    let all = TimerSet::from_bits(u8::MAX);
    assert_eq!(all.bits(), 0b1_1111);
    assert_eq!(all.iter().collect::<Vec<_>>(), Timer::ALL);
    assert_eq!(TimerSet::EMPTY.iter().count(), 0);
    for timer in Timer::ALL {
        let one = TimerSet::EMPTY.with(timer);
        assert!(one.contains(timer) && one.with(timer) == one);
        assert_eq!(one.without(timer), TimerSet::EMPTY);
        assert!(!all.without(timer).contains(timer) && all.without(timer).with(timer) == all);
        assert_eq!(one.iter().collect::<Vec<_>>(), [timer]);
    }
    let names: Vec<String> = Timer::ALL.iter().map(Timer::to_string).collect();
    assert_eq!(
        names,
        [
            "heartbeat",
            "peer-silence",
            "service-delay",
            "transition",
            "auto-fallback"
        ]
    );
}
