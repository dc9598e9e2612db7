//! The lab: a whole deployment, its clock, its clients, and every way to break it.
//!
//! [`Lab::virtual_time`] makes one whose time stands still until a test lets it pass, and then flies;
//! [`Lab::real_time`] makes one with sockets whose protocol second lasts 1/speed of a real one. What
//! is done with the lab afterwards is the same code for both:
//!
//! ```
//! use std::time::Duration;
//! use takeover::{Lab, ha::State};
//!
//! let mut lab = Lab::virtual_time(1).start()?;
//! lab.node("1A")?.kill()?;
//! let minute = Duration::from_secs(60);
//! let taken_over = lab.until(|lab| lab.state("1B") == Some(State::Backup), 2 * minute);
//! assert!(taken_over, "{}", lab.journal().lines());
//! # Ok::<(), takeover::LabError>(())
//! ```

mod accounts;
mod answer;
mod build;
mod chat;
mod cluster;
mod control;
mod database;
mod enable;
mod error;
mod handles;
mod links;
mod login_limits;
mod moves;
mod notifications;
mod parts;
mod people;
mod plane;
mod run;
mod stores;
mod users;
mod weather;

pub use answer::{Answer, NoAnswer};
pub use build::Builder;
pub use chat::{DatabaseUse, MergeJob};
pub use cluster::ClusterBuilder;
pub use control::{Control, PairStates};
pub use database::Database;
pub use error::LabError;
pub use handles::{Link, Node, Pair, Service};
pub use moves::MoveFault;
pub use notifications::{Notification, Restart, Severity};
pub use run::Lab;
pub use weather::DatabaseFault;

#[cfg(test)]
mod tests;
