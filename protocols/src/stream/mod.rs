//! Streams (RFC 6120): negotiating them, from both sides, without I/O.

mod error;

pub use error::{StreamCondition, StreamError};
