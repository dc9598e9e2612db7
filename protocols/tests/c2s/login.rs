//! The order of a login, and what is offered when (XEP-0170).

use takeover_protocols::stanza::{Condition, StanzaError};
use takeover_protocols::stream::{
    C2sConfig, Cause, Layer, StreamError, Timer, Tls, answer_stream_request,
};

use super::driver::{BIND, Driver, OPEN, PLAIN, config};

fn offered(config: C2sConfig, layer: Layer) -> Vec<&'static str> {
    let mut driver = Driver::new(config, layer);
    driver.say(OPEN);
    let heard = driver.hear();
    let known = [
        "<starttls",
        "<required",
        ">SCRAM-SHA-256<",
        ">SCRAM-SHA-1<",
        ">PLAIN<",
        "<bind",
        "<sm ",
    ];
    known
        .into_iter()
        .filter(|feature| heard.contains(feature))
        .collect()
}

/// RFC 6120, sections 5.3.1 and 13.9.4; PLAIN never without protection unless allowed.
#[test]
fn mechanisms_are_offered_by_security_layer() {
    let scram = [">SCRAM-SHA-256<", ">SCRAM-SHA-1<"];
    let all = [">SCRAM-SHA-256<", ">SCRAM-SHA-1<", ">PLAIN<"];
    let with = |tls, allow_plaintext| C2sConfig {
        tls,
        allow_plaintext,
        ..config()
    };
    for layer in [Tls::Required, Tls::Optional, Tls::Absent] {
        assert_eq!(offered(with(layer, false), Layer::Secure), all, "{layer:?}");
    }
    assert_eq!(
        offered(with(Tls::Required, true), Layer::Plain),
        ["<starttls", "<required"]
    );
    assert_eq!(
        offered(with(Tls::Optional, false), Layer::Plain)[1..],
        scram
    );
    assert_eq!(offered(with(Tls::Optional, true), Layer::Plain)[1..], all);
    assert_eq!(offered(with(Tls::Absent, false), Layer::Plain), scram);
    assert_eq!(offered(with(Tls::Absent, true), Layer::Plain), all);
}

/// RFC 6120, section 9.1: the whole conversation, octet for octet but for the stream ids.
#[test]
fn starttls_plain_bind() {
    let mut driver = Driver::new(config(), Layer::Plain);
    assert_eq!(driver.timers, [Timer::Negotiation]);
    driver.say(OPEN);
    let heard = driver.hear();
    assert!(heard.starts_with(
        "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
         xmlns:stream='http://etherx.jabber.org/streams' from='example.org' id='"
    ));
    assert!(heard.ends_with(
        "' version='1.0' xml:lang='en'><stream:features>\
         <starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>"
    ));
    driver.say("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    assert_eq!(
        driver.hear(),
        "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
    );
    assert_eq!(driver.log, ["StartTls"]);
    let effects = driver.server.tls_established();
    driver.perform(effects);
    driver.say(OPEN);
    assert!(driver.hear().contains(">PLAIN<"));
    driver.say(PLAIN);
    assert_eq!(
        driver.hear(),
        "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"
    );
    assert_eq!(
        driver.log[1..],
        ["Authenticated { user: BareJid(\"andy@example.org\"), mechanism: Plain }"]
    );
    driver.say(&OPEN.replace("to=", "from='andy@example.org' to="));
    let heard = driver.hear();
    assert!(heard.contains(" to='andy@example.org' "), "{heard}");
    assert!(heard.ends_with(
        "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>\
         <session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session>\
         <sm xmlns='urn:xmpp:sm:3'/><csi xmlns='urn:xmpp:csi:0'/></stream:features>"
    ));
    driver.say(BIND);
    assert_eq!(
        driver.hear(),
        "<iq id='b1' type='result'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
         <jid>andy@example.org/desk</jid></bind></iq>"
    );
    assert_eq!(driver.timers, []);
    driver.say(" <message to='bob@example.org'><body>hi</body></message>");
    assert_eq!(
        driver.stanzas[0].to_string(),
        "<message to='bob@example.org' from='andy@example.org/desk' xml:lang='de'><body>hi</body></message>"
    );
    driver.say("</stream:stream>");
    assert_eq!(driver.hear(), "</stream:stream>");
    assert_eq!(driver.cause, Some(Cause::Client));
}

/// What a client sends ahead without waiting is taken in its order.
#[test]
fn a_login_in_one_packet() {
    let mut driver = Driver::new(config(), Layer::Secure);
    driver.say(&[OPEN, PLAIN, "\n", OPEN, BIND, "<presence/>"].concat());
    assert_eq!(driver.stanzas.len(), 1);
    assert_eq!(
        driver.server.full_jid().unwrap().as_str(),
        "andy@example.org/desk"
    );
}

