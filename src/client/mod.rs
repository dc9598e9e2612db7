//! In-process XMPP clients, and the account of what they were promised.
//!
//! A [`Client`] speaks real XMPP (RFC 6120 and 6121, XEP-0045, XEP-0198) through whatever its
//! [`Dialer`] opens: TCP with STARTTLS, direct TLS, or a pipe in memory. It behaves as the rules ask
//! of clients: it follows `see-other-host`, waits a random time of the re-login window when it has
//! lost its node (SES-5), resumes its stream where the server still knows it and enters its rooms
//! again where it does not. If asked to, it has an inactive session at the backup besides (SES-7). For large runs it can hand its stanzas over as they are, without XML and
//! without SASL; that apart it is the same client. Every message it sends and receives is in the lab's [`Oracle`].

mod actor;
mod away;
mod dial;
mod doing;
mod doubt;
mod far;
mod hand;
mod handle;
mod inbound;
mod manners;
mod oracle;
mod outbound;
mod pipe;
mod session;
mod shared;
mod spec;
mod standby;
mod stream;
mod way;
mod words;

pub use away::Away;
pub use dial::{BoxedWire, Dialed, Dialer, Dialing, TcpDialer, Upgrade, Wire};
pub use handle::{Client, NotOnline};
pub use oracle::{Arrived, Finding, Oracle, Tally, Target};
pub use shared::{ClientState, Note, Noted, Received};
pub use spec::{ClientSpec, Dual, Reconnect};
pub(crate) use words::message;

#[cfg(test)]
mod tests;
