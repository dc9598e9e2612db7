//! A fixed 128-bit hash, so that two states of the world are never taken for one, and every run on every
//! machine gives the same digest.

use std::hash::Hasher;

/// Two 64-bit lanes, each word multiplied and rotated into both.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mixer {
    low: u64,
    high: u64,
}

impl Mixer {
    pub(super) fn new() -> Mixer {
        Mixer {
            low: 0x243f_6a88_85a3_08d3,
            high: 0x1319_8a2e_0370_7344,
        }
    }

    fn word(&mut self, word: u64) {
        self.low = (self.low ^ word)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29);
        self.high = (self.high.rotate_left(23) ^ word).wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
    }

    pub(super) fn finish128(self) -> u128 {
        let low = avalanche(self.low ^ self.high.rotate_left(32));
        let high = avalanche(self.high.wrapping_add(low));
        (u128::from(high) << 64) | u128::from(low)
    }
}

fn avalanche(mut word: u64) -> u64 {
    word ^= word >> 33;
    word = word.wrapping_mul(0xff51_afd7_ed55_8ccd);
    word ^= word >> 33;
    word = word.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    word ^ (word >> 33)
}

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.finish128() as u64
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.word(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.word(u64::from(value));
    }

    fn write_u16(&mut self, value: u16) {
        self.word(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.word(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.word(value);
    }

    fn write_usize(&mut self, value: usize) {
        self.word(value as u64);
    }

    fn write_isize(&mut self, value: isize) {
        self.word(value as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same bytes give the same fingerprint on every machine: written down, as the digest rests on it.
    #[test]
    fn a_fingerprint_is_the_same_everywhere() {
        let of = |bytes: &[u8]| {
            let mut mixer = Mixer::new();
            mixer.write(bytes);
            mixer.finish128()
        };
        assert_eq!(of(b""), 0x5624_956c_5583_e354_0063_ab23_4c52_252e);
        assert_eq!(of(b"takeover"), 0x1da1_0b8f_d375_9855_302e_b19d_93ec_f48b);
        assert_eq!(
            of(b"words and a rest"),
            0x89c3_9a60_ed2e_64eb_e1c2_ab89_c3c2_11e0
        );
        let mut mixer = Mixer::new();
        mixer.write_u8(1);
        mixer.write_u16(2);
        mixer.write_u32(3);
        mixer.write_u64(4);
        mixer.write_usize(5);
        mixer.write_isize(-1);
        assert_eq!(mixer.finish128(), 0x42f6_a5e1_3ffd_bf91_b8e8_dd3a_13a7_7778);
        assert_eq!(mixer.finish(), 0xb8e8_dd3a_13a7_7778);
    }
}
