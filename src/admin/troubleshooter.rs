//! The system troubleshooter: one report over the deployment (chapter 6).

use std::fmt::Write as _;

use serde_json::json;
use takeover_core::ha::State;
use takeover_core::service::ServiceKind;

use super::reply::Reply;
use crate::lab::Control;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// All is well.
    Pass,
    /// It works, but not as it should.
    Warning,
    /// Something does not work, or will not.
    Fail,
}

impl Level {
    /// Its name in the report.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warning => "warning",
            Self::Fail => "fail",
        }
    }
}

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is about: `users`, `services`, `redundancy`, `external databases`, `login limits`.
    pub section: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What was found.
    pub finding: String,
    /// What to do; empty where nothing is to be done.
    pub way_out: String,
}

/// A section being examined.
struct Section {
    name: &'static str,
    found: Vec<Finding>,
}

impl Section {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            found: Vec::new(),
        }
    }

    fn add(&mut self, level: Level, finding: impl Into<String>, way_out: impl Into<String>) {
        self.found.push(Finding {
            section: self.name,
            level,
            finding: finding.into(),
            way_out: way_out.into(),
        });
    }

    /// What was found; `fine` where nothing was.
    fn end(mut self, fine: impl Into<String>) -> Vec<Finding> {
        if self.found.is_empty() {
            self.add(Level::Pass, fine, "");
        }
        self.found
    }
}

/// Examines a deployment. Nothing is changed.
pub async fn examine(lab: &Control) -> Vec<Finding> {
    let mut found = users(lab);
    found.extend(services(lab));
    found.extend(redundancy(lab));
    found.extend(databases(lab).await);
    found.extend(login_limits(lab));
    found
}

fn users(lab: &Control) -> Vec<Finding> {
    let users = lab.plane().users();
    let section = Section::new("users");
    // Duplicates and invalid names are refused before a lab begins (USR-3).
    section.end(format!("{} users, each assigned to one node", users.len()))
}

fn services(lab: &Control) -> Vec<Finding> {
    let mut section = Section::new("services");
    let critical = lab.parameters().ha().critical;
    for node in lab.node_names() {
        for kind in ServiceKind::ALL {
            let state = lab.service_state(&node, kind);
            if critical.contains(kind) && !state.is_up() {
                let name = kind.name();
                let way_out = format!("utils service start {node} {}", kind.short_name());
                section.add(Level::Fail, format!("{name} of {node} is {state}"), way_out);
            }
        }
    }
    section.end("all critical services run")
}

fn redundancy(lab: &Control) -> Vec<Finding> {
    let mut section = Section::new("redundancy");
    for node in lab.node_names() {
        if !lab.is_replicated(&node).unwrap_or(false) {
            let finding = format!("the database of {node} is not replicated");
            section.add(Level::Fail, finding, "utils dbreplication status");
        }
        match lab.state(&node) {
            None | Some(State::Normal | State::Unknown) => {}
            Some(state) => {
                let finding = format!("{node} is {state}");
                section.add(Level::Warning, finding, "utils ha status says what to do");
            }
        }
    }
    section.end("databases are replicated, nodes are well")
}

async fn databases(lab: &Control) -> Vec<Finding> {
    let mut section = Section::new("external databases");
    for database in lab.databases() {
        if let Some(store) = lab.chat_store(&database.name)
            && let Err(error) = store.verify().await
        {
            let finding = format!("{}: {error}", database.name);
            section.add(
                Level::Fail,
                finding,
                "mend the database, or assign another one",
            );
        }
    }
    for breach in lab.chat_breaches() {
        let level = if breach.is_refused() {
            Level::Fail
        } else {
            Level::Warning
        };
        section.add(level, breach.to_string(), breach.way_out());
    }
    section.end("databases are reachable and assigned as they should be")
}

fn login_limits(lab: &Control) -> Vec<Finding> {
    let mut section = Section::new("login limits");
    let deployment = lab.deployment();
    for cluster in deployment.clusters() {
        for warning in lab.parameters().warnings(deployment, cluster.id) {
            let way_out = "takeover profile says which limits fit";
            section.add(Level::Warning, warning.to_string(), way_out);
        }
    }
    section.end("login limits are equal on both nodes of each group")
}

/// The report for people and programs.
pub(super) fn report(findings: &[Finding]) -> Reply {
    let mut text = String::new();
    for one in findings {
        let _ = writeln!(
            text,
            "{:<8} {:<20} {}",
            one.level.name(),
            one.section,
            one.finding
        );
        if !one.way_out.is_empty() {
            let _ = writeln!(text, "{:<29} {}", "", one.way_out);
        }
    }
    let worst = findings.iter().map(|one| one.level).max();
    let all = findings.iter().map(|one| {
        json!({
            "section": one.section,
            "level": one.level.name(),
            "finding": one.finding,
            "way_out": one.way_out,
        })
    });
    Reply {
        text: text.trim_end().to_owned(),
        data: json!({
            "worst": worst.unwrap_or(Level::Pass).name(),
            "findings": all.collect::<Vec<_>>(),
        }),
    }
}
