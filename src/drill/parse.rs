//! From the text of a drill to the drill.

use takeover_core::params::Param;

use super::reader::{Reader, STEPS, row};
use super::script::{Drill, Engine, Line, PEOPLE};
use super::words::{ScriptError, Wrong, number, one_of};

/// The head lines, as they are documented and offered.
pub(super) const HEADS: [&str; 8] = [
    "title TEXT",
    "about TEXT",
    "shows ROW ...",
    "seed NUMBER",
    "pairs 1|2|3",
    "set PARAMETER = VALUE",
    "engines own|postgresql ...",
    "forgetful USER ...",
];

/// Reads a drill. `file` is named in errors; `name` is the drill's.
///
/// # Errors
/// [`ScriptError`] with file, line, what was typed and what is allowed, for the first line that is
/// wrong.
pub fn parse(file: &str, name: &str, text: &str) -> Result<Drill, ScriptError> {
    let mut drill = Drill {
        name: name.to_owned(),
        ..Drill::cast(1)
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
        "seed" => drill.seed = number("no seed", rest, 0, u64::MAX)?,
        "engines" => {
            drill.engines = rest
                .split_whitespace()
                .map(engine)
                .collect::<Result<_, _>>()?;
            if drill.engines.is_empty() {
                return Err(Wrong::new("no engine", rest, Engine::NAMES));
            }
        }
        "forgetful" => {
            for word in rest.split_whitespace() {
                let known = PEOPLE.map(|(name, _)| name);
                drill.forgetful.push(one_of("no user", word, &known)?);
            }
        }
        "pairs" => drill.pairs = number("so many pairs there are not", rest, 1, 3)? as u8,
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

fn engine(word: &str) -> Result<Engine, Wrong> {
    match word {
        "own" => Ok(Engine::Own),
        "postgresql" => Ok(Engine::PostgreSql),
        _ => Err(Wrong::new("no engine", word, Engine::NAMES)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use takeover_core::ha::{Reason, State};

    use super::super::script::{Claim, Step};
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
            "crash 1A",
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
            "enter andy at 1A",
            "post bob at 1A is anybody here?",
            "talk andy at 1B every 3s",
            "hush andy",
            "expect andy inside 1A within 1m",
            "stay bob stayed 1A for 2m",
            "expect andy heard is anybody here? within 10s",
            "expect andy recalls is anybody here?",
            "expect rooms of 1A at 1B",
            "expect nothing lost at 1A within 5m",
            "stay row 1 for 2m",
        ];
        for example in examples {
            assert!(step(example).is_ok(), "{example}: {:?}", step(example));
        }
    }

    /// What is read is written in the same words.
    #[test]
    fn a_deed_is_written_as_it_is_read() {
        for text in [
            "fail over 1A",
            "fall back 1A",
            "recover pair-1",
            "disable ha 1B",
            "fail tc on 1A",
            "slow tc on 1A 30s",
            "power cut 1A",
            "reboot 1B",
            "crash 1B",
            "cut 1A -> 1B",
            "block 22001 1A 1B",
            "delay 1A 1B 80ms",
            "lose 25 1A 1B",
            "double 100 1A 1B",
            "shuffle 1.250s 1A 1B",
            "hold 1A 1B",
            "release 1A 1B",
            "free moves on 1A",
            "break replication on 1A",
            "database pair-1 down",
            "database pair-1 slow 250ms",
            "database pair-1 forgets 3",
            "dns down",
            "dns up 1B",
            "drift 1A -20000",
            "lag 1B 0.500ms",
            "drop clients of 1A",
            "log in andy",
        ] {
            match step(text) {
                Ok(Step::Do(deed)) => assert_eq!(deed.to_string(), text),
                other => panic!("{text}: {other:?}"),
            }
        }
        for wrong in [
            "lose 101 1A 1B",
            "drift 1A 100001",
            "database pair-1 lost",
            "dns 1A",
        ] {
            assert!(step(wrong).is_err(), "{wrong}");
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
            (
                "cut 1B 1B",
                "x.drill:2: no link of a node with itself: \"1B\"; allowed: 1A",
            ),
            (
                "lose 5 1A 1A",
                "x.drill:2: no link of a node with itself: \"1A\"; allowed: 1B",
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
        for (head, expected) in [
            (
                "engines oracle",
                "x.drill:2: no engine: \"oracle\"; allowed: own, postgresql",
            ),
            ("engines", "x.drill:2: no engine: \"\"; allowed: own"),
            (
                "forgetful emil",
                "x.drill:2: no user: \"emil\"; allowed: andy, bob",
            ),
        ] {
            let said = parse("x.drill", "x", &format!("title x\n{head}\nwait 1s\n"));
            let said = said.unwrap_err().to_string();
            assert!(said.starts_with(expected), "{said}");
        }
        let late = parse("x.drill", "x", "title x\nwait 1s\nseed 3\n").unwrap_err();
        assert_eq!(late.line, 3);
        assert!(parse("x.drill", "x", "wait 1s").is_err());
    }
}
