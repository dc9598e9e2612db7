//! The runtime layer: the one place that touches actix and tokio's spawning and time.
//!
//! It starts and ends actors, turns a panic into a message to the parent, bounds the mailboxes,
//! keeps the timers, moves the clock and carries what nodes say to each other. Everything above it
//! sees [`Actor`], [`Ctx`], [`Addr`], [`World`] and a driver ([`VirtualDriver`], [`RealDriver`]),
//! and does not know whether time is virtual.

mod actor;
mod blow;
mod book;
mod clock;
mod conditions;
mod ctx;
mod dns;
mod host;
mod journal;
mod ledger;
mod life;
mod light;
mod link;
mod mailbox;
mod network;
mod outside;
mod pace;
mod planned;
mod real;
mod recipient;
mod rng;
mod standing;
mod timers;
mod virtual_time;
mod wire;
mod world;

pub use actor::{Actor, ChildExited, ChildId, ChildSpec, Exit, NoTimer, TimerKey};
pub use blow::Blow;
pub use book::Books;
pub use clock::{Clock, Sleep};
pub use ctx::Ctx;
pub use dns::ConnectError;
pub use host::panic_text;
pub use journal::{DEFAULT_JOURNAL_CAPACITY, Journal, Tail};
pub use ledger::{Datagrams, Receipt};
pub use link::{Arrival, Conditions, Endpoint, Packet, Returned, Why};
pub use mailbox::{Addr, MailboxCounters, MailboxProbe, MailboxSpec, Overflow, Refusal, Refused};
pub use network::{FLOW_CAPACITY, Network, NetworkCounters, NotSent};
pub use outside::{Visit, real_pause};
pub use pace::DRIFT_LIMIT;
pub(crate) use planned::planned_panic;
pub use real::{NotStopped, RealDriver};
pub use recipient::Recipient;
pub use rng::Rng;
pub use standing::Standing;
pub use virtual_time::VirtualDriver;
pub use world::{Busy, MailboxReport, Root, World, WorldSpec};
