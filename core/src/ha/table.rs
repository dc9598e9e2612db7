//! The table of states that a pair can be in (`data/ha_states.csv`): what it means, and what to do.

use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::reason::Reason;
use super::state::State;

/// What can be seen of one node of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Seen {
    /// Its SRM answers.
    Reachable(State, Reason),
    /// Its SRM does not answer.
    Unreachable,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Seen::Reachable(state, reason) => write!(f, "{state} ({reason})"),
            Seen::Unreachable => f.write_str("(unreachable)"),
        }
    }
}

/// One side of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// The states; empty for a node that cannot be reached.
    pub states: Vec<State>,
    /// The reasons.
    pub reasons: Vec<Reason>,
}

/// A row of the table. Node 1 is the failed (home) node, node 2 the one that carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its number, from 1.
    pub number: u8,
    /// The failed (home) node.
    pub node1: Side,
    /// The node that carries.
    pub node2: Side,
    /// Whether a pair may rest in it.
    pub stable: bool,
    /// What it means.
    pub cause: &'static str,
    /// What an operator should do.
    pub recommended_action: &'static str,
}

/// A pair found in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The row.
    pub row: &'static Row,
    /// Whether the first node given is node 1 of the row.
    pub first_is_node1: bool,
}

/// The file, as it is printed in the specification.
const TEXT: &str = include_str!("../../data/ha_states.csv");

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    // The file is part of the program and a test reads every row of it.
    TEXT.lines()
        .skip(1)
        .map(|line| parse(line).expect("a row of the table"))
        .collect()
});

/// The rows, by number.
#[must_use]
pub fn rows() -> &'static [Row] {
    &ROWS
}

/// The row of this number.
#[must_use]
pub fn row(number: u8) -> Option<&'static Row> {
    rows().iter().find(|row| row.number == number)
}

fn parse(line: &'static str) -> Option<Row> {
    let fields: Vec<&'static str> = line.split(',').collect();
    let [
        number,
        state1,
        reason1,
        state2,
        reason2,
        stable,
        cause,
        action,
    ] = fields[..]
    else {
        return None;
    };
    Some(Row {
        number: number.parse().ok()?,
        node1: side(state1, reason1)?,
        node2: side(state2, reason2)?,
        stable: stable == "yes",
        cause,
        recommended_action: action,
    })
}

fn side(states: &str, reasons: &str) -> Option<Side> {
    if states == "(unreachable)" {
        return Some(Side {
            states: Vec::new(),
            reasons: Vec::new(),
        });
    }
    Some(Side {
        states: states
            .split('|')
            .map(State::from_name)
            .collect::<Option<_>>()?,
        reasons: reasons
            .split('|')
            .map(Reason::from_name)
            .collect::<Option<_>>()?,
    })
}

impl Side {
    fn is_unreachable(&self) -> bool {
        self.states.is_empty()
    }

    /// Whether a node that answers fits this side.
    fn fits(&self, state: State, reason: Reason) -> bool {
        self.states.contains(&state) && self.reasons.contains(&reason)
    }

    /// Whether a node fits this side.
    fn admits(&self, seen: Seen) -> bool {
        match seen {
            Seen::Reachable(state, reason) => self.fits(state, reason),
            Seen::Unreachable => self.is_unreachable(),
        }
    }

    /// Whether a node that does not answer may be presumed on this side: where the other one cannot
    /// serve, or where the row itself speaks of a node that was not seen (row 18).
    fn may_be_presumed(&self, other: State, other_reason: Reason) -> bool {
        match other {
            State::Idle | State::FailedOverDown | State::FailedMode | State::Unknown => true,
            State::Backup => other_reason == Reason::PeerDownDuringInitialization,
            State::Initializing => true,
            State::Normal
            | State::TakingOver
            | State::FailingOver
            | State::FailedOver
            | State::FallingBack
            | State::TakingBack => false,
        }
    }
}

impl Row {
    /// Whether the pair is this row, with `a` as node 1.
    fn is(&self, a: Seen, b: Seen) -> bool {
        self.node1.admits(a) && self.node2.admits(b)
    }

    /// Whether the pair is this row if the node that does not answer is presumed in it.
    fn is_presumed(&self, a: Seen, b: Seen) -> bool {
        match (a, b) {
            (Seen::Reachable(state, reason), Seen::Unreachable) => {
                self.node1.fits(state, reason) && self.node2.may_be_presumed(state, reason)
            }
            (Seen::Unreachable, Seen::Reachable(state, reason)) => {
                self.node2.fits(state, reason) && self.node1.may_be_presumed(state, reason)
            }
            (Seen::Reachable(..), Seen::Reachable(..)) | (Seen::Unreachable, Seen::Unreachable) => {
                false
            }
        }
    }

