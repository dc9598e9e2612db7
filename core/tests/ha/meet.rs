//! Two lives that meet after a start: what each resumes beside what the other was (HA-12, HA-10).

use takeover_core::ha::{
    Body, BootKind, Effect, Epoch, Event, HaNode, HaParams, HaRecord, Health, Link, PeerMessage,
    Phase, Reason, State, Status, Timer, step,
};
use takeover_core::id::Incarnation;

/// A node that is a backup at `epoch`, whose peer is out of sight or not.
fn running_backup(epoch: u32, link: Link) -> HaNode {
    let record = HaRecord::fresh(true);
    let params = HaParams::default();
    let (mut node, _) = HaNode::boot(&record, true, BootKind::SrmRestart, Health::GOOD, &params);
    (node.state, node.reason) = (State::Backup, Reason::PeerDown);
    (node.phase, node.epoch) = (Phase::Waiting, Epoch(epoch));
    node.peer.link = link;
    node
}

/// What it becomes, and whether it takes the users, when its peer says this, one after the other, and has not heard
/// it meanwhile.
fn hears(node: HaNode, said: &[Status]) -> (HaNode, bool) {
    hears_who_has_heard(0, node, said)
}

/// The same of a peer that has heard so much of it before it spoke.
fn hears_who_has_heard(heard: u32, mut node: HaNode, said: &[Status]) -> (HaNode, bool) {
    let mut takes = false;
    for (seq, status) in (node.peer.seq + 1..).zip(said) {
        let message = PeerMessage {
            from: Incarnation(1),
            to: node.incarnation,
            seq,
            heard,
            ask: false,
            body: Body::Status(*status),
        };
        let (after, effects) = step(&node, Event::Peer(message), &HaParams::default());
        let is_taking = |effect: &Effect| matches!(effect, Effect::TakeOverUsers { .. });
        takes |= effects.iter().any(is_taking);
        node = after;
    }
    (node, takes)
}

/// HA-10: of two backups the one that hears the other again first keeps its users, with the later epoch of the two,
/// so that the other comes along; one that has heard the other take over all the time follows it.
#[test]
fn who_has_heard_nothing_follows_nobody() {
    let later = [backup(State::Backup, 7); 2];
    let (deaf, _) = hears(running_backup(5, Link::Silent), &later);
    assert_eq!((deaf.state, deaf.epoch), (State::FailedMode, Epoch(7)));
    let (hearing, _) = hears(running_backup(5, Link::Alive), &later);
    assert_eq!(hearing.state, State::FailingOver);
    let other = hears(running_backup(7, Link::Alive), &[deaf.status()]).0;
    assert_eq!(other.state, State::FailedMode, "it comes along");
}

/// HA-10: that the peer rests without users may be an old word. It is asked, once, and the users are taken once more
/// when a word that it has said after it heard that says so too; not at all if it says something else.
#[test]
fn an_old_word_moves_nobody() {
    let resting = Status {
        reason: Reason::CriticalServiceDown,
        ..backup(State::FailedOver, 5)
    };
    let (split, takes) = hears(
        running_backup(5, Link::Silent),
        &[resting, backup(State::Backup, 6)],
    );
    assert!(!takes);
    assert_eq!(split.state, State::FailingOver, "it follows the later one");
    let before = running_backup(5, Link::Silent).sent;
    let (node, takes) = hears(running_backup(5, Link::Silent), &[resting; 3]);
    assert!(!takes);
    assert_eq!((node.peer.question, node.sent), (before + 1, before + 1));
    let (node, takes) = hears_who_has_heard(before + 1, node, &[resting]);
    assert_eq!((node.phase, takes), (Phase::Claiming, true));
}

/// HA-10: what the peer was asked before it fell out of sight says nothing about what it did there.
#[test]
fn an_answer_from_before_a_silence_is_an_old_word() {
    let resting = Status {
        reason: Reason::CriticalServiceDown,
        ..backup(State::FailedOver, 5)
    };
    let (asking, _) = hears(running_backup(5, Link::Silent), &[resting]);
    let asked = asking.peer.question;
    let silence = Event::Expired(Timer::PeerSilence);
    let (deaf, _) = step(&asking, silence, &HaParams::default());
    let (node, takes) = hears_who_has_heard(asked, deaf, &[resting]);
    assert!(!takes);
    assert!(node.peer.question > asked, "it is asked anew");
}

/// HA-14: a node that starts, and hears that its peer has started after it, does not miss that peer because it has
/// waited for the one before. Only a life of the peer that it has not known is waited for.
#[test]
fn a_peer_that_starts_later_is_waited_for() {
    let params = HaParams::default();
    let record = HaRecord {
        incarnation: Incarnation(1),
        peer_incarnation: Incarnation(1),
        ..HaRecord::fresh(true)
    };
    let (node, _) = HaNode::boot(&record, true, BootKind::SrmRestart, Health::GOOD, &params);
    let word = |life| PeerMessage {
        from: Incarnation(life),
        to: Incarnation(1),
        seq: 1,
        heard: 0,
        ask: true,
        body: Body::Status(backup(State::Initializing, 0)),
    };
    let waits = |life| {
        let (after, effects) = step(&node, Event::Peer(word(life)), &params);
        assert_eq!(after.state, State::Initializing);
        effects.contains(&Effect::Arm(
            Timer::Transition,
            params.initialization_timeout,
        ))
    };
    assert!(waits(2) && !waits(1));
}

/// A node that was a backup at `epoch` starts, and hears its peer.
fn backup_meets(epoch: u32, peer: Status) -> (State, Reason) {
    let params = HaParams::default();
    let record = HaRecord {
        state: State::Backup,
        reason: Reason::PeerDown,
        epoch: Epoch(epoch),
        ..HaRecord::fresh(true)
    };
    let (node, _) = HaNode::boot(&record, true, BootKind::SrmRestart, Health::GOOD, &params);
    let message = PeerMessage {
        from: Incarnation(1),
        to: node.incarnation,
        seq: 1,
        heard: 0,
        ask: false,
        body: Body::Status(peer),
    };
    let (after, _) = step(&node, Event::Peer(message), &params);
    (after.state, after.reason)
}

/// A peer in a state, which was a backup at `epoch`.
fn backup(state: State, epoch: u32) -> Status {
    Status {
        state,
        reason: Reason::PeerDown,
        phase: Phase::Rest,
        epoch: Epoch(epoch),
        able: true,
        resume: State::Backup,
        recovering: false,
    }
}

/// HA-12: of two nodes that both start and were both backups, the one that took over later carries on,
/// and the other has been taken over. With the same epoch nobody can tell: failed mode (HA-10).
#[test]
fn the_later_of_two_backups_carries_on() {
    let starts = State::Initializing;
    assert_eq!(backup_meets(7, backup(starts, 5)).0, State::Backup);
    assert_eq!(backup_meets(5, backup(starts, 7)).0, State::FailedOver);
    assert_eq!(backup_meets(7, backup(starts, 7)).0, State::FailedMode);
}

/// HA-10: a backup that runs carries users, however old its epoch is: that is a split.
#[test]
fn a_backup_that_runs_is_a_split() {
    assert_eq!(
        backup_meets(7, backup(State::Backup, 5)).0,
        State::FailedMode
    );
}
