//! Instants as XMPP writes them (XEP-0082).
//!
//! ```
//! use takeover_protocols::datetime::Timestamp;
//! let at: Timestamp = "1969-07-20T21:56:15-05:00".parse().unwrap();
//! assert_eq!(at.to_string(), "1969-07-21T02:56:15Z");
//! ```

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

const MS_PER_DAY: i64 = 86_400_000;

/// An instant: milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
///
/// Displays as the `DateTime` profile of XEP-0082, in UTC, with milliseconds only if there are any.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 9999-12-31T23:59:59.999Z, the last instant that the profile can write.
    pub const MAX: Self = Self(253_402_300_799_999);
    /// 0000-01-01T00:00:00Z, the first instant that the profile can write.
    pub const MIN: Self = Self(-62_167_219_200_000);

    /// The instant `ms` milliseconds after the epoch, held within [`Self::MIN`] and [`Self::MAX`].
    #[must_use]
    pub const fn from_millis(ms: i64) -> Self {
        if ms < Self::MIN.0 {
            Self::MIN
        } else if ms > Self::MAX.0 {
            Self::MAX
        } else {
            Self(ms)
        }
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The instant `before` earlier, at most back to [`Self::MIN`].
    #[must_use]
    pub fn saturating_sub(self, before: Duration) -> Self {
        let ms = i64::try_from(before.as_millis()).unwrap_or(i64::MAX);
        Self::from_millis(self.0.saturating_sub(ms))
    }

    /// The instant `after` later, at most [`Self::MAX`].
    #[must_use]
    pub fn saturating_add(self, after: Duration) -> Self {
        let ms = i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
        Self::from_millis(self.0.saturating_add(ms))
    }

    /// How long after `earlier` this is; zero if it is not after it.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, ms) = (self.0.div_euclid(MS_PER_DAY), self.0.rem_euclid(MS_PER_DAY));
        let (year, month, day) = civil_from_days(days);
        let (hour, minute) = (ms / 3_600_000, ms / 60_000 % 60);
        let (second, milli) = (ms / 1_000 % 60, ms % 1_000);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
        )?;
        if milli != 0 {
            write!(f, ".{milli:03}")?;
        }
        f.write_str("Z")
    }
}

/// A text that is no `DateTime` of XEP-0082.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text:?} is no instant: {what}; the form is CCYY-MM-DDThh:mm:ss[.sss]Z or with ±hh:mm")]
pub struct TimestampError {
    /// What was given, at most 64 characters of it.
    pub text: String,
    /// The part that is wrong.
    pub what: &'static str,
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    /// Reads the `DateTime` profile of XEP-0082. Seconds may be missing, for XEP-0045 writes
    /// such an instant itself (section 7.2.14); digits past the millisecond are cut off.
    fn from_str(text: &str) -> Result<Self, TimestampError> {
        read(text.trim()).map_err(|what| TimestampError {
            text: text.chars().take(64).collect(),
            what,
        })
    }
}

fn read(text: &str) -> Result<Timestamp, &'static str> {
    let (date, time) = text.split_once('T').ok_or("no T between date and time")?;
    let days = date_days(date)?;
    let zone_at = time.find(['Z', '+', '-']).ok_or("no time zone")?;
    let (clock, zone) = time.split_at(zone_at);
    let ms = clock_ms(clock)?;
    let offset = zone_ms(zone)?;
    let at = days * MS_PER_DAY + ms - offset;
    if !(Timestamp::MIN.0..=Timestamp::MAX.0).contains(&at) {
        return Err("outside the years 0000 to 9999");
    }
    Ok(Timestamp(at))
}

fn date_days(date: &str) -> Result<i64, &'static str> {
    let wrong = "the date is not CCYY-MM-DD";
    let mut parts = date.split('-');
    let (Some(year), Some(month), Some(day), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(wrong);
    };
    let year = digits(year, 4).ok_or(wrong)?;
    let month = digits(month, 2).ok_or(wrong)?;
    let day = digits(day, 2).ok_or(wrong)?;
    if !(1..=12).contains(&month) || day < 1 || day > days_of_month(year, month) {
        return Err("there is no such day");
    }
    Ok(days_from_civil(year, month, day))
}

fn clock_ms(clock: &str) -> Result<i64, &'static str> {
    let wrong = "the time is not hh:mm:ss[.sss]";
    let mut parts = clock.split(':');
    let hour = parts.next().and_then(|part| digits(part, 2)).ok_or(wrong)?;
    let minute = parts.next().and_then(|part| digits(part, 2)).ok_or(wrong)?;
    let (second, milli) = match parts.next() {
        None => (0, 0),
        Some(part) => second_ms(part).ok_or(wrong)?,
    };
    if parts.next().is_some() {
        return Err(wrong);
    }
    // 60 is a leap second: the instant after :59.
    if hour > 23 || minute > 59 || second > 60 {
        return Err("there is no such time of day");
    }
    Ok(hour * 3_600_000 + minute * 60_000 + second * 1_000 + milli)
}

