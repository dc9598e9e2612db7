//! Two lives that meet after a start: what each resumes beside what the other was (HA-12, HA-10).

use takeover_core::ha::{
    Body, BootKind, Epoch, Event, HaNode, HaParams, HaRecord, Health, PeerMessage, Phase, Reason,
    State, Status, step,
};
use takeover_core::id::Incarnation;

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
