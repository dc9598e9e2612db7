//! One line of a drill: from words to the step.

use std::time::Duration;

use takeover_core::ha::{Action, Reason, State};

use super::script::{
    Claim, Deed, Drill, LinkDeed, MovesDeed, PEOPLE, PowerDeed, ServiceDeed, Step,
};
use super::talk::{CLAIMS, TALK};
use super::weather::WEATHER;
use super::words::{ALARMS, Wrong, duration, number, one_of, service};

/// The steps, as they are documented and offered.
pub(super) const STEPS: [&str; 33] = [
    "wait TIME",
    "fail over NODE",
    "fall back NODE",
    "recover [NODE|PAIR]",
    "enable ha [NODE|PAIR]",
    "disable ha [NODE|PAIR]",
    "start SERVICE on NODE",
    "stop SERVICE on NODE",
    "restart SERVICE on NODE",
    "kill SERVICE on NODE",
    "panic SERVICE on NODE",
    "fail SERVICE on NODE",
    "spoil SERVICE on NODE",
    "mend SERVICE on NODE",
    "slow SERVICE on NODE TIME",
    "power on|off|cut NODE",
    "reboot NODE",
    "crash NODE",
    "cut NODE NODE",
    "cut NODE -> NODE",
    "heal NODE NODE",
    "block PORT NODE NODE",
    "delay NODE NODE TIME",
    "fail moves on NODE",
    "hold moves on NODE",
    "free moves on NODE",
    "break replication on NODE",
    "mend replication on NODE",
    "log in|out USER",
    "refused STEP",
    "see row ROW [within TIME]",
    "expect row ROW | NODE STATE [(REASON)] | NODE unreachable | USER online [at NODE] | USER offline | [no] alarm ALARM [within TIME]",
    "stay row ROW | NODE STATE [(REASON)] | ... for TIME",
];

/// The number of a row.
pub(super) fn row(word: &str) -> Result<u8, Wrong> {
    Ok(number("no row of the table", word, 1, 27)? as u8)
}

/// Reads steps; knows who takes part.
pub(super) struct Reader<'d> {
    /// The drill so far: its head says which nodes there are.
    pub(super) drill: &'d Drill,
}

