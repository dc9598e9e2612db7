//! `takeover profile`: the login profiles (SES-6).

use clap::Args;
use serde_json::json;
use takeover_core::profile::{self, Mode};
use takeover_core::topology::OvaSize;

use super::{OK, REFUSED, fail, print};

/// Look up the re-login limits that fit a node's size and its users.
#[derive(Args)]
pub(super) struct Profile {
    /// Users that the node's machine is sized for: 500, 1000, 2000, 5000, 15000 or 25000.
    #[arg(long)]
    ova: OvaSize,
    /// How the users are spread: active/active or active/standby.
    #[arg(long)]
    mode: Mode,
    /// Expected active users: of the fuller node in active/active, of the group in active/standby.
    #[arg(long)]
    users: u32,
    /// The deployment is peered with other clusters (no profile applies then).
    #[arg(long)]
    peered: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Profile {
    pub(super) fn run(&self) -> u8 {
        let row = match profile::look_up(self.ova, self.mode, self.users, self.peered) {
            Ok(row) => row,
            Err(error) => return fail(REFUSED, error),
        };
        if self.json {
            print(json!({
                "ova": row.ova,
                "mode": row.mode,
                "users": self.users,
                "expected_active_users": row.expected_active_users,
                "lower_s": row.lower_s,
                "upper_s": row.upper_s,
                "formula_upper_s": row.formula_upper_s,
                "irregular": row.is_irregular(),
            }));
        } else {
            print(text(row));
        }
        OK
    }
}

fn text(row: &profile::Profile) -> String {
    let mut text = format!(
        "{} users, {}, up to {} active users\n\
         Client Re-Login Lower Limit  {} s\n\
         Client Re-Login Upper Limit  {} s",
        row.ova.users(),
        row.mode,
        row.expected_active_users,
        row.lower_s,
        row.upper_s
    );
    if row.is_irregular() {
        text.push_str(&format!(
            "\nThis row is irregular: it is printed so, the formula behind the table gives {} s.",
            row.formula_upper_s
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SES-6: 15 000 users, active/active, 2 000 active: 120 s and 253 s.
    #[test]
    fn the_limits_are_printed() {
        let row = profile::look_up(OvaSize::U15000, Mode::ActiveActive, 2000, false).unwrap();
        let text = text(row);
        assert!(text.contains("120 s") && text.contains("253 s"), "{text}");
        assert!(!text.contains("irregular"), "{text}");
    }

    /// SES-6: a row that differs from the formula is marked where it is shown.
    #[test]
    fn an_irregular_row_is_marked() {
        let row = profile::look_up(OvaSize::U5000, Mode::ActiveStandby, 100, false).unwrap();
        assert!(text(row).contains("This row is irregular"), "{}", text(row));
    }
}
