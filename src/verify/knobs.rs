//! The knobs of a schedule: how large the world is, who talks how much, when the operator looks.

use std::fmt;
use std::time::Duration;

use takeover_core::params::Param;

use crate::drill::time;
use crate::drill::words::{Wrong, duration, number};

/// Users at most: more than any node profile of chapter 1 carries would be refused by the lab.
const USERS: u64 = 25_000;

/// How large the world of a schedule is and what goes on in it beside the faults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Knobs {
    /// How long the schedule is, in protocol time, from the moment everybody is online.
    pub length: Duration,
    /// Pairs of nodes, 1 to 3, in one cluster.
    pub pairs: u8,
    /// Users, spread over all nodes (USR-1), each with a client that is logged in.
    pub users: u64,
    /// Persistent rooms, spread over all nodes; every user is in one of them.
    pub rooms: u64,
    /// Users who talk: to two others and into their room, in turn.
    pub talkers: u64,
    /// About how often each of them says something while there is talk.
    pub every: Duration,
    /// How long before a fault the talk begins. Between the faults all are silent, so that quiet
    /// stretches cost next to nothing.
    pub before: Duration,
    /// How long after the end of a fault the talk goes on.
    pub after: Duration,
    /// Users who log out when a talk begins and in again when it ends.
    pub away: u64,
    /// Pairs of users who see each other's presence.
    pub contacts: u64,
    /// How long a word is under way between a client that hands its stanzas over and its node.
    pub distance: Duration,
    /// How often the operator looks and does what the state table recommends.
    pub operator: Duration,
    /// Parameters that are not at their defaults, by their names in chapter 2.
    pub parameters: Vec<(String, String)>,
}

impl Default for Knobs {
    /// The world of the fault search: one cluster of three pairs, 300 users, 30 rooms, 24 hours.
    fn default() -> Self {
        Self {
            length: Duration::from_secs(24 * 3600),
            pairs: 3,
            users: 300,
            rooms: 30,
            talkers: 30,
            every: Duration::from_secs(120),
            before: Duration::from_secs(60),
            after: Duration::from_secs(15 * 60),
            away: 5,
            contacts: 30,
            distance: Duration::ZERO,
            operator: Duration::from_secs(20 * 60),
            parameters: Vec::new(),
        }
    }
}

/// The lines that a plan may have on its knobs, as they are documented and offered.
pub(super) const HEADS: [&str; 12] = [
    "seed NUMBER",
    "length TIME",
    "pairs 1|2|3",
    "users NUMBER",
    "rooms NUMBER",
    "talkers NUMBER every TIME",
    "talk TIME before and TIME after",
    "away NUMBER",
    "contacts NUMBER",
    "distance TIME",
    "operator every TIME",
    "set PARAMETER = VALUE",
];

impl Knobs {
    /// Reads a line on a knob; whether it is one.
    pub(super) fn read(&mut self, line: &str) -> Result<bool, Wrong> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let count = |word, high| number("no such number", word, 0, high);
        match *words {
            ["length", span] => self.length = duration(span)?,
            ["pairs", pairs] => self.pairs = number("no number of pairs", pairs, 1, 3)? as u8,
            ["users", users] => self.users = number("no number of users", users, 1, USERS)?,
            ["rooms", rooms] => self.rooms = count(rooms, USERS)?,
            ["talkers", talkers, "every", span] => {
                self.talkers = count(talkers, USERS)?;
                self.every = positive(span)?;
            }
            ["talk", before, "before", "and", after, "after"] => {
                (self.before, self.after) = (duration(before)?, duration(after)?);
            }
            ["away", away] => self.away = count(away, USERS)?,
            ["contacts", contacts] => self.contacts = count(contacts, USERS)?,
            ["distance", span] => self.distance = duration(span)?,
            ["operator", "every", span] => self.operator = positive(span)?,
            ["set", ..] => self.set(line.trim_start_matches("set").trim())?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn set(&mut self, text: &str) -> Result<(), Wrong> {
        let offer = ["set PARAMETER = VALUE"];
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| Wrong::new("no setting", text, offer))?;
        let name = name.trim();
        if Param::named(name).is_none() {
            let names = Param::all().map(|spec| spec.name);
            return Err(Wrong::new("no parameter", name, names));
        }
        let setting = (name.to_owned(), value.trim().to_owned());
        self.parameters.push(setting);
        Ok(())
    }

    /// The parameter as it is set here, if it is.
    #[must_use]
    pub fn is_on(&self, parameter: &str) -> bool {
        let mut set = self.parameters.iter();
        set.any(|(name, value)| name == parameter && value == "true")
    }
}

fn positive(word: &str) -> Result<Duration, Wrong> {
    let span = duration(word)?;
    match span.is_zero() {
        true => Err(Wrong::new("no interval", word, ["more than 0s"])),
        false => Ok(span),
    }
}

impl fmt::Display for Knobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "length {}", time(self.length))?;
        writeln!(f, "pairs {}", self.pairs)?;
        writeln!(f, "users {}", self.users)?;
        writeln!(f, "rooms {}", self.rooms)?;
        writeln!(f, "talkers {} every {}", self.talkers, time(self.every))?;
        let (before, after) = (time(self.before), time(self.after));
        writeln!(f, "talk {before} before and {after} after")?;
        writeln!(f, "away {}", self.away)?;
        writeln!(f, "contacts {}", self.contacts)?;
        writeln!(f, "distance {}", time(self.distance))?;
        writeln!(f, "operator every {}", time(self.operator))?;
        for (name, value) in &self.parameters {
            writeln!(f, "set {name} = {value}")?;
        }
        Ok(())
    }
}
