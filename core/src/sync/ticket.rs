//! Which of a client's stanzas are handled: the inbound half of XEP-0198, exactly once.

use super::shim::planted;

/// What a session knows of the stanzas its client has sent, in whichever life of its connection.
///
/// Each stanza from the client takes a [`Ticket`] from its connection's [`Issuer`]. To carry it
/// out it is **claimed** (in doubt from then on), and **finished** when it is handled: accepted by
/// its target, or durable, or answered. `h` of XEP-0198 is the number of stanzas handled without
/// a gap. When the client comes back on a new connection, [`TicketWindow::begin`] makes the
/// tickets of the old one worthless: what was not claimed will never be, so the client sends it
/// again; what was claimed settles first, and then `h` is answered ([`TicketWindow::settled`]).
///
/// Tickets are claimed in the client's order, or a stanza that is sent again could be carried out
/// twice; they may be finished in any order, at most [`TicketWindow::IN_DOUBT`] at once.
///
/// A plain value: it lives in the session's state, under the slot's lock, and moves with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TicketWindow {
    /// The connection whose tickets count.
    life: u32,
    /// Stanzas claimed: all up to this number, and none beyond.
    claimed: u64,
    /// Stanzas handled without a gap.
    handled: u64,
    /// Bit `i`: stanza `handled + 1 + i` is finished. Bit 0 is never set at rest.
    beyond: u64,
}

/// Numbers the stanzas of one connection. Needs no lock: the connection owns it.
#[derive(Debug, PartialEq, Eq)]
pub struct Issuer {
    life: u32,
    next: u64,
}

/// One stanza's place among all that its client has sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    life: u32,
    number: u64,
}

/// The right and the duty to finish one stanza.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a claim that is never finished holds up every later acknowledgement"]
pub struct Claim {
    number: u64,
}

/// Why a ticket was not claimed. Its stanza must not be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// Its connection has been followed by another: the client was told that it is not handled.
    #[error("stanza {number} came over connection {life}, but {newest} is the session's")]
    OldLife {
        /// The stanza's number.
        number: u64,
        /// The connection it came over.
        life: u32,
        /// The session's connection now.
        newest: u32,
    },
    /// It was claimed before.
    #[error("stanza {number} was claimed before: each is carried out once")]
    Again {
        /// The stanza's number.
        number: u64,
    },
    /// An earlier one has not been claimed yet.
    #[error("stanza {number} is out of turn: {expected} comes next")]
    OutOfTurn {
        /// The stanza's number.
        number: u64,
        /// The only number that can be claimed now.
        expected: u64,
    },
    /// Too many are in doubt: wait until the oldest one is finished.
    #[error("stanza {number} must wait: {limit} stanzas after {handled} may be in doubt at once")]
    Full {
        /// The stanza's number.
        number: u64,
        /// Stanzas handled.
        handled: u64,
        /// How many may be in doubt.
        limit: u64,
    },
}

impl Issuer {
    /// The next stanza's ticket.
    #[inline]
    pub fn issue(&mut self) -> Ticket {
        let number = self.next;
        self.next += 1;
        Ticket {
            life: self.life,
            number,
        }
    }
}

impl Ticket {
    /// The stanza's number: 1 for the first one of the session.
    #[must_use]
    pub fn number(self) -> u64 {
        self.number
    }
}

impl Claim {
    /// The stanza's number: with the session's id it names the stanza for good, so that what it
    /// does outside can be recognised when it is done again.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl TicketWindow {
    /// How many stanzas from the first unfinished one on may be claimed.
    pub const IN_DOUBT: u64 = 64;

    /// A session that has received nothing and has no connection yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The session has a new connection: tickets of all older ones cannot be claimed any more.
    /// The new one's first stanza is the one after the last that was claimed.
    pub fn begin(&mut self) -> Issuer {
        if !planted!(TicketKeepsLife) {
            // Four thousand million connections of one session.
            self.life = self.life.wrapping_add(1);
        }
        Issuer {
            life: self.life,
            next: self.claimed + 1,
        }
    }

    /// Begins to carry a stanza out.
    ///
    /// # Errors
    /// [`TicketError`]; after each of them the stanza must not be carried out (now).
    #[inline]
    pub fn claim(&mut self, ticket: Ticket) -> Result<Claim, TicketError> {
        let Ticket { life, number } = ticket;
        if life != self.life && !planted!(TicketIgnoresLife) {
            return Err(TicketError::OldLife {
                number,
                life,
                newest: self.life,
            });
        }
        let expected = self.claimed + 1;
        if number < expected && !planted!(TicketClaimsAgain) {
            return Err(TicketError::Again { number });
        }
        if number > expected {
            return Err(TicketError::OutOfTurn { number, expected });
        }
        if number > self.handled + Self::IN_DOUBT {
            let (handled, limit) = (self.handled, Self::IN_DOUBT);
            return Err(TicketError::Full {
                number,
                handled,
                limit,
            });
        }
        self.claimed = self.claimed.max(number);
        Ok(Claim { number })
    }

    /// The stanza is handled. True where this call settled it, false where another had.
    #[inline]
    pub fn finish(&mut self, claim: Claim) -> bool {
        if !self.is_in_doubt(claim.number) {
            return planted!(TicketFinishesAgain);
        }
        planted!(TicketCountsHighest => return self.finish_up_to(claim.number));
        self.beyond |= 1 << (claim.number - self.handled - 1);
        let run = self.beyond.trailing_ones();
        self.handled += u64::from(run);
        self.beyond = self.beyond.checked_shr(run).unwrap_or(0);
        true
    }

    /// A claim on a stanza that is in doubt, for whoever takes over from a node that died with it.
    /// `None` where the stanza is not in doubt. Whoever finishes it first settles it.
    #[must_use]
    pub fn reclaim(&self, number: u64) -> Option<Claim> {
        self.is_in_doubt(number).then_some(Claim { number })
    }

    /// The stanzas claimed and not finished, in the client's order.
    pub fn in_doubt(&self) -> impl Iterator<Item = u64> + '_ {
        (self.handled + 1..=self.claimed).filter(|number| self.is_in_doubt(*number))
    }

    /// `h`: the stanzas handled without a gap, modulo 2^32 (XEP-0198 section 4).
    #[inline]
    #[must_use]
    pub fn h(&self) -> u32 {
        // The cut is meant: the counter wraps at 2^32.
        self.handled as u32
    }

    /// `h`, once nothing is in doubt: the answer to a resumption (XEP-0198 section 5).
    #[must_use]
    pub fn settled(&self) -> Option<u32> {
        (self.handled == self.claimed || planted!(TicketSettlesInDoubt)).then(|| self.h())
    }

    fn is_in_doubt(&self, number: u64) -> bool {
        let claimed = self.handled < number && number <= self.claimed;
        claimed && self.beyond >> (number - self.handled - 1) & 1 == 0
    }

    /// The planted bug: the highest number finished is taken for the number handled.
    #[cfg(any(takeover_loom, takeover_shuttle))]
    fn finish_up_to(&mut self, number: u64) -> bool {
        self.handled = number;
        true
    }
}
