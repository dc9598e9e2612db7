//! The server's side of an exchange.

use std::fmt;

use subtle::ConstantTimeEq;

use super::cache::SaltedPasswords;
use super::keys::{Password, ScramKeys};
use super::scram::{ClientFinal, ClientFirst, base64, xor};
use super::{Mechanism, SaslCondition};

/// What a server needs to know besides the user's keys.
#[derive(Clone, Copy, Debug)]
pub struct ServerContext<'c> {
    /// Makes the salts of users that do not exist: the same on all nodes, known to nobody else.
    pub secret: &'c [u8],
    /// Rounds that real keys usually have.
    pub iterations: u32,
    /// Salted passwords of earlier logins, for PLAIN.
    pub salted: &'c dyn SaltedPasswords,
}

/// What is to be done next.
#[derive(Clone, PartialEq, Eq)]
pub enum ServerStep {
    /// Send this challenge; the response goes to [`SaslServer::respond`].
    Challenge(Vec<u8>),
    /// Look the user's keys up and answer with [`SaslServer::found`].
    LookUp {
        /// The name, prepared (SASLprep), not checked to be a localpart.
        username: String,
        /// What it is checked by: [`Mechanism::hash`] tells which keys that needs.
        mechanism: Mechanism,
    },
    /// The client is who it says.
    Success {
        /// The name, prepared.
        username: String,
        /// The identity to act as, if one was given: the caller's to allow.
        authzid: Option<String>,
        /// What goes into `<success/>`.
        additional: Option<Vec<u8>>,
    },
    /// It is not, or something is wrong. The exchange is over.
    Failure(SaslCondition),
}

/// Shows no challenge, for one could help to guess a password.
impl fmt::Debug for ServerStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Challenge(_) => f.write_str("Challenge(…)"),
            Self::LookUp {
                username,
                mechanism,
            } => write!(f, "LookUp({username}, {mechanism})"),
            Self::Success {
                username, authzid, ..
            } => {
                write!(f, "Success({username}, as {authzid:?})")
            }
            Self::Failure(condition) => write!(f, "Failure({condition})"),
        }
    }
}

/// What was found out about a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The keys, of the hash that was asked for.
    Keys(ScramKeys),
    /// The password itself, from who is told it by a configuration: checks PLAIN without PBKDF2.
    /// Right for no other mechanism.
    Password(Password),
    /// There is no such user. The exchange goes on, and fails as with a wrong password.
    Nobody,
    /// The account is disabled, or the store did not answer: fails at once, with this condition.
    Refused(SaslCondition),
}

/// One exchange.
pub struct SaslServer {
    mechanism: Mechanism,
    nonce: String,
    state: State,
}

enum State {
    /// Nothing was received.
    Start,
    /// The store is asked, for SCRAM.
    LookUp(First),
    /// The store is asked, for PLAIN.
    LookUpPlain {
        username: String,
        authzid: Option<String>,
        password: Password,
    },
    /// The challenge is out.
    Challenged {
        first: First,
        server_first: String,
        keys: ScramKeys,
        exists: bool,
    },
    /// It is over.
    Over,
}

/// What must be remembered of the client's first message.
struct First {
    gs2_header: String,
    bare: String,
    nonce: String,
    username: String,
    authzid: Option<String>,
}

impl SaslServer {
    /// An exchange of `mechanism`; `nonce` is random, printable ASCII without a comma, 18
    /// characters or more (it is not used for PLAIN).
    #[must_use]
    pub fn new(mechanism: Mechanism, nonce: String) -> Self {
        Self {
            mechanism,
            nonce,
            state: State::Start,
        }
    }

    /// The mechanism of the exchange.
    #[must_use]
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// The client's initial response, `None` if it sent none.
    pub fn begin(&mut self, initial: Option<&[u8]>) -> ServerStep {
        match initial {
            Some(data) => self.respond(data),
            // Both mechanisms let the client speak first.
            None => ServerStep::Challenge(Vec::new()),
        }
    }

