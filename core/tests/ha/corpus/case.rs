//! From the text of a case to the case.

use std::time::Duration;

use takeover_core::ha::{Action, Reason, State};

use super::deed::Deed;

/// Who wrote a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A person, from the rules.
    Hand,
    /// The table of starts and deeds; `UPDATE=1` writes it anew.
    Table,
}

/// One line that does or expects something.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// A parameter, before the start.
    Set(Param),
    /// The pair comes to a row of the table by the way that `start.rs` knows.
    Start(String),
    Do(Deed),
    Wait(Duration),
    IsRow(u8),
    /// The state of a node; `None`: its SRM does not run.
    Is(usize, Option<(State, Reason)>),
    /// Whose users are where.
    Users(usize, usize),
    /// Whether the critical services of a node are all up.
    Services(usize, bool),
    /// How often a home's users changed hands since the start.
    Moves(usize),
    /// The states of a node since the start, without the one it started in.
    History(usize, Vec<(State, Reason)>),
    /// The last action on a node was refused; what is allowed there.
    Refused(usize, Action, Vec<Action>),
    /// An alarm that a node raised since the start, or not.
    Alarm(usize, String, bool),
    /// A node dropped a stale message since the start.
    Stale(usize),
}

/// A parameter that a case sets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Param {
    AutomaticFallback,
    Interval(Duration),
    Timeout(Duration),
    InitializationTimeout(Duration),
    Delay(Duration),
    OlderRelease,
    MultipleDevices,
    PersistentChat,
    MonitorAuthentication,
}

/// A case.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    pub origin: Origin,
    pub rule: String,
    pub shows: String,
    /// Each line with its number.
    pub lines: Vec<(usize, Line)>,
    text: String,
}

impl Case {
    /// Reads a case. The error names file, line and what is not understood.
    pub fn parse(name: &str, text: &str) -> Result<Case, String> {
        let mut case = Case {
            name: name.to_owned(),
            origin: Origin::Hand,
            rule: String::new(),
            shows: String::new(),
            lines: Vec::new(),
            text: text.to_owned(),
        };
        let mut origin = None;
        for (index, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
            match (verb, rest.trim()) {
                ("", _) => {}
                ("by", "hand") => origin = Some(Origin::Hand),
                ("made", _) => origin = Some(Origin::Table),
                ("rule", rule) => rule.clone_into(&mut case.rule),
                ("shows", shows) => shows.clone_into(&mut case.shows),
                (verb, rest) => {
                    let read = read(verb, rest);
                    let read =
                        read.ok_or_else(|| format!("{name}:{}: no line: {line:?}", index + 1))?;
                    case.lines.push((index + 1, read));
                }
            }
        }
        let starts = case
            .lines
            .iter()
            .find(|(_, line)| !matches!(line, Line::Set(_)));
        if !matches!(starts, Some((_, Line::Start(_)))) {
            return Err(format!("{name}: a case begins with its start"));
        }
        case.origin = origin.ok_or_else(|| format!("{name}: by hand, or made from the table?"))?;
        Ok(case)
    }

    /// What the case does and expects, without what it says of itself.
    pub fn body(&self) -> String {
        let told = ["by ", "made ", "rule ", "shows "];
        let is_body = |line: &&str| !told.iter().any(|word| line.starts_with(word));
        self.text
            .lines()
            .filter(is_body)
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// The number of the node called `A` or `B`.
pub fn node(name: &str) -> Option<usize> {
    ["A", "B"].iter().position(|known| *known == name)
}

/// `1s`, `2m`, `1h`.
pub fn time(text: &str) -> Option<Duration> {
    let (count, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    Some(Duration::from_secs(count.parse::<u64>().ok()? * unit))
}

/// The action called so in a case: one word.
pub fn action(word: &str) -> Option<Action> {
    let known = |action: &Action| action.name().replace(' ', "-").eq_ignore_ascii_case(word);
    Action::ALL.into_iter().find(known)
}

fn read(verb: &str, rest: &str) -> Option<Line> {
    let words: Vec<&str> = rest.split_whitespace().collect();
    match (verb, words.as_slice()) {
        ("set", words) => Some(Line::Set(param(words)?)),
        ("start", _) => Some(Line::Start(rest.to_owned())),
        ("do", words) => Some(Line::Do(Deed::read(words)?)),
        ("wait", [span]) => Some(Line::Wait(time(span)?)),
        ("is", ["row", row]) => Some(Line::IsRow(row.parse().ok()?)),
        ("is", [name, "unreachable"]) => Some(Line::Is(node(name)?, None)),
        ("is", [name, ..]) => {
            let state = rest.strip_prefix(name)?;
            Some(Line::Is(node(name)?, Some(state_and_reason(state)?)))
        }
        ("users", ["of", home, "at", owner]) => Some(Line::Users(node(home)?, node(owner)?)),
        ("services", ["of", name, how]) => Some(Line::Services(node(name)?, up(how)?)),
        ("moves", [count]) => Some(Line::Moves(count.parse().ok()?)),
        ("history", [name, ..]) => {
            let told = rest.strip_prefix(name)?.trim();
            let each = told.split('>').filter(|part| !part.trim().is_empty());
            let states: Option<Vec<_>> = each.map(state_and_reason).collect();
            Some(Line::History(node(name)?, states?))
        }
        ("refused", [name, asked, allowed @ ..]) => {
            let allowed = allowed.strip_prefix(&["allowed"]).unwrap_or(&[]);
            let allowed: Option<Vec<Action>> = allowed.iter().map(|word| action(word)).collect();
            Some(Line::Refused(node(name)?, action(asked)?, allowed?))
        }
        ("alarm", [name, alarm]) => Some(Line::Alarm(node(name)?, (*alarm).to_owned(), true)),
        ("no", ["alarm", name, alarm]) => {
            Some(Line::Alarm(node(name)?, (*alarm).to_owned(), false))
        }
        ("stale", [name]) => Some(Line::Stale(node(name)?)),
        _ => None,
    }
}

/// `up` or `down`.
pub fn up(word: &str) -> Option<bool> {
    match word {
        "up" => Some(true),
        "down" => Some(false),
        _ => None,
    }
}

/// `STATE (REASON)`, with the names of the table.
fn state_and_reason(text: &str) -> Option<(State, Reason)> {
    let (state, reason) = text.trim().split_once('(')?;
    let reason = reason.trim().strip_suffix(')')?;
    Some((State::from_name(state)?, Reason::from_name(reason)?))
}

fn param(words: &[&str]) -> Option<Param> {
    match words {
        ["automatic", "fallback"] => Some(Param::AutomaticFallback),
        ["interval", span] => Some(Param::Interval(time(span)?)),
        ["timeout", span] => Some(Param::Timeout(time(span)?)),
        ["initialization", "timeout", span] => Some(Param::InitializationTimeout(time(span)?)),
        ["delay", span] => Some(Param::Delay(time(span)?)),
        ["older", "release"] => Some(Param::OlderRelease),
        ["multiple", "devices"] => Some(Param::MultipleDevices),
        ["persistent", "chat"] => Some(Param::PersistentChat),
        ["monitor", "authentication"] => Some(Param::MonitorAuthentication),
        _ => None,
    }
}
