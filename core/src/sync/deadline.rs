//! A deadline that fires or is cancelled, exactly one of them, whoever comes first.

use super::shim::{AtomicU64, Ordering, planted};

/// A deadline that can be armed again and again, by any thread.
///
/// It does not know the time: whoever keeps the timers holds the [`Arming`] beside the moment, and
/// asks [`Deadline::fire`] when that moment has come. Each arming ends once: fired, cancelled, or
/// replaced by the next one. What a thread wrote before it armed is visible to whoever fires, and
/// what it wrote before it fired or cancelled is visible to whoever learns that it came too late.
#[derive(Debug)]
pub struct Deadline(AtomicU64);

/// One arming of a [`Deadline`]: what a timer holds, and fires or cancels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Arming(u64);

/// How an arming stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Waiting for its time.
    Armed,
    /// Its time came first.
    Fired,
    /// The cancel came first.
    Cancelled,
    /// The deadline was armed anew.
    Replaced,
}

/// An arming had ended already, in this way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the deadline has ended as {phase:?}: it fires or is cancelled once")]
pub struct Ended {
    /// How it had ended; never [`Phase::Armed`].
    pub phase: Phase,
}

/// The word: the number of the arming, and in the low two bits how it stands.
const ARMED: u64 = 0;
const FIRED: u64 = 1;
const CANCELLED: u64 = 2;
const STATE: u64 = 3;

impl Default for Deadline {
    fn default() -> Self {
        Self::new()
    }
}

impl Deadline {
    /// A deadline that is not armed.
    #[must_use]
    pub fn new() -> Self {
        Self(AtomicU64::new(CANCELLED))
    }

    /// Arms it. An arming that still waits is replaced: neither does it fire nor can it be
    /// cancelled any more.
    pub fn arm(&self) -> Arming {
        let mut now = self.0.load(Ordering::Relaxed);
        loop {
            // 62 bits of armings: a billion a second for more than a century.
            let next = (now & !STATE) + (STATE + 1) + ARMED;
            match self
                .0
                .compare_exchange_weak(now, next, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return Arming(next & !STATE),
                Err(newer) => now = newer,
            }
        }
    }

    /// Its time has come. `Ok` exactly where this call ended the arming: the caller acts.
    ///
    /// # Errors
    /// [`Ended`] where it was fired, cancelled or replaced before: the caller must not act.
    #[inline]
    pub fn fire(&self, arming: Arming) -> Result<(), Ended> {
        self.end(arming, FIRED)
    }

    /// It is no longer wanted. `Ok` exactly where this call ended the arming: it will not fire.
    ///
    /// # Errors
    /// [`Ended`] where it was fired, cancelled or replaced before.
    #[inline]
    pub fn cancel(&self, arming: Arming) -> Result<(), Ended> {
        self.end(arming, CANCELLED)
    }

    /// How `arming` stands.
    #[must_use]
    pub fn phase(&self, arming: Arming) -> Phase {
        phase_in(self.0.load(Ordering::Acquire), arming)
    }

    fn end(&self, arming: Arming, how: u64) -> Result<(), Ended> {
        planted!(DeadlineEndsInTwoSteps => return self.end_in_two_steps(arming, how));
        let armed = self.armed_word(arming);
        let order = if planted!(DeadlineRelaxed) {
            Ordering::Relaxed
        } else {
            Ordering::AcqRel
        };
        let late = if planted!(DeadlineRelaxed) {
            Ordering::Relaxed
        } else {
            Ordering::Acquire
        };
        match self.0.compare_exchange(armed, arming.0 | how, order, late) {
            Ok(_) => Ok(()),
            Err(now) => Err(Ended {
                phase: phase_in(now, arming),
            }),
        }
    }

    /// The word in which `arming` waits.
    #[inline]
    fn armed_word(&self, arming: Arming) -> u64 {
        planted!(DeadlineIgnoresGeneration => return self.0.load(Ordering::Acquire) & !STATE);
        arming.0 | ARMED
    }

    /// The planted bug: looks, then sets.
    #[cfg(any(takeover_loom, takeover_shuttle))]
    fn end_in_two_steps(&self, arming: Arming, how: u64) -> Result<(), Ended> {
        let phase = self.phase(arming);
        if phase != Phase::Armed {
            return Err(Ended { phase });
        }
        self.0.store(arming.0 | how, Ordering::Release);
        Ok(())
    }
}

fn phase_in(word: u64, arming: Arming) -> Phase {
    if word & !STATE != arming.0 {
        return Phase::Replaced;
    }
    match word & STATE {
        ARMED => Phase::Armed,
        FIRED => Phase::Fired,
        _ => Phase::Cancelled,
    }
}
