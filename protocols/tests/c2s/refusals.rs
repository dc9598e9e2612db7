//! Every sin gets the standard's answer (XMPP-1, XMPP-3).

use takeover_protocols::stream::{C2sConfig, C2sLimits, Cause, Layer, Timer, Tls};

use super::driver::{BIND, Driver, OPEN, PLAIN, config};

fn after(said: &str) -> Driver {
    let mut driver = Driver::new(config(), Layer::Secure);
    driver.say(said);
    driver
}

/// RFC 6120, section 4.9.1.2: an error about the header comes inside a stream all the same.
#[test]
fn wrong_headers() {
    let ns = "http://etherx.jabber.org/streams";
    for (header, condition) in [
        (OPEN.replace("example.org", "elsewhere.org"), "host-unknown"),
        (OPEN.replace("to='example.org' ", ""), "improper-addressing"),
        (OPEN.replace("example.org", "a@b@c"), "improper-addressing"),
        (
            OPEN.replace("example.org", "andy@example.org"),
            "improper-addressing",
        ),
        (OPEN.replace(" version='1.0' ", " "), "unsupported-version"),
        (
            OPEN.replace(
                "to='example.org' version='1.0'",
                "to='example.org' version='0.9'",
            ),
            "unsupported-version",
        ),
        (OPEN.replace(ns, "urn:x"), "invalid-namespace"),
        (
            OPEN.replace("jabber:client", "jabber:server"),
            "invalid-namespace",
        ),
        (
            OPEN.replace("<stream:stream", "<stream"),
            "bad-namespace-prefix",
        ),
        (
            OPEN.replace("<stream:stream", "<stream:strom"),
            "bad-format",
        ),
        (
            OPEN.replace("<stream:stream", "<strom:stream"),
            "not-well-formed",
        ),
        (
            OPEN.replace("?>", " encoding='UTF-16'?>"),
            "unsupported-encoding",
        ),
        (
            OPEN.replace("<stream:stream", "<!DOCTYPE x><stream:stream"),
            "restricted-xml",
        ),
        (
            OPEN.replace("<stream:stream", "<!-- --><stream:stream"),
            "restricted-xml",
        ),
        (OPEN.replace("to=", "to='x' to="), "not-well-formed"),
        ("GET / HTTP/1.1\r\n".to_owned(), "not-well-formed"),
        ("\u{feff}<".to_owned(), "not-well-formed"),
    ] {
        let mut driver = after(&header);
        assert_eq!(driver.error(), condition, "{header}");
        let heard = driver.hear();
        assert!(
            heard.starts_with("<?xml version='1.0'?><stream:stream "),
            "{heard}"
        );
        assert!(
            heard.contains(&format!("<stream:error><{condition} ")),
            "{heard}"
        );
        assert!(
            heard.ends_with("</stream:error></stream:stream>"),
            "{heard}"
        );
    }
}

#[test]
fn a_domain_is_compared_prepared_and_a_version_of_the_future_is_met() {
    for header in [
        OPEN.replace("example.org", "EXAMPLE.org"),
        OPEN.replace("example.org", "example.org."),
        OPEN.replace("version='1.0' xml", "version='1.7' xml"),
        OPEN.replace("stream:", "s:").replace(":stream=", ":s="),
    ] {
        let driver = after(&header);
        assert_eq!(driver.cause, None, "{header}");
        assert!(driver.sent.contains("version='1.0'") && driver.sent.contains("<mechanisms"));
    }
}

/// XMPP-1: before authentication.
#[test]
fn too_early() {
    for said in [
        "<message/>",
        "<presence/>",
        "<iq type='get' id='1'><q xmlns='x'/></iq>",
        BIND,
    ] {
        assert_eq!(
            after(&[OPEN, said].concat()).error(),
            "not-authorized",
            "{said}"
        );
        let bound = [OPEN, PLAIN, OPEN, said].concat();
        if said != BIND {
            assert_eq!(
                after(&bound).error(),
                "not-authorized",
                "{said} before binding"
            );
        }
    }
    assert_eq!(
        after(&[OPEN, "<x xmlns='urn:x'/>"].concat()).error(),
        "unsupported-stanza-type"
    );
    assert_eq!(
        after(&[OPEN, PLAIN, OPEN, PLAIN].concat()).error(),
        "unsupported-stanza-type"
    );
    let early = after(&[OPEN, "<enable xmlns='urn:xmpp:sm:3'/>"].concat());
    assert!(early.sent.ends_with(
        "<failed xmlns='urn:xmpp:sm:3'><unexpected-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>"
    ));
}

