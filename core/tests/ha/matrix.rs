//! Every state against every event: the whole of what `step` does, as a file.
//!
//! `UPDATE=1 cargo nextest run -p takeover-core matrix` writes it anew; the difference is what changed.

use std::fmt::Write as _;

use takeover_core::digest::Digest;
use takeover_core::ha::{
    Action, Attempt, Body, BootKind, Effect, Epoch, Event, HaNode, HaParams, HaRecord, Health,
    Link, PeerMessage, Phase, Reason, State, Status, Timer, TimerSet, step,
};
use takeover_core::id::Incarnation;
use takeover_core::service::ServiceKind::XcpRouter;

/// Each state with each phase it can be in, and a reason that fits.
const STANDS: [(State, Phase, Reason); 24] = [
    (State::Initializing, Phase::Rest, Reason::Initialization),
    (State::Initializing, Phase::Claiming, Reason::Initialization),
    (State::Idle, Phase::Rest, Reason::AdminRequest),
    (State::Normal, Phase::Rest, Reason::Normal),
    (State::Normal, Phase::Claiming, Reason::Normal),
    (State::Backup, Phase::Rest, Reason::AdminRequest),
    (State::Backup, Phase::Waiting, Reason::PeerDown),
    (State::Backup, Phase::Claiming, Reason::CriticalServiceDown),
    (State::TakingOver, Phase::Waiting, Reason::AdminRequest),
    (
        State::TakingOver,
        Phase::Claiming,
        Reason::CriticalServiceDown,
    ),
    (State::FailingOver, Phase::Releasing, Reason::AdminRequest),
    (State::FailingOver, Phase::Released, Reason::AdminRequest),
    (State::FailingOver, Phase::Released, Reason::DatabaseFailure),
    (State::FailedOver, Phase::Rest, Reason::CriticalServiceDown),
    (
        State::FailedOverDown,
        Phase::Rest,
        Reason::CriticalServiceDown,
    ),
    (State::FallingBack, Phase::Waiting, Reason::AdminRequest),
    (State::FallingBack, Phase::HandingBack, Reason::AdminRequest),
    (
        State::FallingBack,
        Phase::HandedBack,
        Reason::AutomaticFallback,
    ),
    (State::TakingBack, Phase::Starting, Reason::AdminRequest),
    (State::TakingBack, Phase::Waiting, Reason::AdminRequest),
    (
        State::TakingBack,
        Phase::Claiming,
        Reason::AutomaticFallback,
    ),
    (State::FailedMode, Phase::Rest, Reason::TakeOverUsersFailed),
    (
        State::FailedMode,
        Phase::GaveUp,
        Reason::CriticalServiceDown,
    ),
    (State::Unknown, Phase::Rest, Reason::HaNotEnabled),
];

const ATTEMPT: Attempt = Attempt(7);

fn params() -> HaParams {
    HaParams {
        automatic_fallback: Some(HaParams::FALLBACK_HEALTH),
        ..HaParams::default()
    }
}

/// A node in one of the stands, at epoch 5, its peer seen in `Normal` at the same epoch.
fn node((state, phase, reason): (State, Phase, Reason)) -> HaNode {
    let record = HaRecord::fresh(true);
    let (mut node, _) = HaNode::boot(&record, true, BootKind::SrmRestart, Health::GOOD, &params());
    node.state = state;
    node.phase = phase;
    node.reason = reason;
    node.epoch = Epoch(5);
    node.attempt = ATTEMPT;
    node.enabled = state != State::Unknown;
    if state != State::Initializing {
        node.services_known = false;
    }
    node.peer.link = Link::Alive;
    node.peer.incarnation = Incarnation(1);
    node.peer.seq = 1;
    node.timers = TimerSet::from_bits(u8::MAX);
    node
}

fn status(state: State, phase: Phase, epoch: u32, able: bool) -> Status {
    let reason = match state {
        State::Normal => Reason::Normal,
        State::Initializing => Reason::Initialization,
        State::Unknown => Reason::HaNotEnabled,
        State::FailedMode => Reason::TakeBackUsersFailed,
        _ => Reason::AdminRequest,
    };
    let resume = if state == State::Initializing {
        State::Normal
    } else {
        state
    };
    Status {
        state,
        reason,
        phase,
        epoch: Epoch(epoch),
        able,
        resume,
        recovering: false,
    }
}

fn heard(status: Status) -> Event {
    let (from, to) = (Incarnation(1), Incarnation(1));
    Event::Peer(PeerMessage {
        from,
        to,
        seq: 2,
        heard: 0,
        ask: false,
        body: Body::Status(status),
    })
}

