//! The cases that are made: each start of the table with each thing that can befall it, and what the
//! machine makes of it at once, after a second, and when the pair has come to rest.

use std::fmt::Write as _;

use takeover_core::ha::{HaParams, Reason, State};

use super::deed::Deed;
use super::run::{REST, alarm, history, views};
use super::start::{STARTS, start};
use crate::sim::{Pair, secs};

/// Where they are.
pub const FOLDER: &str = "table";

/// What can befall a pair, in the words of a case.
const DEEDS: [&str; 31] = [
    "fail over A",
    "fail over B",
    "fall back A",
    "fall back B",
    "recover",
    "recover A",
    "enable",
    "disable",
    "disable A",
    "stop router A",
    "stop router B",
    "start router A",
    "start router B",
    "database A down",
    "database B down",
    "database A up",
    "database B up",
    "crash A",
    "crash B",
    "shut down A",
    "shut down B",
    "power on A",
    "kill srm A",
    "kill srm B",
    "restart srm A",
    "restart srm B",
    "start srm A",
    "cut",
    "mute A",
    "mute B",
    "heal",
];

/// Whether a deed means anything to a pair as it is.
fn applies(pair: &Pair, deed: Deed) -> bool {
    let host = |i: usize| &pair.hosts[i];
    match deed {
        Deed::Act(i, _) | Deed::ShutDown(i) | Deed::KillSrm(i) => host(i).srm.is_some(),
        Deed::ActOnBoth(_) => pair.hosts.iter().any(|host| host.srm.is_some()),
        Deed::Stop(i, kind) => host(i).powered && !host(i).down.contains(kind),
        Deed::Start(i, kind) => host(i).powered && host(i).down.contains(kind),
        Deed::Database(i, up) => host(i).powered && host(i).database_down == up,
        Deed::Crash(i) | Deed::RestartSrm(i) => host(i).powered,
        Deed::PowerOn(i) => !host(i).powered,
        Deed::StartSrm(i) => host(i).powered && host(i).srm.is_none(),
        Deed::Cut => pair.link == [true, true],
        Deed::Mute(i) => pair.link[i],
        Deed::Heal => pair.link != [true, true],
        Deed::Delay(..)
        | Deed::Break(..)
        | Deed::Mend(_)
        | Deed::Unreplicated(_)
        | Deed::TooEarly(_) => false,
    }
}

/// Every made case: its file and its text.
pub fn all() -> Vec<(String, String)> {
    let mut made = Vec::new();
    for (name, _) in STARTS {
        for words in DEEDS {
            let pair = start(name, HaParams::default()).expect("a start of the list");
            let deed = Deed::read(&words.split(' ').collect::<Vec<_>>()).expect("a deed");
            if applies(&pair, deed) {
                let file = format!("{FOLDER}/{}/{}.case", file_name(name), file_name(words));
                made.push((file, text(name, words, deed, pair)));
            }
        }
    }
    made
}

fn file_name(words: &str) -> String {
    words.to_lowercase().replace(' ', "-")
}

fn text(start: &str, words: &str, deed: Deed, mut pair: Pair) -> String {
    let mut text =
        format!("made from the table: UPDATE=1 writes it anew\n\nstart {start}\ndo {words}\n");
    deed.carry_out(&mut pair);
    for (i, name) in ["A", "B"].iter().enumerate() {
        for refusal in &pair.hosts[i].refusals {
            let word = |action: &takeover_core::ha::Action| action.name().replace(' ', "-");
            let allowed: Vec<String> = refusal.allowed.iter().map(word).collect();
            let _ = write!(text, "refused {name} {}", word(&refusal.action));
            let tail = if allowed.is_empty() { "" } else { " allowed " };
            let _ = writeln!(text, "{tail}{}", allowed.join(" "));
        }
    }
    states(&mut text, &pair);
    text.push_str("wait 1s\n");
    pair.run(secs(1));
    states(&mut text, &pair);
    text.push_str("wait 30m\n");
    pair.run(REST);
    states(&mut text, &pair);
    outcome(&mut text, &pair);
    text
}

fn states(text: &mut String, pair: &Pair) {
    for (i, name) in ["A", "B"].iter().enumerate() {
        let _ = match pair.state(i) {
            Some((state, reason)) => writeln!(text, "is {name} {state} ({reason})"),
            None => writeln!(text, "is {name} unreachable"),
        };
    }
}

/// At rest: the row, whose users are where, what happened on the way.
fn outcome(text: &mut String, pair: &Pair) {
    let rows: Vec<Option<u8>> = views(pair)
        .into_iter()
        .map(|[a, b]| takeover_core::ha::table::find(a, b).map(|found| found.row.number))
        .collect();
    if let [Some(row)] = rows[..] {
        let _ = writeln!(text, "is row {row}");
    }
    for (home, name) in ["A", "B"].iter().enumerate() {
        let _ = writeln!(text, "users of {name} at {}", ["A", "B"][pair.owner[home]]);
    }
    let _ = writeln!(text, "moves {}", pair.moves.len());
    for (i, name) in ["A", "B"].iter().enumerate() {
        let one = |(state, reason): &(State, Reason)| format!("{state} ({reason})");
        let told: Vec<String> = history(pair, i).iter().map(one).collect();
        let line = format!("history {name} {}", told.join(" > "));
        let _ = writeln!(text, "{}", line.trim_end());
    }
    for (i, name) in ["A", "B"].iter().enumerate() {
        let mut raised: Vec<&str> = pair.hosts[i].alarms.iter().map(alarm).collect();
        raised.sort_unstable();
        raised.dedup();
        for alarm in raised {
            let _ = writeln!(text, "alarm {name} {alarm}");
        }
    }
}