/// XMPP-1: XML that must not be, in a session.
#[test]
fn wrong_xml_in_a_session() {
    let big = format!("<message><body>{}</body></message>", "x".repeat(300_000));
    let deep = "<message>".to_owned() + &"<a>".repeat(100);
    for (said, condition) in [
        (&b"<message></presence>"[..], "not-well-formed"),
        (b"<message><x:y/></message>", "not-well-formed"),
        (b"<message a='1' a='2'/>", "not-well-formed"),
        (b"<message>&#0;</message>", "not-well-formed"),
        (b"<message><!-- --></message>", "restricted-xml"),
        (b"<?php ?>", "restricted-xml"),
        (b"<!DOCTYPE x>", "restricted-xml"),
        (b"<message><body>&bomb;</body></message>", "restricted-xml"),
        (b"<message>\xc0\x80</message>", "unsupported-encoding"),
        (b"hello", "bad-format"),
        (big.as_bytes(), "policy-violation"),
        (deep.as_bytes(), "policy-violation"),
        (b"<foo/>", "unsupported-stanza-type"),
        (b"<message xmlns='urn:x'/>", "unsupported-stanza-type"),
        (b"<message from='bob@example.org'/>", "invalid-from"),
        (b"<message from='andy@example.org/other'/>", "invalid-from"),
        (b"<message from='@'/>", "invalid-from"),
        (
            b"<r xmlns='urn:xmpp:sm:3' /><x xmlns='urn:xmpp:sm:3'/>",
            "unsupported-stanza-type",
        ),
        (b"<a xmlns='urn:xmpp:sm:3' h='x'/>", "bad-format"),
    ] {
        let mut driver = Driver::bound(config());
        driver.say_octets(said);
        assert_eq!(
            driver.error(),
            condition,
            "{}",
            String::from_utf8_lossy(&said[..said.len().min(60)])
        );
        assert!(driver.hear().ends_with("</stream:error></stream:stream>"));
        driver.say("<message/>");
        assert_eq!(driver.stanzas.len(), 0);
    }
}

/// RFC 6120, section 13.12: what is not authenticated has less room.
#[test]
fn less_room_before_login() {
    let long = "x".repeat(20_000);
    let auth =
        format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{long}</auth>");
    assert_eq!(after(&[OPEN, &auth].concat()).error(), "policy-violation");
    let mut driver = Driver::bound(config());
    driver.say(&format!("<message><body>{long}</body></message>"));
    assert_eq!(driver.stanzas.len(), 1);
    let mut driver = Driver::new(config(), Layer::Secure);
    driver.automatic = false;
    driver.say(&[OPEN, PLAIN].concat());
    driver.say(&long);
    assert_eq!(
        driver.error(),
        "policy-violation",
        "sent ahead while a look-up is on"
    );
}

/// Stanzas that are refused one by one; the stream goes on.
#[test]
fn stanza_errors_do_not_end_the_stream() {
    let mut driver = Driver::bound(config());
    for (said, condition) in [
        ("<message to='a@b@c' id='1'/>", "JidMalformed"),
        ("<iq type='get'><a xmlns='x'/></iq>", "BadRequest"),
        ("<iq type='get' id='1'/>", "BadRequest"),
        ("<presence type='here'/>", "BadRequest"),
    ] {
        driver.say(said);
        let effect = driver.log.pop().unwrap();
        assert!(effect.starts_with("RefusedStanza"), "{effect}");
        let kebab = condition.chars().fold(String::new(), |mut text, c| {
            if c.is_uppercase() && !text.is_empty() {
                text.push('-');
            }
            text.push(c.to_ascii_lowercase());
            text
        });
        assert!(effect.contains(&kebab), "{effect}");
    }
    driver.say("<message from='andy@example.org'/><message from='andy@example.org/desk'/>");
    assert_eq!(driver.stanzas.len(), 2);
    assert_eq!(driver.cause, None);
}

