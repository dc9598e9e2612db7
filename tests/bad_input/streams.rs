//! What must not be on a stream.

use std::fmt::Write as _;

use crate::beside::Scene;
use crate::raw::{HEADER, Raw};

/// Ten entities, each ten times the one before.
fn bomb() -> String {
    let mut dtd = "<?xml version='1.0'?><!DOCTYPE bomb [<!ENTITY a0 'ha'>".to_owned();
    for n in 1..10 {
        let inside = format!("&a{};", n - 1).repeat(10);
        write!(dtd, "<!ENTITY a{n} '{inside}'>").expect("a string takes all");
    }
    dtd + "]>"
}

/// What is wrong at any time after the header, and the standard's word for it (RFC 6120, 4.9.3).
fn sins() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let big = format!("<message><body>{}</body></message>", "x".repeat(1 << 20));
    let many = "<a>".repeat(10_000);
    let attributes: String = (0..10_000).map(|n| format!(" a{n}=''")).collect();
    let text = |what: &str| what.as_bytes().to_vec();
    vec![
        (
            "mismatched tags",
            text("<message></presence>"),
            "not-well-formed",
        ),
        ("no quotes", text("<message to=bob/>"), "not-well-formed"),
        (
            "the same attribute twice",
            text("<message a='' a=''/>"),
            "not-well-formed",
        ),
        (
            "an undeclared prefix",
            text("<message><x:y/></message>"),
            "not-well-formed",
        ),
        (
            "a forbidden character",
            text("<message>&#0;</message>"),
            "not-well-formed",
        ),
        ("an oversized stanza", big.into_bytes(), "policy-violation"),
        ("too deep nesting", many.into_bytes(), "policy-violation"),
        (
            "too many attributes",
            format!("<message{attributes}/>").into_bytes(),
            "policy-violation",
        ),
        ("a DTD", text("<!DOCTYPE message>"), "restricted-xml"),
        (
            "an entity",
            text("<message><body>&bomb;</body></message>"),
            "restricted-xml",
        ),
        (
            "a processing instruction",
            text("<?php echo ?>"),
            "restricted-xml",
        ),
        ("a comment", text("<!-- hello -->"), "restricted-xml"),
        (
            "a comment inside",
            text("<message><!-- hello --></message>"),
            "restricted-xml",
        ),
        (
            "no UTF-8",
            b"<message><body>\xc3\x28</body></message>".to_vec(),
            "unsupported-encoding",
        ),
        ("text between stanzas", text("hello"), "bad-format"),
        (
            "an unknown namespace",
            text("<x xmlns='urn:x'/>"),
            "unsupported-stanza-type",
        ),
    ]
}

/// The server has said this error, and has closed.
fn assert_told(raw: &mut Raw, condition: &str, sin: &str) {
    let heard = raw.hear_out();
    let error = format!("<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'");
    assert!(heard.contains(&error), "{sin} wants {condition}: {heard}");
    let end = "</stream:error></stream:stream>";
    assert!(heard.ends_with(end), "{sin}: {heard}");
}

/// XMPP-1: before login, over TCP.
#[test]
fn sins_before_login() {
    let mut scene = Scene::new(1.0, |_| {});
    let mut sins = sins();
    let message = "<message to='bob@example.test'><body>hello</body></message>";
    sins.push(("a stanza before login", message.into(), "not-authorized"));
    for (sin, words, condition) in sins {
        let mut raw = Raw::connect(scene.plain());
        raw.say(HEADER);
        raw.say(words);
        assert_told(&mut raw, condition, sin);
        scene.goes_on();
    }
    scene.finish();
}

/// XMPP-1: about the header the error comes inside a stream all the same (RFC 6120, 4.9.1.2).
#[test]
fn sins_in_the_header() {
    let mut scene = Scene::new(1.0, |_| {});
    let change = |from: &str, to: &str| HEADER.replace(from, to);
    for (sin, words, condition) in [
        (
            "another host",
            change("example.test", "elsewhere.test"),
            "host-unknown",
        ),
        (
            "no host",
            change("to='example.test' ", ""),
            "improper-addressing",
        ),
        (
            "an unknown namespace",
            change("etherx.jabber.org", "x.test"),
            "invalid-namespace",
        ),
        (
            "another content",
            change("jabber:client", "jabber:server"),
            "invalid-namespace",
        ),
        (
            "another version",
            change(" version='1.0' x", " version='0.9' x"),
            "unsupported-version",
        ),
        (
            "another encoding",
            change("?>", " encoding='KOI8-R'?>"),
            "unsupported-encoding",
        ),
        (
            "an entity bomb",
            bomb() + &change("<?xml version='1.0'?>", ""),
            "restricted-xml",
        ),
        (
            "HTTP",
            "GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
            "not-well-formed",
        ),
        (
            "an endless header",
            change("to=", &format!("a='{}' to=", "x".repeat(1 << 20))),
            "policy-violation",
        ),
    ] {
        let mut raw = Raw::connect(scene.plain());
        raw.say(words);
        assert_told(&mut raw, condition, sin);
        scene.goes_on();
    }
    scene.finish();
}

/// XMPP-1: in a session, where the session ends with the connection; under STARTTLS and direct TLS
/// in turn.
#[test]
fn sins_in_a_session() {
    let mut scene = Scene::new(1.0, |_| {});
    let mut sins = sins();
    let stolen = "<message from='bob@example.test' to='andy@example.test'/>";
    sins.push(("the name of another", stolen.into(), "invalid-from"));
    for (number, (sin, words, condition)) in sins.into_iter().enumerate() {
        let mut raw = if number % 2 == 0 {
            Raw::connect_tls(scene.direct(), &scene.trust())
        } else {
            let mut raw = Raw::connect(scene.plain());
            raw.start_tls(&scene.trust());
            raw
        };
        raw.log_in("mallory", "den");
        raw.say(words);
        assert_told(&mut raw, condition, sin);
        // Although this side has not closed.
        scene.until(sin, |lab| Scene::sessions_of(lab, "mallory") == 0);
        scene.goes_on();
    }
    scene.finish();
}

/// XMPP-1: who has authenticated and has no resource yet may bind one and nothing else.
#[test]
fn a_stanza_before_binding() {
    let scene = Scene::new(1.0, |_| {});
    let mut raw = Raw::connect(scene.plain());
    raw.authenticate("mallory");
    raw.say(HEADER);
    raw.hear("</stream:features>");
    raw.say("<message to='bob@example.test'><body>hello</body></message>");
    assert_told(&mut raw, "not-authorized", "a stanza before binding");
    scene.finish();
}
