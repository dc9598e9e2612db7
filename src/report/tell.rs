//! The journal in words: which entries a person wants to see, and how they read.

use takeover_core::ha::{Alarm, State};
use takeover_core::id::NodeId;
use takeover_core::journal::{Entry, Event, Power};
use takeover_core::service::ServiceState;

use super::{Line, Tone};
use crate::client::{ClientState, Note, Noted};

/// What a node's HA state means.
#[must_use]
pub fn tone_of(state: State) -> Tone {
    match state {
        State::Normal => Tone::Good,
        State::Backup => Tone::Busy,
        State::Initializing
        | State::TakingOver
        | State::FailingOver
        | State::FallingBack
        | State::TakingBack => Tone::Moving,
        State::Idle | State::FailedOver | State::FailedOverDown | State::FailedMode => Tone::Bad,
        State::Unknown => Tone::Dark,
    }
}

/// What a service's state means.
#[must_use]
pub fn tone_of_service(state: &ServiceState) -> Tone {
    match state {
        ServiceState::Started => Tone::Good,
        ServiceState::Starting | ServiceState::Stopping => Tone::Moving,
        ServiceState::Stopped => Tone::Dark,
        ServiceState::Failed(_) => Tone::Bad,
    }
}

/// What a client's state means.
#[must_use]
pub fn tone_of_client(state: &ClientState) -> Tone {
    match state {
        ClientState::Online { .. } => Tone::Good,
        ClientState::Connecting { .. } => Tone::Moving,
        ClientState::Waiting { .. } | ClientState::Refused { .. } => Tone::Bad,
        ClientState::Idle | ClientState::Away { .. } => Tone::Dark,
    }
}

/// An entry as a line, if it is one that a person wants to see; `name` gives nodes their names.
#[must_use]
pub fn tell(entry: &Entry, name: &dyn Fn(NodeId) -> String) -> Option<Line> {
    let (what, why, tone) = words(&entry.event, name)?;
    let place = entry.node.map_or_else(|| "lab".to_owned(), name);
    Some(Line {
        at: entry.at,
        place,
        what,
        why,
        tone,
    })
}

type Words = (String, Option<String>, Tone);

fn words(event: &Event, name: &dyn Fn(NodeId) -> String) -> Option<Words> {
    let plain = |what: String| Some((what, None, Tone::Plain));
    match event {
        Event::Power { power, .. } => {
            let tone = match power {
                Power::On => Tone::Good,
                Power::Off | Power::Killed => Tone::Dark,
                Power::Rebooting => Tone::Moving,
            };
            Some((format!("power {power}"), None, tone))
        }
        Event::Service { kind, state } => Some(service(kind.name(), state)),
        Event::Ha(change) if change.from == change.to => {
            let what = format!("still {}", change.to);
            Some((
                what,
                Some(format!("{}: {}", change.reason, change.cause)),
                tone_of(change.to),
            ))
        }
        Event::Ha(change) => {
            let what = format!("{} → {}", change.from, change.to);
            Some((
                what,
                Some(format!("{}: {}", change.reason, change.cause)),
                tone_of(change.to),
            ))
        }
        Event::HaAlarm(alarm) => Some((format!("alarm: {}", alarm_words(alarm)), None, Tone::Bad)),
        Event::HaRefused(refusal) => Some(("refused".into(), Some(refusal.to_string()), Tone::Bad)),
        Event::MoveEnded {
            work,
            outcome: Ok(users),
            ..
        } if *users > 0 => plain(format!("{work}: {users} moved")),
        Event::MoveEnded {
            work,
            outcome: Err(why),
            ..
        } => Some((format!("{work} failed"), Some(why.clone()), Tone::Bad)),
        Event::Fault { what } => Some((format!("FAULT {what}"), None, Tone::Bad)),
        Event::Alarm { text } => Some((format!("alarm: {text}"), None, Tone::Bad)),
        Event::Link { from, to, now } => Some((
            format!("link {} to {}: {now}", name(*from), name(*to)),
            None,
            Tone::Moving,
        )),
        other => users_and_rooms(other, name),
    }
}

