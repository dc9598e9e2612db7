//! What must hold whatever breaks: a registry of invariants, one file each.
//!
//! An invariant has an id, a sentence, a file, and its own variant of [`Violation`]. It says itself
//! when it is looked at: at every entry of the journal, at every look at the state of things (after
//! each fault, and every minute while there is talk), at the end when the faults are over, or after
//! the lab has been shut down.

mod box_1;
mod det_1;
mod end_1;
mod ha_1;
mod ha_2;
mod ha_3;
mod ics_1;
mod msg_1;
mod msg_2;
mod msg_3;
mod own_1;
mod own_2;
mod own_3;
mod prs_1;
mod room_1;
mod run_1;
mod sup_1;
mod sup_2;
mod tim_1;
mod usr_1;
mod usr_2;

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;
use takeover_core::journal::Entry;
use takeover_core::time::Moment;
use thiserror::Error;

use super::facts::Facts;
use crate::lab::Control;

pub use det_1::Differs;
pub use end_1::Unreported;
pub use ha_3::Disagrees;
pub use run_1::BrokenOff;
pub use usr_1::Unserved;

/// When an invariant is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Looked {
    /// At every entry of the journal.
    Step,
    /// At every look at the state of things.
    Look,
    /// At one look in ten minutes: it goes through every user.
    Seldom,
    /// When the faults are over and everything has come to rest.
    End,
    /// Where a run breaks off.
    Break,
    /// Between two runs of one seed.
    Runs,
}

impl Looked {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Step => "at every step",
            Self::Look => "at every look, and at the end",
            Self::Seldom => "every ten minutes, and at the end",
            Self::End => "at the end",
            Self::Break => "where a run breaks off",
            Self::Runs => "between two runs",
        }
    }
}

/// An invariant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Invariant {
    /// Its name in reports.
    pub id: &'static str,
    /// What must hold, in one sentence.
    pub sentence: &'static str,
    /// The file that holds it, in this folder.
    pub file: &'static str,
    /// When it is looked at.
    pub looked: Looked,
}

/// What was violated, and how.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Violation {
    /// OWN-1.
    #[error("OWN-1: {0}")]
    Own1(own_1::Broken),
    /// OWN-2.
    #[error("OWN-2: {0}")]
    Own2(own_2::Broken),
    /// OWN-3.
    #[error("OWN-3: {0}")]
    Own3(own_3::Broken),
    /// MSG-1.
    #[error("MSG-1: {0}")]
    Msg1(msg_1::Broken),
    /// MSG-2.
    #[error("MSG-2: {0}")]
    Msg2(msg_2::Broken),
    /// MSG-3.
    #[error("MSG-3: {0}")]
    Msg3(msg_3::Broken),
    /// ROOM-1.
    #[error("ROOM-1: {0}")]
    Room1(room_1::Broken),
    /// USR-1.
    #[error("USR-1: {0}")]
    Usr1(Unserved),
    /// USR-2.
    #[error("USR-2: {0}")]
    Usr2(usr_2::Broken),
    /// HA-1.
    #[error("HA-1: {0}")]
    Ha1(ha_1::Broken),
    /// HA-2.
    #[error("HA-2: {0}")]
    Ha2(ha_2::Broken),
    /// HA-3.
    #[error("HA-3: {0}")]
    Ha3(Disagrees),
    /// SUP-1.
    #[error("SUP-1: {0}")]
    Sup1(sup_1::Broken),
    /// SUP-2.
    #[error("SUP-2: {0}")]
    Sup2(sup_2::Broken),
    /// BOX-1.
    #[error("BOX-1: {0}")]
    Box1(box_1::Broken),
    /// PRS-1.
    #[error("PRS-1: {0}")]
    Prs1(prs_1::Broken),
    /// ICS-1.
    #[error("ICS-1: {0}")]
    Ics1(ics_1::Broken),
    /// TIM-1.
    #[error("TIM-1: {0}")]
    Tim1(tim_1::Broken),
    /// DET-1.
    #[error("DET-1: {0}")]
    Det1(Differs),
    /// RUN-1.
    #[error("RUN-1: {0}")]
    Run1(BrokenOff),
    /// END-1.
    #[error("END-1: {0}")]
    End1(Unreported),
}

impl Violation {
    /// The invariant that is violated.
    #[must_use]
    pub const fn invariant(&self) -> &'static Invariant {
        match self {
            Self::Own1(_) => &own_1::INVARIANT,
            Self::Own2(_) => &own_2::INVARIANT,
            Self::Own3(_) => &own_3::INVARIANT,
            Self::Msg1(_) => &msg_1::INVARIANT,
            Self::Msg2(_) => &msg_2::INVARIANT,
            Self::Msg3(_) => &msg_3::INVARIANT,
            Self::Room1(_) => &room_1::INVARIANT,
            Self::Usr1(_) => &usr_1::INVARIANT,
            Self::Usr2(_) => &usr_2::INVARIANT,
            Self::Ha1(_) => &ha_1::INVARIANT,
            Self::Ha2(_) => &ha_2::INVARIANT,
            Self::Ha3(_) => &ha_3::INVARIANT,
            Self::Sup1(_) => &sup_1::INVARIANT,
            Self::Sup2(_) => &sup_2::INVARIANT,
            Self::Box1(_) => &box_1::INVARIANT,
            Self::Prs1(_) => &prs_1::INVARIANT,
            Self::Ics1(_) => &ics_1::INVARIANT,
            Self::Tim1(_) => &tim_1::INVARIANT,
            Self::Det1(_) => &det_1::INVARIANT,
            Self::Run1(_) => &run_1::INVARIANT,
            Self::End1(_) => &end_1::INVARIANT,
        }
    }
}

