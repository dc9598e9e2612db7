//! The client's side of an exchange.

use std::fmt;

use subtle::ConstantTimeEq;
use thiserror::Error;

use super::cache::SaltedPasswords;
use super::keys::{BadPassword, Password};
use super::scram::{ServerFirst, base64, encode_name, unbase64, xor};
use super::{Mechanism, ScramHash};

/// Why the client breaks an exchange off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ClientError {
    /// The name or password cannot be prepared (RFC 4013).
    #[error(transparent)]
    BadPassword(#[from] BadPassword),
    /// The server's data is not what the mechanism says, or comes at the wrong time.
    #[error("the server's message is malformed or comes at the wrong time")]
    Malformed,
    /// The nonce does not begin with ours: somebody replays.
    #[error("the server's nonce does not continue the client's")]
    ForeignNonce,
    /// More rounds than the client is willing to compute.
    #[error("{asked} rounds of PBKDF2 asked, at most {allowed} allowed")]
    TooManyRounds {
        /// What the server wants.
        asked: u32,
        /// What is allowed.
        allowed: u32,
    },
    /// The server does not know the password either: it is not who it says.
    #[error("the server could not prove that it knows the password's keys")]
    ServerNotProven,
}

/// Rounds of PBKDF2 that a client computes at most: about a second.
const MAX_ITERATIONS: u32 = 1_000_000;

/// One exchange.
pub struct SaslClient {
    mechanism: Mechanism,
    username: String,
    password: Password,
    nonce: String,
    state: State,
}

enum State {
    /// Nothing was sent.
    Start,
    /// The first message is out.
    First,
    /// The proof is out; this is what the server must answer.
    Proven { signature: Vec<u8> },
    /// PLAIN: the server answers success or failure.
    Told,
    /// The server is proven, or the exchange failed.
    Over { proven: bool },
}

impl SaslClient {
    /// An exchange; `nonce` as for [`super::SaslServer::new`].
    ///
    /// # Errors
    /// [`BadPassword`] if name or password cannot be prepared.
    pub fn new(
        mechanism: Mechanism,
        username: &str,
        password: &Password,
        nonce: String,
    ) -> Result<Self, BadPassword> {
        let username = Password::new(username).prepared()?;
        let password = Password::new(password.prepared()?);
        Ok(Self {
            mechanism,
            username,
            password,
            nonce,
            state: State::Start,
        })
    }

    /// The mechanism of the exchange.
    #[must_use]
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// The initial response.
    pub fn initial(&mut self) -> Vec<u8> {
        match self.mechanism {
            Mechanism::Plain => {
                self.state = State::Told;
                format!("\0{}\0{}", self.username, self.password.as_str()).into_bytes()
            }
            Mechanism::ScramSha1 | Mechanism::ScramSha256 => {
                self.state = State::First;
                format!("n,,{}", self.bare()).into_bytes()
            }
        }
    }

    fn bare(&self) -> String {
        format!("n={},r={}", encode_name(&self.username), self.nonce)
    }

    /// The response to a challenge. `salted` may know the salted password already; else this takes
    /// the time of PBKDF2.
    ///
    /// # Errors
    /// [`ClientError`]: abort the exchange.
    pub fn challenge(
        &mut self,
        data: &[u8],
        salted: &dyn SaltedPasswords,
    ) -> Result<Vec<u8>, ClientError> {
        let state = std::mem::replace(&mut self.state, State::Over { proven: false });
        match state {
            State::First => self.prove(data, salted),
            // Some servers send the verifier as a challenge, then an empty success.
            State::Proven { signature } => {
                check(data, &signature)?;
                self.state = State::Over { proven: true };
                Ok(Vec::new())
            }
            State::Start | State::Told | State::Over { .. } => Err(ClientError::Malformed),
        }
    }

    fn prove(&mut self, data: &[u8], salted: &dyn SaltedPasswords) -> Result<Vec<u8>, ClientError> {
        let server_first = std::str::from_utf8(data).map_err(|_| ClientError::Malformed)?;
        let parsed = ServerFirst::parse(server_first).ok_or(ClientError::Malformed)?;
        if !parsed.nonce.starts_with(&self.nonce) || parsed.nonce.len() == self.nonce.len() {
            return Err(ClientError::ForeignNonce);
        }
        if parsed.iterations > MAX_ITERATIONS {
            let asked = parsed.iterations;
            return Err(ClientError::TooManyRounds {
                asked,
                allowed: MAX_ITERATIONS,
            });
        }
        let hash = self.mechanism.hash();
        let salted = salt(hash, &parsed, self.password.as_str(), salted);
        let without_proof = format!("c={},r={}", base64(b"n,,"), parsed.nonce);
        let auth = [&self.bare(), ",", server_first, ",", &without_proof].concat();
        let client_key = hash.hmac(&salted, &[b"Client Key"]);
        let stored_key = hash.digest(&client_key);
        let proof = xor(&client_key, &hash.hmac(&stored_key, &[auth.as_bytes()]));
        let server_key = hash.hmac(&salted, &[b"Server Key"]);
        let signature = hash.hmac(&server_key, &[auth.as_bytes()]);
        self.state = State::Proven { signature };
        Ok(format!("{without_proof},p={}", base64(&proof)).into_bytes())
    }

    /// The server said success, with this additional data.
    ///
    /// # Errors
    /// [`ClientError::ServerNotProven`] if it has not shown that it knows the keys; the connection
    /// must not be used.
    pub fn success(&mut self, data: Option<&[u8]>) -> Result<(), ClientError> {
        match std::mem::replace(&mut self.state, State::Over { proven: false }) {
            State::Told | State::Over { proven: true } => Ok(()),
            State::Proven { signature } => check(data.unwrap_or(b""), &signature),
            State::Start | State::First | State::Over { proven: false } => {
                Err(ClientError::ServerNotProven)
            }
        }
    }
}

fn salt(
    hash: ScramHash,
    first: &ServerFirst<'_>,
    password: &str,
    cache: &dyn SaltedPasswords,
) -> Vec<u8> {
    if let Some(known) = cache.get(hash, &first.salt, first.iterations, password) {
        return known;
    }
    let salted = hash.salted(password.as_bytes(), &first.salt, first.iterations);
    cache.put(hash, &first.salt, first.iterations, password, &salted);
    salted
}

fn check(data: &[u8], signature: &[u8]) -> Result<(), ClientError> {
    let given = std::str::from_utf8(data)
        .ok()
        .and_then(|text| text.strip_prefix("v="));
    let given = given.and_then(|text| unbase64(text.split(',').next()?));
    match given {
        Some(given) if bool::from(given.ct_eq(signature)) => Ok(()),
        Some(_) | None => Err(ClientError::ServerNotProven),
    }
}

impl fmt::Debug for SaslClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SaslClient({} as {})", self.mechanism, self.username)
    }
}
