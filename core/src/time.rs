//! Protocol time: a point on the lab's one clock.

use std::fmt;
use std::ops::{Add, AddAssign};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point in protocol time: microseconds since the lab started.
///
/// Protocol time is what the rules speak of ("90 s later"); how fast it passes on a wall clock is the
/// business of whoever owns the clock.
///
/// ```
/// use std::time::Duration;
/// use takeover_core::time::Moment;
///
/// let noticed = Moment::ZERO + Duration::from_millis(1_500);
/// assert_eq!(noticed.to_string(), "1.500000s");
/// assert_eq!(noticed.saturating_since(Moment::ZERO), Duration::from_millis(1_500));
/// ```
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Moment(pub u64);

impl Moment {
    /// The start of the lab.
    pub const ZERO: Moment = Moment(0);
    /// The latest moment that can be named; also what an addition past it gives.
    pub const MAX: Moment = Moment(u64::MAX);

    /// The moment this many microseconds after the start of the lab.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Moment(micros)
    }

    /// The moment this many milliseconds after the start of the lab (saturating).
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Moment(millis.saturating_mul(1_000))
    }

    /// The moment this many seconds after the start of the lab (saturating).
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Moment(secs.saturating_mul(1_000_000))
    }

    /// Microseconds since the start of the lab.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Seconds since the start of the lab, with their fraction. For showing, not for comparing.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.since_start().as_secs_f64()
    }

    /// The time since the start of the lab.
    #[must_use]
    pub const fn since_start(self) -> Duration {
        Duration::from_micros(self.0)
    }

    /// The time from `earlier` to this moment; zero if `earlier` is later.
    #[must_use]
    pub const fn saturating_since(self, earlier: Moment) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// The moment `span` later, or `None` past the end of time.
    #[must_use]
    pub fn checked_add(self, span: Duration) -> Option<Moment> {
        let micros = u64::try_from(span.as_micros()).ok()?;
        self.0.checked_add(micros).map(Moment)
    }
}

impl Add<Duration> for Moment {
    type Output = Moment;

    /// The moment `span` later; [`Moment::MAX`] if that is past the end of time.
    fn add(self, span: Duration) -> Moment {
        self.checked_add(span).unwrap_or(Moment::MAX)
    }
}

impl AddAssign<Duration> for Moment {
    fn add_assign(&mut self, span: Duration) {
        *self = *self + span;
    }
}

impl fmt::Display for Moment {
    /// Seconds with six digits behind the point. Every entry of the journal has one, so it is written digit by digit
    /// from the end, on the stack: no moment's text is longer than 22 characters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [b's'; 24];
        let mut start = text.len() - 1;
        let mut put = |byte| {
            start -= 1;
            text[start] = byte;
        };
        let (mut rest, mut digits) = (self.0, 0);
        while rest > 0 || digits <= 6 {
            if digits == 6 {
                put(b'.');
            }
            put(b'0' + (rest % 10) as u8);
            rest /= 10;
            digits += 1;
        }
        // These are ASCII characters all.
        f.pad(str::from_utf8(&text[start..]).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_six_digits_and_obeys_width() {
        assert_eq!(Moment(123_456_789).to_string(), "123.456789s");
        assert_eq!(format!("{:>12}", Moment(1)), "   0.000001s");
        assert_eq!(Moment::ZERO.to_string(), "0.000000s");
        assert_eq!(Moment(1_000_000).to_string(), "1.000000s");
        assert_eq!(Moment::MAX.to_string(), "18446744073709.551615s");
    }

    #[test]
    fn additions_saturate_and_differences_do_not_go_below_zero() {
        assert_eq!(Moment::MAX + Duration::from_secs(1), Moment::MAX);
        assert_eq!(Moment::ZERO.saturating_since(Moment(5)), Duration::ZERO);
        assert_eq!(
            Moment::from_secs(2)
                .saturating_since(Moment::from_millis(500))
                .as_millis(),
            1_500
        );
    }
}
