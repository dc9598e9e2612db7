//! What must hold in every state of the world.

use serde::{Deserialize, Serialize};

use super::super::effect::Effect;
use super::super::event::{Action, Event};
use super::super::node::HaNode;
use super::super::reason::Reason;
use super::super::state::State;
use super::super::table::{self, Seen};
use super::planted::is_refused;
use super::world::{Power, Rule, World};

/// What was found to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Violation {
    /// The pair rests in what the table does not have, as the two nodes see it.
    NotInTable {
        /// The first node, or nothing if it is out of sight.
        first: Option<(State, Reason)>,
        /// The second node, or nothing if it is out of sight.
        second: Option<(State, Reason)>,
    },
    /// The pair rests, and a node is in a transition (HA-14).
    RestsInTransition {
        /// The node's state.
        state: State,
    },
    /// The pair rests, and users are not where the states say: owned by nobody who serves them, or
    /// believed by both nodes to be theirs.
    UsersAstray {
        /// Whose home it is.
        home: u8,
        /// Who owns them.
        owner: u8,
        /// The states of the two nodes.
        states: [State; 2],
    },
    /// An action that a state does not allow has changed something (HA-11).
    RefusedActionActed {
        /// The action.
        action: Action,
        /// The state.
        state: State,
    },
    /// No steps, repairs and operator actions lead back to row 1 with all users at home.
    CannotHeal,
    /// Steps go round and never end (HA-14).
    NeverEnds,
}

impl World {
    /// What is wrong with a world; `at_rest` if nothing happens by itself in it.
    pub(super) fn violation(&self, at_rest: bool) -> Option<Violation> {
        if !at_rest {
            return None;
        }
        self.transition_at_rest()
            .or_else(|| self.not_in_table())
            .or_else(|| self.users_astray())
    }

    fn state(&self, i: usize) -> Option<(State, Reason)> {
        let side = &self.sides[i];
        (side.power == Power::Up).then_some((side.node.state, side.node.reason))
    }

    fn transition_at_rest(&self) -> Option<Violation> {
        let states = (0..2).filter_map(|i| self.state(i));
        states
            .map(|(state, _)| state)
            .find(|state| !state.is_stable())
            .map(|state| Violation::RestsInTransition { state })
    }

    /// With the link up the pair is one view; with the link cut each node's view must be in the table.
    fn not_in_table(&self) -> Option<Violation> {
        let [one, two] = [self.state(0), self.state(1)];
        let views = if self.cut {
            [(one, None), (None, two)]
        } else {
            [(one, two); 2]
        };
        let seen = |view: Option<(State, Reason)>| {
            view.map_or(Seen::Unreachable, |(state, reason)| {
                Seen::Reachable(state, reason)
            })
        };
        views
            .into_iter()
            .filter(|view| *view != (None, None))
            .find(|(first, second)| table::find(seen(*first), seen(*second)).is_none())
            .map(|(first, second)| Violation::NotInTable { first, second })
    }

    /// Whether a node in this state believes that it serves the users of a home.
    fn believes(&self, i: usize, home: usize) -> Option<bool> {
        let (state, _) = self.state(i)?;
        match state {
            State::Normal => Some(i == home),
            State::Backup => Some(true),
            State::Idle | State::FailedOver | State::FailedOverDown => Some(false),
            State::Initializing
            | State::TakingOver
            | State::FailingOver
            | State::FallingBack
            | State::TakingBack
            | State::FailedMode
            | State::Unknown => None,
        }
    }

    /// While the nodes do not see each other neither can know: the directory decides, and the backup takes
    /// the users once more when it sees its peer.
    fn users_astray(&self) -> Option<Violation> {
        if self.cut || self.sides.iter().any(|side| side.power != Power::Up) {
            return None;
        }
        let states = [0, 1].map(|i| self.sides[i].node.state);
        for home in 0..2 {
            let owner = self.owner[home];
            for i in 0..2 {
                let owns = usize::from(owner) == i;
                if self
                    .believes(i, home)
                    .is_some_and(|believes| believes != owns)
                {
                    return Some(Violation::UsersAstray {
                        home: home as u8,
                        owner,
                        states,
                    });
                }
            }
        }
        None
    }

    /// Whether everything is as it was in the beginning: row 1, nothing broken, all users at home.
    pub(super) fn is_healed(&self) -> bool {
        let well = |i: usize| {
            let side = &self.sides[i];
            self.state(i) == Some((State::Normal, Reason::Normal))
                && !side.service_down
                && !side.database_down
        };
        well(0) && well(1) && !self.cut && self.owner == [0, 1]
    }

    /// HA-11: tries every action that the nodes do not offer.
    pub(super) fn refused_action_acted(&self, rule: &Rule) -> Option<Violation> {
        let mut up = self.sides.iter().filter(|side| side.power == Power::Up);
        up.find_map(|side| {
            let acted = |action: &Action| {
                let (after, effects) = rule.step(&side.node, Event::Admin(*action));
                acted_though_refused(&side.node, &after, &effects)
            };
            let action = Action::ALL.into_iter().find(acted)?;
            let state = side.node.state;
            Some(Violation::RefusedActionActed { action, state })
        })
    }
}

