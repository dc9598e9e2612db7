//! Stream management on the stream (XEP-0198).

use takeover_protocols::sm::{Inbound, Nonza, Outbound};
use takeover_protocols::stanza::{Condition, MessageType, Stanza};
use takeover_protocols::stream::{C2sConfig, Cause, Layer, StreamError};

use super::driver::{Driver, OPEN, PLAIN, config};

fn login() -> Driver {
    let mut driver = Driver::new(config(), Layer::Secure);
    driver.say(&[OPEN, PLAIN, OPEN].concat());
    driver.hear();
    driver.log.clear();
    driver
}

/// XEP-0198, examples 3 to 6.
#[test]
fn enabling() {
    let mut driver = Driver::bound(config());
    driver.say("<r xmlns='urn:xmpp:sm:3'/>");
    assert!(driver.hear().contains("<unexpected-request"), "not enabled");
    driver.say("<enable xmlns='urn:xmpp:sm:3' resume='true' max='300'/><message/>");
    assert_eq!(
        driver.log,
        ["Enable { resume: true, max: Some(300) }"],
        "the message waits"
    );
    let effects =
        driver
            .server
            .sm_enabled(Some("some-id".into()), Some(120), Some("[::1]:5222".into()));
    driver.perform(effects);
    assert_eq!(
        driver.hear(),
        "<enabled xmlns='urn:xmpp:sm:3' id='some-id' resume='true' max='120' location='[::1]:5222'/>"
    );
    assert_eq!(driver.stanzas.len(), 1);
    driver.log.clear();
    driver.say("<r xmlns='urn:xmpp:sm:3'/><a xmlns='urn:xmpp:sm:3' h='4294967295'/>");
    assert_eq!(driver.log, ["AckRequested", "Acked { h: 4294967295 }"]);
    driver.say("<enable xmlns='urn:xmpp:sm:3'/>");
    assert!(
        driver.hear().contains("<unexpected-request"),
        "enabled already"
    );
    let mut out = Vec::new();
    assert!(driver.server.write_nonza(&Nonza::Ack { h: 1 }, &mut out));
    assert!(
        driver
            .server
            .write(&Stanza::message(MessageType::Chat), &mut out)
    );
    assert_eq!(
        out,
        b"<a xmlns='urn:xmpp:sm:3' h='1'/><message type='chat'/>"
    );
}

#[test]
fn refused_or_not_offered() {
    let mut driver = Driver::bound(config());
    driver.say("<enable xmlns='urn:xmpp:sm:3'/>");
    let effects = driver.server.sm_refused(Condition::ResourceConstraint);
    driver.perform(effects);
    assert!(driver.hear().contains("<resource-constraint"));
    assert!(!driver.server.is_managed());
    let mut driver = Driver::bound(C2sConfig {
        stream_management: false,
        ..config()
    });
    driver.say("<enable xmlns='urn:xmpp:sm:3'/>");
    assert!(driver.hear().contains("<unexpected-request"));
}

/// XEP-0198, section 5.
#[test]
fn resuming() {
    let mut driver = login();
    driver.say("<resume xmlns='urn:xmpp:sm:3' previd='some-id' h='7'/><presence/>");
    assert_eq!(
        driver.log,
        ["Resume { user: BareJid(\"andy@example.org\"), previd: \"some-id\", h: 7 }"]
    );
    let effects = driver
        .server
        .resumed("andy@example.org/desk".parse().unwrap(), 5);
    driver.perform(effects);
    assert_eq!(
        driver.hear(),
        "<resumed xmlns='urn:xmpp:sm:3' previd='some-id' h='5'/>"
    );
    assert_eq!(
        driver.stanzas[0].from.as_ref().unwrap().as_str(),
        "andy@example.org/desk"
    );
    assert!(driver.server.is_managed());
    assert_eq!(driver.timers, []);
}

#[test]
fn a_session_that_is_gone_is_told_and_binding_goes_on() {
    let mut driver = login();
    driver.say("<resume xmlns='urn:xmpp:sm:3' previd='gone' h='7'/>");
    let effects = driver
        .server
        .resume_failed(Condition::ItemNotFound, Some(21));
    driver.perform(effects);
    assert_eq!(
        driver.hear(),
        "<failed xmlns='urn:xmpp:sm:3' h='21'>\
         <item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>"
    );
    driver.say(super::driver::BIND);
    assert!(driver.hear().contains("<jid>"));
    driver.say("<resume xmlns='urn:xmpp:sm:3' previd='x' h='1'/>");
    assert!(
        driver.hear().contains("<unexpected-request"),
        "bound already"
    );
    let mut driver = login();
    driver.say("<resume xmlns='urn:xmpp:sm:3' previd='x'/>");
    assert_eq!(driver.error(), "bad-format");
}

/// XEP-0198, section 4: the error for a count that is too high.
#[test]
fn too_high_a_count() {
    let mut outbound = Outbound::new(10);
    outbound.push(1).unwrap();
    let error = StreamError::from(&outbound.ack(2).unwrap_err());
    let mut driver = Driver::bound(config());
    let effects = driver.server.fail(error);
    driver.perform(effects);
    assert_eq!(driver.error(), "undefined-condition");
    assert!(
        driver
            .hear()
            .contains("<handled-count-too-high xmlns='urn:xmpp:sm:3' h='2' send-count='1'/>")
    );
    assert!(matches!(driver.cause, Some(Cause::Error(_))));
}

/// Every order of finishing three stanzas acknowledges without a gap, each once.
#[test]
fn handling_out_of_order() {
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let mut inbound = Inbound::default();
        let tickets = [inbound.receive(), inbound.receive(), inbound.receive()];
        let mut finished = [false; 3];
        for which in order {
            assert!(inbound.is_current(tickets[which]));
            assert!(inbound.finish(tickets[which]));
            assert!(!inbound.finish(tickets[which]), "once");
            finished[which] = true;
            let gapless = finished.iter().take_while(|done| **done).count();
            assert_eq!(inbound.h() as usize, gapless, "{order:?}");
        }
        assert_eq!(inbound.in_doubt(), 0);
    }
    let mut inbound = Inbound::default();
    let (first, second) = (inbound.receive(), inbound.receive());
    inbound.finish(second);
    assert!(!inbound.forget_in_doubt(), "the second would come twice");
    inbound.finish(first);
    let third = inbound.receive();
    assert!(inbound.forget_in_doubt());
    assert!(!inbound.finish(third), "it will be sent again");
    assert_eq!((inbound.h(), inbound.in_doubt()), (2, 0));
}
