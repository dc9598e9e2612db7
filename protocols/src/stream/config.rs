//! How streams are negotiated, and their limits.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::sasl::{Mechanism, NoCache, SaltedPasswords, ServerContext};
use crate::xml::{Bounds, Element, Limits};

/// Whether STARTTLS is offered (RFC 6120, section 5) on a connection that is not secure yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tls {
    /// Offered, and nothing else is before it.
    Required,
    /// Offered beside the SASL mechanisms.
    Optional,
    /// Not offered.
    Absent,
}

/// What protects the octets of a connection when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// Nothing: a TCP connection.
    Plain,
    /// TLS from the first octet, or memory of the same process.
    Secure,
}

/// Octets that nobody else may know; `Debug` does not show them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret(pub [u8; 32]);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What a client may do, and how long it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct C2sLimits {
    /// Octets of one element before the client is authenticated; 10 000 or more
    /// (RFC 6120, section 13.12).
    pub octets_before_login: usize,
    /// Octets of one element after.
    pub octets: usize,
    /// Nesting and attributes, always.
    pub bounds: Bounds,
    /// Failed attempts to authenticate on one connection; the last one ends it. The standard asks
    /// for 3 to 6, that is 2 to 5 retries (RFC 6120, section 6.4.5).
    pub login_attempts: u32,
    /// From the start of the connection to the bound resource, in protocol time.
    pub negotiation: Duration,
    /// From the first to the last octet of one element, in protocol time.
    pub element: Duration,
    /// From the end of our stream to the end of the peer's, in protocol time.
    pub closing: Duration,
}

impl Default for C2sLimits {
    fn default() -> Self {
        Self {
            octets_before_login: 16 * 1024,
            octets: 256 * 1024,
            bounds: Bounds::default(),
            login_attempts: 5,
            negotiation: Duration::from_secs(60),
            element: Duration::from_secs(60),
            closing: Duration::from_secs(5),
        }
    }
}

impl C2sLimits {
    pub(super) fn before_login(&self) -> Limits {
        Limits {
            octets: self.octets_before_login,
            bounds: self.bounds,
        }
    }
}

/// How a server negotiates streams with clients. Shared by its connections.
#[derive(Clone, Debug)]
pub struct C2sConfig {
    /// Domains served, prepared (lower case).
    pub domains: Vec<String>,
    /// STARTTLS.
    pub tls: Tls,
    /// Let passwords pass without a security layer: for load tests.
    pub allow_plaintext: bool,
    /// SASL mechanisms, in the order they are offered.
    pub mechanisms: Vec<Mechanism>,
    /// Offer the session establishment of RFC 3921, which old clients wait for.
    pub session: bool,
    /// Offer stream management (XEP-0198).
    pub stream_management: bool,
    /// Offer inactive sessions (SES-7) on streams that are secure.
    pub dual: bool,
    /// Further features after authentication, such as roster versions and capabilities.
    pub features: Vec<Element>,
    /// Limits.
    pub limits: C2sLimits,
    /// Makes the salts of users that do not exist: the same on all nodes.
    pub secret: Secret,
    /// Rounds of PBKDF2 that the keys of users have; those of nobody get as many.
    pub iterations: u32,
    /// Salted passwords of earlier logins.
    pub salted: Arc<dyn SaltedPasswords>,
}

impl C2sConfig {
    /// A server of one domain: STARTTLS required, all mechanisms, all features.
    #[must_use]
    pub fn new(domain: impl Into<String>, secret: Secret) -> Self {
        Self {
            domains: vec![domain.into()],
            tls: Tls::Required,
            allow_plaintext: false,
            mechanisms: Mechanism::ALL.to_vec(),
            session: true,
            stream_management: true,
            dual: false,
            features: Vec::new(),
            limits: C2sLimits::default(),
            secret,
            iterations: 4096,
            salted: Arc::new(NoCache),
        }
    }

    pub(super) fn context(&self) -> ServerContext<'_> {
        ServerContext {
            secret: &self.secret.0,
            iterations: self.iterations,
            salted: self.salted.as_ref(),
        }
    }
}
