//! Connections that break, and octets that are no TLS.

use crate::beside::Scene;
use crate::raw::{HEADER, Raw};

/// The beginning of a TLS record with a ClientHello that never comes.
const HALF_A_HELLO: &[u8] = &[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3, 7, 7, 7];

/// XMPP-1: a connection reset in the middle of a stanza, or before, or as soon as it is open.
#[test]
fn resets_in_mid_stanza() {
    let mut scene = Scene::new(1.0, |_| {});
    for words in ["", HEADER, "<?xml vers"] {
        for _ in 0..20 {
            let mut raw = Raw::connect(scene.plain());
            raw.say(words);
            raw.reset();
        }
        scene.goes_on();
    }
    for _ in 0..5 {
        let mut raw = Raw::connect(scene.plain());
        raw.log_in("mallory", "den");
        raw.say("<message to='bob@example.test'><body>this never en");
        raw.reset();
        scene.until("the session ends", |lab| {
            Scene::sessions_of(lab, "mallory") == 0
        });
    }
    scene.finish();
}

/// XMPP-1: a connection reset in the middle of a TLS handshake, on either port.
#[test]
fn resets_in_mid_handshake() {
    let mut scene = Scene::new(1.0, |_| {});
    for _ in 0..20 {
        let mut raw = Raw::connect(scene.direct());
        raw.say(HALF_A_HELLO);
        raw.reset();
        let mut raw = Raw::connect(scene.plain());
        raw.ask_for_tls();
        raw.say(HALF_A_HELLO);
        raw.reset();
    }
    scene.goes_on();
    let mut raw = Raw::connect_tls(scene.direct(), &scene.trust());
    raw.log_in("mallory", "den");
    scene.finish();
}

/// What is no TLS where TLS must be is closed at once, with TLS's own alert at most: there is no
/// stream that an error could be on.
#[test]
fn garbage_instead_of_tls() {
    let mut scene = Scene::new(1.0, |_| {});
    for words in [
        HEADER.as_bytes(),
        b"GET / HTTP/1.1\r\n\r\n",
        &[0; 4096],
        &[255; 4096],
    ] {
        let mut raw = Raw::connect(scene.direct());
        raw.say(words);
        raw.closes_with_an_alert_at_most();
        let mut raw = Raw::connect(scene.plain());
        raw.ask_for_tls();
        raw.say(words);
        raw.closes_with_an_alert_at_most();
        scene.goes_on();
    }
    scene.finish();
}