fn second_ms(part: &str) -> Option<(i64, i64)> {
    let (second, fraction) = match part.split_once('.') {
        None => (part, None),
        Some((second, fraction)) => (second, Some(fraction)),
    };
    let milli = match fraction {
        None => 0,
        Some(fraction) if !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit()) => {
            let three: String = fraction.chars().chain("00".chars()).take(3).collect();
            digits(&three, 3)?
        }
        Some(_) => return None,
    };
    Some((digits(second, 2)?, milli))
}

fn zone_ms(zone: &str) -> Result<i64, &'static str> {
    let wrong = "the time zone is not Z, +hh:mm or -hh:mm";
    let (sign, rest) = match zone.split_at(1) {
        ("Z", "") => return Ok(0),
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        (_, _) => return Err(wrong),
    };
    let (hour, minute) = rest.split_once(':').ok_or(wrong)?;
    let hour = digits(hour, 2).filter(|hour| *hour < 24).ok_or(wrong)?;
    let minute = digits(minute, 2)
        .filter(|minute| *minute < 60)
        .ok_or(wrong)?;
    Ok(sign * (hour * 3_600_000 + minute * 60_000))
}

/// A number of exactly `count` decimal digits.
fn digits(text: &str, count: usize) -> Option<i64> {
    (text.len() == count && text.bytes().all(|b| b.is_ascii_digit())).then(|| {
        text.bytes()
            .fold(0, |sum, b| sum * 10 + i64::from(b - b'0'))
    })
}

fn days_of_month(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since the epoch of a day of the proleptic Gregorian calendar. The year is counted from
/// March, so that the leap day is its last; 400 years are 146 097 days.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millis()
    }

    /// XEP-0082, section 3.2: the examples, the same instant in two zones.
    #[test]
    fn xep_0082_examples() {
        assert_eq!(ms("1969-07-21T02:56:15Z"), ms("1969-07-20T21:56:15-05:00"));
        assert_eq!(ms("1969-07-21T02:56:15Z"), -14_159_025_000);
        assert_eq!(ms("1970-01-01T00:00Z"), 0);
        assert_eq!(ms("2002-09-10T23:08:25Z"), 1_031_699_305_000);
        assert_eq!(ms("2016-12-31T23:59:60Z"), ms("2017-01-01T00:00:00Z"));
        assert_eq!(ms("2000-02-29T12:00:00.1239Z"), 951_825_600_123);
        assert_eq!(ms("2000-02-29T12:00:00.5Z"), 951_825_600_500);
    }

    /// XEP-0082, section 3.2: what does not fit the profile is refused, and the text says why.
    #[test]
    fn what_is_no_instant_is_refused() {
        for wrong in [
            "",
            "T",
            "2002-09-10",
            "2002-09-10T23:08:25",
            "2002-9-10T23:08:25Z",
            "2001-02-29T00:00:00Z",
            "2002-13-01T00:00:00Z",
            "2002-00-01T00:00:00Z",
            "2002-09-10T24:00:00Z",
            "2002-09-10T23:60:00Z",
            "2002-09-10T23:08:61Z",
            "2002-09-10T23:08:25.Z",
            "2002-09-10T23:08:25.xZ",
            "2002-09-10T23:08:25+5:00",
            "2002-09-10T23:08:25Zx",
            "2002-09-10T23:08:25+24:00",
            "2002-09-10T23:08:25:00Z",
            "0000-01-01T00:00:00+00:01",
            "２002-09-10T23:08:25Z",
            "+002-09-10T23:08:25Z",
        ] {
            let error = wrong.parse::<Timestamp>().unwrap_err();
            assert_eq!(error.text, wrong);
            assert!(error.to_string().contains(error.what));
        }
    }

    #[test]
    fn arithmetic_stays_within_the_years_that_can_be_written() {
        assert_eq!(Timestamp::from_millis(i64::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-31T23:59:59.999Z");
        assert_eq!(Timestamp::MIN.to_string(), "0000-01-01T00:00:00Z");
        assert_eq!(Timestamp::MIN.saturating_sub(Duration::MAX), Timestamp::MIN);
        assert_eq!(Timestamp::MAX.saturating_add(Duration::MAX), Timestamp::MAX);
        let later = Timestamp::from_millis(1_500);
        assert_eq!(
            later.since(Timestamp::from_millis(500)),
            Duration::from_secs(1)
        );
        assert_eq!(Timestamp::from_millis(500).since(later), Duration::ZERO);
    }

    proptest! {
        /// XEP-0082: what is written is read back as the same instant.
        #[test]
        fn written_and_read_back(ms in Timestamp::MIN.0..=Timestamp::MAX.0) {
            let at = Timestamp::from_millis(ms);
            prop_assert_eq!(at.to_string().parse::<Timestamp>(), Ok(at));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}|[0-9T:Z+.-]{0,30}") {
            let _ = text.parse::<Timestamp>();
        }

        /// The text orders as the instant does (years have four digits).
        #[test]
        fn later_is_greater(a in 0..4_000_000_000_000i64, b in 0..4_000_000_000_000i64) {
            let (a, b) = (a / 1_000 * 1_000, b / 1_000 * 1_000);
            let text = |ms| Timestamp::from_millis(ms).to_string();
            prop_assert_eq!(a.cmp(&b), text(a).cmp(&text(b)));
        }
    }
}
