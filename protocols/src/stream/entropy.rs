//! Unpredictable names out of one seed, so that a run can be repeated.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::Secret;

/// Draws names from a seed; who does not know the seed can foresee none.
#[derive(Clone, Debug)]
pub(super) struct Entropy {
    seed: Secret,
    drawn: u64,
}

impl Entropy {
    pub(super) fn new(seed: Secret) -> Self {
        Self { seed, drawn: 0 }
    }

    /// 24 characters of letters, digits, `-` and `_`: 144 bits.
    pub(super) fn draw(&mut self) -> String {
        self.drawn += 1;
        // HMAC takes keys of every length (RFC 2104): there is no error.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.seed.0) else {
            return self.drawn.to_string();
        };
        mac.update(&self.drawn.to_be_bytes());
        URL_SAFE_NO_PAD.encode(&mac.finalize().into_bytes()[..18])
    }
}
