//! The HA machine: what the Server Recovery Manager of a node decides (chapter 2 of the specification).
//!
//! Everything here is a value. Whoever drives the machine keeps one [`HaNode`] per node, hands in each
//! [`Event`] as it happens, and carries out the [`Effect`]s in their order. A node's life begins with
//! [`HaNode::boot`], which takes the [`HaRecord`] that the last life left behind.

mod admin;
mod backup;
mod early;
pub mod edges;
pub mod effect;
pub mod event;
pub mod explore;
mod failed;
mod failed_over;
mod failing_over;
mod falling_back;
pub mod health;
mod hear;
mod initializing;
pub mod node;
mod normal;
pub mod params;
pub mod peer;
pub mod reason;
mod services;
mod settle;
pub mod state;
mod step;
pub mod table;
mod taking_back;
mod taking_over;
pub mod timer;
mod turn;
mod work;

pub use early::is_left_out;
pub use effect::{Alarm, Cause, Effect, PeerObstacle, Refusal, Staleness, StateChange};
pub use event::{Action, Attempt, Event};
pub use health::{Health, ServiceSet};
pub use node::{BootKind, HaNode, HaRecord};
pub use params::{Detection, HaParams};
pub use peer::{Body, Epoch, Link, PeerMessage, PeerView, Phase, Status, Topic};
pub use reason::Reason;
pub use state::State;
pub use step::{allowed_actions, step};
pub use timer::{Timer, TimerSet};
