//! What can be done to a pair in a case.

use std::time::Duration;

use takeover_core::ha::{Action, BootKind, Event};
use takeover_core::service::ServiceKind;

use super::case::{node, time, up};
use crate::sim::{Broken, Pair};

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// An administrator's action on one node.
    Act(usize, Action),
    /// An administrator's action on every node that is there.
    ActOnBoth(Action),
    Stop(usize, ServiceKind),
    Start(usize, ServiceKind),
    Database(usize, bool),
    Crash(usize),
    ShutDown(usize),
    PowerOn(usize),
    KillSrm(usize),
    RestartSrm(usize),
    StartSrm(usize),
    Cut,
    /// The words of this node do not get through.
    Mute(usize),
    Heal,
    /// The words of this node take so long from now on.
    Delay(usize, Duration),
    Break(usize, Breakage),
    Mend(usize),
    /// The database is not replicated when HA is switched on.
    Unreplicated(usize),
    /// HA is switched on while sessions are not back.
    TooEarly(usize),
}

/// What fails on a node from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breakage {
    TakeOver,
    HandBack,
    TakeBack,
    Release,
    /// Work on users begins and never ends.
    Hang,
    /// A service does not start.
    Starting(ServiceKind),
}

const SERVICES: [(&str, ServiceKind); 6] = [
    ("router", ServiceKind::XcpRouter),
    ("presence", ServiceKind::PresenceEngine),
    ("proxy", ServiceKind::SipProxy),
    ("tc", ServiceKind::TextConference),
    ("auth", ServiceKind::XcpAuthentication),
    ("axl", ServiceKind::Axl),
];

fn service(word: &str) -> Option<ServiceKind> {
    let found = SERVICES.iter().find(|(name, _)| *name == word);
    found.map(|(_, kind)| *kind)
}

impl Deed {
    /// Reads a deed from its words.
    pub fn read(words: &[&str]) -> Option<Deed> {
        match *words {
            ["fail", "over", name] => Some(Deed::Act(node(name)?, Action::Failover)),
            ["fall", "back", name] => Some(Deed::Act(node(name)?, Action::Fallback)),
            ["recover"] => Some(Deed::ActOnBoth(Action::Recover)),
            ["enable"] => Some(Deed::ActOnBoth(Action::EnableHa)),
            ["disable"] => Some(Deed::ActOnBoth(Action::DisableHa)),
            ["recover", name] => Some(Deed::Act(node(name)?, Action::Recover)),
            ["enable", name] => Some(Deed::Act(node(name)?, Action::EnableHa)),
            ["disable", name] => Some(Deed::Act(node(name)?, Action::DisableHa)),
            ["stop", kind, name] => Some(Deed::Stop(node(name)?, service(kind)?)),
            ["start", "srm", name] => Some(Deed::StartSrm(node(name)?)),
            ["start", kind, name] => Some(Deed::Start(node(name)?, service(kind)?)),
            ["database", name, how] => Some(Deed::Database(node(name)?, up(how)?)),
            ["crash", name] => Some(Deed::Crash(node(name)?)),
            ["shut", "down", name] => Some(Deed::ShutDown(node(name)?)),
            ["power", "on", name] => Some(Deed::PowerOn(node(name)?)),
            ["kill", "srm", name] => Some(Deed::KillSrm(node(name)?)),
            ["restart", "srm", name] => Some(Deed::RestartSrm(node(name)?)),
            ["cut"] => Some(Deed::Cut),
            ["mute", name] => Some(Deed::Mute(node(name)?)),
            ["delay", name, span] => Some(Deed::Delay(node(name)?, time(span)?)),
            ["heal"] => Some(Deed::Heal),
            ["break", name, ref what @ ..] => Some(Deed::Break(node(name)?, breakage(what)?)),
            ["mend", name] => Some(Deed::Mend(node(name)?)),
            ["unreplicated", name] => Some(Deed::Unreplicated(node(name)?)),
            ["too", "early", name] => Some(Deed::TooEarly(node(name)?)),
            _ => None,
        }
    }

    /// Does it.
    pub fn carry_out(self, pair: &mut Pair) {
        match self {
            Deed::Act(i, action) => pair.admin(i, action),
            Deed::ActOnBoth(action) => (0..2).for_each(|i| pair.admin(i, action)),
            Deed::Stop(i, kind) => pair.stop(i, kind),
            Deed::Start(i, kind) => pair.start(i, kind),
            Deed::Database(i, up) => pair.database(i, up),
            Deed::Crash(i) => pair.crash(i),
            Deed::ShutDown(i) => pair.shut_down(i),
            Deed::PowerOn(i) => pair.power_on(i),
            Deed::KillSrm(i) => pair.kill_srm(i),
            Deed::RestartSrm(i) => pair.restart_srm(i),
            Deed::StartSrm(i) => pair.boot(i, BootKind::SrmRestart),
            Deed::Cut => pair.cut(),
            Deed::Mute(i) => pair.link[i] = false,
            Deed::Heal => pair.heal(),
            Deed::Delay(i, span) => pair.latency[i] = span,
            Deed::Break(i, what) => what.strike(&mut pair.hosts[i].broken),
            Deed::Mend(i) => pair.hosts[i].broken = Broken::default(),
            Deed::Unreplicated(i) => pair.tell(i, Event::NotReplicated),
            Deed::TooEarly(i) => pair.tell(i, Event::SessionsNotBack),
        }
    }
}

fn breakage(words: &[&str]) -> Option<Breakage> {
    match *words {
        ["take-over"] => Some(Breakage::TakeOver),
        ["hand-back"] => Some(Breakage::HandBack),
        ["take-back"] => Some(Breakage::TakeBack),
        ["release"] => Some(Breakage::Release),
        ["hang"] => Some(Breakage::Hang),
        ["start", kind] => Some(Breakage::Starting(service(kind)?)),
        _ => None,
    }
}

impl Breakage {
    fn strike(self, broken: &mut Broken) {
        match self {
            Breakage::TakeOver => broken.take_over = true,
            Breakage::HandBack => broken.hand_back = true,
            Breakage::TakeBack => broken.take_back = true,
            Breakage::Release => broken.release = true,
            Breakage::Hang => broken.hangs = true,
            Breakage::Starting(kind) => broken.start = Some(kind),
        }
    }
}
