//! Login profiles: the re-login limits that fit a node's size and its users (SES-6).
//!
//! The tables are carried as printed. Behind them stands a formula; where a printed row differs from it,
//! the row is marked as irregular.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::topology::OvaSize;

/// How the users of a group are spread over its nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Mode {
    /// Both nodes have users.
    #[serde(rename = "active/active")]
    ActiveActive,
    /// One node has all users, the other waits.
    #[serde(rename = "active/standby")]
    ActiveStandby,
}

impl Mode {
    /// The name in the tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Mode::ActiveActive => "active/active",
            Mode::ActiveStandby => "active/standby",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// There is no mode of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no mode {value:?}; there are active/active and active/standby")]
pub struct UnknownMode {
    /// The value refused.
    pub value: String,
}

impl FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(text: &str) -> Result<Self, UnknownMode> {
        [Mode::ActiveActive, Mode::ActiveStandby]
            .into_iter()
            .find(|mode| mode.name().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| UnknownMode {
                value: text.to_owned(),
            })
    }
}

/// A row of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Profile {
    /// The node's size.
    pub ova: OvaSize,
    /// Virtual processors.
    pub vcpu: u32,
    /// Their clock in MHz, where one is printed.
    pub clock_mhz: Option<u32>,
    /// Memory in GB.
    pub ram_gb: u32,
    /// How the users are spread.
    pub mode: Mode,
    /// Up to so many active users.
    pub expected_active_users: u32,
    /// *Client Re-Login Lower Limit* in seconds.
    pub lower_s: u32,
    /// *Client Re-Login Upper Limit* in seconds, as printed.
    pub upper_s: u32,
    /// The upper limit that the formula gives, in seconds.
    pub formula_upper_s: u32,
}

impl Profile {
    /// Whether the printed upper limit is not the formula's.
    #[must_use]
    pub const fn is_irregular(&self) -> bool {
        self.upper_s != self.formula_upper_s
    }
}

/// Why no profile is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// The tables hold for single-cluster deployments.
    #[error("login profiles apply to single-cluster deployments only; this one is peered")]
    Peered,
    /// More users than the table of this size and mode has.
    #[error("no login profile for {users} users: the {ova}-user OVA in {mode} goes up to {most}")]
    TooManyUsers {
        /// The users asked for.
        users: u32,
        /// The size.
        ova: OvaSize,
        /// The mode.
        mode: Mode,
        /// The last row's users.
        most: u32,
    },
}

const TEXT: &str = include_str!("../data/login_profiles.csv");

static ROWS: LazyLock<Vec<Profile>> = LazyLock::new(|| {
    // The file is part of the program and a test reads every row of it.
    TEXT.lines()
        .skip(1)
        .map(|line| parse(line).expect("a row of the profiles"))
        .collect()
});

fn parse(line: &str) -> Option<Profile> {
    let fields: Vec<&str> = line.split(',').collect();
    let [ova, vcpu, clock, ram, mode, users, lower, upper] = fields[..] else {
        return None;
    };
    let (ova, mode) = (ova.parse().ok()?, mode.parse().ok()?);
    let (users, lower_s) = (users.parse().ok()?, lower.parse().ok()?);
    Some(Profile {
        ova,
        vcpu: vcpu.parse().ok()?,
        clock_mhz: clock.parse().ok(),
        ram_gb: ram.parse().ok()?,
        mode,
        expected_active_users: users,
        lower_s,
        upper_s: upper.parse().ok()?,
        formula_upper_s: formula(ova, mode, users, lower_s),
    })
}

/// Every row, as printed.
#[must_use]
pub fn rows() -> &'static [Profile] {
    &ROWS
}

/// Twice the logins per second that the formula counts with.
const fn double_rate(ova: OvaSize, mode: Mode) -> u32 {
    match (ova, mode) {
        (OvaSize::U500, _) => 3,
        (OvaSize::U1000 | OvaSize::U2000, _) => 6,
        (OvaSize::U5000, Mode::ActiveActive) => 12,
        (OvaSize::U5000, Mode::ActiveStandby) => 6,
        (OvaSize::U15000, Mode::ActiveActive) => 30,
        (OvaSize::U15000, Mode::ActiveStandby) => 12,
        (OvaSize::U25000, Mode::ActiveActive) => 18,
        (OvaSize::U25000, Mode::ActiveStandby) => 16,
    }
}

/// The logins per second that the formula counts with: what a node of this size serves.
#[must_use]
pub fn logins_per_second(ova: OvaSize, mode: Mode) -> f64 {
    f64::from(double_rate(ova, mode)) / 2.0
}

/// The upper limit in seconds by the formula: ⌊lower + users / rate + ½⌋.
#[must_use]
pub const fn formula(ova: OvaSize, mode: Mode, users: u32, lower_s: u32) -> u32 {
    let rate = double_rate(ova, mode) as u64;
    let upper = (2 * rate * lower_s as u64 + 4 * users as u64 + rate) / (2 * rate);
    if upper > u32::MAX as u64 {
        u32::MAX
    } else {
        upper as u32
    }
}

