//! Every history of a pair, up to a number of faults.
//!
//! Two nodes run the real [`step`](super::step()) in a small world: their services, their database, who
//! owns their users, the link between them with what is on its way. From the pair at rest in row 1 every
//! possible next move is tried, and from each new state of the world again, breadth first, until there is
//! no new one. Moves are of four classes ([`Class`]):
//!
//! - **steps**: what happens by itself: a message arrives, a keep-alive gets through, a piece of work is
//!   done, a timer expires;
//! - **repairs**: the link heals, power comes back, SRM, a service or the database is started;
//! - **operator actions** that the table recommends: fallback, Recover, switching HA on;
//! - **faults**, of which there are as many as asked for: power cut, shutdown, death of SRM, failure of a
//!   service, of the database, of a piece of work, of a start; a cut link, a lost message, a timer that
//!   runs out while work is still going on; and what an administrator may do at any time: failover, HA off.
//!
//! Messages are kept in order and may be lost: since a status that was overtaken or doubled is dropped
//! unread by its number, any reordering or doubling is the same as a loss. A timer whose time is far longer
//! than that of messages and work expires only when nothing else can happen; its expiry before that is a
//! fault.
//!
//! What is checked in each state of the world is in [`Violation`].

mod ahead;
mod calm;
mod canon;
mod check;
mod expand;
mod mixer;
mod moves;
mod numbers;
mod planted;
mod search;
mod world;

pub use check::Violation;
pub use moves::{Class, Move, Node};
pub use planted::Planted;
pub use search::{Exploration, Explorer, Progress, Trace, all_edges};
pub use world::{Edge, Power, Side, Work, World};
