//! Slim clients: all clients of a pair's users in one future, a few dozen octets each.
//!
//! They keep the rules of chapter 3: they log in at home, else at the backup; who has lost its node
//! waits a random time of the re-login window (SES-5) and comes back, resuming its session where it may;
//! who is told `see-other-host` goes there (SES-2); who is let in nowhere tries again later.

mod actor;
mod live;
mod member;
mod shared;
mod talk;

use std::sync::Arc;
use std::time::Duration;

use takeover_actors::plane::Plane;
use takeover_actors::rt::{ChildSpec, Root};
use takeover_core::id::NodeId;
use takeover_protocols::jid::BareJid;

use super::ScaleSpec;
use super::spec::Pair;
pub(super) use shared::Shared;
pub(super) use talk::TALKERS;

/// What a crowd is made from.
pub(super) struct CrowdSpec {
    pub(super) scale: ScaleSpec,
    pub(super) pair: Pair,
    pub(super) nodes: [NodeId; 2],
    /// Re-login limits, lower and upper (SES-5).
    pub(super) window: (Duration, Duration),
    /// Sample users: number in the crowd, number among all, and to whom it writes.
    pub(super) talkers: Vec<(u32, usize, [BareJid; 2])>,
}

/// Starts the clients of a pair's users; they log in at once.
pub(super) fn start(plane: &Arc<Plane>, spec: CrowdSpec, shared: &Arc<Shared>) -> Root<()> {
    let name = format!("crowd {} {}", spec.pair.cluster + 1, spec.pair.pair + 1);
    let actor = actor::CrowdActor {
        crowd: Some(live::Crowd::new(plane, spec, &name, shared)),
        shared: shared.clone(),
    };
    plane
        .world()
        .root(actor, ChildSpec::new(name, actor::MAILBOX))
}
