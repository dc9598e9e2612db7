//! Inputs that are almost those of a corpus: what fuzzing without instruments can do on any toolchain.

/// Draws the neighbours of a corpus; the same seed draws the same ones.
#[derive(Clone, Debug)]
pub struct Neighbours<'c> {
    corpus: &'c [Vec<u8>],
    state: u64,
}

impl<'c> Neighbours<'c> {
    /// The neighbours of these inputs, of which there must be one at least.
    #[must_use]
    pub fn new(corpus: &'c [Vec<u8>], seed: u64) -> Self {
        Self {
            corpus,
            state: seed,
        }
    }

    /// A number below `bound`; 0 if that is 0.
    fn below(&mut self, bound: usize) -> usize {
        // SplitMix64.
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound.max(1) as u64) as usize
    }

    /// A part of an input.
    fn part(&mut self) -> Vec<u8> {
        let at = self.below(self.corpus.len());
        let from = self.corpus.get(at).map(Vec::as_slice).unwrap_or_default();
        let start = self.below(from.len() + 1);
        let length = self.below((from.len() - start).min(64) + 1);
        from[start..start + length].to_vec()
    }

    /// Changes an input in one place.
    fn change(&mut self, input: &mut Vec<u8>) {
        const TELLING: &[u8] = b"<>&'\"/=# \n\0\xff09.-@\\";
        let at = self.below(input.len() + 1);
        let end = at + self.below((input.len() - at).min(32) + 1);
        match self.below(6) {
            0 => drop(input.drain(at..end)),
            1 => {
                let again = input[at..end].to_vec();
                input.splice(at..at, again);
            }
            2 => {
                let octet = TELLING[self.below(TELLING.len())];
                input.insert(at, octet);
            }
            3 => {
                let part = self.part();
                input.splice(at..at, part);
            }
            4 => {
                let part = self.part();
                input.splice(at..end, part);
            }
            _ => {
                let flip = 1 << self.below(8);
                input
                    .iter_mut()
                    .skip(at)
                    .take(1)
                    .for_each(|octet| *octet ^= flip);
            }
        }
    }
}

impl Iterator for Neighbours<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let at = self.below(self.corpus.len());
        let mut input = self.corpus.get(at)?.clone();
        for _ in 0..=self.below(4) {
            self.change(&mut input);
        }
        Some(input)
    }
}
