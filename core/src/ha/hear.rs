//! The peer is heard, or is not (HA-1, HA-15).

use super::effect::{Alarm, Effect, Staleness};
use super::params::Detection;
use super::peer::{Body, Link, PeerMessage, PeerView, Status};
use super::reason::Reason;
use super::state::State;
use super::timer::Timer;
use super::turn::Turn;
use super::{backup, failed, initializing};
use crate::canary;
use crate::id::Incarnation;

/// A message of the peer.
pub(super) fn message(turn: &mut Turn<'_>, message: &PeerMessage) {
    if let Some(why) = staleness(turn, message) {
        turn.push(Effect::DropStale(why));
        if let Staleness::ForOldLife { .. } = why {
            if message.from > turn.node.peer.incarnation {
                initializing::wait_longer(turn);
            }
            note_life(turn, message.from);
            turn.send_status(true);
        }
        return;
    }
    let same_life = message.from == turn.node.peer.incarnation;
    if !same_life || message.seq > turn.node.peer.seq.saturating_add(1) {
        backup::missed_something(turn);
    }
    note_life(turn, message.from);
    turn.node.peer.seq = message.seq;
    let question = turn.node.peer.question;
    if question != 0 && message.heard >= question {
        turn.is_answered = true;
        turn.node.peer.question = 0;
    }
    match message.body {
        Body::Goodbye => goodbye(turn),
        Body::Status(status) => heard(turn, status),
    }
    if message.ask {
        turn.send_status(false);
    }
}

/// Why a message does not count, if it does not.
fn staleness(turn: &Turn<'_>, message: &PeerMessage) -> Option<Staleness> {
    let (known, mine) = (turn.node.peer.incarnation, turn.node.incarnation);
    if message.from < known {
        return Some(Staleness::OldLife {
            sent_by: message.from,
            known,
        });
    }
    if message.to != mine && message.to != Incarnation(0) {
        return Some(Staleness::ForOldLife {
            meant_for: message.to,
            mine,
        });
    }
    let heard = turn.node.peer.seq;
    (message.from == known && message.seq <= heard).then_some(Staleness::Overtaken {
        seq: message.seq,
        heard,
    })
}

/// A new life of the peer: what the old one said counts no more.
fn note_life(turn: &mut Turn<'_>, from: Incarnation) {
    if from > turn.node.peer.incarnation {
        failed::new_life(turn);
        let link = turn.node.peer.link;
        turn.node.peer = PeerView {
            link,
            incarnation: from,
            ..PeerView::default()
        };
    }
}

/// What the peer was asked before counts no more.
pub(super) fn out_of_sight(turn: &mut Turn<'_>, link: Link) {
    turn.node.peer.link = link;
    turn.node.peer.question = 0;
}

fn goodbye(turn: &mut Turn<'_>) {
    out_of_sight(turn, Link::Gone);
    turn.disarm(Timer::PeerSilence);
    turn.raise(Alarm::PeerLost(Reason::PeerReboot));
}

fn heard(turn: &mut Turn<'_>, status: Status) {
    turn.node.peer.link = Link::Alive;
    turn.node.peer.status = Some(status);
    if !turn.node.enabled {
        return;
    }
    match turn.params.detection {
        Detection::KeepAlive { timeout, .. } => {
            let after = match is_one_starting(turn) {
                true => turn.params.initialization_timeout,
                false => timeout,
            };
            if !(canary!("SilenceRunsOn") && turn.node.timers.contains(Timer::PeerSilence)) {
                turn.arm(Timer::PeerSilence, after);
            }
        }
        Detection::ConnectTimeout { .. } => turn.disarm(Timer::PeerSilence),
    }
}

/// The node has started. The longer timeout was for that time alone: a peer that falls silent from now on
/// is missed as soon as at any other time (HA-1).
pub(super) fn started(turn: &mut Turn<'_>) {
    let is_awaited = turn.node.timers.contains(Timer::PeerSilence);
    match turn.params.detection {
        Detection::KeepAlive { timeout, .. } if is_awaited && !is_one_starting(turn) => {
            turn.arm(Timer::PeerSilence, timeout);
        }
        Detection::KeepAlive { .. } | Detection::ConnectTimeout { .. } => {}
    }
}

/// Whether this node or its peer starts: then silence may last longer (HA-1).
fn is_one_starting(turn: &Turn<'_>) -> bool {
    let peer = turn.node.peer.status.map(|status| status.state);
    turn.node.state == State::Initializing || peer == Some(State::Initializing)
}

/// Nothing was heard for the timeout.
pub(super) fn silence(turn: &mut Turn<'_>) {
    out_of_sight(turn, Link::Silent);
    turn.raise(Alarm::PeerLost(Reason::PeerDown));
}

/// Time for a keep-alive. A node with HA off sends them too, so that its peer knows that it is there and off.
pub(super) fn keep_alive(turn: &mut Turn<'_>) {
    turn.arm(Timer::Heartbeat, turn.params.detection.interval());
    match turn.params.detection {
        Detection::KeepAlive { .. } => turn.send_status(turn.node.peer.link != Link::Alive),
        Detection::ConnectTimeout {
            connect_timeout, ..
        } => {
            turn.send_status(true);
            let waiting = turn.node.timers.contains(Timer::PeerSilence);
            if turn.node.enabled && turn.node.peer.link == Link::Alive && !waiting {
                turn.arm(Timer::PeerSilence, connect_timeout);
            }
        }
    }
}

/// The node is shut down in order: the peer need not wait.
pub(super) fn say_goodbye(turn: &mut Turn<'_>) {
    if turn.node.enabled {
        turn.send(Body::Goodbye, false);
    }
}
