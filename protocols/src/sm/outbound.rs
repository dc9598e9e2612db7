//! Keeping what was sent until the peer has it.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ns;
use crate::stream::{StreamCondition, StreamError};
use crate::xml::Element;

/// The peer acknowledged stanzas that were never sent (XEP-0198, section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the peer acknowledges {h} stanzas; {sent} were sent, {acked} of them acknowledged before")]
pub struct AckError {
    /// What it says it has handled.
    pub h: u32,
    /// Stanzas sent, modulo 2³².
    pub sent: u32,
    /// Stanzas acknowledged before, modulo 2³².
    pub acked: u32,
}

/// The stream error that XEP-0198 has for it.
impl From<&AckError> for StreamError {
    fn from(error: &AckError) -> Self {
        let detail = Element::new("handled-count-too-high", ns::SM)
            .with_attr("h", error.h.to_string())
            .with_attr("send-count", error.sent.to_string());
        Self::new(StreamCondition::UndefinedCondition)
            .with_text(error.to_string())
            .with_application(detail)
    }
}

/// The queue of unacknowledged stanzas is full; the stanza comes back.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("{limit} stanzas are unacknowledged, as many as allowed")]
pub struct Full<T> {
    /// What was not taken.
    pub refused: T,
    /// Stanzas allowed.
    pub limit: usize,
}

/// The sending half: stanzas in the order they were sent, until they are acknowledged.
///
/// ```
/// use takeover_protocols::sm::Outbound;
/// let mut outbound = Outbound::new(10);
/// outbound.push("a").unwrap();
/// outbound.push("b").unwrap();
/// assert_eq!(outbound.ack(1).unwrap(), ["a"]);
/// assert_eq!(outbound.unacked().collect::<Vec<_>>(), [&"b"]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outbound<T> {
    /// Stanzas acknowledged, modulo 2³².
    acked: u32,
    queue: VecDeque<T>,
    limit: usize,
}

impl<T> Outbound<T> {
    /// An empty queue for at most `limit` unacknowledged stanzas.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            acked: 0,
            queue: VecDeque::new(),
            limit,
        }
    }

    /// Takes a stanza that is about to be sent.
    ///
    /// # Errors
    /// [`Full`], with the stanza.
    pub fn push(&mut self, stanza: T) -> Result<(), Full<T>> {
        if self.queue.len() >= self.limit {
            return Err(Full {
                refused: stanza,
                limit: self.limit,
            });
        }
        self.queue.push_back(stanza);
        Ok(())
    }

    /// The peer has handled `h` stanzas (`<a/>`, `<resume/>`, `<resumed/>`); answers those that
    /// are acknowledged now, oldest first.
    ///
    /// # Errors
    /// [`AckError`] if `h` does not lie between what was acknowledged before and what was sent.
    pub fn ack(&mut self, h: u32) -> Result<Vec<T>, AckError> {
        let more = h.wrapping_sub(self.acked) as usize;
        if more > self.queue.len() {
            return Err(AckError {
                h,
                sent: self.sent(),
                acked: self.acked,
            });
        }
        self.acked = h;
        Ok(match more == self.queue.len() {
            // The queue itself, so that a session that is silent holds no memory for one.
            true => std::mem::take(&mut self.queue).into(),
            false => self.queue.drain(..more).collect(),
        })
    }

    /// Stanzas sent, modulo 2³².
    #[must_use]
    pub fn sent(&self) -> u32 {
        // The queue is far shorter than the modulus, and truncation is the modulus.
        self.acked.wrapping_add(self.queue.len() as u32)
    }

    /// Stanzas acknowledged, modulo 2³².
    #[must_use]
    pub fn acked(&self) -> u32 {
        self.acked
    }

    /// What is not acknowledged, oldest first: to be sent again on the resumed stream.
    pub fn unacked(&self) -> impl ExactSizeIterator<Item = &T> {
        self.queue.iter()
    }

    /// Takes out what is not acknowledged, oldest first, to be sent, and pushed, again; the count
    /// stays where the peer stands.
    #[must_use]
    pub fn take_unacked(&mut self) -> Vec<T> {
        self.queue.drain(..).collect()
    }

    /// How many are not acknowledged.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether all are acknowledged.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Stanzas that may be unacknowledged at most.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Gives everything back, oldest first: the session ends, and its stanzas go elsewhere.
    #[must_use]
    pub fn into_unacked(self) -> Vec<T> {
        self.queue.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// XEP-0198, section 4: counters wrap from 2³² − 1 to 0.
    #[test]
    fn counters_wrap() {
        let mut outbound = Outbound {
            acked: u32::MAX - 1,
            queue: VecDeque::new(),
            limit: 9,
        };
        for stanza in 0..4 {
            outbound.push(stanza).unwrap();
        }
        assert_eq!(outbound.sent(), 2);
        assert_eq!(outbound.ack(u32::MAX), Ok(vec![0]));
        assert_eq!(outbound.ack(1), Ok(vec![1, 2]));
        assert_eq!(outbound.ack(1), Ok(vec![]));
        assert_eq!(
            outbound.ack(0),
            Err(AckError {
                h: 0,
                sent: 2,
                acked: 1
            })
        );
        assert_eq!(
            outbound.ack(3),
            Err(AckError {
                h: 3,
                sent: 2,
                acked: 1
            })
        );
        assert_eq!(outbound.into_unacked(), [3]);
    }

    #[test]
    fn a_full_queue_gives_the_stanza_back() {
        let mut outbound = Outbound::new(1);
        outbound.push('a').unwrap();
        assert_eq!(
            outbound.push('b'),
            Err(Full {
                refused: 'b',
                limit: 1
            })
        );
    }
}
