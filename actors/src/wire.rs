//! What an endpoint hands to the cluster: an octet stream with a client at its other end.
//!
//! Endpoints (listening sockets, in-memory pipes) live above this crate; here a client is a
//! [`Wire`] in an [`Arrival`], so that sockets and pipes run the same code.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};

/// An octet stream in both directions: a socket, a TLS stream, a pipe in memory.
pub trait Wire: AsyncRead + AsyncWrite + Send + Unpin + 'static {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Wire for T {}

/// What protects a wire when it arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Nothing, and login waits for STARTTLS (RFC 6120, section 5).
    Plain,
    /// Nothing, and login is allowed all the same: load tests and clients inside the process.
    PlainAllowed,
    /// TLS from the first octet (XEP-0368), or it never leaves this process's memory.
    Tls,
}

/// The future of an [`Upgrade`]: the wire with TLS around it, or why the handshake failed.
pub type Upgrading = Pin<Box<dyn Future<Output = io::Result<Box<dyn Wire>>> + Send>>;

/// Puts TLS around a wire once the client has been told `<proceed/>` (RFC 6120, section 5.4.2.3).
pub type Upgrade = Box<dyn FnOnce(Box<dyn Wire>) -> Upgrading + Send>;

/// A client at the door of a node.
pub struct Arrival {
    /// The octet stream to it.
    pub wire: Box<dyn Wire>,
    /// Where it comes from, for the journal and for limits by address, such as `127.0.0.1:40312`
    /// or `andy@desk`.
    pub label: String,
    /// What protects the wire now.
    pub security: Security,
    /// How to put TLS around it; `None` where STARTTLS is not offered.
    pub upgrade: Option<Upgrade>,
}

impl Arrival {
    /// An arrival over a pipe in memory, which needs no TLS.
    pub fn in_memory(wire: impl Wire, label: impl Into<String>) -> Self {
        Self {
            wire: Box::new(wire),
            label: label.into(),
            security: Security::Tls,
            upgrade: None,
        }
    }
}

impl fmt::Debug for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arrival")
            .field("label", &self.label)
            .field("security", &self.security)
            .field("starttls", &self.upgrade.is_some())
            .finish_non_exhaustive()
    }
}
