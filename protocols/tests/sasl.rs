//! SASL: the vectors of the standards, and that nothing wrong gets through (XMPP-3).

use takeover_protocols::sasl::{
    ClientError, Found, Mechanism, NoCache, Password, SaltedCache, SaltedPasswords, SaslClient,
    SaslCondition, SaslServer, ScramHash, ScramKeys, ServerContext, ServerStep,
};

const SECRET: &[u8] = b"a secret of the deployment";
const VECTOR_1: (&str, &str, &str, &str, &str) = (
    "fyko+d2lbbFgONRv9qkxdawL",
    "3rfcNHYJY1ZVvWVs7j",
    "QSXCR+Q6sek8bf92",
    "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    "rmF9pqV8S7suAoZWja4dJRkFsKQ=",
);
const VECTOR_256: (&str, &str, &str, &str, &str) = (
    "rOprNGfwEbeRWgbNEkqO",
    "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
    "W22ZaJ0SNY7soEsUEjb6gQ==",
    "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
);

fn context() -> ServerContext<'static> {
    ServerContext {
        secret: SECRET,
        iterations: 4096,
        salted: &NoCache,
    }
}

fn keys(hash: ScramHash, password: &str, salt: &[u8]) -> ScramKeys {
    ScramKeys::derive(hash, &Password::new(password), salt, 4096).unwrap()
}

fn unbase64(text: &str) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap()
}

/// RFC 5802, section 5, and RFC 7677, section 3: the exchanges of the standards, from both sides.
#[test]
fn vectors_of_the_standards() {
    for (mechanism, (client_nonce, server_nonce, salt, proof, verifier)) in [
        (Mechanism::ScramSha1, VECTOR_1),
        (Mechanism::ScramSha256, VECTOR_256),
    ] {
        let password = Password::new("pencil");
        let mut client =
            SaslClient::new(mechanism, "user", &password, client_nonce.to_owned()).unwrap();
        let mut server = SaslServer::new(mechanism, server_nonce.to_owned());
        let first = client.initial();
        assert_eq!(first, format!("n,,n=user,r={client_nonce}").as_bytes());
        let asked = server.begin(Some(&first));
        let hash = mechanism.hash();
        assert_eq!(
            asked,
            ServerStep::LookUp {
                username: "user".into(),
                mechanism
            }
        );
        let found = Found::Keys(keys(hash, "pencil", &unbase64(salt)));
        let ServerStep::Challenge(challenge) = server.found(found, &context()) else {
            panic!()
        };
        let text = format!("r={client_nonce}{server_nonce},s={salt},i=4096");
        assert_eq!(challenge, text.as_bytes());
        let last = client.challenge(&challenge, &NoCache).unwrap();
        assert_eq!(
            last,
            format!("c=biws,r={client_nonce}{server_nonce},p={proof}").as_bytes()
        );
        let ServerStep::Success {
            username,
            authzid,
            additional,
        } = server.respond(&last)
        else {
            panic!()
        };
        assert_eq!((username.as_str(), authzid), ("user", None));
        assert_eq!(
            additional.as_deref(),
            Some(format!("v={verifier}").as_bytes())
        );
        client.success(additional.as_deref()).unwrap();
    }
}

/// Runs a login with a real client; answers the server's last step.
fn login(mechanism: Mechanism, typed: &str, found: Found) -> ServerStep {
    let nonce = "client-nonce".to_owned();
    let mut client = SaslClient::new(mechanism, "andy", &Password::new(typed), nonce).unwrap();
    let mut server = SaslServer::new(mechanism, "server-nonce".to_owned());
    let mut step = server.begin(Some(&client.initial()));
    loop {
        step = match step {
            ServerStep::LookUp { .. } => server.found(found.clone(), &context()),
            ServerStep::Challenge(data) => {
                server.respond(&client.challenge(&data, &NoCache).unwrap())
            }
            ServerStep::Success { .. } | ServerStep::Failure(_) => return step,
        };
    }
}

#[test]
fn a_wrong_password_is_refused_by_every_mechanism() {
    for mechanism in Mechanism::ALL {
        let right = Found::Keys(keys(mechanism.hash(), "secret", b"0123456789abcdef"));
        let step = login(mechanism, "secret", right.clone());
        assert!(matches!(step, ServerStep::Success { .. }), "{mechanism}");
        let refused = ServerStep::Failure(SaslCondition::NotAuthorized);
        assert_eq!(login(mechanism, "Secret", right), refused, "{mechanism}");
        assert_eq!(
            login(mechanism, "secret", Found::Nobody),
            refused,
            "{mechanism}"
        );
    }
}

