//! A case, carried out.

use std::collections::BTreeSet;
use std::time::Duration;

use takeover_core::ha::table::{self, Seen};
use takeover_core::ha::{Alarm, Detection, HaParams, Reason, ServiceSet, State, edges};

use super::case::{Case, Line, Param};
use super::start::start;
use crate::sim::{Pair, secs};

/// Carries a case out: what is wrong with it, by file and line.
pub fn run(case: &Case) -> Result<(), String> {
    let mut pair = None;
    let mut params = HaParams::default();
    for (number, line) in &case.lines {
        let wrong = |why: String| format!("{}:{number}: {why}", case.name);
        match (line, &mut pair) {
            (Line::Set(param), None) => set(&mut params, *param),
            (Line::Start(name), None) => {
                let begun = start(name, params.clone());
                pair = Some(begun.ok_or_else(|| wrong(format!("no start: {name:?}")))?);
            }
            (Line::Set(_) | Line::Start(_), Some(_)) => {
                return Err(wrong("a case starts once".to_owned()));
            }
            (_, None) => return Err(wrong("a case begins with its start".to_owned())),
            (line, Some(pair)) => go_on(pair, line).map_err(wrong)?,
        }
    }
    let mut pair = pair.ok_or_else(|| format!("{}: nothing happens", case.name))?;
    judge(&mut pair).map_err(|why| format!("{}: {why}", case.name))
}

/// The changes from state to state that a case goes through.
pub fn edges(case: &Case) -> BTreeSet<(State, State)> {
    let mut params = HaParams::default();
    let mut pair: Option<Pair> = None;
    for (_, line) in &case.lines {
        match (line, &mut pair) {
            (Line::Set(param), _) => set(&mut params, *param),
            (Line::Start(name), _) => pair = start(name, params.clone()),
            (line, Some(pair)) => drop(go_on(pair, line)),
            (_, None) => {}
        }
    }
    let changes = pair.iter().flat_map(|pair| &pair.hosts);
    let changes = changes.flat_map(|host| &host.changes);
    changes
        .map(|(_, change)| (change.from, change.to))
        .filter(|(from, to)| from != to)
        .collect()
}

/// What holds in every case: it ends at rest in the table (HA-14), along legal edges only.
fn judge(pair: &mut Pair) -> Result<(), String> {
    pair.run(REST);
    let states = [pair.state(0), pair.state(1)];
    let stable = states.iter().flatten().all(|(state, _)| state.is_stable());
    let views = views(pair);
    let known = views.iter().all(|[a, b]| table::find(*a, *b).is_some());
    if !stable || !known {
        return Err(format!("rests outside the table: {states:?}"));
    }
    for (name, host) in ["A", "B"].iter().zip(&pair.hosts) {
        for (at, change) in &host.changes {
            if change.from != change.to && !edges::is_legal(change.from, change.to) {
                return Err(format!("illegal edge of {name} at {at}: {change}"));
            }
        }
    }
    Ok(())
}

fn set(params: &mut HaParams, param: Param) {
    let keep_alive = |detection: Detection| match detection {
        Detection::KeepAlive { interval, timeout } => (interval, timeout),
        Detection::ConnectTimeout { interval, .. } => (interval, interval * 4),
    };
    let (interval, timeout) = keep_alive(params.detection);
    match param {
        Param::AutomaticFallback => params.automatic_fallback = Some(HaParams::FALLBACK_HEALTH),
        Param::Interval(interval) => params.detection = Detection::KeepAlive { interval, timeout },
        Param::Timeout(timeout) => params.detection = Detection::KeepAlive { interval, timeout },
        Param::InitializationTimeout(span) => params.initialization_timeout = span,
        Param::Delay(span) => params.critical_service_delay = span,
        Param::OlderRelease => {
            params.detection = Detection::ConnectTimeout {
                interval: secs(60),
                connect_timeout: secs(30),
            };
        }
        Param::MultipleDevices => {
            params.detection = Detection::KeepAlive {
                interval: interval * 2,
                timeout: timeout * 2,
            };
            params.initialization_timeout *= 2;
        }
        Param::PersistentChat => params.critical = ServiceSet::critical(true, false),
        Param::MonitorAuthentication => params.critical = ServiceSet::critical(false, true),
    }
}

