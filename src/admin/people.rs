//! An administrator's commands about users and their logins (USR-1 to USR-4, SES-5, SES-6).

use serde_json::json;

use super::reply::{Refusal, Reply};
use crate::lab::{Control, LabError};

/// Commands about users and their logins. The words are the emulator's own: the vendor has pages for
/// them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeopleCommand {
    /// Add a user (USR-1 to USR-3).
    Add {
        /// The cluster.
        cluster: String,
        /// The user id.
        name: String,
        /// The password.
        password: String,
        /// The home node; the assignment mode decides where absent.
        home: Option<String>,
    },
    /// Give a user another home (USR-4).
    Move {
        /// The user id.
        name: String,
        /// The new home.
        node: String,
    },
    /// Spread the users of a cluster anew (USR-4).
    Rebalance {
        /// The cluster.
        cluster: String,
    },
    /// List the user ids that were refused (USR-3).
    Refused,
    /// Print the re-login limits of a group, and the profile that fits (SES-5, SES-6).
    Limits {
        /// The presence redundancy group.
        group: String,
    },
    /// Set the re-login limits of a group (SES-5).
    SetLimits {
        /// The presence redundancy group.
        group: String,
        /// Seconds.
        lower: String,
        /// Seconds.
        upper: String,
    },
    /// Set the re-login limits of a group to those of its profile (SES-6).
    ApplyProfile {
        /// The presence redundancy group.
        group: String,
    },
}

/// Understands the words of one line.
pub(super) fn parse(parts: &[&str]) -> Option<PeopleCommand> {
    use PeopleCommand as P;
    let own = |word: &str| word.to_owned();
    match *parts {
        [
            "utils",
            "users",
            "add",
            cluster,
            name,
            password,
            ref home @ ..,
        ] if home.len() <= 1 => Some(P::Add {
            cluster: own(cluster),
            name: own(name),
            password: own(password),
            home: home.first().map(|home| own(home)),
        }),
        ["utils", "users", "move", name, node] => Some(P::Move {
            name: own(name),
            node: own(node),
        }),
        ["utils", "users", "rebalance", cluster] => Some(P::Rebalance {
            cluster: own(cluster),
        }),
        ["show", "users", "refused"] => Some(P::Refused),
        ["show", "login", "limits", group] => Some(P::Limits { group: own(group) }),
        ["utils", "login", "limits", group, lower, upper] => Some(P::SetLimits {
            group: own(group),
            lower: own(lower),
            upper: own(upper),
        }),
        ["utils", "login", "profile", group] => Some(P::ApplyProfile { group: own(group) }),
        _ => None,
    }
}

/// Carries one out.
pub(super) async fn execute(lab: &Control, command: PeopleCommand) -> Result<Reply, Refusal> {
    match command {
        PeopleCommand::Add {
            cluster,
            name,
            password,
            home,
        } => {
            let home = lab.add_user(&cluster, &name, &password, home.as_deref())?;
            done(format!("{name} is at home on {home}"))
        }
        PeopleCommand::Move { name, node } => {
            let moved = lab.move_user(&name, &node)?.await.map_err(LabError::from)?;
            let how = if moved {
                "has moved to"
            } else {
                "is at home on"
            };
            done(format!("{name} {how} {node}"))
        }
        PeopleCommand::Rebalance { cluster } => {
            let moves = lab.rebalance(&cluster)?;
            let lines = moves
                .iter()
                .map(|(user, node)| format!("{user} moves to {node}"));
            let mut lines: Vec<String> = lines.collect();
            lines.push(format!("{} users move", moves.len()));
            let data = json!({ "moves": moves.len() });
            Ok(Reply {
                text: lines.join("\n"),
                data,
            })
        }
        PeopleCommand::Refused => {
            let refused: Vec<String> = lab
                .refused_users()
                .iter()
                .map(ToString::to_string)
                .collect();
            Ok(list(&refused, "no user id was refused"))
        }
        PeopleCommand::Limits { group } => limits(lab, &group),
        PeopleCommand::SetLimits {
            group,
            lower,
            upper,
        } => {
            let warnings = lab.set_login_limits(&group, seconds(&lower)?, seconds(&upper)?)?;
            let mut lines = vec![format!("{group}: {lower} s to {upper} s")];
            lines.extend(warnings.iter().map(|warning| format!("warning: {warning}")));
            done(lines.join("\n"))
        }
        PeopleCommand::ApplyProfile { group } => {
            lab.apply_profile(&group)?;
            limits(lab, &group)
        }
    }
}

fn done(text: String) -> Result<Reply, Refusal> {
    let data = json!({ "done": text });
    Ok(Reply { text, data })
}

fn list(lines: &[String], nothing: &str) -> Reply {
    let text = match lines {
        [] => nothing.to_owned(),
        lines => lines.join("\n"),
    };
    Reply {
        text,
        data: json!(lines),
    }
}

fn seconds(text: &str) -> Result<u32, Refusal> {
    text.parse().map_err(|_| {
        Refusal::NotUnderstood(format!("{text:?} is no limit; allowed: 0 to 7200 seconds"))
    })
}

fn limits(lab: &Control, group: &str) -> Result<Reply, Refusal> {
    let (lower, upper) = lab.login_limits(group)?;
    let (lower, upper) = (lower.as_secs(), upper.as_secs());
    let mut text = format!("{group}: {lower} s to {upper} s");
    let mut data = json!({ "lower_s": lower, "upper_s": upper });
    match lab.fitting_profile(group) {
        Ok(profile) => {
            text.push_str(&format!(
                "\nlogin profile: up to {} users, {} s to {} s",
                profile.expected_active_users, profile.lower_s, profile.upper_s
            ));
            if profile.is_irregular() {
                let formula = profile.formula_upper_s;
                text.push_str(&format!(" (irregular: the formula gives {formula} s)"));
            }
            data["profile"] = json!(profile);
            data["irregular"] = profile.is_irregular().into();
        }
        Err(error) => {
            text.push_str(&format!("\nlogin profile: {error}"));
            data["no_profile"] = error.to_string().into();
        }
    }
    Ok(Reply { text, data })
}
