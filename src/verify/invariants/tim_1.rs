//! TIM-1: time.

use std::collections::BTreeMap;

use takeover_core::id::NodeId;
use takeover_core::journal::{Entry, Event, Power};
use takeover_core::service::ServiceKind;
use takeover_core::time::Moment;
use thiserror::Error;

use super::{Check, Invariant, Looked, Scene, Violation};

/// TIM-1.
pub(super) const INVARIANT: Invariant = Invariant {
    id: "TIM-1",
    sentence: "Time never goes back, no timer runs out before its deadline, and none is heard after \
               its cancellation.",
    file: "tim_1.rs",
    looked: Looked::Step,
};

/// Time gone wrong.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Broken {
    /// An entry of the journal is earlier than the one before.
    #[error("entry {seq} of the journal is of {at}, after one of {before}")]
    Back {
        /// Its number.
        seq: u64,
        /// Its time.
        at: Moment,
        /// The time before.
        before: Moment,
    },
    /// A timer was heard that was not armed.
    #[error("{timer} of {node} was heard at {at}, and it was not armed")]
    NotArmed {
        /// The timer.
        timer: String,
        /// The node.
        node: NodeId,
        /// When.
        at: Moment,
    },
    /// A timer was heard too early.
    #[error("{timer} of {node} was heard at {at}, before {deadline}")]
    Early {
        /// The timer.
        timer: String,
        /// The node.
        node: NodeId,
        /// When.
        at: Moment,
        /// When it was due.
        deadline: Moment,
    },
}

/// The time of the last entry, and the named timers that are armed.
#[derive(Default)]
pub(super) struct Times {
    last: Moment,
    armed: BTreeMap<(NodeId, String), Moment>,
}

impl Check for Times {
    fn entry(&mut self, entry: &Entry, _: &Scene<'_>) -> Result<(), Violation> {
        let (before, at) = (self.last, entry.at);
        self.last = at;
        if at < before {
            let seq = entry.seq;
            return Err(Violation::Tim1(Broken::Back { seq, at, before }));
        }
        let Some(node) = entry.node else {
            return Ok(());
        };
        match &entry.event {
            Event::TimerArmed { timer, deadline } => {
                self.armed.insert((node, timer.clone()), *deadline);
            }
            Event::TimerCancelled { timer } => {
                self.armed.remove(&(node, timer.clone()));
            }
            Event::TimerFired { timer } => return self.fired(node, timer, at),
            // The timers of an SRM end with it.
            Event::Service {
                kind: ServiceKind::Srm,
                state,
            } if !state.is_up() && !state.is_in_transition() => {
                self.armed.retain(|(of, _), _| *of != node);
            }
            Event::Power { power, .. } if *power != Power::On => {
                self.armed.retain(|(of, _), _| *of != node);
            }
            _ => {}
        }
        Ok(())
    }
}

impl Times {
    fn fired(&mut self, node: NodeId, timer: &str, at: Moment) -> Result<(), Violation> {
        let timer = timer.to_owned();
        match self.armed.remove(&(node, timer.clone())) {
            None => Err(Violation::Tim1(Broken::NotArmed { timer, node, at })),
            Some(deadline) if at < deadline => Err(Violation::Tim1(Broken::Early {
                timer,
                node,
                at,
                deadline,
            })),
            Some(_) => Ok(()),
        }
    }
}
