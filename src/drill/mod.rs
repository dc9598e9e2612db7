//! Drills: small readable files that take a pair through the state table, in virtual time.
//!
//! A drill is a text file, one line a step; `#` begins a comment. It starts with a head and goes on
//! with steps. The pair is `pair-1` with the nodes `1A` (home of `andy`) and `1B` (home of `bob`);
//! with `pairs 2` there is `pair-2` too (`2A` with `catherine`, `2B` with `deborah`). Every node is
//! switched on and `Normal` when the first step begins.
//!
//! ```
//! use takeover::drill;
//!
//! let text = "title A manual failover and the way back
//!             shows 2 3 4 1
//!             fail over 1A
//!             see row 2 within 5s
//!             expect row 3 within 60s
//!             fall back 1A
//!             expect row 1 within 2m";
//! let drill = drill::parse("mine.drill", "mine", text)?;
//! let outcome = drill::run(&drill, &mut |_| {}).outcome;
//! assert!(outcome.ok, "{}", outcome.verdict());
//! # Ok::<(), drill::ScriptError>(())
//! ```
//!
//! `drills/README.md` lists every line that a drill can have. What a drill says of rows is read from
//! the journal: the states that the nodes' SRMs took, whose SRM does not run, and which links are
//! cut. A pair whose link is cut is looked at from either side, and each side sees the other as
//! unreachable.
//!
//! At the end of a drill every pair comes to rest. A drill fails when a step does not go as written,
//! when it does not go through a row that it `shows`, and when a pair rests in states that the table
//! does not have.

mod claim;
mod deed;
mod diagram;
mod display;
mod outcome;
mod parse;
mod picture;
mod reader;
mod room;
mod run;
mod script;
mod shipped;
mod talk;
mod trace;
mod weather;
pub(crate) mod words;

pub(crate) use deed::carry_out;
pub use diagram::{Diagram, mermaid, svg};
pub(crate) use display::time;
pub use outcome::{Failure, Outcome, Skipped, Summary, Told};
pub use parse::parse;
pub use picture::{picture, table};
pub(crate) use run::rest;
pub use run::{Rooms, Run, run, run_on};
pub use script::{
    Claim, Deed, Drill, Engine, Line, LinkDeed, MovesDeed, PEOPLE, PowerDeed, ServiceDeed, Step,
    Talk,
};
pub use shipped::{SHIPPED, shipped};
pub(crate) use trace::TRANSITION;
pub use trace::{Misfit, Stretch, Trace, View};
pub use words::ScriptError;
