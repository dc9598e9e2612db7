//! Logging in: from an arrival to a session.

mod conversation;
mod guard;
pub(super) mod manager;

pub use conversation::Established;
pub(super) use conversation::{converse, when_settled};
