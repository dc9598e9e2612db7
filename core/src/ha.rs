//! The HA machine: what the Server Recovery Manager of a node decides (chapter 2 of the specification).
//!
//! Everything here is a value. Whoever drives the machine keeps one [`HaNode`] per node, hands in each
//! [`Event`] as it happens, and carries out the [`Effect`]s in their order. A node's life begins with
//! `HaNode::boot`, which takes the [`HaRecord`] that the last life left behind.

pub mod effect;
pub mod event;
pub mod health;
pub mod node;
pub mod params;
pub mod peer;
pub mod reason;
pub mod state;
pub mod timer;

pub use effect::{Alarm, Cause, Effect, PeerObstacle, Refusal, Staleness, StateChange};
pub use event::{Action, Attempt, Event};
pub use health::{Health, ServiceSet};
pub use node::{BootKind, HaNode, HaRecord};
pub use params::{Detection, HaParams};
pub use peer::{Body, Epoch, Link, PeerMessage, PeerView, Phase, Status, Topic};
pub use reason::Reason;
pub use state::State;
pub use timer::{Timer, TimerSet};
