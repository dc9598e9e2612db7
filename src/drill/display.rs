//! Deeds in the words by which they are read.

use std::fmt;
use std::time::Duration;

use takeover_core::ha::Action;

use super::script::{Deed, LinkDeed, MovesDeed, PowerDeed, ServiceDeed};
use crate::lab::DatabaseFault;

/// A time in the language of drills: exact, in the largest unit that leaves no fraction.
pub(crate) fn time(time: Duration) -> String {
    let micros = time.as_micros();
    for (unit, name) in [(3_600_000_000, "h"), (60_000_000, "m"), (1_000_000, "s")] {
        if micros >= unit && micros.is_multiple_of(unit) {
            return format!("{}{name}", micros / unit);
        }
    }
    match (micros >= 1_000_000, micros.is_multiple_of(1000)) {
        (true, true) => format!("{}.{:03}s", micros / 1_000_000, micros / 1000 % 1000),
        (true, false) => format!("{}.{:06}s", micros / 1_000_000, micros % 1_000_000),
        (false, true) => format!("{}ms", micros / 1000),
        (false, false) => format!("{}.{:03}ms", micros / 1000, micros % 1000),
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnNode(action, on) | Self::OnPair(action, on) => action_on(f, *action, on),
            Self::Service(ServiceDeed::Slow(span), kind, node) => {
                write!(f, "slow {} on {node} {}", kind.short_name(), time(*span))
            }
            Self::Service(deed, kind, node) => {
                write!(f, "{} {} on {node}", service_verb(*deed), kind.short_name())
            }
            Self::Power(deed, node) => write!(f, "{} {node}", power_words(*deed)),
            Self::Link(deed, from, to) => link(f, *deed, from, to),
            Self::Moves(deed, node) => write!(f, "{} moves on {node}", moves_verb(*deed)),
            Self::Replication(false, node) => write!(f, "break replication on {node}"),
            Self::Replication(true, node) => write!(f, "mend replication on {node}"),
            Self::Database(fault, pair) => database(f, *fault, pair),
            Self::Dns(down, node) => {
                f.write_str(if *down { "dns down" } else { "dns up" })?;
                node.iter().try_for_each(|node| write!(f, " {node}"))
            }
            Self::Drift(node, gains) => write!(f, "drift {node} {gains}"),
            Self::Lag(node, lag) => write!(f, "lag {node} {}", time(*lag)),
            Self::DropClients(node) => write!(f, "drop clients of {node}"),
            Self::LogIn(user) => write!(f, "log in {user}"),
            Self::LogOut(user) => write!(f, "log out {user}"),
        }
    }
}

fn action_on(f: &mut fmt::Formatter<'_>, action: Action, on: &str) -> fmt::Result {
    let words = match action {
        Action::Failover => "fail over",
        Action::Fallback => "fall back",
        Action::Recover => "recover",
        Action::EnableHa => "enable ha",
        Action::DisableHa => "disable ha",
    };
    write!(f, "{words} {on}")
}

fn service_verb(deed: ServiceDeed) -> &'static str {
    match deed {
        ServiceDeed::Start => "start",
        ServiceDeed::Stop => "stop",
        ServiceDeed::Restart => "restart",
        ServiceDeed::Kill => "kill",
        ServiceDeed::Panic => "panic",
        ServiceDeed::Fail => "fail",
        ServiceDeed::Spoil => "spoil",
        ServiceDeed::Mend => "mend",
        ServiceDeed::Slow(_) => "slow",
    }
}

fn power_words(deed: PowerDeed) -> &'static str {
    match deed {
        PowerDeed::On => "power on",
        PowerDeed::Off => "power off",
        PowerDeed::Cut => "power cut",
        PowerDeed::Reboot => "reboot",
        PowerDeed::Crash => "crash",
    }
}

fn moves_verb(deed: MovesDeed) -> &'static str {
    match deed {
        MovesDeed::Fail => "fail",
        MovesDeed::Hold => "hold",
        MovesDeed::Free => "free",
    }
}

fn link(f: &mut fmt::Formatter<'_>, deed: LinkDeed, from: &str, to: &str) -> fmt::Result {
    match deed {
        LinkDeed::Cut => write!(f, "cut {from} {to}"),
        LinkDeed::CutOneWay => write!(f, "cut {from} -> {to}"),
        LinkDeed::Heal => write!(f, "heal {from} {to}"),
        LinkDeed::Block(port) => write!(f, "block {port} {from} {to}"),
        LinkDeed::Delay(span) => write!(f, "delay {from} {to} {}", time(span)),
        LinkDeed::Lose(percent) => write!(f, "lose {percent} {from} {to}"),
        LinkDeed::Double(percent) => write!(f, "double {percent} {from} {to}"),
        LinkDeed::Shuffle(span) => write!(f, "shuffle {} {from} {to}", time(span)),
        LinkDeed::Hold => write!(f, "hold {from} {to}"),
        LinkDeed::Release => write!(f, "release {from} {to}"),
    }
}

fn database(f: &mut fmt::Formatter<'_>, fault: DatabaseFault, pair: &str) -> fmt::Result {
    write!(f, "database {pair} ")?;
    match fault {
        DatabaseFault::Down(true) => f.write_str("down"),
        DatabaseFault::Down(false) => f.write_str("up"),
        DatabaseFault::Full(true) => f.write_str("full"),
        DatabaseFault::Full(false) => f.write_str("free"),
        DatabaseFault::Slow(span) => write!(f, "slow {}", time(span)),
        DatabaseFault::Refuse(writes) => write!(f, "refuses {writes}"),
        DatabaseFault::Well => f.write_str("well"),
        DatabaseFault::LoseAnswers(writes) => write!(f, "forgets {writes}"),
    }
}