    /// The client's response to a challenge.
    pub fn respond(&mut self, data: &[u8]) -> ServerStep {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Start => match self.mechanism {
                Mechanism::Plain => self.plain(data),
                Mechanism::ScramSha1 | Mechanism::ScramSha256 => self.first(data),
            },
            State::Challenged {
                first,
                server_first,
                keys,
                exists,
            } => last(data, first, &server_first, &keys, exists),
            State::LookUp(_) | State::LookUpPlain { .. } | State::Over => {
                ServerStep::Failure(SaslCondition::MalformedRequest)
            }
        }
    }

    /// The answer to [`ServerStep::LookUp`]. For PLAIN this takes the time of PBKDF2, unless the
    /// cache knows better.
    pub fn found(&mut self, found: Found, context: &ServerContext<'_>) -> ServerStep {
        let state = std::mem::replace(&mut self.state, State::Over);
        match state {
            State::LookUp(first) => match self.keys(found, &first.username, context) {
                Ok((keys, exists)) => self.challenge(first, keys, exists),
                Err(condition) => ServerStep::Failure(condition),
            },
            State::LookUpPlain {
                username,
                authzid,
                password,
            } => match self.check(found, &username, &password, context) {
                Ok(true) => ServerStep::Success {
                    username,
                    authzid,
                    additional: None,
                },
                Ok(false) => ServerStep::Failure(SaslCondition::NotAuthorized),
                Err(condition) => ServerStep::Failure(condition),
            },
            State::Start | State::Challenged { .. } | State::Over => {
                ServerStep::Failure(SaslCondition::MalformedRequest)
            }
        }
    }

    /// Whether a password is right. Of a wrong one the time does not tell why.
    fn check(
        &self,
        found: Found,
        username: &str,
        password: &Password,
        context: &ServerContext<'_>,
    ) -> Result<bool, SaslCondition> {
        if let Found::Password(known) = &found
            && known.is(password, context.secret)
        {
            return Ok(true);
        }
        let (keys, exists) = self.keys(found, username, context)?;
        // Both sides are computed.
        Ok(keys.verify(password, context.salted) & exists)
    }

    /// The keys to check with, and whether they can be right at all.
    fn keys(
        &self,
        found: Found,
        username: &str,
        context: &ServerContext<'_>,
    ) -> Result<(ScramKeys, bool), SaslCondition> {
        let hash = self.mechanism.hash();
        match found {
            Found::Keys(keys) if keys.hash == hash => Ok((keys, true)),
            Found::Keys(_) => Err(SaslCondition::TemporaryAuthFailure),
            Found::Nobody | Found::Password(_) => {
                let keys = ScramKeys::fake(hash, context.secret, username, context.iterations);
                Ok((keys, false))
            }
            Found::Refused(condition) => Err(condition),
        }
    }

    fn plain(&mut self, data: &[u8]) -> ServerStep {
        let parts: Option<Vec<&str>> = std::str::from_utf8(data)
            .ok()
            .map(|text| text.split('\0').collect());
        let (authzid, username, password) = match parts.as_deref() {
            Some([authzid, username, password]) if !username.is_empty() && !password.is_empty() => {
                (*authzid, *username, *password)
            }
            Some(_) | None => return ServerStep::Failure(SaslCondition::MalformedRequest),
        };
        let Ok(username) = stringprep::saslprep(username) else {
            return ServerStep::Failure(SaslCondition::MalformedRequest);
        };
        let username = username.into_owned();
        self.state = State::LookUpPlain {
            username: username.clone(),
            authzid: (!authzid.is_empty()).then(|| authzid.to_owned()),
            password: Password::new(password),
        };
        ServerStep::LookUp {
            username,
            mechanism: self.mechanism,
        }
    }

    fn first(&mut self, data: &[u8]) -> ServerStep {
        let prepared = ClientFirst::parse(data).and_then(|first| {
            let username = stringprep::saslprep(&first.username).ok()?.into_owned();
            Some((username, first))
        });
        let Some((username, first)) = prepared else {
            return ServerStep::Failure(SaslCondition::MalformedRequest);
        };
        self.state = State::LookUp(First {
            gs2_header: first.gs2_header.to_owned(),
            bare: first.bare.to_owned(),
            nonce: format!("{}{}", first.nonce, self.nonce),
            username: username.clone(),
            authzid: first.authzid,
        });
        ServerStep::LookUp {
            username,
            mechanism: self.mechanism,
        }
    }

    fn challenge(&mut self, first: First, keys: ScramKeys, exists: bool) -> ServerStep {
        let salt = base64(&keys.salt);
        let server_first = format!("r={},s={salt},i={}", first.nonce, keys.iterations);
        let challenge = server_first.clone().into_bytes();
        self.state = State::Challenged {
            first,
            server_first,
            keys,
            exists,
        };
        ServerStep::Challenge(challenge)
    }
}

/// Checks the proof (RFC 5802, section 3).
fn last(
    data: &[u8],
    first: First,
    server_first: &str,
    keys: &ScramKeys,
    exists: bool,
) -> ServerStep {
    let Some(message) = ClientFinal::parse(data) else {
        return ServerStep::Failure(SaslCondition::MalformedRequest);
    };
    if message.binding != first.gs2_header.as_bytes() || message.nonce != first.nonce {
        return ServerStep::Failure(SaslCondition::MalformedRequest);
    }
    let hash = keys.hash;
    let auth = [&first.bare, ",", server_first, ",", message.without_proof].concat();
    let signature = hash.hmac(&keys.stored_key, &[auth.as_bytes()]);
    let client_key = xor(&signature, &message.proof);
    let right = hash.digest(&client_key).ct_eq(&keys.stored_key)
        & message.proof.len().ct_eq(&signature.len());
    if !(bool::from(right) & exists) {
        return ServerStep::Failure(SaslCondition::NotAuthorized);
    }
    let verifier = base64(&hash.hmac(&keys.server_key, &[auth.as_bytes()]));
    ServerStep::Success {
        username: first.username,
        authzid: first.authzid,
        additional: Some(format!("v={verifier}").into_bytes()),
    }
}

impl fmt::Debug for SaslServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Start => "nothing received",
            State::LookUp(_) | State::LookUpPlain { .. } => "store asked",
            State::Challenged { .. } => "challenged",
            State::Over => "over",
        };
        write!(f, "SaslServer({}, {state})", self.mechanism)
    }
}
