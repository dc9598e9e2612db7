//! SASL exchanges, PLAIN and SCRAM, from both sides.

use takeover_protocols::sasl::{
    Found, Mechanism, NoCache, Password, SaslClient, SaslServer, ScramKeys, ServerContext,
    ServerStep,
};

use crate::input::{Input, two_texts};

const ROUNDS: u32 = 1;
const SALT: &[u8] = b"0123456789abcdef";
/// Long, so that nobody comes upon it by chance.
const PASSWORD: &str = "a password that stands in no corpus \u{1f511}";

/// Nobody gets in who does not know the password, and no server is believed that does not know it;
/// whoever knows it gets in.
pub(crate) fn body(octets: &[u8]) {
    let mut input = Input::new(octets);
    let mechanism = *input.pick(&Mechanism::ALL);
    let role = input.octet() % 3;
    let rest = input.rest();
    match role {
        0 => server(mechanism, rest),
        1 => client(mechanism, rest),
        _ => both(mechanism, rest),
    }
}

fn context() -> ServerContext<'static> {
    ServerContext {
        secret: b"of the deployment",
        iterations: ROUNDS,
        salted: &NoCache,
    }
}

fn keys(mechanism: Mechanism, password: &str) -> Option<ScramKeys> {
    ScramKeys::derive(mechanism.hash(), &Password::new(password), SALT, ROUNDS).ok()
}

/// Somebody who does not know the password says anything.
fn server(mechanism: Mechanism, octets: &[u8]) {
    let mut server = SaslServer::new(mechanism, "server-nonce-of-the-test".to_owned());
    let mut messages = octets.split(|octet| *octet == 0xff);
    let mut step = server.begin(messages.next());
    loop {
        assert!(!format!("{step:?}").contains(PASSWORD));
        step = match step {
            ServerStep::LookUp {
                username,
                mechanism: asked,
            } => {
                assert_eq!(asked, mechanism);
                let known = match username.chars().next() {
                    Some('?') => Found::Nobody,
                    Some('!') => Found::Password(Password::new(PASSWORD)),
                    _ => keys(mechanism, PASSWORD).map_or(Found::Nobody, Found::Keys),
                };
                server.found(known, &context())
            }
            ServerStep::Challenge(_) => match messages.next() {
                Some(message) => server.respond(message),
                None => return,
            },
            ServerStep::Success { username, .. } => panic!("{username:?} got in"),
            ServerStep::Failure(_) => return,
        };
    }
}

/// A server that does not know the password says anything.
fn client(mechanism: Mechanism, octets: &[u8]) {
    let (password, nonce) = (Password::new(PASSWORD), "nonce".to_owned());
    let Ok(mut client) = SaslClient::new(mechanism, "andy", &password, nonce) else {
        return;
    };
    client.initial();
    for message in octets.split(|octet| *octet == 0xff) {
        let asked = count(message);
        // What a server asks for within the limit is computed: here it would only take time.
        if asked > 1000 {
            return;
        }
        if client.challenge(message, &NoCache).is_err() {
            break;
        }
        if mechanism != Mechanism::Plain {
            assert!(
                client.success(Some(message)).is_err(),
                "a server was believed"
            );
            return;
        }
    }
}

/// The rounds that a challenge asks for.
fn count(message: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(message);
    let asked = text
        .split(',')
        .find_map(|part| part.strip_prefix("i=")?.parse().ok());
    asked.unwrap_or(0)
}

/// A client and a server that both follow the standard: it gets in if and only if it knows the password.
fn both(mechanism: Mechanism, octets: &[u8]) {
    let Some((name, passwords)) = two_texts(octets) else {
        return;
    };
    let (typed, kept) = passwords
        .split_once('\u{1}')
        .unwrap_or((passwords, passwords));
    let nonce = "client-nonce".to_owned();
    let client = SaslClient::new(mechanism, name, &Password::new(typed), nonce);
    let (Ok(mut client), Some(keys)) = (client, keys(mechanism, kept)) else {
        return;
    };
    let right = keys.verify(&Password::new(typed), &NoCache);
    assert!(right || typed != kept);
    let mut server = SaslServer::new(mechanism, "server-nonce-of-the-test".to_owned());
    let mut step = server.begin(Some(&client.initial()));
    loop {
        step = match step {
            ServerStep::LookUp { .. } => server.found(Found::Keys(keys.clone()), &context()),
            ServerStep::Challenge(data) => match client.challenge(&data, &NoCache) {
                Ok(answer) => server.respond(&answer),
                Err(error) => panic!("our own challenge is refused: {error}"),
            },
            ServerStep::Success { additional, .. } => {
                assert!(right, "{typed:?} is not {kept:?}");
                assert_eq!(client.success(additional.as_deref()), Ok(()));
                return;
            }
            ServerStep::Failure(condition) => {
                assert!(!right, "{name:?} {typed:?}: {condition}");
                return;
            }
        };
    }
}
