//! What the machine tells people: causes, changes, refusals (HA-11, HA-13).

use takeover_core::ha::table::Seen;
use takeover_core::ha::{
    Action, Attempt, Body, BootKind, Cause, Effect, Event, HaNode, HaParams, HaRecord, Health,
    Link, PeerMessage, PeerObstacle, Phase, Reason, Refusal, ServiceSet, Staleness, State,
    StateChange, Timer, TimerSet, allowed_actions, is_left_out, step, table,
};
use takeover_core::id::Incarnation;
use takeover_core::service::ServiceKind::XcpRouter;
use takeover_core::time::Moment;

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

/// HA-12: what a new life of the peer says to an older life of this node is dropped and answered, and the peer
/// is still there.
#[test]
fn a_word_for_an_older_life_does_not_lose_the_peer() {
    let params = HaParams::default();
    let record = HaRecord::fresh(true);
    let (mut node, _) = HaNode::boot(&record, true, BootKind::SrmRestart, Health::GOOD, &params);
    node.peer.link = Link::Alive;
    let message = PeerMessage {
        from: Incarnation(2),
        to: Incarnation(9),
        seq: 1,
        heard: 0,
        ask: false,
        body: Body::Goodbye,
    };
    let (after, effects) = step(&node, Event::Peer(message), &params);
    assert_eq!(after.peer.link, Link::Alive);
    assert_eq!(after.peer.incarnation, Incarnation(2));
    let dropped =
        |effect: &Effect| matches!(effect, Effect::DropStale(Staleness::ForOldLife { .. }));
    let answered = |effect: &Effect| matches!(effect, Effect::SendPeer(_));
    assert!(effects.iter().any(dropped) && effects.iter().any(answered));
}

/// HA-13, HA-15: a message between the two tells its topic, its life and number, and the sender's status.
#[test]
fn a_message_is_told() {
    let params = HaParams::default();
    let record = HaRecord::fresh(true);
    let (node, effects) = HaNode::boot(&record, true, BootKind::SrmRestart, Health::GOOD, &params);
    let sent = effects.iter().find_map(|effect| match effect {
        Effect::SendPeer(message) => Some(*message),
        _ => None,
    });
    let life = node.incarnation;
    let told = format!("Initializing {life}.1 Initializing (Initialization) e0");
    assert_eq!(sent.map(|message| message.to_string()), Some(told));
    let goodbye = PeerMessage {
        from: Incarnation(2),
        to: Incarnation(1),
        seq: 7,
        heard: 0,
        ask: false,
        body: Body::Goodbye,
    };
    let told = format!("Goodbye {}.7", Incarnation(2));
    assert_eq!(goodbye.to_string(), told);
}

/// HA-2, HA-12: the delay of the last life is over with it.
#[test]
fn a_new_life_has_no_overdue_service() {
    let health = Health {
        down: ServiceSet::EMPTY.with(XcpRouter),
        first_down: Some(XcpRouter),
        overdue: true,
        database_down: false,
    };
    let params = HaParams::default();
    for enabled in [true, false] {
        let record = HaRecord::fresh(enabled);
        let (node, _) = HaNode::boot(&record, true, BootKind::NodeBoot, health, &params);
        assert!(!node.health.overdue && !node.health.is_good());
    }
}

/// HA-11: what a node offers in each state.
#[test]
fn every_state_offers_its_actions() {
    for state in State::ALL {
        let offered = match state {
            State::Normal => vec![Action::Failover, Action::DisableHa],
            State::Idle | State::FailedOver => vec![Action::Fallback],
            State::FailedMode => vec![Action::Recover, Action::DisableHa],
            State::Unknown => vec![Action::DisableHa],
            _ => Vec::new(),
        };
        assert_eq!(allowed_actions(state, true), offered, "{state}");
    }
    assert_eq!(allowed_actions(State::Unknown, false), [Action::EnableHa]);
}

/// The vendor's console has its own words for two states, and the table's for the others.
#[test]
fn the_console_has_its_own_words_for_two_states() {
    for state in State::ALL {
        let told = match state {
            State::FailingOver => "Failover",
            State::FailedMode => "Failed",
            _ => state.name(),
        };
        assert_eq!(state.console_name(), told);
    }
    let seen = Seen::Reachable(State::Idle, Reason::AdminRequest);
    assert_eq!(seen.to_string(), "Idle (On Admin Request)");
    assert_eq!(Seen::Unreachable.to_string(), "(unreachable)");
}

/// The rows are found by their number; a row is stable exactly if both of its sides may rest.
#[test]
fn a_row_is_found_by_its_number() {
    for number in 1..=27 {
        let row = table::row(number).expect("a row");
        assert_eq!(row.number, number);
        let mut states = row.node1.states.iter().chain(&row.node2.states);
        assert_eq!(
            row.stable,
            states.all(|state| state.is_stable()),
            "{number}"
        );
    }
    assert!(table::row(0).is_none() && table::row(28).is_none());
}

/// HA-6, USR-2: half an hour of health; and in which states the users are at the peer.
#[test]
fn health_and_home_are_as_written() {
    assert_eq!(HaParams::FALLBACK_HEALTH.as_secs(), 1_800);
    let away = State::ALL
        .into_iter()
        .filter(|state| state.is_failed_over());
    let wanted = [
        State::Idle,
        State::FailingOver,
        State::FailedOver,
        State::FailedOverDown,
        State::TakingBack,
    ];
    assert_eq!(away.collect::<Vec<_>>(), wanted);
    let work = Phase::ALL.into_iter().filter(|phase| phase.is_work());
    let wanted = [Phase::Releasing, Phase::Claiming, Phase::HandingBack];
    assert_eq!(work.collect::<Vec<_>>(), wanted);
}

/// HA-17: a session whose client came since HA was switched off, or is not back, is left out.
#[test]
fn who_came_too_early_is_left_out() {
    let off = Moment(100);
    for (came, has_client, left_out) in [
        (99, true, false),
        (100, true, false),
        (101, true, true),
        (99, false, true),
        (101, false, true),
    ] {
        assert_eq!(is_left_out(Moment(came), has_client, off), left_out);
    }
}