/// CVE-2011-0411: what was sent before TLS is not taken for what was sent inside.
#[test]
fn nothing_is_smuggled_in_front_of_tls() {
    let mut driver = Driver::new(config(), Layer::Plain);
    driver.say(
        &[
            OPEN,
            "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
            OPEN,
            PLAIN,
        ]
        .concat(),
    );
    driver.hear();
    let effects = driver.server.tls_established();
    driver.perform(effects);
    assert_eq!(driver.hear(), "");
    driver.say(OPEN);
    assert!(driver.hear().contains("<mechanisms"));
    assert_eq!(driver.log, ["StartTls"]);
}

#[test]
fn binding_without_a_resource_generates_one_and_a_refusal_may_be_retried() {
    let mut driver = Driver::new(config(), Layer::Secure);
    driver.say(&[OPEN, PLAIN, OPEN].concat());
    driver.automatic = false;
    driver.say("<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
    let asked = driver.log.pop().unwrap();
    assert!(
        asked.starts_with("Bind { wanted: FullJid(\"andy@example.org/"),
        "{asked}"
    );
    assert!(asked.ends_with("generated: true }"), "{asked}");
    assert!(!driver.server.wants_input());
    driver.hear();
    // SES-1: one session more than the maximum.
    let error = StanzaError::new(Condition::ResourceConstraint);
    let effects = driver.server.bind_refused(&error);
    driver.perform(effects);
    assert!(driver.hear().contains("<resource-constraint"));
    driver.say(&BIND.replace("desk", "a\u{7f}b"));
    assert!(
        driver.hear().contains("<bad-request"),
        "not even asked: {:?}",
        driver.log
    );
    driver.say(BIND);
    assert!(driver.log.pop().unwrap().contains("andy@example.org/desk"));
    let effects = driver
        .server
        .bound("andy@example.org/other".parse().unwrap());
    driver.perform(effects);
    assert!(driver.hear().contains("<jid>andy@example.org/other</jid>"));
}

/// SES-2: a user of another node is sent there once its stream is open.
#[test]
fn see_other_host_after_login() {
    let mut driver = Driver::new(config(), Layer::Secure);
    driver.say(&[OPEN, PLAIN].concat());
    driver.hear();
    let effects = driver
        .server
        .fail(StreamError::see_other_host("127.0.0.1:5223"));
    driver.perform(effects);
    assert_eq!(driver.hear(), "", "the client has not opened its stream");
    driver.say(OPEN);
    let heard = driver.hear();
    assert!(heard.starts_with("<?xml"), "{heard}");
    assert!(heard.ends_with(
        "<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>127.0.0.1:5223\
         </see-other-host></stream:error></stream:stream>"
    ));
    assert_eq!(driver.error(), "see-other-host");
}

/// RFC 3921, section 3, for clients that wait for it; one binding a stream.
#[test]
fn requests_about_the_stream_itself() {
    let mut driver = Driver::bound(config());
    driver.say("<iq type='set' id='s'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>");
    driver.say(BIND);
    driver.say("<presence/>");
    let answers: Vec<_> = driver.stanzas.iter().map(answer_stream_request).collect();
    assert_eq!(
        answers[0].as_ref().unwrap().to_string(),
        "<iq to='andy@example.org/desk' id='s' type='result'/>"
    );
    assert_eq!(
        answers[1].as_ref().unwrap().error().unwrap().condition,
        Condition::NotAllowed
    );
    assert_eq!(answers[2], None);
}

#[test]
fn closing_waits_for_the_client_and_not_forever() {
    let mut driver = Driver::bound(config());
    let effects = driver.server.close();
    driver.perform(effects);
    assert_eq!(driver.hear(), "</stream:stream>");
    assert_eq!(driver.timers, [Timer::Closing]);
    driver.say("<message to='bob@example.org'/>");
    assert_eq!(driver.stanzas.len(), 1, "on its way when we closed");
    assert!(!driver.server.may_write());
    driver.say("</stream:stream>");
    assert_eq!(
        (driver.hear().as_str(), driver.cause),
        ("", Some(Cause::Server))
    );

    let mut driver = Driver::bound(config());
    let effects = driver.server.close();
    driver.perform(effects);
    driver.expire(Timer::Closing);
    assert_eq!(driver.cause, Some(Cause::ClosingTimeout));
}
