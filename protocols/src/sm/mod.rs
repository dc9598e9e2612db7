//! Stream management (XEP-0198): acknowledging stanzas, and resuming a session on a new stream.
//!
//! The words on the wire are [`Nonza`]s. The two halves of the bookkeeping are separate, for they
//! live in different places: [`Inbound`] counts what was handled, [`Outbound`] keeps what was sent
//! until the peer has it. Counters are modulo 2³².

mod inbound;
mod nonza;
mod outbound;

pub use inbound::{Inbound, Ticket};
pub use nonza::{BadNonza, Nonza};
pub use outbound::{AckError, Full, Outbound};
