//! Lanes for what a node's SRM does: what it tells its peer, which of its timers run, whose users it has.

use std::collections::BTreeMap;

use takeover_actors::srm::SrmTimer;
use takeover_core::ha::{Alarm, Reason, Timer, Topic};
use takeover_core::id::NodeId;
use takeover_core::journal::{Entry, Event};
use takeover_core::time::Moment;

use super::{Lane, LaneKind, Tone};
use crate::lab::Control;

/// The lanes of a node's SRM, with what was sent after `up`.
pub(super) fn srm_lanes(lab: &Control, node: NodeId, up: Moment) -> Vec<Lane> {
    let name = lab.node_name(node);
    let entries = lab.journal().select(|entry| entry.node == Some(node));
    let mut sent = Lane::new(format!("{name} heartbeats"), LaneKind::Timer);
    let mut last = Topic::KeepAlive;
    for entry in entries.iter().filter(|entry| entry.at > up) {
        last = message(&mut sent, &entry.event, entry.at, last);
    }
    let users = users_lane(lab, node, &name);
    let timers = timer_lanes(&name, &entries);
    users.into_iter().chain([sent]).chain(timers).collect()
}

/// A heartbeat is a small tick, a blue one where it brings news, a red one where it is a goodbye; a peer that
/// is lost is told. Returns what the last message was about.
fn message(lane: &mut Lane, event: &Event, at: Moment, last: Topic) -> Topic {
    match event {
        Event::PeerSent { message, .. } => {
            let topic = message.topic();
            let tone = match topic {
                Topic::Goodbye => Tone::Bad,
                same if same == last => Tone::Plain,
                _ => Tone::Busy,
            };
            lane.tick(at, tone);
            return topic;
        }
        Event::HaAlarm(Alarm::PeerLost(Reason::PeerReboot)) => {
            lane.tell(at, "the peer said goodbye", None, Tone::Bad);
        }
        Event::HaAlarm(Alarm::PeerLost(_)) => {
            let why = Some("no heartbeat of the peer".to_owned());
            lane.tell(at, "timer peer-silence fired", why, Tone::Bad);
        }
        _ => {}
    }
    last
}

fn timer_lanes(name: &str, entries: &[Entry]) -> Vec<Lane> {
    let mut timers: BTreeMap<String, Lane> = BTreeMap::new();
    for entry in entries {
        match &entry.event {
            Event::TimerArmed { timer, .. } => {
                let Some(known) = of_srm(timer) else { continue };
                let title = || Lane::new(format!("{name} {known}"), LaneKind::Timer);
                let lane = timers.entry(timer.clone()).or_insert_with(title);
                lane.end(entry.at);
                lane.turn(entry.at, "runs", Tone::Moving);
            }
            Event::TimerFired { timer } => {
                if let Some(lane) = timers.get_mut(timer) {
                    lane.end(entry.at);
                    lane.tick(entry.at, Tone::Bad);
                }
            }
            Event::TimerCancelled { timer } => {
                if let Some(lane) = timers.get_mut(timer) {
                    lane.end(entry.at);
                }
            }
            Event::Power { .. } => timers.values_mut().for_each(|lane| lane.end(entry.at)),
            _ => {}
        }
    }
    timers.into_values().collect()
}

/// The timer of the HA machine that the journal calls so.
fn of_srm(name: &str) -> Option<Timer> {
    let mut all = Timer::ALL.into_iter();
    all.find(|timer| name == format!("{:?}", SrmTimer::Ha(*timer)))
}

/// How many users the node has, from move to move; nothing where nobody moved.
fn users_lane(lab: &Control, node: NodeId, name: &str) -> Option<Lane> {
    let home = lab.assigned_users(name).unwrap_or(0);
    let (mut here, mut counts) = (home, vec![(Moment::ZERO, home)]);
    for entry in lab.journal().entries() {
        let Event::UserMoved { from, to, .. } = entry.event else {
            continue;
        };
        match (from == node, to == node) {
            (true, false) => here = here.saturating_sub(1),
            (false, true) => here += 1,
            (true, true) | (false, false) => continue,
        }
        match counts.last_mut().filter(|last| last.0 == entry.at) {
            Some(last) => last.1 = here,
            None => counts.push((entry.at, here)),
        }
    }
    if counts.len() == 1 {
        return None;
    }
    let mut lane = Lane::new(format!("{name} users"), LaneKind::Users);
    for (at, count) in counts {
        let tone = match count {
            0 => Tone::Dark,
            count if count > home => Tone::Busy,
            _ => Tone::Good,
        };
        let word = if count == 1 { "user" } else { "users" };
        lane.turn(at, format!("{count} {word}"), tone);
    }
    Some(lane)
}
