//! The legal edges from state to state, written down from the rules, not from the machine.

use takeover_core::ha::State::{self, *};

/// From a state to the states that may follow it, with the rules that lead there.
const LEGAL: [(State, &[State]); 12] = [
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

/// Whether one state may follow another.
pub fn is_legal(from: State, to: State) -> bool {
    LEGAL
        .iter()
        .any(|(known, next)| *known == from && next.contains(&to))
}

/// Every legal edge.
pub fn all() -> impl Iterator<Item = (State, State)> {
    LEGAL
        .iter()
        .flat_map(|(from, next)| next.iter().map(move |to| (*from, *to)))
}
