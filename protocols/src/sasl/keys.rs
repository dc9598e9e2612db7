//! What is kept of a password.

use std::fmt;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use thiserror::Error;

use super::cache::SaltedPasswords;
use super::crypto::ScramHash;

/// A password on its way; `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Takes a password as the user typed it.
    pub fn new(password: impl Into<String>) -> Self {
        Self(password.into())
    }

    /// The password after SASLprep (RFC 4013).
    ///
    /// # Errors
    /// [`BadPassword`] if it has characters that no password may have, or is empty.
    pub(super) fn prepared(&self) -> Result<String, BadPassword> {
        match stringprep::saslprep(&self.0) {
            Ok(prepared) if !prepared.is_empty() => Ok(prepared.into_owned()),
            Ok(_) | Err(_) => Err(BadPassword),
        }
    }

    /// Whether both are one password. The time tells nothing of either, not even its length.
    pub(super) fn is(&self, other: &Self, secret: &[u8]) -> bool {
        let (Ok(one), Ok(other)) = (self.prepared(), other.prepared()) else {
            return false;
        };
        let mixed = |password: &str| ScramHash::Sha256.hmac(secret, &[password.as_bytes()]);
        mixed(&one).ct_eq(&mixed(&other)).into()
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// The password is empty, or has a character that SASLprep forbids (RFC 4013).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "a password must not be empty nor hold control, private or unassigned characters (RFC 4013)"
)]
pub struct BadPassword;

/// The keys of one user for one SCRAM mechanism (RFC 5802, section 3): enough to check a password,
/// not enough to log in elsewhere.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScramKeys {
    /// The hash they are made with.
    pub hash: ScramHash,
    /// Rounds of PBKDF2.
    pub iterations: u32,
    /// Random octets of this user.
    pub salt: Vec<u8>,
    /// `H(HMAC(salted password, "Client Key"))`.
    pub stored_key: Vec<u8>,
    /// `HMAC(salted password, "Server Key")`.
    pub server_key: Vec<u8>,
}

impl ScramKeys {
    /// Makes the keys of a new password; `salt` is the caller's random choice, 16 octets or more.
    ///
    /// # Errors
    /// [`BadPassword`].
    pub fn derive(
        hash: ScramHash,
        password: &Password,
        salt: &[u8],
        iterations: u32,
    ) -> Result<Self, BadPassword> {
        let password = password.prepared()?;
        let salted = hash.salted(password.as_bytes(), salt, iterations);
        Ok(Self::from_salted(hash, &salted, salt, iterations))
    }

    fn from_salted(hash: ScramHash, salted: &[u8], salt: &[u8], iterations: u32) -> Self {
        let client_key = hash.hmac(salted, &[b"Client Key"]);
        Self {
            hash,
            iterations,
            salt: salt.to_vec(),
            stored_key: hash.digest(&client_key),
            server_key: hash.hmac(salted, &[b"Server Key"]),
        }
    }

    /// Keys of a user that does not exist: always the same for a name, right for no password.
    pub(super) fn fake(hash: ScramHash, secret: &[u8], name: &str, iterations: u32) -> Self {
        let mixed = |label: &[u8]| hash.hmac(secret, &[label, b"\0", name.as_bytes()]);
        let mut salt = mixed(b"salt");
        salt.truncate(16);
        Self {
            hash,
            iterations,
            salt,
            stored_key: mixed(b"stored"),
            server_key: mixed(b"server"),
        }
    }

    /// Whether this is the password. Takes the time of the PBKDF2 rounds, unless `cache` has the
    /// salted password from an earlier success.
    #[must_use]
    pub fn verify(&self, password: &Password, cache: &dyn SaltedPasswords) -> bool {
        let Ok(password) = password.prepared() else {
            return false;
        };
        let cached = cache.get(self.hash, &self.salt, self.iterations, &password);
        let known = cached.is_some();
        let salted = cached.unwrap_or_else(|| {
            self.hash
                .salted(password.as_bytes(), &self.salt, self.iterations)
        });
        let derived = Self::from_salted(self.hash, &salted, &self.salt, self.iterations);
        let right = bool::from(derived.stored_key.ct_eq(&self.stored_key));
        if right && !known {
            cache.put(self.hash, &self.salt, self.iterations, &password, &salted);
        }
        right
    }
}

impl fmt::Debug for ScramKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScramKeys({}, {} rounds, …)", self.hash, self.iterations)
    }
}