fn users_and_rooms(event: &Event, name: &dyn Fn(NodeId) -> String) -> Option<Words> {
    match event {
        Event::UserMoved {
            user,
            from,
            to,
            epoch,
        } => {
            let what = format!("{user} moves from {} to {}", name(*from), name(*to));
            Some((what, Some(format!("epoch {epoch}")), Tone::Busy))
        }
        Event::RoomsHosted {
            alias,
            epoch,
            rooms,
        } if *epoch > 1 => {
            let what = format!("hosts the rooms of {alias} ({rooms} with people in them)");
            Some((what, Some(format!("epoch {epoch}")), Tone::Busy))
        }
        Event::SessionOpened { jid } => Some((format!("{jid} logs in"), None, Tone::Good)),
        Event::SessionResumed { jid } => Some((format!("{jid} goes on here"), None, Tone::Good)),
        Event::SessionDetached { jid } => {
            Some((format!("{jid} has lost its connection"), None, Tone::Moving))
        }
        Event::UnreadLost { jid, ids } => {
            let what = format!("{} unread messages of {jid} are lost", ids.len());
            Some((what, None, Tone::Bad))
        }
        Event::SessionClosed { jid } => Some((format!("{jid} is gone"), None, Tone::Dark)),
        _ => None,
    }
}

fn service(name: &str, state: &ServiceState) -> Words {
    let (what, why) = match state {
        ServiceState::Starting => (format!("{name} starts"), None),
        ServiceState::Started => (format!("{name} serves"), None),
        ServiceState::Stopping => (format!("{name} stops"), None),
        ServiceState::Stopped => (format!("{name} has stopped"), None),
        ServiceState::Failed(cause) => (format!("{name} has FAILED"), Some(cause.to_string())),
    };
    (what, why, tone_of_service(state))
}

fn alarm_words(alarm: &Alarm) -> String {
    match alarm {
        Alarm::CriticalServiceDown(kind) => format!("{kind} is down, the delay runs"),
        Alarm::DatabaseDown => "the database is down".to_owned(),
        Alarm::PeerLost(reason) => format!("the peer cannot be reached ({reason})"),
        Alarm::FailedMode(reason) => format!("failed mode ({reason}), Recover is needed"),
        Alarm::SplitBrain => "both nodes carry both nodes' users: a split has healed".to_owned(),
        Alarm::EnabledTooEarly => "HA was switched on before all sessions were back".to_owned(),
    }
}

/// A note of a client's life as a line, if it is one that a person wants to see.
#[must_use]
pub fn tell_client(client: &str, noted: &Noted) -> Option<Line> {
    let (what, why, tone) = match &noted.note {
        Note::State(ClientState::Connecting { .. } | ClientState::Idle) => return None,
        Note::State(state @ ClientState::Waiting { until, why }) => {
            let left = until.saturating_since(noted.at).as_secs();
            (
                format!("waits {left} s before it logs in again"),
                Some(why.clone()),
                tone_of_client(state),
            )
        }
        Note::State(state @ ClientState::Refused { why }) => (
            "was turned away".to_owned(),
            Some(why.clone()),
            tone_of_client(state),
        ),
        Note::State(state @ (ClientState::Online { .. } | ClientState::Away { .. })) => {
            (format!("is {state}"), None, tone_of_client(state))
        }
        Note::StreamEnded { why } => ("is out".to_owned(), Some(why.clone()), Tone::Bad),
        Note::Entered { room } => (
            format!("is in {}", room_name(room.as_str())),
            None,
            Tone::Good,
        ),
        Note::Left { room, why } => (
            format!("is out of {}", room_name(room.as_str())),
            Some(why.clone()),
            Tone::Bad,
        ),
        Note::Error { what } => ("is refused".to_owned(), Some(what.clone()), Tone::Bad),
    };
    Some(Line {
        at: noted.at,
        place: client.to_owned(),
        what,
        why,
        tone,
    })
}

fn room_name(room: &str) -> &str {
    room.split('@').next().unwrap_or(room)
}
