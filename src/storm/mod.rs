//! The logins after a failover, replayed: one node of a pair loses its power, and all its users come
//! to the other one, which serves so many logins a second and no more (SES-5, SES-6).
//!
//! Everything but the octets is real: the pair, its takeover, the clients' random waits, the queue
//! at the door. In virtual time.

mod chart;
mod replay;

pub use chart::{Scale, chart, table};
pub use replay::{Limits, Replay, StormSpec, replay};
