//! A deployment at its full size in one process: every user of every cluster logged in, then one node of
//! each pair loses its power, all at once.
//!
//! Nodes, pairs, places, tickets and moves are the real ones. Clients are slim: a few dozen octets each
//! in a crowd for each pair, which keeps the rules of chapter 3 for all of them; their stanzas
//! are handed over without octets or XML. In virtual time.

mod crowd;
mod memory;
mod report;
mod run;
mod spec;
mod tally;

pub use report::{Report, Targets};
pub use run::{Phase, ScaleError, Step, run};
pub use spec::{BadScale, ScaleSpec};
