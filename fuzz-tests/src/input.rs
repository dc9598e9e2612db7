//! Taking an input apart.

#[cfg(any(feature = "lab", feature = "storage"))]
use std::ops::RangeInclusive;

use takeover_protocols::stanza::Stanza;
use takeover_protocols::xml::{Frame, Framer, Limits, RawElement};

/// An input under way. When it is at its end it gives zeros.
pub(crate) struct Input<'i> {
    left: &'i [u8],
}

impl<'i> Input<'i> {
    pub(crate) fn new(octets: &'i [u8]) -> Self {
        Self { left: octets }
    }

    /// The next octet.
    pub(crate) fn octet(&mut self) -> u8 {
        match self.left.split_first() {
            Some((first, left)) => {
                self.left = left;
                *first
            }
            None => 0,
        }
    }

    /// A number of this range.
    #[cfg(any(feature = "lab", feature = "storage"))]
    pub(crate) fn number(&mut self, range: RangeInclusive<u64>) -> u64 {
        let value = u64::from(u16::from_le_bytes([self.octet(), self.octet()]));
        range.start() + value % (range.end() - range.start() + 1)
    }

    /// One of a few.
    pub(crate) fn pick<'t, T>(&mut self, all: &'t [T]) -> &'t T {
        &all[usize::from(self.octet()) % all.len()]
    }

    /// Whether everything was taken.
    #[cfg(feature = "lab")]
    pub(crate) fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// Everything that is left.
    pub(crate) fn rest(self) -> &'i [u8] {
        self.left
    }
}

/// The text up to the first zero octet, and what is behind it.
pub(crate) fn two_texts(octets: &[u8]) -> Option<(&str, &str)> {
    let text = std::str::from_utf8(octets).ok()?;
    Some(text.split_once('\0').unwrap_or((text, "")))
}

/// Octets in chunks whose sizes follow from `seed`: mostly small ones.
pub(crate) fn chunks(octets: &[u8], seed: u8) -> Vec<&[u8]> {
    let mut state = u32::from(seed) + 1;
    let (mut left, mut cut) = (octets, Vec::new());
    while !left.is_empty() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let size = 1 + (state >> 28) as usize;
        let (chunk, rest) = left.split_at(size.min(left.len()));
        cut.push(chunk);
        left = rest;
    }
    cut
}

/// The first-level elements of a client's stream with this content, up to the first error.
pub(crate) fn elements(content: &[u8]) -> Vec<RawElement> {
    const HEADER: &[u8] =
        b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
    let mut framer = Framer::new(Limits::default());
    framer.push(HEADER);
    framer.push(content);
    let mut found = Vec::new();
    while let Ok(Some(frame)) = framer.next() {
        match frame {
            Frame::Element(raw) => found.push(raw),
            Frame::Open(_) => {}
            Frame::Close => break,
        }
    }
    found
}

/// A stanza that we wrote is read as the same, wherever it is read.
pub(crate) fn check_written(stanza: &Stanza) {
    let octets = stanza.to_bytes();
    match Stanza::parse(&octets) {
        // Prefixes may differ, what they stand for may not.
        Ok(read) => assert_eq!(read.to_element(), stanza.to_element()),
        Err(refused) => panic!("{refused}: {}", String::from_utf8_lossy(&octets)),
    }
}