impl Reader<'_> {
    pub(super) fn node(&self, word: &str) -> Result<String, Wrong> {
        one_of("no node", word, &self.drill.nodes())
    }

    pub(super) fn pair(&self, word: &str) -> Result<String, Wrong> {
        let names: Vec<&str> = self.drill.groups().iter().map(|(name, _)| *name).collect();
        one_of("no pair", word, &names)
    }

    pub(super) fn user(&self, word: &str) -> Result<String, Wrong> {
        let nodes = self.drill.nodes();
        let here = PEOPLE.iter().filter(|(_, home)| nodes.contains(home));
        let names: Vec<&str> = here.map(|(name, _)| *name).collect();
        one_of("no user", word, &names)
    }

    /// A line that is no head.
    pub(super) fn step(&self, line: &str) -> Result<Step, Wrong> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match *words {
            ["wait", time] => Ok(Step::Wait(duration(time)?)),
            ["refused", ref rest @ ..] => Ok(Step::Refused(self.deed(rest)?)),
            ["see", "row", number, ref rest @ ..] => Ok(Step::See(row(number)?, within(rest)?)),
            ["expect", ref rest @ ..] => {
                let (claim, time) = match rest.iter().rposition(|word| *word == "within") {
                    Some(at) => (&rest[..at], within(&rest[at..])?),
                    None => (rest, Duration::ZERO),
                };
                Ok(Step::Expect(self.claim(claim)?, time))
            }
            ["stay", ref claim @ .., "for", time] => {
                Ok(Step::Stay(self.claim(claim)?, duration(time)?))
            }
            ["enter" | "post" | "talk" | "hush", ..] => Ok(Step::Talk(self.talk(&words)?)),
            ref words => Ok(Step::Do(self.deed(words)?)),
        }
    }

    pub(super) fn deed(&self, words: &[&str]) -> Result<Deed, Wrong> {
        match *words {
            ["fail", "over", node] => Ok(Deed::OnNode(Action::Failover, self.node(node)?)),
            ["fall", "back", node] => Ok(Deed::OnNode(Action::Fallback, self.node(node)?)),
            ["recover", ref on @ ..] => self.action(Action::Recover, on),
            ["enable", "ha", ref on @ ..] => self.action(Action::EnableHa, on),
            ["disable", "ha", ref on @ ..] => self.action(Action::DisableHa, on),
            ["log", "in", user] => Ok(Deed::LogIn(self.user(user)?)),
            ["log", "out", user] => Ok(Deed::LogOut(self.user(user)?)),
            [verb, "moves", "on", node] => self.moves(verb, node),
            ["break", "replication", "on", node] => Ok(Deed::Replication(false, self.node(node)?)),
            ["mend", "replication", "on", node] => Ok(Deed::Replication(true, self.node(node)?)),
            ["power" | "reboot" | "crash", ..] => self.power(words),
            ["cut" | "heal" | "block" | "delay", ..] => self.link(words),
            [_, _, "on", ..] => self.service(words),
            _ => self.weather(words)?.ok_or_else(|| unknown(words)),
        }
    }

    /// An action on a node, on a pair, or on the first pair.
    fn action(&self, action: Action, on: &[&str]) -> Result<Deed, Wrong> {
        match *on {
            [] => Ok(Deed::OnPair(action, self.drill.groups()[0].0.to_owned())),
            [name] if name.starts_with("pair") => Ok(Deed::OnPair(action, self.pair(name)?)),
            [name] => Ok(Deed::OnNode(action, self.node(name)?)),
            [..] => Err(unknown(on)),
        }
    }

    fn moves(&self, verb: &str, node: &str) -> Result<Deed, Wrong> {
        let deed = match verb {
            "fail" => MovesDeed::Fail,
            "hold" => MovesDeed::Hold,
            "free" => MovesDeed::Free,
            _ => {
                return Err(Wrong::new(
                    "moves cannot be",
                    verb,
                    ["fail", "hold", "free"],
                ));
            }
        };
        Ok(Deed::Moves(deed, self.node(node)?))
    }

    fn power(&self, words: &[&str]) -> Result<Deed, Wrong> {
        let (deed, node) = match *words {
            ["power", "on", node] => (PowerDeed::On, node),
            ["power", "off", node] => (PowerDeed::Off, node),
            ["power", "cut", node] => (PowerDeed::Cut, node),
            ["reboot", node] => (PowerDeed::Reboot, node),
            ["crash", node] => (PowerDeed::Crash, node),
            _ => return Err(unknown(words)),
        };
        Ok(Deed::Power(deed, self.node(node)?))
    }

    fn link(&self, words: &[&str]) -> Result<Deed, Wrong> {
        let (deed, a, b) = match *words {
            ["cut", a, "->", b] => (LinkDeed::CutOneWay, a, b),
            ["cut", a, b] => (LinkDeed::Cut, a, b),
            ["heal", a, b] => (LinkDeed::Heal, a, b),
            ["block", port, a, b] => {
                let port = number("no port", port, 1, 65_535)? as u16;
                (LinkDeed::Block(port), a, b)
            }
            ["delay", a, b, time] => (LinkDeed::Delay(duration(time)?), a, b),
            _ => return Err(unknown(words)),
        };
        self.linked(deed, a, b)
    }

    /// A deed to the link between two nodes: one has none with itself.
    pub(super) fn linked(&self, deed: LinkDeed, a: &str, b: &str) -> Result<Deed, Wrong> {
        let (from, to) = (self.node(a)?, self.node(b)?);
        if from != to {
            return Ok(Deed::Link(deed, from, to));
        }
        let mut others = self.drill.nodes();
        others.retain(|other| *other != from);
        Err(Wrong::new("no link of a node with itself", b, others))
    }

    fn service(&self, words: &[&str]) -> Result<Deed, Wrong> {
        let (deed, kind, node) = match *words {
            ["slow", kind, "on", node, time] => (ServiceDeed::Slow(duration(time)?), kind, node),
            [verb, kind, "on", node] => {
                let deed = match verb {
                    "start" => ServiceDeed::Start,
                    "stop" => ServiceDeed::Stop,
                    "restart" => ServiceDeed::Restart,
                    "kill" => ServiceDeed::Kill,
                    "panic" => ServiceDeed::Panic,
                    "fail" => ServiceDeed::Fail,
                    "spoil" => ServiceDeed::Spoil,
                    "mend" => ServiceDeed::Mend,
                    _ => return Err(unknown(words)),
                };
                (deed, kind, node)
            }
            _ => return Err(unknown(words)),
        };
        Ok(Deed::Service(deed, service(kind)?, self.node(node)?))
    }

    fn claim(&self, words: &[&str]) -> Result<Claim, Wrong> {
        match *words {
            ["row", number] => Ok(Claim::Row {
                pair: self.drill.groups()[0].0.to_owned(),
                row: row(number)?,
            }),
            [pair, "row", number] => Ok(Claim::Row {
                pair: self.pair(pair)?,
                row: row(number)?,
            }),
            ["alarm", name] => Ok(Claim::Alarm(one_of("no alarm", name, &ALARMS)?)),
            ["no", "alarm", name] => Ok(Claim::NoAlarm(one_of("no alarm", name, &ALARMS)?)),
            ["rooms", "of", ..]
            | ["nothing", "lost", ..]
            | [_, "inside" | "stayed" | "heard" | "recalls", ..] => self.talked(words),
            [user, "online"] => Ok(Claim::Online(self.user(user)?, None)),
            [user, "online", "at", node] => {
                Ok(Claim::Online(self.user(user)?, Some(self.node(node)?)))
            }
            [user, "offline"] => Ok(Claim::Offline(self.user(user)?)),
            [node, "unreachable"] => Ok(Claim::Unreachable(self.node(node)?)),
            [node, ref state @ ..] if !state.is_empty() => {
                let (state, reason) = state_and_reason(&state.join(" "))?;
                Ok(Claim::Node {
                    node: self.node(node)?,
                    state,
                    reason,
                })
            }
            _ => Err(Wrong::new(
                "no expectation",
                &words.join(" "),
                STEPS.into_iter().skip(29).chain(CLAIMS),
            )),
        }
    }
}

