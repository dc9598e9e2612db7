//! The timers the machine asks for. It holds none itself: it arms, and hears that one expired.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A timer of one node's SRM. Arming one that is armed replaces its deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Timer {
    /// Time for the next keep-alive (HA-1). Armed again by each expiry while HA is on.
    Heartbeat,
    /// Nothing was heard of the peer (HA-1).
    PeerSilence,
    /// A critical service is still down (HA-2).
    ServiceDelay,
    /// The present transition, or its present step, takes too long (HA-14).
    Transition,
    /// The failed-over home has been healthy long enough (HA-6).
    AutoFallback,
}

impl Timer {
    /// Every timer.
    pub const ALL: [Timer; 5] = [
        Timer::Heartbeat,
        Timer::PeerSilence,
        Timer::ServiceDelay,
        Timer::Transition,
        Timer::AutoFallback,
    ];

    /// The name in the journal.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Timer::Heartbeat => "heartbeat",
            Timer::PeerSilence => "peer-silence",
            Timer::ServiceDelay => "service-delay",
            Timer::Transition => "transition",
            Timer::AutoFallback => "auto-fallback",
        }
    }
}

impl fmt::Display for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A set of timers: those that are armed.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct TimerSet(u8);

impl TimerSet {
    /// No timer.
    pub const EMPTY: TimerSet = TimerSet(0);

    /// Whether `timer` is in the set.
    #[must_use]
    pub const fn contains(self, timer: Timer) -> bool {
        self.0 & (1 << timer as u8) != 0
    }

    /// The set with `timer`.
    #[must_use]
    pub const fn with(self, timer: Timer) -> TimerSet {
        TimerSet(self.0 | (1 << timer as u8))
    }

    /// The set without `timer`.
    #[must_use]
    pub const fn without(self, timer: Timer) -> TimerSet {
        TimerSet(self.0 & !(1 << timer as u8))
    }

    /// The timers in the set, in the order of [`Timer::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Timer> {
        Timer::ALL
            .into_iter()
            .filter(move |timer| self.contains(*timer))
    }

    /// The set as bits, one for each timer in the order of [`Timer::ALL`].
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The set with these bits; bits that are no timer are left out.
    #[must_use]
    pub const fn from_bits(bits: u8) -> TimerSet {
        TimerSet(bits & 0b1_1111)
    }
}
