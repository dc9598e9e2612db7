//! The fault search: a whole deployment broken on purpose, from a seed, until nothing breaks.
//!
//! A [`Plan`] says what is done to a deployment and when. It is drawn from a seed
//! ([`Plan::generate`]) or read from a small text file ([`Plan::parse`]), and [`run`] carries it out
//! in virtual time: users talk while nodes, services, links, databases and clocks fail, an operator
//! does what the state table recommends, and at the end everything is healed and must come home.
//! All the while every invariant of the [`REGISTRY`] is held against the journal, the state of
//! things, and what the clients were promised. The same plan is the same run, event for event.
//!
//! ```
//! use takeover::verify::{self, Plan};
//!
//! let text = "seed 3\nlength 30m\npairs 1\nusers 6\nrooms 1\ntalkers 3 every 20s\nat 60s power cut 1A for 4m\n";
//! let run = verify::run(&Plan::parse("mine.plan", text)?)?;
//! assert!(run.outcome.tally.sent > 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod canaries;
mod coverage;
mod facts;
mod generate;
mod invariants;
mod kind;
mod knobs;
mod minimize;
mod operator;
mod picture;
mod plan;
mod plots;
mod run;
mod search;
mod silence;
mod undo;
mod watch;
mod world;

pub use coverage::Coverage;
pub use facts::{Facts, PairFacts};
pub use invariants::{Check, Invariant, Looked, REGISTRY, Scene, Violation, page};
pub use kind::FaultKind;
pub use knobs::Knobs;
pub use minimize::{Minimal, minimize};
pub use picture::{faults, grid, picture};
pub use plan::{Plan, Planned};
pub use run::{Outcome, Run, run};
pub use search::{Figures, Search, Searched};
pub use watch::Found;
