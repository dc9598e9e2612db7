//! Bugs that the explorer must find. They are planted around the machine, never in it.

use serde::{Deserialize, Serialize};

use super::super::effect::Effect;
use super::super::event::Event;
use super::super::node::HaNode;
use super::super::peer::Phase;
use super::super::reason::Reason;
use super::super::state::State;
use super::super::step::step;
use super::super::timer::Timer;
use super::world::Rule;

/// A kind of bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Planted {
    /// A backup that meets another backup carries on: no failed mode after a split.
    SplitIgnored,
    /// A take-over has no timer: a move that hangs is never given up.
    UnboundedTakeOver,
    /// The home believes itself back in `Normal` before its users are.
    EarlyNormal,
    /// An action that is refused has consequences. Found where refused actions are tried.
    RefusalActs,
}

impl Planted {
    /// Every kind.
    pub const ALL: [Planted; 4] = [
        Planted::SplitIgnored,
        Planted::UnboundedTakeOver,
        Planted::EarlyNormal,
        Planted::RefusalActs,
    ];

    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Planted::SplitIgnored => "split-ignored",
            Planted::UnboundedTakeOver => "unbounded-take-over",
            Planted::EarlyNormal => "early-normal",
            Planted::RefusalActs => "refusal-acts",
        }
    }
}

impl Rule {
    /// One step of the machine, or of the machine with a bug.
    pub(super) fn step(&self, node: &HaNode, event: Event) -> (HaNode, Vec<Effect>) {
        let (mut after, mut effects) = step(node, event, &self.plan.params);
        match self.plan.planted {
            None => {}
            Some(Planted::SplitIgnored) if goes_to_failed_mode(node, &after) => {
                return (*node, Vec::new());
            }
            Some(Planted::UnboundedTakeOver) if after.state == State::TakingOver => {
                after.timers = after.timers.without(Timer::Transition);
            }
            Some(Planted::EarlyNormal) if takes_its_users_back(&after) => {
                (after.state, after.reason, after.phase) =
                    (State::Normal, Reason::Normal, Phase::Rest);
                after.epoch = after.epoch.next();
                after.timers = after.timers.without(Timer::Transition);
                effects.retain(|effect| !matches!(effect, Effect::TakeBackUsers { .. }));
            }
            Some(Planted::RefusalActs) if is_refused(&effects) => {
                after.epoch = after.epoch.next();
            }
            Some(
                Planted::SplitIgnored
                | Planted::UnboundedTakeOver
                | Planted::EarlyNormal
                | Planted::RefusalActs,
            ) => {}
        }
        (after, effects)
    }
}

/// Whether an action was refused (HA-11).
pub(super) fn is_refused(effects: &[Effect]) -> bool {
    let is_refusal = |effect: &Effect| matches!(effect, Effect::Refuse(_));
    effects.iter().any(is_refusal)
}

fn goes_to_failed_mode(before: &HaNode, after: &HaNode) -> bool {
    before.state == State::Backup
        && (after.state, after.reason) == (State::FailedMode, Reason::Unknown)
}

fn takes_its_users_back(after: &HaNode) -> bool {
    (after.state, after.phase) == (State::TakingBack, Phase::Claiming)
}