/// `within TIME`, or nothing.
fn within(words: &[&str]) -> Result<Duration, Wrong> {
    match *words {
        [] => Ok(Duration::ZERO),
        ["within", time] => duration(time),
        _ => Err(Wrong::new("no limit", &words.join(" "), ["within TIME"])),
    }
}

/// `STATE` or `STATE (REASON)`, as the table names them.
fn state_and_reason(text: &str) -> Result<(State, Option<Reason>), Wrong> {
    let (state, reason) = match text.split_once('(') {
        Some((state, reason)) => (state.trim(), Some(reason.trim_end_matches(')').trim())),
        None => (text.trim(), None),
    };
    let known = State::from_name(state)
        .ok_or_else(|| Wrong::new("no state", state, State::ALL.map(State::name)))?;
    let reason = match reason {
        None => None,
        Some(name) => Some(
            Reason::from_name(name)
                .ok_or_else(|| Wrong::new("no reason", name, Reason::ALL.map(Reason::name)))?,
        ),
    };
    Ok((known, reason))
}

/// The steps that begin like what was typed; all if none does.
fn unknown(words: &[&str]) -> Wrong {
    let first = words.first().copied().unwrap_or_default();
    let steps = || STEPS.into_iter().chain(WEATHER).chain(TALK);
    let alike: Vec<&str> = steps()
        .filter(|step| step.split(' ').next() == Some(first))
        .collect();
    let offered = if alike.is_empty() {
        steps().collect()
    } else {
        alike
    };
    Wrong::new("no step", &words.join(" "), offered)
}