/// Nobody can tell from the answers which names exist.
#[test]
fn a_user_that_does_not_exist_has_a_salt_of_its_own() {
    let challenge = |name: &str| {
        let mut server = SaslServer::new(Mechanism::ScramSha256, "s".to_owned());
        server.begin(Some(format!("n,,n={name},r=c").as_bytes()));
        match server.found(Found::Nobody, &context()) {
            ServerStep::Challenge(data) => String::from_utf8(data).unwrap(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(challenge("nobody"), challenge("nobody"));
    assert_ne!(challenge("nobody"), challenge("noone"));
    let salt = |text: &str| {
        text.split(",s=")
            .nth(1)
            .unwrap()
            .split(',')
            .next()
            .unwrap()
            .len()
    };
    assert_eq!(
        salt(&challenge("nobody")),
        24,
        "as long as that of 16 octets"
    );
}

#[test]
fn both_headers_without_channel_binding_are_taken_and_must_be_repeated() {
    let run = |first: &str, header: &str| {
        let found = keys(ScramHash::Sha256, "pencil", b"salt");
        let mut server = SaslServer::new(Mechanism::ScramSha256, "s".to_owned());
        let step = server.begin(Some(format!("{first}n=user,r=c").as_bytes()));
        if !matches!(step, ServerStep::LookUp { .. }) {
            return step;
        }
        let ServerStep::Challenge(challenge) = server.found(Found::Keys(found), &context()) else {
            panic!()
        };
        let nonce = "c".to_owned();
        let password = Password::new("pencil");
        let mut client = SaslClient::new(Mechanism::ScramSha256, "user", &password, nonce).unwrap();
        client.initial();
        let last = String::from_utf8(client.challenge(&challenge, &NoCache).unwrap()).unwrap();
        server.respond(last.replace("biws", header).as_bytes())
    };
    assert!(matches!(run("n,,", "biws"), ServerStep::Success { .. }));
    let malformed = ServerStep::Failure(SaslCondition::MalformedRequest);
    assert_eq!(run("y,,", "biws"), malformed, "y was said, n is claimed");
    assert_eq!(run("n,,", "eSws"), malformed, "n was said, y is claimed");
    // The header is part of what is signed: the proof for `biws` is none for `eSws`.
    assert_eq!(
        run("y,,", "eSws"),
        ServerStep::Failure(SaslCondition::NotAuthorized)
    );
    for header in [
        "p=tls-unique,,",
        "x,,",
        ",,",
        "n,",
        "n,x,",
        "n,a=,",
        "n,a==2x,",
    ] {
        assert_eq!(run(header, "biws"), malformed, "{header}");
    }
}

/// A client that supports channel binding where the server does not says `y`.
#[test]
fn y_is_accepted_with_its_own_proof() {
    use hmac::Mac;
    let hmac = |key: &[u8], data: &[u8]| {
        let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(key).unwrap();
        mac.update(data);
        mac.finalize().into_bytes().to_vec()
    };
    use base64::Engine;
    use sha2::Digest;
    let base64 = |data: &[u8]| base64::engine::general_purpose::STANDARD.encode(data);
    let mut server = SaslServer::new(Mechanism::ScramSha256, "s".to_owned());
    server.begin(Some(b"y,a=user@x,n=user,r=c"));
    let found = Found::Keys(keys(ScramHash::Sha256, "pencil", b"salt"));
    let ServerStep::Challenge(challenge) = server.found(found, &context()) else {
        panic!()
    };
    let mut salted = [0; 32];
    pbkdf2::pbkdf2_hmac::<sha2::Sha256>(b"pencil", b"salt", 4096, &mut salted);
    let client_key = hmac(&salted, b"Client Key");
    let without_proof = format!("c={},r=cs", base64(b"y,a=user@x,"));
    let challenge = String::from_utf8(challenge).unwrap();
    let auth = format!("n=user,r=c,{challenge},{without_proof}");
    let signature = hmac(&sha2::Sha256::digest(&client_key), auth.as_bytes());
    let proof: Vec<u8> = client_key
        .iter()
        .zip(&signature)
        .map(|(a, b)| a ^ b)
        .collect();
    let step = server.respond(format!("{without_proof},p={}", base64(&proof)).as_bytes());
    let ServerStep::Success { authzid, .. } = step else {
        panic!("{step:?}")
    };
    assert_eq!(authzid.as_deref(), Some("user@x"));
}

#[test]
fn malformed_messages_fail_and_end_the_exchange() {
    let malformed = ServerStep::Failure(SaslCondition::MalformedRequest);
    for message in [
        "",
        "n,,",
        "n,,n=,r=c",
        "n,,n=a",
        "n,,n=a,r=",
        "n,,n=a,r=\u{e9}",
        "n,,m=x,n=a,r=c",
        "n,,n=a=2c,r=c",
        "n,,n=a,r=c,m=x",
        "n,,n=a,r=c,,",
        "n,,r=c,n=a",
        "n,,n=\u{7},r=c",
        "n,,n=a,r=c,x",
    ] {
        let mut server = SaslServer::new(Mechanism::ScramSha1, "s".to_owned());
        assert_eq!(
            server.begin(Some(message.as_bytes())),
            malformed,
            "{message:?}"
        );
        assert_eq!(
            server.respond(b"n,,n=a,r=c"),
            malformed,
            "over after {message:?}"
        );
    }
    for message in ["", "a", "\0a", "\0a\0", "\0\0b", "a\0b\0c\0d", "\0a\0b\0"] {
        let mut server = SaslServer::new(Mechanism::Plain, String::new());
        assert_eq!(
            server.begin(Some(message.as_bytes())),
            malformed,
            "{message:?}"
        );
    }
    for message in [
        "",
        "c=biws,r=cs",
        "c=biws,r=cX,p=AAAA",
        "c=!,r=cs,p=AAAA",
        "c=biws,r=cs,p=!",
        "r=cs,p=AAAA",
    ] {
        let mut server = SaslServer::new(Mechanism::ScramSha1, "s".to_owned());
        server.begin(Some(b"n,,n=a,r=c"));
        server.found(Found::Nobody, &context());
        assert_eq!(server.respond(message.as_bytes()), malformed, "{message:?}");
    }
}

#[test]
fn short_and_long_proofs_are_wrong() {
    for proof in ["", "AAAA", &"A".repeat(28), &"A".repeat(400)] {
        let mut server = SaslServer::new(Mechanism::ScramSha1, "s".to_owned());
        server.begin(Some(b"n,,n=a,r=c"));
        server.found(Found::Keys(keys(ScramHash::Sha1, "x", b"salt")), &context());
        let step = server.respond(format!("c=biws,r=cs,p={proof}").as_bytes());
        assert_eq!(
            step,
            ServerStep::Failure(SaslCondition::NotAuthorized),
            "{proof:?}"
        );
    }
}

#[test]
fn a_server_without_the_keys_is_found_out() {
    let password = Password::new("pencil");
    let client = || {
        let mut client =
            SaslClient::new(Mechanism::ScramSha1, "user", &password, "abc".to_owned()).unwrap();
        client.initial();
        client
    };
    assert_eq!(client().success(None), Err(ClientError::ServerNotProven));
    let mut early = client();
    early.challenge(b"r=abcd,s=AAAA,i=1", &NoCache).unwrap();
    assert_eq!(early.success(None), Err(ClientError::ServerNotProven));
    let mut wrong = client();
    wrong.challenge(b"r=abcd,s=AAAA,i=1", &NoCache).unwrap();
    assert_eq!(
        wrong.success(Some(b"v=AAAA")),
        Err(ClientError::ServerNotProven)
    );
    for (challenge, error) in [
        (&b"r=abd,s=AAAA,i=1"[..], ClientError::ForeignNonce),
        (b"r=abc,s=AAAA,i=1", ClientError::ForeignNonce),
        (b"r=abcd,s=AAAA,i=0", ClientError::Malformed),
        (b"r=abcd,s=!,i=1", ClientError::Malformed),
        (
            b"r=abcd,s=AAAA,i=4000000000",
            ClientError::TooManyRounds {
                asked: 4_000_000_000,
                allowed: 1_000_000,
            },
        ),
    ] {
        assert_eq!(client().challenge(challenge, &NoCache), Err(error));
    }
}

/// RFC 4013: names and passwords that look the same are the same.
#[test]
fn saslprep_is_applied() {
    let composed = keys(ScramHash::Sha256, "I\u{ad}X\u{2168}", b"salt");
    assert_eq!(composed, keys(ScramHash::Sha256, "IXIX", b"salt"));
    let bad = ScramKeys::derive(ScramHash::Sha1, &Password::new("\u{7}"), b"salt", 1);
    assert!(bad.is_err());
    assert!(ScramKeys::derive(ScramHash::Sha1, &Password::new(""), b"salt", 1).is_err());
    let name = "a,b=c";
    let mut client = SaslClient::new(
        Mechanism::ScramSha1,
        name,
        &Password::new("x"),
        "c".to_owned(),
    )
    .unwrap();
    let mut server = SaslServer::new(Mechanism::ScramSha1, "s".to_owned());
    let step = server.begin(Some(&client.initial()));
    assert_eq!(
        step,
        ServerStep::LookUp {
            username: name.into(),
            mechanism: Mechanism::ScramSha1
        }
    );
}

#[test]
fn the_cache_remembers_what_was_right_and_is_bounded() {
    let cache = SaltedCache::new(2, [7; 32]);
    let kept = keys(ScramHash::Sha256, "secret", b"salt");
    assert!(!kept.verify(&Password::new("wrong"), &cache));
    assert!(cache.is_empty());
    assert!(kept.verify(&Password::new("secret"), &cache));
    assert!(
        cache
            .get(ScramHash::Sha256, b"salt", 4096, "secret")
            .is_some()
    );
    assert!(kept.verify(&Password::new("secret"), &cache));
    assert!(!kept.verify(&Password::new("wrong"), &cache));
    assert_eq!(cache.len(), 1);
    cache.put(ScramHash::Sha1, b"salt", 4096, "secret", b"x");
    cache.put(ScramHash::Sha1, b"salt", 4097, "secret", b"y");
    assert_eq!(cache.len(), 2);
    assert_eq!(
        cache.get(ScramHash::Sha256, b"salt", 4096, "secret"),
        None,
        "the oldest went"
    );
}

/// XMPP-3: no secret in a log.
#[test]
fn debug_shows_no_secret() {
    let kept = keys(ScramHash::Sha256, "hunter2", b"saltsalt");
    let cache = SaltedCache::new(1, [7; 32]);
    assert!(kept.verify(&Password::new("hunter2"), &cache));
    let password = Password::new("hunter2");
    let client = SaslClient::new(Mechanism::Plain, "andy", &password, "c".into()).unwrap();
    let mut server = SaslServer::new(Mechanism::Plain, String::new());
    let step = server.begin(Some(b"\0andy\0hunter2"));
    let shown = format!("{kept:?} {cache:?} {password:?} {client:?} {server:?} {step:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert_eq!(format!("{kept:?}"), "ScramKeys(SHA-256, 4096 rounds, …)");
}

/// XMPP-3: a password of a configuration is checked as it is, and only PLAIN can be; who has a wrong
/// one learns no more than with keys.
#[test]
fn a_password_that_is_known_checks_plain() {
    let known = Found::Password(Password::new("pencil"));
    let answer = |mechanism, first: &[u8]| {
        let mut server = SaslServer::new(mechanism, "s".to_owned());
        server.begin(Some(first));
        server.found(known.clone(), &context())
    };
    let plain = |password: &str| answer(Mechanism::Plain, format!("\0user\0{password}").as_bytes());
    assert!(matches!(plain("pencil"), ServerStep::Success { .. }));
    // SASLprep (RFC 4013) drops a soft hyphen.
    assert!(matches!(plain("pen\u{ad}cil"), ServerStep::Success { .. }));
    for wrong in ["pencil2", "penci", "Pencil", "\u{7}"] {
        let failure = ServerStep::Failure(SaslCondition::NotAuthorized);
        assert_eq!(plain(wrong), failure, "{wrong:?}");
    }
    // A challenge as for a user that does not exist: no proof fits it.
    let scram = answer(Mechanism::ScramSha256, b"n,,n=user,r=c");
    assert!(matches!(scram, ServerStep::Challenge(_)));
}
