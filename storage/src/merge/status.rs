//! Where a merge stands, for those who look on.

use std::sync::Arc;

use parking_lot::Mutex;
use serde::Serialize;

/// What a merge is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "phase", content = "error")]
pub enum Phase {
    /// It has not begun.
    #[default]
    Waiting,
    /// Schemas and privileges are looked at; nothing has been written (MRG-2).
    Verifying,
    /// Rooms are being written to the target.
    Merging,
    /// All is in the target.
    Done,
    /// It was refused, or it failed; the text says why. It may be run again (MRG-3).
    Failed(String),
}

impl Phase {
    /// Its name for people.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Verifying => "verifying",
            Self::Merging => "merging",
            Self::Done => "done",
            Self::Failed(_) => "failed",
        }
    }

    /// Nothing more will happen.
    #[must_use]
    pub fn is_over(&self) -> bool {
        match self {
            Self::Waiting | Self::Verifying | Self::Merging => false,
            Self::Done | Self::Failed(_) => true,
        }
    }
}

/// How far a merge has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Status {
    /// What it is doing.
    #[serde(flatten)]
    pub phase: Phase,
    /// Rooms of the sources that are done; one that both have counts twice.
    pub rooms_done: u64,
    /// Rooms of both sources.
    pub rooms: u64,
    /// Messages of the sources that were dealt with.
    pub messages_done: u64,
    /// Messages of both sources.
    pub messages: u64,
    /// Of those done, messages that an earlier run had written already.
    pub found: u64,
    /// Of those done, messages that both sources had: they are in the target once.
    pub doubles: u64,
}

impl Status {
    /// How much is done, 0 to 100; rooms count as much as a message.
    #[must_use]
    pub fn percent(&self) -> f64 {
        let (done, all) = (
            self.rooms_done + self.messages_done,
            self.rooms + self.messages,
        );
        match (&self.phase, all) {
            (Phase::Done, _) => 100.0,
            (_, 0) => 0.0,
            (_, all) => 100.0 * done as f64 / all as f64,
        }
    }
}

/// A look at a merge; clones look at the same one.
#[derive(Clone, Debug, Default)]
pub struct Watch(Arc<Mutex<Status>>);

impl Watch {
    /// Where it stands now.
    #[must_use]
    pub fn status(&self) -> Status {
        self.0.lock().clone()
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.0.lock());
    }
}
