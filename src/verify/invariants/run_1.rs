//! RUN-1: every run comes to its end.

use thiserror::Error;

use super::{Invariant, Looked};

/// RUN-1.
pub(super) const INVARIANT: Invariant = Invariant {
    id: "RUN-1",
    sentence: "A run comes to its end: at every moment the lab comes to rest, and nothing panics where no supervisor hears of it.",
    file: "run_1.rs",
    looked: Looked::Break,
};

/// A run that broke off.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{why}")]
pub struct BrokenOff {
    /// The text of the panic that ended it.
    pub why: String,
}