fn events() -> Vec<(String, Event)> {
    let mut events: Vec<(String, Event)> = Vec::new();
    for (state, phase, _) in STANDS {
        for epoch in [4, 5, 6] {
            let name = format!("peer {state} {phase:?} e{epoch}");
            events.push((name, heard(status(state, phase, epoch, true))));
        }
    }
    events.sort_by(|a, b| a.0.cmp(&b.0));
    events.dedup();
    let goodbye = PeerMessage {
        from: Incarnation(1),
        to: Incarnation(1),
        seq: 2,
        heard: 0,
        ask: false,
        body: Body::Goodbye,
    };
    let plain = [
        Event::Peer(goodbye),
        Event::ServiceDown(XcpRouter),
        Event::ServiceUp(XcpRouter),
        Event::DatabaseDown,
        Event::DatabaseUp,
        Event::NotReplicated,
        Event::SessionsNotBack,
        Event::Shutdown,
        Event::ServicesStarted,
        Event::ServicesStartFailed(Some(XcpRouter)),
        Event::UsersReleased(ATTEMPT),
        Event::UsersReleaseFailed(ATTEMPT),
        Event::UsersTaken(ATTEMPT),
        Event::UsersTakeFailed(ATTEMPT),
        Event::UsersHandedBack(ATTEMPT),
        Event::UsersHandBackFailed(ATTEMPT),
        Event::UsersTakenBack(ATTEMPT),
        Event::UsersTakeBackFailed(ATTEMPT),
        Event::UsersTaken(Attempt(6)),
    ];
    events.extend(plain.map(|event| (short(&event), event)));
    events.extend(Timer::ALL.map(|timer| (format!("expired {timer}"), Event::Expired(timer))));
    events.extend(Action::ALL.map(|action| (format!("admin {action}"), Event::Admin(action))));
    events
}

fn short(event: &Event) -> String {
    match event {
        Event::Peer(message) => format!("peer {:?}", message.topic()),
        other => format!("{other:?}"),
    }
}

/// The effects by name, in order; timers and messages with what they say.
fn effects(effects: &[Effect]) -> String {
    let one = |effect: &Effect| match effect {
        Effect::Arm(timer, after) => format!("arm {timer} {}s", after.as_secs()),
        Effect::Disarm(timer) => format!("disarm {timer}"),
        Effect::SendPeer(message) => format!("send {:?}", message.topic()),
        Effect::Persist(_) => "persist".to_owned(),
        Effect::Record(change) => format!("record {:?}", change.cause),
        Effect::Refuse(refusal) => format!("refuse {:?}", refusal.peer),
        other => format!("{other:?}"),
    };
    effects.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn line(before: &HaNode, name: &str, event: Event) -> Option<String> {
    let (after, done) = step(before, event, &params());
    let moved =
        (before.state, before.phase, before.reason) != (after.state, after.phase, after.reason);
    if !moved && done.is_empty() {
        return None;
    }
    let to = if moved {
        format!(
            "{} {:?} ({}) {}",
            after.state, after.phase, after.reason, after.epoch
        )
    } else {
        "-".to_owned()
    };
    Some(format!("  {name} -> {to} | {}", effects(&done)))
}

fn matrix() -> String {
    let mut text = String::new();
    for stand in STANDS {
        let before = node(stand);
        let _ = writeln!(text, "{} {:?} ({})", stand.0, stand.1, stand.2);
        for (name, event) in events() {
            if let Some(line) = line(&before, &name, event) {
                text.push_str(&line);
                text.push('\n');
            }
        }
    }
    text
}

/// Compares with a golden file, or writes it where `UPDATE` is set.
#[track_caller]
pub fn golden(name: &str, text: &str) {
    let path = format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, text).expect("the golden file can be written");
        return;
    }
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    let difference = known.lines().zip(text.lines()).find(|(a, b)| a != b);
    assert!(
        known == text,
        "{name} has changed: {difference:#?}; UPDATE=1 writes it anew"
    );
}

/// HA-1 to HA-17: the whole relation of state, event and effects is as it was reviewed.
#[test]
fn the_matrix_is_as_reviewed() {
    golden("ha_matrix.txt", &matrix());
}

/// The relation over every peer that can be heard (state, phase, epoch, ability, life), every health and
/// every link, as a digest: what the matrix leaves out is pinned too.
#[test]
fn the_whole_relation_has_its_digest() {
    let mut digest = Digest::new();
    let mut cases = 0u32;
    for stand in STANDS {
        for variant in 0..64u8 {
            let before = varied(stand, variant);
            for event in varied_events() {
                let (after, effects) = step(&before, event, &params());
                digest.update(format!("{after:?}{effects:?}").as_bytes());
                cases += 1;
            }
        }
    }
    golden(
        "ha_relation.txt",
        &format!("{cases} cases, digest {:016x}\n", digest.value()),
    );
}

/// A node in a stand with one of 64 healths, links and resumes.
fn varied(stand: (State, Phase, Reason), variant: u8) -> HaNode {
    let mut before = node(stand);
    before.first = variant & 1 == 0;
    if variant & 2 != 0 {
        before.health.down = before.health.down.with(XcpRouter);
        before.health.first_down = Some(XcpRouter);
        before.health.overdue = variant & 4 != 0;
    }
    before.health.database_down = variant & 8 != 0;
    before.peer.link = if variant & 16 != 0 {
        Link::Silent
    } else {
        Link::Alive
    };
    before.services_known = stand.0 == State::Initializing && variant & 4 != 0;
    before.recovering = stand.0 == State::Initializing && variant & 32 != 0;
    if stand.0 == State::Initializing {
        before.resume = State::ALL[usize::from(variant) % State::ALL.len()];
    }
    before
}

fn varied_events() -> Vec<Event> {
    let mut events: Vec<Event> = events().into_iter().map(|(_, event)| event).collect();
    for (state, phase, _) in STANDS {
        events.push(heard(status(state, phase, 5, false)));
        let mut starting = status(State::Initializing, Phase::Rest, 5, true);
        starting.resume = state;
        events.push(heard(starting));
        starting.recovering = true;
        events.push(heard(starting));
    }
    events
}
