//! What can be told of one world alone: whether it rests, what is wrong with it, where it leads.

use super::super::table::{self, Seen};
use super::check::Violation;
use super::moves::{Move, Moves};
use super::search::Explorer;
use super::world::{Power, Rule, World};

/// One world, looked at.
pub(super) struct Expanded {
    /// Whether nothing happens by itself in it.
    pub(super) at_rest: bool,
    /// Whether it is row 1 with all users at home and nothing broken.
    pub(super) healed: bool,
    /// The row of the table that the pair is in.
    pub(super) row: Option<u8>,
    /// What is wrong with it.
    pub(super) violation: Option<Violation>,
    /// Every move with the fingerprint of the world it leads to, and that world.
    pub(super) moves: Vec<(Move, u128, World)>,
}

impl Explorer {
    /// Looks at a world.
    pub(super) fn expand(&self, world: &World, rule: &Rule, scratch: &mut Moves) -> Expanded {
        let at_rest = world.is_at_rest(scratch);
        world.moves(scratch, rule);
        let lead = |a_move: &Move| {
            let after = world.after(*a_move, rule);
            (*a_move, after.fingerprint(), after)
        };
        Expanded {
            at_rest,
            healed: world.is_healed(),
            row: world.row(),
            violation: self.wrong(world, rule, at_rest),
            moves: scratch.iter().map(lead).collect(),
        }
    }

    fn wrong(&self, world: &World, rule: &Rule, at_rest: bool) -> Option<Violation> {
        let violation = world.violation(at_rest);
        if violation.is_none() && self.try_refused_actions {
            return world.refused_action_acted(rule);
        }
        violation
    }
}

impl World {
    /// The row of the table that the pair is in, with a node whose SRM does not run as unreachable.
    fn row(&self) -> Option<u8> {
        let seen = |i: usize| match self.sides[i].power {
            Power::Up => Seen::Reachable(self.sides[i].node.state, self.sides[i].node.reason),
            Power::Off | Power::SrmDown => Seen::Unreachable,
        };
        table::find(seen(0), seen(1)).map(|found| found.row.number)
    }
}
