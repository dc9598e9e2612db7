//! From the text of a drill to the drill.

use std::time::Duration;

use takeover_core::ha::{Action, Reason, State};
use takeover_core::params::Param;

use super::script::{
    Claim, Deed, Drill, Line, LinkDeed, MovesDeed, PEOPLE, PowerDeed, ServiceDeed, Step,
};
use super::words::{ALARMS, ScriptError, Wrong, duration, number, one_of, service};

/// The head lines, as they are documented and offered.
pub(super) const HEADS: [&str; 6] = [
    "title TEXT",
    "about TEXT",
    "shows ROW ...",
    "seed NUMBER",
    "pairs 1|2",
    "set PARAMETER = VALUE",
];

/// The steps, as they are documented and offered.
pub(super) const STEPS: [&str; 31] = [
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
    "spoil SERVICE on NODE",
    "mend SERVICE on NODE",
    "slow SERVICE on NODE TIME",
    "power on|off|cut NODE",
    "reboot NODE",
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

/// Reads a drill. `file` is named in errors; `name` is the drill's.
///
/// # Errors
/// [`ScriptError`] with file, line, what was typed and what is allowed, for the first line that is
/// wrong.
pub fn parse(file: &str, name: &str, text: &str) -> Result<Drill, ScriptError> {
    let mut drill = Drill {
        name: name.to_owned(),
        title: String::new(),
        about: Vec::new(),
        shows: Vec::new(),
        seed: 1,
        pairs: 1,
        parameters: Vec::new(),
        steps: Vec::new(),
    };
    let at = |line: usize| {
        move |wrong: Wrong| ScriptError {
            file: file.to_owned(),
            line,
            what: wrong.what.to_owned(),
            typed: wrong.typed,
            allowed: wrong.allowed,
        }
    };
    for (index, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if !line.is_empty() {
            read_line(&mut drill, index + 1, line).map_err(at(index + 1))?;
        }
    }
    let last = text.lines().count().max(1);
    if drill.title.is_empty() {
        return Err(at(1)(Wrong::new(
            "a drill begins with its title",
            "",
            ["title TEXT"],
        )));
    }
    if drill.steps.is_empty() {
        return Err(at(last)(Wrong::new("a drill has a step", "", STEPS)));
    }
    Ok(drill)
}

fn read_line(drill: &mut Drill, number: usize, line: &str) -> Result<(), Wrong> {
    let (first, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let is_head = HEADS
        .iter()
        .any(|head| head.split(' ').next() == Some(first));
    if is_head {
        if drill.steps.is_empty() {
            return read_head(drill, first, rest.trim());
        }
        return Err(Wrong::new(
            "the head ends where the steps begin",
            line,
            STEPS,
        ));
    }
    let step = Reader { drill }.step(line)?;
    drill.steps.push(Line {
        number,
        text: line.to_owned(),
        step,
    });
    Ok(())
}

fn read_head(drill: &mut Drill, first: &str, rest: &str) -> Result<(), Wrong> {
    match first {
        "title" => rest.clone_into(&mut drill.title),
        "about" => drill.about.push(rest.to_owned()),
        "shows" => {
            for word in rest.split_whitespace() {
                drill.shows.push(row(word)?);
            }
        }
        "seed" => drill.seed = self::number("no seed", rest, 0, u64::MAX)?,
        "pairs" => drill.pairs = self::number("so many pairs there are not", rest, 1, 2)? as u8,
        _ => {
            let (name, value) = rest
                .split_once('=')
                .ok_or_else(|| Wrong::new("no setting", rest, ["set PARAMETER = VALUE"]))?;
            let name = name.trim();
            if Param::named(name).is_none() {
                return Err(Wrong::new(
                    "no parameter",
                    name,
                    Param::all().map(|spec| spec.name),
                ));
            }
            drill
                .parameters
                .push((name.to_owned(), value.trim().to_owned()));
        }
    }
    Ok(())
}

fn row(word: &str) -> Result<u8, Wrong> {
    Ok(number("no row of the table", word, 1, 27)? as u8)
}

/// Reads steps; knows who takes part.
struct Reader<'d> {
    drill: &'d Drill,
}

impl Reader<'_> {
    fn node(&self, word: &str) -> Result<String, Wrong> {
        one_of("no node", word, &self.drill.nodes())
    }

    fn pair(&self, word: &str) -> Result<String, Wrong> {
        let names: Vec<&str> = self.drill.groups().iter().map(|(name, _)| *name).collect();
        one_of("no pair", word, &names)
    }

    fn user(&self, word: &str) -> Result<String, Wrong> {
        let nodes = self.drill.nodes();
        let here = PEOPLE.iter().filter(|(_, home)| nodes.contains(home));
        let names: Vec<&str> = here.map(|(name, _)| *name).collect();
        one_of("no user", word, &names)
    }

    fn step(&self, line: &str) -> Result<Step, Wrong> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match *words {
            ["wait", time] => Ok(Step::Wait(duration(time)?)),
            ["refused", ref rest @ ..] => Ok(Step::Refused(self.deed(rest)?)),
            ["see", "row", number, ref rest @ ..] => Ok(Step::See(row(number)?, within(rest)?)),
            ["expect", ref rest @ ..] => {
                let (claim, time) = match rest.iter().position(|word| *word == "within") {
                    Some(at) => (&rest[..at], within(&rest[at..])?),
                    None => (rest, Duration::ZERO),
                };
                Ok(Step::Expect(self.claim(claim)?, time))
            }
            ["stay", ref claim @ .., "for", time] => {
                Ok(Step::Stay(self.claim(claim)?, duration(time)?))
            }
            ref words => Ok(Step::Do(self.deed(words)?)),
        }
    }

    fn deed(&self, words: &[&str]) -> Result<Deed, Wrong> {
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
            ["power" | "reboot", ..] => self.power(words),
            ["cut" | "heal" | "block" | "delay", ..] => self.link(words),
            [_, _, "on", ..] => self.service(words),
            _ => Err(unknown(words)),
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
        Ok(Deed::Link(deed, self.node(a)?, self.node(b)?))
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
                STEPS.into_iter().skip(28),
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
    let alike: Vec<&str> = STEPS
        .into_iter()
        .filter(|step| step.split(' ').next() == Some(first))
        .collect();
    let offered = if alike.is_empty() {
        STEPS.to_vec()
    } else {
        alike
    };
    Wrong::new("no step", &words.join(" "), offered)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(text: &str) -> Result<Step, String> {
        let whole = format!("title x\n{text}\n");
        parse("x.drill", "x", &whole)
            .map(|drill| drill.steps[0].step.clone())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_whole_drill_is_read() {
        let text = "title T  # said\nshows 2 3\nset Keep Alive Interval = 10\npairs 2\n\n\
                    fail over 2A\nstay pair-2 row 3 for 2h\n";
        let drill = parse("x.drill", "x", text).unwrap();
        assert_eq!(
            (drill.title.as_str(), drill.shows.as_slice()),
            ("T", &[2, 3][..])
        );
        assert_eq!(drill.steps[1].number, 7);
        let claim = Claim::Row {
            pair: "pair-2".into(),
            row: 3,
        };
        assert_eq!(
            drill.steps[1].step,
            Step::Stay(claim, Duration::from_secs(7200))
        );
    }

    #[test]
    fn states_have_the_names_of_the_table() {
        let wanted = Claim::Node {
            node: "1B".into(),
            state: State::Backup,
            reason: Some(Reason::AdminRequest),
        };
        let line = "expect 1B Running in Backup Mode (On Admin Request) within 90s";
        assert_eq!(
            step(line),
            Ok(Step::Expect(wanted, Duration::from_secs(90)))
        );
    }

    /// Every documented step with its places filled in is understood.
    #[test]
    fn every_documented_step_is_read() {
        let examples = [
            "wait 1.5s",
            "fail over 1A",
            "fall back 1A",
            "recover",
            "recover 1A",
            "enable ha pair-1",
            "disable ha 1B",
            "start tc on 1A",
            "stop tc on 1A",
            "restart srm on 1A",
            "kill srm on 1B",
            "panic tc on 1A",
            "spoil tc on 1A",
            "mend tc on 1A",
            "slow tc on 1A 30s",
            "power cut 1A",
            "reboot 1A",
            "cut 1A 1B",
            "cut 1A -> 1B",
            "heal 1A 1B",
            "block 22001 1A 1B",
            "delay 1A 1B 80ms",
            "fail moves on 1A",
            "hold moves on 1A",
            "free moves on 1A",
            "break replication on 1A",
            "mend replication on 1A",
            "log in andy",
            "log out bob",
            "refused fall back 1A",
            "see row 2 within 5s",
            "see row 2",
            "expect row 3",
            "expect 1A unreachable",
            "expect andy online at 1B",
            "expect andy offline",
            "expect alarm split-brain within 1m",
            "expect no alarm peer-lost",
            "expect no alarm peer-lost",
            "stay row 1 for 2m",
        ];
        for example in examples {
            assert!(step(example).is_ok(), "{example}: {:?}", step(example));
        }
    }

    /// An error says where, what was typed and what is allowed.
    #[test]
    fn errors_name_the_place_the_word_and_what_is_allowed() {
        for (line, expected) in [
            (
                "fail ower 1A",
                "x.drill:2: no step: \"fail ower 1A\"; allowed: fail over NODE",
            ),
            (
                "fail over 1C",
                "x.drill:2: no node: \"1C\"; allowed: 1A, 1B",
            ),
            (
                "stop tcp on 1A",
                "x.drill:2: no service: \"tcp\"; allowed: database",
            ),
            ("wait 5", "x.drill:2: no time: \"5\"; allowed: 500ms, 90s"),
            (
                "expect row 28",
                "x.drill:2: no row of the table: \"28\"; allowed: 1 to 27",
            ),
            (
                "expect 1A Asleep",
                "x.drill:2: no state: \"Asleep\"; allowed: Initializing",
            ),
            (
                "log in deborah",
                "x.drill:2: no user: \"deborah\"; allowed: andy, bob",
            ),
            (
                "set Colour = red",
                "x.drill:2: no parameter: \"Colour\"; allowed: ",
            ),
        ] {
            let said = step(line).unwrap_err();
            assert!(said.starts_with(expected), "{said}");
        }
        let late = parse("x.drill", "x", "title x\nwait 1s\nseed 3\n").unwrap_err();
        assert_eq!(late.line, 3);
        assert!(parse("x.drill", "x", "wait 1s").is_err());
    }
}