    /// What the vendor's console calls node 1's state.
    #[must_use]
    pub fn display_alias1(&self) -> Option<&'static str> {
        matches!(self.number, 22 | 23).then_some("Backup Activated")
    }

    /// What the vendor's console calls node 2's state.
    #[must_use]
    pub fn display_alias2(&self) -> Option<&'static str> {
        matches!(self.number, 22 | 23).then_some("Failover Affected Services")
    }
}

/// The row that a pair is in, if the table has it. The same pair mirrored is the same row.
///
/// A node that does not answer is first looked up as such (rows 16, 17, 27). Where the other node cannot
/// serve (idle, services down, failed mode) or says that it did not see its peer start (row 18), the
/// silent one is presumed where the table has it: it may be there, out of reach.
///
/// ```
/// use takeover_core::ha::{Reason, State, table};
///
/// let idle = table::Seen::Reachable(State::Idle, Reason::AdminRequest);
/// let backup = table::Seen::Reachable(State::Backup, Reason::AdminRequest);
/// let found = table::find(backup, idle).unwrap();
/// assert_eq!(found.row.number, 3);
/// assert!(!found.first_is_node1);
/// ```
#[must_use]
pub fn find(first: Seen, second: Seen) -> Option<Found> {
    let exact = |row: &Row, a, b| row.is(a, b);
    let presumed = |row: &Row, a, b| row.is_presumed(a, b);
    search(first, second, exact).or_else(|| search(first, second, presumed))
}

fn search(first: Seen, second: Seen, is: impl Fn(&Row, Seen, Seen) -> bool) -> Option<Found> {
    rows().iter().find_map(|row| {
        let straight = is(row, first, second);
        let mirrored = is(row, second, first);
        (straight || mirrored).then_some(Found {
            row,
            first_is_node1: straight,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every row of the file is read, with its number in order.
    #[test]
    fn every_row_is_read() {
        let numbers: Vec<u8> = rows().iter().map(|row| row.number).collect();
        assert_eq!(numbers, (1..=27).collect::<Vec<u8>>());
    }

    /// Each combination that a row names leads to a row that names it.
    #[test]
    fn every_combination_of_a_row_is_found() {
        for row in rows() {
            for (a, b) in combinations(row) {
                let found = find(a, b).unwrap_or_else(|| panic!("row {}: {a}, {b}", row.number));
                assert!(
                    found.row.number <= row.number,
                    "row {}: {a}, {b}",
                    row.number
                );
                assert_eq!(
                    find(b, a).map(|found| found.row.number),
                    Some(found.row.number)
                );
            }
        }
    }

    fn combinations(row: &Row) -> Vec<(Seen, Seen)> {
        let all = |side: &Side| -> Vec<Seen> {
            if side.is_unreachable() {
                return vec![Seen::Unreachable];
            }
            let with = |state: &State| {
                let state = *state;
                side.reasons
                    .iter()
                    .map(move |reason| Seen::Reachable(state, *reason))
            };
            side.states.iter().flat_map(with).collect()
        };
        let seconds = all(&row.node2);
        all(&row.node1)
            .into_iter()
            .flat_map(|a| seconds.iter().map(move |b| (a, *b)))
            .collect()
    }

    /// A node in Normal beside one that does not answer is no row: it must take over.
    #[test]
    fn normal_beside_nobody_is_no_row() {
        assert_eq!(
            find(
                Seen::Reachable(State::Normal, Reason::Normal),
                Seen::Unreachable
            ),
            None
        );
    }

    /// HA-8: row 15 also where the peer does not answer; row 18 where home was not seen.
    #[test]
    fn a_silent_node_is_presumed_where_the_other_cannot_serve() {
        let number = |state, reason| {
            find(Seen::Unreachable, Seen::Reachable(state, reason)).map(|found| found.row.number)
        };
        assert_eq!(
            number(State::FailedMode, Reason::CriticalServiceDown),
            Some(15)
        );
        assert_eq!(
            number(State::Backup, Reason::PeerDownDuringInitialization),
            Some(18)
        );
        assert_eq!(number(State::Backup, Reason::PeerDown), Some(16));
        assert_eq!(number(State::Idle, Reason::AdminRequest), Some(3));
        assert_eq!(number(State::Backup, Reason::AdminRequest), None);
    }

    /// Rows 22 and 23 keep the vendor's names as aliases.
    #[test]
    fn auto_recovery_has_display_aliases() {
        let named: Vec<u8> = rows()
            .iter()
            .filter(|row| row.display_alias1().is_some())
            .map(|row| row.number)
            .collect();
        assert_eq!(named, [22, 23]);
        assert_eq!(
            rows()[21].display_alias2(),
            Some("Failover Affected Services")
        );
    }
}