/// Whether an action was refused, and something has happened all the same.
fn acted_though_refused(before: &HaNode, after: &HaNode, effects: &[Effect]) -> bool {
    is_refused(effects) && (after != before || effects.len() != 1)
}

#[cfg(test)]
mod tests {
    use super::super::super::effect::Refusal;
    use super::super::super::params::HaParams;
    use super::super::world::Plan;
    use super::*;

    const NORMAL: (State, Reason) = (State::Normal, Reason::Normal);

    fn pair_in(states: [(State, Reason); 2]) -> World {
        let plan = Plan {
            params: HaParams::default(),
            planted: None,
            prompt: false,
        };
        let mut world = World::starting(&Rule::of(&plan), 0);
        for (side, (state, reason)) in world.sides.iter_mut().zip(states) {
            (side.node.state, side.node.reason) = (state, reason);
        }
        world
    }

    /// HA-14: a pair that rests has left every transition; while something happens it may be in one.
    #[test]
    fn a_pair_does_not_rest_in_a_transition() {
        let state = State::TakingOver;
        let mut world = pair_in([(state, Reason::PeerDown), NORMAL]);
        let wrong = Some(Violation::RestsInTransition { state });
        assert_eq!(world.violation(true), wrong);
        assert_eq!(world.violation(false), None);
        world.sides[0].power = Power::SrmDown;
        assert_ne!(
            world.violation(true),
            wrong,
            "what does not run is in no state"
        );
        assert_eq!(pair_in([NORMAL; 2]).violation(true), None);
    }

    /// HA-10: two backups are no row while they see each other; cut off, each is row 16 to itself.
    #[test]
    fn a_pair_rests_in_the_table() {
        let backup = (State::Backup, Reason::PeerDown);
        let mut world = pair_in([backup; 2]);
        let wrong = Violation::NotInTable {
            first: Some(backup),
            second: Some(backup),
        };
        assert_eq!(world.violation(true), Some(wrong));
        world.cut = true;
        assert_eq!(world.violation(true), None);
    }

    /// USR-5: users are with the node that the states say, where both nodes can know it.
    #[test]
    fn users_are_where_the_states_say() {
        let states = [NORMAL.0; 2];
        let mut world = pair_in([NORMAL; 2]);
        world.owner = [1, 1];
        let wrong = Violation::UsersAstray {
            home: 0,
            owner: 1,
            states,
        };
        assert_eq!(world.violation(true), Some(wrong));
        world.owner = [0, 0];
        assert!(matches!(
            world.violation(true),
            Some(Violation::UsersAstray {
                home: 1,
                owner: 0,
                ..
            })
        ));
        let idle = (State::Idle, Reason::AdminRequest);
        let carries = (State::Backup, Reason::AdminRequest);
        let mut world = pair_in([idle, carries]);
        world.owner = [1, 1];
        assert_eq!(world.violation(true), None);
        world.owner = [0, 1];
        assert!(world.violation(true).is_some(), "an idle node has nobody");
        world.sides[0].power = Power::SrmDown;
        world.sides[1].node.reason = Reason::PeerDown;
        assert_eq!(world.violation(true), None, "nobody can know it");
        world.sides[0].power = Power::Up;
        world.sides[0].node.state = State::Backup;
        world.sides[0].node.reason = Reason::PeerDown;
        world.cut = true;
        assert_eq!(world.violation(true), None, "nobody can know it");
    }

    /// HA-7: healed is row 1 with all users at home and nothing broken.
    #[test]
    fn only_row_1_with_all_well_is_healed() {
        let world = pair_in([NORMAL; 2]);
        assert!(world.is_healed());
        let change: [fn(&mut World); 6] = [
            |world| world.cut = true,
            |world| world.owner = [0, 0],
            |world| world.sides[0].service_down = true,
            |world| world.sides[1].database_down = true,
            |world| world.sides[1].power = Power::Off,
            |world| world.sides[0].node.reason = Reason::AdminRequest,
        ];
        for (number, change) in change.iter().enumerate() {
            let mut other = world;
            change(&mut other);
            assert!(!other.is_healed(), "change {number}");
        }
    }

    /// HA-11: what is refused changes nothing, and does nothing but to say so.
    #[test]
    fn a_refusal_is_all_that_a_refused_action_does() {
        let node = pair_in([NORMAL; 2]).sides[0].node;
        let mut other = node;
        other.epoch = other.epoch.next();
        let refused = Effect::Refuse(Refusal {
            action: Action::Recover,
            state: State::Normal,
            allowed: Vec::new(),
            peer: None,
        });
        let only = [refused.clone()];
        assert!(!acted_though_refused(&node, &node, &only));
        assert!(acted_though_refused(&node, &other, &only));
        let and_more = [refused, Effect::StartCriticalServices];
        assert!(acted_though_refused(&node, &node, &and_more));
        assert!(
            !acted_though_refused(&node, &other, &and_more[1..]),
            "taken"
        );
    }
}
