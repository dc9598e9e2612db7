//! Bugs that are planted to show that the search would find them.
//!
//! The marks are in the code ([`takeover_core::canary!`]); here is what each of them does and how many
//! schedules the search may need. They exist in builds with the feature `canaries` only.

/// A bug that can be planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Canary {
    /// Its name, as the code is marked with it.
    pub name: &'static str,
    /// What it is, in words.
    pub what: &'static str,
}

const fn canary(name: &'static str, what: &'static str) -> Canary {
    Canary { name, what }
}

/// How many schedules may pass until a bug is found.
pub const WITHIN: u64 = 40;

/// Every bug that can be planted.
pub const CANARIES: [Canary; 22] = [
    canary(
        "EpochNotAdvanced",
        "an ownership passes without its epoch growing",
    ),
    canary(
        "SilenceRunsOn",
        "the timer of silence is not armed anew by a heartbeat",
    ),
    canary(
        "SplitIgnored",
        "a backup that meets another backup carries on",
    ),
    canary(
        "OwnUsersNotAskedFor",
        "the home does not ask for its own users back",
    ),
    canary(
        "TakingOverNotSaid",
        "a node takes over without going through Taking Over",
    ),
    canary(
        "RecordNotKept",
        "SRM does not keep its record before it acts",
    ),
    canary(
        "TimerEarly",
        "timers run out a millisecond before their deadlines",
    ),
    canary(
        "TimerNotCancelled",
        "a timer that is cancelled runs out all the same",
    ),
    canary(
        "TimerByChance",
        "timers depend on what the process did before",
    ),
    canary(
        "LifeNumberStands",
        "a node that starts again keeps the number of its life",
    ),
    canary(
        "UnreadMessagesForgotten",
        "what a session had not read is dropped when it ends",
    ),
    canary("EndNotAnnounced", "nobody hears of the end of a session"),
    canary(
        "WaitingHandedOutTwice",
        "a message that waited is handed out twice",
    ),
    canary(
        "HeldStanzasDropped",
        "what was held during a hand-over is dropped",
    ),
    canary("OldWireKept", "a session stays on the wire of its old node"),
    canary("LastUserLeftBehind", "a take-over leaves a user behind"),
    canary(
        "LeftoversStayAttached",
        "a node that starts takes sessions of its former life for attached",
    ),
    canary(
        "ResumeCountIgnored",
        "what a client has got is sent again when it resumes",
    ),
    canary(
        "UnacknowledgedForgotten",
        "what a client has not acknowledged is not sent again when it resumes",
    ),
    canary(
        "LastAliasLeftBehind",
        "a move leaves a conference alias behind",
    ),
    canary(
        "MessageNotStored",
        "a room's message is shown and not stored",
    ),
    canary(
        "RefusedGoesRound",
        "a conference service without its database sends to itself what it cannot take",
    ),
];

#[cfg(feature = "canaries")]
pub use hunt::{Caught, hunt};

#[cfg(feature = "canaries")]
mod hunt {
    use std::time::Duration;

    use takeover_core::canary::plant;

    use super::{Canary, WITHIN};
    use crate::lab::LabError;
    use crate::verify::knobs::Knobs;
    use crate::verify::search::Search;

    /// What came of a hunt.
    #[derive(Clone, Debug)]
    pub struct Caught {
        /// How many schedules were carried out.
        pub schedules: u64,
        /// The seed in which it was found, the id of the invariant, and its words; `None` where all
        /// schedules passed.
        pub found: Option<(u64, &'static str, String)>,
    }

    /// The bug is planted as long as this lives.
    struct Planted;

    impl Drop for Planted {
        fn drop(&mut self) {
            plant(None);
        }
    }

    /// The world of a hunt: small, so that many can be carried out.
    fn knobs() -> Knobs {
        Knobs {
            length: Duration::from_secs(5 * 3600),
            pairs: 1,
            users: 16,
            rooms: 2,
            talkers: 8,
            every: Duration::from_secs(10),
            after: Duration::from_secs(300),
            contacts: 16,
            away: 4,
            ..Knobs::default()
        }
    }

    /// Plants a bug and looks for it, from seed 1 on.
    ///
    /// # Errors
    /// [`LabError`] where a world cannot be built.
    pub fn hunt(canary: &Canary) -> Result<Caught, LabError> {
        plant(Some(canary.name));
        let planted = Planted;
        // On this thread alone: that is where the bug is.
        let search = Search {
            seed: 1,
            schedules: WITHIN,
            threads: 1,
            knobs: knobs(),
            twice: canary.name == "TimerByChance",
        };
        let searched = search.run(&|_| {}, &|so_far| !so_far.found.is_empty())?;
        drop(planted);
        let found = searched.found.first_key_value();
        Ok(Caught {
            schedules: searched.schedules,
            found: found.map(|(seed, found)| {
                let violation = &found.violation;
                (*seed, violation.invariant().id, violation.to_string())
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn sources(folder: &Path, text: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, text);
            } else if path.extension().is_some_and(|end| end == "rs") {
                text.push_str(&std::fs::read_to_string(&path).unwrap());
            }
        }
    }

    /// A bug that is nowhere marked would prove nothing.
    #[test]
    fn every_canary_is_marked_in_the_code_and_has_its_own_name() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut text = String::new();
        sources(&root.join("core/src"), &mut text);
        sources(&root.join("storage/src"), &mut text);
        sources(&root.join("actors/src"), &mut text);
        for canary in CANARIES {
            let (own, shared) = (
                format!("canary!(\"{}\")", canary.name),
                format!("planted!({}", canary.name),
            );
            assert!(
                text.contains(&own) || text.contains(&shared),
                "{}",
                canary.name
            );
        }
        let names: BTreeSet<&str> = CANARIES.iter().map(|canary| canary.name).collect();
        assert_eq!(names.len(), CANARIES.len());
    }
}
