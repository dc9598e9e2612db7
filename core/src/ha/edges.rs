//! The legal edges from state to state: HA-13's changes, as chapter 2 has them.
//!
//! The list is written down from the rules, not from the machine, and the machine does not read it. Whoever
//! judges a history holds it against this one list: the corpus, the explorer's graph, the fault search.

use super::state::State::{self, *};

/// From each state to the states that may follow it, with the rules that lead there.
static LEGAL: [(State, &[State]); 12] = [
    // SRM resumes what the node did (HA-12), takes over from a peer it does not see (row 27), gives its
    // users away (HA-9), or finds HA off or the group failed (rows 21, 24).
    (
        Initializing,
        &[
            Normal,
            Idle,
            Backup,
            TakingOver,
            FailingOver,
            FailedOver,
            FailedOverDown,
            FallingBack,
            TakingBack,
            FailedMode,
            Unknown,
        ],
    ),
    // HA-5; both idle or nobody able (HA-8); HA off at the peer.
    (Idle, &[Initializing, TakingBack, FailedMode, Unknown]),
    // HA-1 to HA-4; nobody able (HA-9); HA-17.
    (
        Normal,
        &[Initializing, FailingOver, TakingOver, FailedMode, Unknown],
    ),
    // HA-5, HA-6; rows 22 and 23; row 15 and HA-10; the home is back already, or is to be taken over anew.
    (
        Backup,
        &[
            Initializing,
            FallingBack,
            FailingOver,
            FailedMode,
            Normal,
            TakingOver,
            Unknown,
        ],
    ),
    // Done; row 19; the failover was undone.
    (
        TakingOver,
        &[Initializing, Backup, FailedMode, Normal, Unknown],
    ),
    // Rows 3, 11, 12, 13, 22, 23; row 19; a manual failover that nobody carries on is undone.
    (
        FailingOver,
        &[
            Initializing,
            Idle,
            FailedOver,
            FailedOverDown,
            FailedMode,
            TakingBack,
            Unknown,
        ],
    ),
    // HA-5, HA-6; a service or the database is down again; the backup is away or gives up (HA-8).
    (
        FailedOver,
        &[
            Initializing,
            TakingBack,
            FailedOverDown,
            TakingOver,
            FailedMode,
            Unknown,
        ],
    ),
    // The services are up again (row 11); nobody able (row 15).
    (
        FailedOverDown,
        &[Initializing, FailedOver, FailedMode, Unknown],
    ),
    // Done; row 20; the home is away, or gives up, or has taken over itself.
    (
        FallingBack,
        &[
            Initializing,
            Normal,
            FailedMode,
            TakingOver,
            FailingOver,
            Unknown,
        ],
    ),
    // Done; rows 14 and 20; the backup gives up, or has taken over itself.
    (
        TakingBack,
        &[
            Initializing,
            Normal,
            FailedMode,
            TakingOver,
            FailingOver,
            Unknown,
        ],
    ),
    // Recover (HA-7); HA-17; with the peer away whoever can serve, serves; the peer carries already.
    (
        FailedMode,
        &[Initializing, Unknown, TakingOver, FailingOver],
    ),
    // HA-9: switched on.
    (Unknown, &[Initializing]),
];

/// The states that may follow a state, in the order of the list.
#[must_use]
pub fn after(from: State) -> &'static [State] {
    let found = LEGAL.iter().find(|(known, _)| *known == from);
    found.map_or(&[] as &[State], |(_, next)| *next)
}

/// Whether one state may follow another. A state does not follow itself: that is no change of state.
#[must_use]
pub fn is_legal(from: State, to: State) -> bool {
    after(from).contains(&to)
}

/// Every legal edge.
pub fn all() -> impl Iterator<Item = (State, State)> {
    let next =
        |(from, next): &'static (State, &'static [State])| next.iter().map(|to| (*from, *to));
    LEGAL.iter().flat_map(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HA-13: every state has its line, and can be left; none follows itself or is named twice.
    #[test]
    fn every_state_has_its_edges() {
        for from in State::ALL {
            let next = after(from);
            assert!(!next.is_empty() && !next.contains(&from), "{from}");
            let twice = next
                .iter()
                .any(|to| next.iter().filter(|other| *other == to).count() > 1);
            assert!(!twice, "{from}: {next:?}");
        }
        assert_eq!(LEGAL.len(), State::ALL.len());
        assert_eq!(
            all().count(),
            LEGAL.iter().map(|(_, next)| next.len()).sum::<usize>()
        );
    }

    /// The edges of "From state to state" are legal, and some that chapter 2 does not have are not.
    #[test]
    fn the_edges_of_chapter_2_are_legal() {
        for (from, to) in [
            (Normal, FailingOver),
            (Normal, TakingOver),
            (TakingOver, Backup),
            (FailingOver, State::Idle),
            (State::Idle, TakingBack),
            (Backup, FallingBack),
            (FailedMode, Initializing),
            (TakingBack, FailedMode),
        ] {
            assert!(is_legal(from, to), "{from} to {to}");
        }
        for (from, to) in [
            (Normal, Backup),
            (Normal, State::Idle),
            (State::Idle, Normal),
            (State::Idle, Backup),
            (FailedOver, Normal),
            (FailedOver, Backup),
            (Normal, TakingBack),
            (Normal, Normal),
        ] {
            assert!(!is_legal(from, to), "{from} to {to}");
        }
    }
}
