//! The lab's one source of randomness: named streams drawn from its seed.

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use std::time::Duration;
use takeover_core::digest::Digest;

/// A stream of chance. Two streams of one name and seed are the same stream; the draws of one
/// never shift another's, so an added client does not change what the others do.
#[derive(Clone, Debug)]
pub struct Rng(ChaCha8Rng);

impl Rng {
    /// The stream `name` of the lab's `seed`.
    pub fn named(seed: u64, name: &str) -> Self {
        let mut key = [0; 32];
        for (part, chunk) in key.chunks_mut(8).enumerate() {
            let mut digest = Digest::new();
            digest.update(&seed.to_le_bytes());
            digest.update(&(part as u64).to_le_bytes());
            digest.update(name.as_bytes());
            chunk.copy_from_slice(&digest.value().to_le_bytes());
        }
        Self(ChaCha8Rng::from_seed(key))
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `bound`; 0 for a bound of 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // Multiply-shift: the bias is below 2^-64 * bound, the number of draws is always one.
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// A duration from `low` to `high`, both possible, to the microsecond; `low` if `high < low`.
    pub fn between(&mut self, low: Duration, high: Duration) -> Duration {
        let span = high.saturating_sub(low).as_micros() as u64;
        low + Duration::from_micros(self.below(span.saturating_add(1)))
    }

    /// True with this probability (0 to 1).
    pub fn chance(&mut self, probability: f64) -> bool {
        let unit = (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        unit < probability
    }

    /// Fills `bytes`; for nonces and identifiers that a replay must repeat.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}