/// RFC 6120, section 6.5: each failure by its name, and the stream goes on until the limit.
#[test]
fn failures_of_authentication() {
    let auth = |mechanism: &str, data: &str| {
        format!(
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='{mechanism}'>{data}</auth>"
        )
    };
    let response = |data: &str| {
        format!("<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{data}</response>")
    };
    let abort = "<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";
    for (said, condition) in [
        (auth("PLAIN", "AGFuZHkAd3Jvbmc="), "not-authorized"),
        (auth("PLAIN", "AG5vYm9keQBzZWNyZXQ="), "not-authorized"),
        (auth("PLAIN", "AGEvYgBzZWNyZXQ="), "not-authorized"),
        (
            auth("PLAIN", "Ym9iQGV4YW1wbGUub3JnAGFuZHkAc2VjcmV0"),
            "invalid-authzid",
        ),
        (auth("PLAIN", "AGFuZHk="), "malformed-request"),
        (auth("PLAIN", "="), "malformed-request"),
        (auth("PLAIN", "!"), "incorrect-encoding"),
        (auth("X-OAUTH2", "AA=="), "invalid-mechanism"),
        (auth("", ""), "invalid-mechanism"),
        (
            auth("SCRAM-SHA-1", "cD10bHMtdW5pcXVlLCxuPWEscj1i"),
            "malformed-request",
        ),
        (
            auth("SCRAM-SHA-1", "") + &response("AA=="),
            "malformed-request",
        ),
        (auth("SCRAM-SHA-1", "") + abort, "aborted"),
        (
            auth("SCRAM-SHA-1", "") + &auth("PLAIN", "AA=="),
            "malformed-request",
        ),
        (response("AA=="), "malformed-request"),
        (abort.to_owned(), "malformed-request"),
    ] {
        let mut driver = after(&[OPEN, &said].concat());
        let failure =
            format!("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><{condition}/></failure>");
        assert!(
            driver.hear().ends_with(&failure),
            "{said}: {:?}",
            driver.log
        );
        assert!(
            driver
                .log
                .last()
                .unwrap()
                .starts_with("AuthenticationFailed")
        );
        driver.say(PLAIN);
        assert!(driver.hear().contains("<success"), "{said}: try again");
    }
}

#[test]
fn attempts_are_bounded() {
    let mut driver = after(OPEN);
    let wrong = PLAIN.replace("AGFuZHkAc2VjcmV0", "AGFuZHkAd3Jvbmc=");
    for _ in 0..4 {
        driver.say(&wrong);
        assert_eq!(driver.cause, None);
    }
    driver.say(&wrong);
    assert_eq!(driver.error(), "policy-violation");
    assert_eq!(driver.log.len(), 5);
}

#[test]
fn passwords_wait_for_protection() {
    for tls in [Tls::Required, Tls::Optional] {
        let mut driver = Driver::new(C2sConfig { tls, ..config() }, Layer::Plain);
        driver.say(&[OPEN, PLAIN].concat());
        assert!(
            driver.hear().ends_with("<encryption-required/></failure>"),
            "{tls:?}"
        );
    }
    let config = C2sConfig {
        tls: Tls::Absent,
        ..config()
    };
    let mut driver = Driver::new(config, Layer::Plain);
    driver.say(&[OPEN, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"].concat());
    assert!(
        driver
            .hear()
            .ends_with("<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>")
    );
    assert_eq!(driver.cause, Some(Cause::NoTls));
}

/// XMPP-1: a stalled peer.
#[test]
fn stalled_peers() {
    let mut driver = Driver::new(config(), Layer::Secure);
    driver.say(&OPEN[..30]);
    assert_eq!(driver.timers, [Timer::Negotiation, Timer::Element]);
    driver.say(&OPEN[30..]);
    assert_eq!(driver.timers, [Timer::Negotiation]);
    driver.hear();
    driver.expire(Timer::Negotiation);
    assert_eq!(driver.error(), "connection-timeout");
    assert!(driver.hear().starts_with("<stream:error>"));

    let mut driver = Driver::bound(config());
    driver.say("<message><body>");
    assert_eq!(driver.timers, [Timer::Element]);
    driver.say("slow");
    assert_eq!(
        driver.timers,
        [Timer::Element],
        "not armed anew by each octet"
    );
    driver.say("</body></message><message>");
    assert_eq!(driver.timers, [Timer::Element], "another one");
    driver.say("</message> ");
    assert_eq!(driver.timers, []);
    driver.say("<mess");
    driver.expire(Timer::Element);
    assert_eq!(driver.error(), "connection-timeout");
}

#[test]
fn a_lost_connection_is_told_once() {
    let mut driver = Driver::bound(config());
    driver.say("<message");
    let effects = driver.server.input_ended();
    driver.perform(effects);
    assert_eq!(driver.cause, Some(Cause::Lost));
    assert!(driver.server.input_ended().is_empty());
    assert!(driver.server.handle(b"<x/>").is_empty());
    assert!(driver.server.close().is_empty());
    assert!(driver.server.expired(Timer::Element).is_empty());
}

#[test]
fn limits_are_the_configured_ones() {
    let limits = C2sLimits {
        octets: 12_000,
        login_attempts: 1,
        ..C2sLimits::default()
    };
    let mut driver = Driver::bound(C2sConfig { limits, ..config() });
    driver.say(&format!(
        "<message><body>{}</body></message>",
        "x".repeat(12_000)
    ));
    assert_eq!(driver.error(), "policy-violation");
    let mut driver = Driver::new(C2sConfig { limits, ..config() }, Layer::Secure);
    driver.say(
        &[
            OPEN,
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='X'/>",
        ]
        .concat(),
    );
    assert_eq!(driver.error(), "policy-violation");
}