/// The row for so many active users: the next one up.
///
/// ```
/// use takeover_core::profile::{Mode, look_up};
/// use takeover_core::topology::OvaSize;
///
/// let profile = look_up(OvaSize::U15000, Mode::ActiveActive, 2000, false).unwrap();
/// assert_eq!((profile.lower_s, profile.upper_s), (120, 253));
/// ```
///
/// # Errors
/// [`ProfileError::Peered`] where the deployment has peers, [`ProfileError::TooManyUsers`] past the last
/// row.
pub fn look_up(
    ova: OvaSize,
    mode: Mode,
    users: u32,
    peered: bool,
) -> Result<&'static Profile, ProfileError> {
    if peered {
        return Err(ProfileError::Peered);
    }
    let table = || {
        rows()
            .iter()
            .filter(|row| row.ova == ova && row.mode == mode)
    };
    table()
        .find(|row| users <= row.expected_active_users)
        .ok_or_else(|| {
            let most = table()
                .map(|row| row.expected_active_users)
                .max()
                .unwrap_or(0);
            ProfileError::TooManyUsers {
                users,
                ova,
                mode,
                most,
            }
        })
}

/// The row for a group: active/active counts the node with the most users, active/standby the total.
///
/// # Errors
/// As [`look_up`].
pub fn look_up_group(
    ova: OvaSize,
    mode: Mode,
    users_per_node: &[u32],
    peered: bool,
) -> Result<&'static Profile, ProfileError> {
    let users = match mode {
        Mode::ActiveActive => users_per_node.iter().copied().max().unwrap_or(0),
        Mode::ActiveStandby => users_per_node
            .iter()
            .fold(0u32, |sum, users| sum.saturating_add(*users)),
    };
    look_up(ova, mode, users, peered)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(ova: OvaSize, mode: Mode, users: u32) -> (u32, u32) {
        let row = look_up(ova, mode, users, false).unwrap();
        (row.lower_s, row.upper_s)
    }

    /// SES-6: the look-up rounds up to the next row.
    #[test]
    fn looks_up_the_next_row() {
        assert_eq!(
            limits(OvaSize::U15000, Mode::ActiveActive, 2000),
            (120, 253)
        );
        assert_eq!(
            limits(OvaSize::U15000, Mode::ActiveActive, 2001),
            (120, 287)
        );
        assert_eq!(limits(OvaSize::U500, Mode::ActiveStandby, 0), (120, 187));
        assert_eq!(
            limits(OvaSize::U25000, Mode::ActiveStandby, 25_000),
            (120, 3245)
        );
    }

    /// SES-6: past the last row, and in a peered deployment, the answer says so.
    #[test]
    fn refuses_with_a_reason() {
        let error = look_up(OvaSize::U500, Mode::ActiveActive, 251, false)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("251 users") && error.contains("up to 250"),
            "{error}"
        );
        let error = look_up(OvaSize::U500, Mode::ActiveActive, 1, true)
            .unwrap_err()
            .to_string();
        assert!(error.contains("single-cluster"), "{error}");
        assert!(
            "both"
                .parse::<Mode>()
                .unwrap_err()
                .to_string()
                .contains("active/standby")
        );
    }

    /// SES-6: exactly seven of 128 rows differ from the formula, all in active/standby.
    #[test]
    fn seven_rows_are_irregular() {
        assert_eq!(rows().len(), 128);
        let irregular: Vec<(u32, u32)> = rows()
            .iter()
            .filter(|row| row.is_irregular())
            .map(|row| {
                assert_eq!(row.mode, Mode::ActiveStandby);
                (row.ova.users(), row.expected_active_users)
            })
            .collect();
        let of_25000 = (8..=13).map(|thousands| (25_000, thousands * 1_000));
        let expected: Vec<(u32, u32)> = [(5_000, 100)].into_iter().chain(of_25000).collect();
        assert_eq!(irregular, expected);
        let short = rows()
            .iter()
            .filter(|row| row.ova == OvaSize::U25000 && row.is_irregular());
        let gaps: Vec<u32> = short.map(|row| row.formula_upper_s - row.upper_s).collect();
        assert!(gaps.iter().all(|gap| (62..=125).contains(gap)), "{gaps:?}");
    }

    /// SES-6: active/active counts the fullest node, active/standby the whole group.
    #[test]
    fn a_group_counts_by_its_mode() {
        let upper = |mode| {
            look_up_group(OvaSize::U15000, mode, &[1500, 500], false)
                .unwrap()
                .upper_s
        };
        assert_eq!(upper(Mode::ActiveActive), 220);
        assert_eq!(upper(Mode::ActiveStandby), 453);
    }
}
