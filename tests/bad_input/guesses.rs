//! Passwords that are wrong.

use std::net::Ipv4Addr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use takeover_protocols::sasl::{Mechanism, NoCache, Password, SaslClient};

use crate::beside::Scene;
use crate::raw::{HEADER, Raw, auth, plain};

/// An address of the loopback network that nobody else here uses.
fn address(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 99, last)
}

fn greeted(scene: &Scene, from: u8) -> Raw {
    let mut raw = Raw::connect_from(address(from), scene.plain());
    raw.say(HEADER);
    raw.hear("</stream:features>");
    raw
}

/// The answer to one attempt with PLAIN.
fn attempt(raw: &mut Raw, user: &str, password: &str) -> String {
    raw.say(plain(user, password));
    let begun = raw.hear(">");
    match begun.starts_with("<success") {
        true => begun,
        false => begun + &raw.hear("</failure>"),
    }
}

const NOT_AUTHORIZED: &str =
    "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>";
const LATER: &str =
    "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><temporary-auth-failure/></failure>";

/// The challenge and the answer to one attempt with SCRAM.
fn scram(raw: &mut Raw, mechanism: Mechanism, user: &str) -> (String, String) {
    let password = Password::new("wrong");
    let nonce = "fyko+d2lbbFgONRv9qkxdawL".to_owned();
    let mut sasl = SaslClient::new(mechanism, user, &password, nonce).expect("a name");
    raw.say(auth(mechanism.name(), &sasl.initial()));
    raw.hear("<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>");
    let challenge = raw.hear("</challenge>");
    let challenge = challenge.trim_end_matches("</challenge>");
    let challenge = STANDARD.decode(challenge).expect("Base64");
    let proof = sasl.challenge(&challenge, &NoCache).expect("a challenge");
    let proof = STANDARD.encode(proof);
    raw.say(format!(
        "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{proof}</response>"
    ));
    let challenge = String::from_utf8(challenge).expect("ASCII");
    let (_, salt_and_rounds) = challenge.split_once(",s=").expect("a salt");
    (salt_and_rounds.to_owned(), raw.hear("</failure>"))
}

/// XMPP-3: a user that does not exist and a wrong password are answered alike, whatever the
/// mechanism; the salt of nobody is as lasting as a real one.
#[test]
fn nothing_tells_whether_a_user_exists() {
    let mut scene = Scene::new(1.0, |_| {});
    for (place, mechanism) in [Mechanism::ScramSha1, Mechanism::ScramSha256]
        .into_iter()
        .enumerate()
    {
        let of = |user: &str| {
            let mut raw = greeted(&scene, 1 + u8::try_from(place).expect("a few"));
            let first = scram(&mut raw, mechanism, user);
            assert_eq!(first, scram(&mut raw, mechanism, user));
            assert_eq!(first.1, NOT_AUTHORIZED);
            first.0
        };
        let (known, unknown) = (of("mallory"), of("nobody"));
        let shape = |challenge: &str| {
            let (salt, rounds) = challenge.split_once(",i=").expect("rounds");
            (salt.len(), rounds.to_owned())
        };
        assert_eq!(shape(&known), shape(&unknown));
    }
    for user in ["mallory", "nobody"] {
        assert_eq!(
            attempt(&mut greeted(&scene, 3), user, "wrong"),
            NOT_AUTHORIZED
        );
    }
    scene.goes_on();
    scene.finish();
}

/// RFC 6120, section 6.4.5: after a few attempts the stream ends.
#[test]
fn one_connection_has_five_attempts() {
    let scene = Scene::new(1.0, |_| {});
    let mut raw = greeted(&scene, 1);
    for _ in 0..5 {
        assert_eq!(attempt(&mut raw, "mallory", "wrong"), NOT_AUTHORIZED);
    }
    let heard = raw.hear_out();
    assert!(
        heard.starts_with("<stream:error><policy-violation"),
        "{heard}"
    );
    assert!(heard.ends_with("</stream:stream>"), "{heard}");
    scene.finish();
}

/// RFC 6120, section 13.9: without TLS no password is taken where it is not allowed.
#[test]
fn no_password_without_tls() {
    let scene = Scene::new(1.0, |config| config.endpoints.allow_plaintext = false);
    let mut raw = Raw::connect(scene.plain());
    raw.say(HEADER);
    let features = raw.hear("</stream:features>");
    assert!(
        features.contains("<required/>") && !features.contains("PLAIN"),
        "{features}"
    );
    raw.say(plain("mallory", "mallory-secret"));
    assert!(raw.hear("</failure>").contains("<encryption-required/>"));
    scene.finish();
}

/// XMPP-3: after twenty failures from one address the right password is not looked at either; from
/// elsewhere it is.
#[test]
fn failures_of_an_address_are_limited() {
    let mut scene = Scene::new(1.0, |_| {});
    for number in 0..20 {
        let mut raw = greeted(&scene, 1);
        let user = format!("nobody{number}");
        assert_eq!(attempt(&mut raw, &user, "wrong"), NOT_AUTHORIZED);
    }
    scene.goes_on();
    assert_eq!(
        attempt(&mut greeted(&scene, 1), "mallory", "mallory-secret"),
        LATER
    );
    let elsewhere = attempt(&mut greeted(&scene, 2), "mallory", "mallory-secret");
    assert!(elsewhere.starts_with("<success"), "{elsewhere}");
    scene.finish();
}

/// XMPP-3: after twenty failures as one user, each from an address of its own, nobody is looked at
/// under that name; others are. It makes no difference whether the user exists.
#[test]
fn failures_of_a_user_are_limited() {
    let mut scene = Scene::new(1.0, |_| {});
    for user in ["mallory", "nobody"] {
        for from in 1..=20 {
            let answer = attempt(&mut greeted(&scene, from), user, "wrong");
            assert_eq!(answer, NOT_AUTHORIZED, "{from}");
        }
        assert_eq!(
            attempt(&mut greeted(&scene, 100), user, &format!("{user}-secret")),
            LATER
        );
        scene.goes_on();
    }
    let other = attempt(&mut greeted(&scene, 101), "trudy", "trudy-secret");
    assert!(other.starts_with("<success"), "{other}");
    scene.finish();
}
