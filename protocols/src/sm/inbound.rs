//! Counting what was handled.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// A stanza that was received and whose handling is not settled yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ticket(u64);

/// The receiving half: what was received, and how much of it was handled.
///
/// Handling may end out of order; `h` tells the longest beginning that is handled completely, so
/// that nothing is acknowledged before it is safe.
///
/// ```
/// use takeover_protocols::sm::Inbound;
/// let mut inbound = Inbound::default();
/// let (first, second) = (inbound.receive(), inbound.receive());
/// assert!(inbound.finish(second));
/// assert_eq!(inbound.h(), 0);
/// assert!(inbound.finish(first));
/// assert_eq!(inbound.h(), 2);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inbound {
    /// Stanzas received.
    received: u64,
    /// Stanzas handled without a gap.
    handled: u64,
    /// Handled behind a gap.
    ahead: BTreeSet<u64>,
}

impl Inbound {
    /// A stanza arrived.
    pub fn receive(&mut self) -> Ticket {
        self.received += 1;
        Ticket(self.received)
    }

    /// A stanza was handled; false if it was before, or was dropped by [`Inbound::forget_in_doubt`].
    pub fn finish(&mut self, ticket: Ticket) -> bool {
        if ticket.0 <= self.handled || ticket.0 > self.received || !self.ahead.insert(ticket.0) {
            return false;
        }
        while self.ahead.remove(&(self.handled + 1)) {
            self.handled += 1;
        }
        true
    }

    /// What `<a h=''/>` tells: stanzas handled without a gap, modulo 2³².
    #[must_use]
    pub fn h(&self) -> u32 {
        // Truncation is the modulus.
        self.handled as u32
    }

    /// Stanzas received whose handling is not settled.
    #[must_use]
    pub fn in_doubt(&self) -> u64 {
        self.received - self.handled - self.ahead.len() as u64
    }

    /// Gives up what was received and not handled without a gap: the peer is told `h` and sends
    /// the rest again on the resumed stream. Tickets given out before are void; handle a stanza
    /// only after its ticket was found valid by [`Inbound::is_current`].
    ///
    /// Must not be called while a stanza behind a gap is handled, or it would come twice; answers
    /// false then, and does nothing.
    pub fn forget_in_doubt(&mut self) -> bool {
        if !self.ahead.is_empty() {
            return false;
        }
        self.received = self.handled;
        true
    }

    /// Whether a stanza was received and is not handled yet.
    #[must_use]
    pub fn is_current(&self, ticket: Ticket) -> bool {
        ticket.0 > self.handled && ticket.0 <= self.received && !self.ahead.contains(&ticket.0)
    }
}
