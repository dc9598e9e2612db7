//! DET-1: replay.

use thiserror::Error;

use super::{Invariant, Looked};

/// DET-1.
pub(super) const INVARIANT: Invariant = Invariant {
    id: "DET-1",
    sentence: "The same seed gives the same run: the digests of the two journals are equal.",
    file: "det_1.rs",
    looked: Looked::Runs,
};

/// Two runs of one seed that differ.
#[derive(Clone, Debug, PartialEq, Error)]
#[error(
    "one run ended with digest {first:016x} after {first_entries} entries, another with {second:016x} after {second_entries}"
)]
pub struct Differs {
    /// The digest of one run.
    pub first: u64,
    /// Its entries.
    pub first_entries: u64,
    /// The digest of the other.
    pub second: u64,
    /// Its entries.
    pub second_entries: u64,
}
