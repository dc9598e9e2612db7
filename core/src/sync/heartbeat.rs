//! When a peer was last heard, in which life, and whether it was declared down.

use super::shim::{Mutex, planted};
use crate::id::Incarnation;
use crate::time::Moment;
use std::time::Duration;

/// The last sign of life of one peer (HA-1), shared by who hears and who watches.
///
/// A life that has ended never comes back: beats of an older incarnation than the newest one heard
/// are told apart and change nothing. A watcher that has seen silence declares the peer down only
/// if nothing was heard since it looked, once.
#[derive(Debug, Default)]
pub struct HeartbeatCell(Mutex<Record>);

#[derive(Debug, Default)]
struct Record {
    last: Option<Beat>,
    down: bool,
}

/// One sign of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    /// The life that gave it.
    pub incarnation: Incarnation,
    /// When it was heard.
    pub at: Moment,
}

/// What a beat told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// The first one ever.
    First,
    /// The next one of the same life.
    Steady,
    /// The first one of a new life. The old life's last beat is given.
    Reborn(Beat),
    /// The peer had been declared down and is back, in the same life or a new one. The last beat
    /// before is given, if there ever was one.
    Returned(Option<Beat>),
    /// Of an older life, or earlier than what is known; nothing changed. The newest is given.
    Old(Beat),
}

/// Why a peer was not declared down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotDown {
    /// It was heard since the watcher looked.
    #[error("the peer was heard at {}, life {}, since the watcher looked", .0.at, .0.incarnation)]
    HeardSince(Beat),
    /// It is declared down already.
    #[error("the peer is declared down already")]
    Already,
}

impl HeartbeatCell {
    /// A cell of a peer that was never heard.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The peer was heard.
    pub fn beat(&self, incarnation: Incarnation, at: Moment) -> Heard {
        let mut record = self.0.lock();
        let before = record.last;
        if let Some(last) = before
            && !(last.incarnation < incarnation
                || (last.incarnation == incarnation && last.at < at)
                || planted!(HeartbeatTakesOldLives))
        {
            return Heard::Old(last);
        }
        record.last = Some(Beat { incarnation, at });
        if planted!(HeartbeatStaysDown) {
            return Heard::Steady;
        }
        let was_down = std::mem::replace(&mut record.down, false);
        match before {
            _ if was_down => Heard::Returned(before),
            None => Heard::First,
            Some(last) if last.incarnation == incarnation => Heard::Steady,
            Some(last) => Heard::Reborn(last),
        }
    }

    /// The last sign of life, if there ever was one: what a watcher looks at, and then names when
    /// it declares the peer down.
    #[must_use]
    pub fn last(&self) -> Option<Beat> {
        self.0.lock().last
    }

    /// How long the peer has been silent; `None` where it was never heard.
    #[must_use]
    pub fn silence(&self, now: Moment) -> Option<Duration> {
        self.last().map(|beat| now.saturating_since(beat.at))
    }

    /// Declares the peer down, if `seen` is still the last that was heard of it. `Ok` for exactly
    /// one caller until the peer returns.
    ///
    /// # Errors
    /// [`NotDown::HeardSince`] where it was heard after `seen`, [`NotDown::Already`].
    pub fn declare_down(&self, seen: Option<Beat>) -> Result<(), NotDown> {
        let mut record = self.0.lock();
        if let Some(last) = record.last
            && record.last != seen
            && !planted!(HeartbeatDeclaresUnchecked)
        {
            return Err(NotDown::HeardSince(last));
        }
        if record.down && !planted!(HeartbeatDeclaresTwice) {
            return Err(NotDown::Already);
        }
        record.down = true;
        Ok(())
    }

    /// Whether the peer is declared down.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.0.lock().down
    }
}