/// Every invariant.
pub const REGISTRY: [Invariant; 21] = [
    own_1::INVARIANT,
    own_2::INVARIANT,
    own_3::INVARIANT,
    msg_1::INVARIANT,
    msg_2::INVARIANT,
    msg_3::INVARIANT,
    room_1::INVARIANT,
    usr_1::INVARIANT,
    usr_2::INVARIANT,
    ha_1::INVARIANT,
    ha_2::INVARIANT,
    ha_3::INVARIANT,
    sup_1::INVARIANT,
    sup_2::INVARIANT,
    box_1::INVARIANT,
    prs_1::INVARIANT,
    ics_1::INVARIANT,
    tim_1::INVARIANT,
    det_1::INVARIANT,
    run_1::INVARIANT,
    end_1::INVARIANT,
];

/// What an invariant may look at.
pub struct Scene<'s> {
    /// The lab.
    pub lab: &'s Control,
    /// What is known of the run.
    pub facts: &'s Facts,
    /// The protocol time now.
    pub now: Moment,
}

/// Protocol time between two looks at every user.
const SELDOM: Duration = Duration::from_secs(600);

/// When all users were looked at last.
#[derive(Default)]
struct Seldom(Option<Moment>);

impl Seldom {
    /// Whether it is time to look at them again.
    fn is_due(&mut self, now: Moment) -> bool {
        let is_due = self
            .0
            .is_none_or(|last| now.saturating_since(last) >= SELDOM);
        if is_due {
            self.0 = Some(now);
        }
        is_due
    }
}

/// Holds an invariant against a run. What it does not look at is left as it is here.
pub trait Check {
    /// An entry of the journal, in order.
    ///
    /// # Errors
    /// The violation that it shows.
    fn entry(&mut self, _entry: &Entry, _scene: &Scene<'_>) -> Result<(), Violation> {
        Ok(())
    }

    /// A look at the state of things.
    ///
    /// # Errors
    /// The violation that it shows.
    fn look(&mut self, _scene: &Scene<'_>) -> Result<(), Violation> {
        Ok(())
    }

    /// The faults are over, everybody is silent, and everything has come to rest.
    ///
    /// # Errors
    /// The violation that it shows.
    fn end(&mut self, _scene: &Scene<'_>) -> Result<(), Violation> {
        Ok(())
    }

    /// The lab has been shut down.
    ///
    /// # Errors
    /// The violation that it shows.
    fn after(&mut self, _scene: &Scene<'_>) -> Result<(), Violation> {
        Ok(())
    }
}

/// A fresh check of every invariant that is looked at during a run.
pub(super) fn checks() -> Vec<Box<dyn Check>> {
    vec![
        Box::new(tim_1::Times::default()),
        Box::new(own_1::Epochs::default()),
        Box::new(own_2::Directory::default()),
        Box::new(own_3::Servers::default()),
        Box::new(msg_1::Promises),
        Box::new(msg_2::Copies),
        Box::new(msg_3::Unknown),
        Box::new(room_1::Rooms::default()),
        Box::new(usr_1::Served),
        Box::new(usr_2::Moves::default()),
        Box::new(ha_1::Edges::default()),
        Box::new(ha_2::Rows),
        Box::new(ha_3::Pairs),
        Box::new(sup_1::Lives::default()),
        Box::new(sup_2::Restarts::default()),
        Box::new(box_1::Mailboxes::default()),
        Box::new(prs_1::Watchers::default()),
        Box::new(ics_1::Peers::default()),
        Box::new(end_1::Shutdown),
    ]
}

/// The page `docs/INVARIANTS.md`.
#[must_use]
pub fn page() -> String {
    let mut page = String::from(
        "# Invariants\n\n\
         What must hold in every run, whatever breaks. `takeover verify` looks for a run in which one\n\
         does not. This page is written by `takeover verify --invariants`; a test keeps it equal.\n\n\
         | id | what must hold | looked at | file |\n| --- | --- | --- | --- |\n",
    );
    for invariant in REGISTRY {
        let (id, sentence, file) = (invariant.id, invariant.sentence, invariant.file);
        let when = invariant.looked.words();
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "| `{id}` | {sentence} | {when} | [`{file}`](../src/verify/invariants/{file}) |"
        );
    }
    page
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_invariant_has_its_own_id_and_file() {
        let ids: BTreeSet<&str> = REGISTRY.iter().map(|invariant| invariant.id).collect();
        let files: BTreeSet<&str> = REGISTRY.iter().map(|invariant| invariant.file).collect();
        assert_eq!((ids.len(), files.len()), (REGISTRY.len(), REGISTRY.len()));
        for invariant in REGISTRY {
            let named = invariant.id.to_lowercase().replace('-', "_") + ".rs";
            assert_eq!(invariant.file, named);
            assert!(invariant.sentence.ends_with('.'), "{}", invariant.id);
        }
    }
}
