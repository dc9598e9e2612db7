//! In-process XMPP clients and the account of what they were promised.

mod oracle;

pub use oracle::{Arrived, Finding, Oracle, Tally, Target};
