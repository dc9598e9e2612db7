//! A running 64-bit digest with a fixed algorithm (FNV-1a), for comparing runs.
//!
//! Not cryptographic. It is the same on every machine and in every release, which the standard
//! library's hashers do not promise.

use serde::{Deserialize, Serialize};

const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// A digest of all bytes given so far.
///
/// ```
/// use takeover_core::digest::Digest;
/// let mut digest = Digest::new();
/// digest.update(b"foobar");
/// assert_eq!(digest.value(), 0x8594_4171_f739_67e8);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest(u64);

impl Digest {
    /// The digest of nothing.
    pub const fn new() -> Self {
        Self(BASIS)
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(PRIME);
        }
    }

    /// The digest so far.
    pub const fn value(self) -> u64 {
        self.0
    }
}

impl Default for Digest {
    fn default() -> Self {
        Self::new()
    }
}
