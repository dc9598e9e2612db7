//! The services of a node: what they are called, which are critical, what they need.
//!
//! Source: chapter 1 of the specification, "Services of a node", SVC-1 to SVC-4.

mod kind;
mod state;

pub use kind::{Criticality, Family, ServiceKind, UnknownService};
pub use state::{ServiceCause, ServiceState};
