//! SASL (RFC 4422, RFC 6120 section 6): SCRAM (RFC 5802, RFC 7677) and PLAIN (RFC 4616), both
//! sides, without I/O.
//!
//! # Why not a SASL crate
//! `rsasl` 2.3 draws its nonces from the thread's random source, so that no run could be replayed,
//! and asks for credentials in a callback that must answer at once, while ours come by message
//! from a store; besides, its server ends an exchange with a wrong password in a finished step
//! that only a separate validation tells from success. The `sasl` crate refuses the header `n,,`.
//! What is left to do is small and stands on kept crates: `hmac`, `sha1`, `sha2`, `pbkdf2`,
//! `subtle`, `stringprep`.
//!
//! # Secrets
//! Passwords are kept as [`ScramKeys`] only (XMPP-3). Nothing here prints a password or a key:
//! the `Debug` of types that hold one says that it is there. A user that does not exist takes the
//! same path as one with another password, with a salt made of the name, so neither the answers
//! nor the work done tell which names exist.

mod cache;
mod client;
mod crypto;
mod keys;
mod scram;
mod server;

use std::fmt;

pub use cache::{NoCache, SaltedCache, SaltedPasswords};
pub use client::{ClientError, SaslClient};
pub use crypto::ScramHash;
pub use keys::{BadPassword, Password, ScramKeys};
pub use server::{Found, SaslServer, ServerContext, ServerStep};

/// A mechanism that is spoken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mechanism {
    /// SCRAM-SHA-256 (RFC 7677).
    ScramSha256,
    /// SCRAM-SHA-1 (RFC 5802).
    ScramSha1,
    /// PLAIN (RFC 4616): the password itself, so under a security layer only.
    Plain,
}

impl Mechanism {
    /// All, the strongest first: the order in which they are offered and chosen.
    pub const ALL: [Self; 3] = [Self::ScramSha256, Self::ScramSha1, Self::Plain];

    /// The registered name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha1 => "SCRAM-SHA-1",
            Self::Plain => "PLAIN",
        }
    }

    /// The mechanism of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|mechanism| mechanism.name() == name)
    }

    /// The hash of the keys that are needed; PLAIN is checked against SCRAM-SHA-256 keys.
    #[must_use]
    pub fn hash(self) -> ScramHash {
        match self {
            Self::ScramSha1 => ScramHash::Sha1,
            Self::ScramSha256 | Self::Plain => ScramHash::Sha256,
        }
    }

    /// Whether who listens on the line learns the password.
    #[must_use]
    pub fn shows_password(self) -> bool {
        match self {
            Self::Plain => true,
            Self::ScramSha1 | Self::ScramSha256 => false,
        }
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why authentication failed (RFC 6120, section 6.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SaslCondition {
    /// The client asked to stop.
    Aborted,
    /// The account is disabled for now.
    AccountDisabled,
    /// The credentials are too old.
    CredentialsExpired,
    /// The mechanism needs a security layer first.
    EncryptionRequired,
    /// Not Base64.
    IncorrectEncoding,
    /// The identity asked for is not the user's.
    InvalidAuthzid,
    /// The mechanism is not offered.
    InvalidMechanism,
    /// The data is not what the mechanism says.
    MalformedRequest,
    /// The mechanism is weaker than policy allows for this user.
    MechanismTooWeak,
    /// Wrong user or password.
    NotAuthorized,
    /// The server could not decide now.
    TemporaryAuthFailure,
}

impl SaslCondition {
    /// Every condition, in the order of the standard.
    pub const ALL: [Self; 11] = [
        Self::Aborted,
        Self::AccountDisabled,
        Self::CredentialsExpired,
        Self::EncryptionRequired,
        Self::IncorrectEncoding,
        Self::InvalidAuthzid,
        Self::InvalidMechanism,
        Self::MalformedRequest,
        Self::MechanismTooWeak,
        Self::NotAuthorized,
        Self::TemporaryAuthFailure,
    ];

    /// The name of the condition's element.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aborted => "aborted",
            Self::AccountDisabled => "account-disabled",
            Self::CredentialsExpired => "credentials-expired",
            Self::EncryptionRequired => "encryption-required",
            Self::IncorrectEncoding => "incorrect-encoding",
            Self::InvalidAuthzid => "invalid-authzid",
            Self::InvalidMechanism => "invalid-mechanism",
            Self::MalformedRequest => "malformed-request",
            Self::MechanismTooWeak => "mechanism-too-weak",
            Self::NotAuthorized => "not-authorized",
            Self::TemporaryAuthFailure => "temporary-auth-failure",
        }
    }

    /// The condition whose element has this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|condition| condition.as_str() == name)
    }
}

impl fmt::Display for SaslCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