fn go_on(pair: &mut Pair, line: &Line) -> Result<(), String> {
    match line {
        Line::Set(_) | Line::Start(_) => Ok(()),
        Line::Do(deed) => {
            deed.carry_out(pair);
            Ok(())
        }
        Line::Wait(span) => {
            pair.run(*span);
            Ok(())
        }
        expected => check(pair, expected),
    }
}

fn check(pair: &Pair, line: &Line) -> Result<(), String> {
    match line {
        Line::IsRow(row) => is_row(pair, *row),
        Line::Is(i, wanted) => same("the state", &pair.state(*i), wanted),
        Line::Users(home, owner) => {
            let names = ["A", "B"];
            let is = names[pair.owner[*home]];
            same(
                "the users are",
                &format!("at {is}"),
                &format!("at {}", names[*owner]),
            )
        }
        Line::Services(i, up) => {
            let down = pair.hosts[*i].down.and(pair.params.critical);
            same("services up", &down.is_empty(), up)
        }
        Line::Moves(count) => same("moves", &pair.moves.len(), count),
        Line::History(i, wanted) => same("history", &history(pair, *i), wanted),
        Line::Refused(i, action, allowed) => {
            let refusal = pair.hosts[*i].refusals.last();
            let refusal = refusal.filter(|refusal| refusal.action == *action);
            let refusal = refusal.ok_or_else(|| format!("{action} was not refused"))?;
            same("allowed", &refusal.allowed, allowed)
        }
        Line::Alarm(i, name, wanted) => {
            let raised: BTreeSet<&str> = pair.hosts[*i].alarms.iter().map(alarm).collect();
            if raised.contains(name.as_str()) == *wanted {
                return Ok(());
            }
            Err(format!("alarms raised: {raised:?}"))
        }
        Line::Stale(i) if pair.hosts[*i].stale.is_empty() => Err("nothing was dropped".to_owned()),
        Line::Stale(_) | Line::Set(_) | Line::Start(_) | Line::Do(_) | Line::Wait(_) => Ok(()),
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, is: &T, wanted: &T) -> Result<(), String> {
    if is == wanted {
        return Ok(());
    }
    Err(format!("{what}: expected {wanted:?}, found {is:?}"))
}

/// The row, with `A` as node 1 where the two differ. A pair that is cut is looked at from either side.
pub fn is_row(pair: &Pair, row: u8) -> Result<(), String> {
    let found: Vec<Option<u8>> = views(pair)
        .into_iter()
        .map(|[a, b]| table::find(a, b).map(|found| found.row.number))
        .collect();
    if found.iter().all(|found| *found == Some(row)) && !found.is_empty() {
        return Ok(());
    }
    let states = [pair.state(0), pair.state(1)];
    Err(format!("expected row {row}, found {found:?}: {states:?}"))
}

/// What can be seen of the pair: from either side if the link is cut.
pub fn views(pair: &Pair) -> Vec<[Seen; 2]> {
    let seen = |i: usize| {
        pair.state(i).map_or(Seen::Unreachable, |(state, reason)| {
            Seen::Reachable(state, reason)
        })
    };
    let (a, b) = (seen(0), seen(1));
    let views = match pair.link {
        [true, true] => vec![[a, b]],
        [true, false] => vec![[a, Seen::Unreachable]],
        [false, true] => vec![[Seen::Unreachable, b]],
        [false, false] => vec![[a, Seen::Unreachable], [Seen::Unreachable, b]],
    };
    let nobody = [Seen::Unreachable; 2];
    views.into_iter().filter(|view| *view != nobody).collect()
}

/// The states of a node since the start.
pub fn history(pair: &Pair, i: usize) -> Vec<(State, Reason)> {
    let changes = pair.hosts[i].changes.iter();
    changes
        .map(|(_, change)| (change.to, change.reason))
        .collect()
}

/// The word for an alarm.
pub fn alarm(alarm: &Alarm) -> &'static str {
    match alarm {
        Alarm::CriticalServiceDown(_) => "critical-service-down",
        Alarm::DatabaseDown => "database-down",
        Alarm::PeerLost(_) => "peer-lost",
        Alarm::FailedMode(_) => "failed-mode",
        Alarm::SplitBrain => "split-brain",
        Alarm::EnabledTooEarly => "enabled-too-early",
    }
}

/// Longer than any transition takes, one after the other (HA-14).
pub const REST: Duration = Duration::from_secs(30 * 60);
