//! Chapter 7 of the specification: what clients of the standard can do, also across a failover.

mod common;

use common::*;
use takeover::client::{Client, ClientState};
use takeover::ha::State;
use takeover::lab::Lab;
use takeover_protocols::ns;
use takeover_protocols::stanza::{IqType, Stanza, StanzaKind};
use takeover_protocols::xml::Element;

fn ask(id: &str, name: &'static str, namespace: &'static str) -> Stanza {
    Stanza::iq(IqType::Get, id).with_child(&Element::new(name, namespace))
}

/// The answer to a request, when it has come.
#[track_caller]
fn answer(lab: &mut Lab, client: &Client, id: &str) -> Stanza {
    await_that(lab, "the request is answered", LONG, |_| {
        client.answer(id).is_some()
    });
    client.answer(id).expect("it has come")
}

/// XMPP-3, RFC 6120: a wrong password is refused, and nobody beside notices.
#[test]
fn xmpp_3_wrong_password() {
    let mut lab = lab(1);
    let [bob] = online(&mut lab, ["bob"]);
    let andy = lab
        .client_with("andy", |spec| spec.password = "guess".into())
        .unwrap();
    andy.log_in();
    lab.pass(MINUTE);
    match andy.state() {
        ClientState::Refused { why } => assert!(why.contains("not-authorized"), "{why}"),
        state => panic!("{state}"),
    }
    assert!(bob.is_online());
}

/// XMPP-2: each request has one answer: ping (XEP-0199), version (XEP-0092), discovery (XEP-0030), and
/// what nobody knows has an error.
#[test]
fn xmpp_2_every_request_has_its_answer() {
    let mut lab = lab(2);
    let [andy] = online(&mut lab, ["andy"]);
    andy.send(ask("ping", "ping", ns::PING));
    andy.send(ask("version", "query", ns::VERSION));
    andy.send(ask("unknown", "query", "urn:example:unknown"));
    assert_eq!(
        answer(&mut lab, &andy, "ping").kind,
        StanzaKind::Iq(IqType::Result)
    );
    let version = answer(&mut lab, &andy, "version");
    assert!(version.has_child("query", ns::VERSION));
    let unknown = answer(&mut lab, &andy, "unknown");
    assert!(unknown.error().is_some());
}

/// XMPP-2: requests to another user's client that fails over are answered, each once: by the client, or by
/// an error.
#[test]
fn xmpp_2_also_across_a_failover() {
    for seed in 10..13 {
        let mut lab = lab(seed);
        let [andy, deborah] = online(&mut lab, ["andy", "deborah"]);
        befriend(&mut lab, &[andy.clone(), deborah.clone()]);
        let ClientState::Online { jid, .. } = andy.state() else {
            panic!("{}", andy.state());
        };
        let mut ids = Vec::new();
        let mut request = |lab: &mut Lab, number: u32| {
            let id = format!("request-{number}");
            deborah.send(ask(&id, "query", ns::VERSION).with_to(jid.clone()));
            lab.pass(SECOND);
            ids.push(id);
        };
        (0..10).for_each(|number| request(&mut lab, number));
        lab.node("1A").unwrap().fail_over().unwrap();
        (10..40).for_each(|number| request(&mut lab, number));
        await_states(
            &mut lab,
            ("1A", State::Idle),
            ("1B", State::Backup),
            2 * MINUTE,
        );
        for id in &ids {
            answer(&mut lab, &deborah, id);
        }
    }
}

/// RFC 6121, section 2: the roster survives failover and fallback as it was.
#[test]
fn rfc_6121_roster_across_a_failover() {
    let mut lab = lab(20);
    let people = online(&mut lab, PEOPLE);
    befriend(&mut lab, &people);
    let [andy, ..] = &people;
    let roster = |lab: &mut Lab, id: &str| {
        andy.send(ask(id, "query", ns::ROSTER));
        let answer = answer(lab, andy, id);
        let query = answer.child("query", ns::ROSTER).expect("a roster");
        let mut items: Vec<String> = query
            .children()
            .map(|item| format!("{:?} {:?}", item.attr("jid"), item.attr("subscription")))
            .collect();
        items.sort();
        items
    };
    let before = roster(&mut lab, "before");
    assert_eq!(before.len(), 3);
    assert!(
        before.iter().all(|item| item.contains("both")),
        "{before:?}"
    );
    lab.node("1A").unwrap().kill().unwrap();
    await_that(&mut lab, "Andy is at 1B", LONG, |_| {
        andy.place().is_ok_and(|at| at == "1B")
    });
    assert_eq!(roster(&mut lab, "after"), before);
}

/// RFC 6121, section 4: who logs out is seen to go, who logs in is seen to come; also with the one at
/// home on a node that is failed over.
#[test]
fn rfc_6121_presence_across_a_failover() {
    let mut lab = lab(30);
    let people = online(&mut lab, PEOPLE);
    befriend(&mut lab, &people);
    let [andy, bob, _, deborah] = &people;
    lab.node("1A").unwrap().fail_over().unwrap();
    await_that(&mut lab, "Andy is at 1B", LONG, |_| {
        andy.place().is_ok_and(|at| at == "1B")
    });
    andy.log_out();
    await_that(&mut lab, "both see Andy go", MINUTE, |_| {
        !bob.sees(andy.user()) && !deborah.sees(andy.user())
    });
    andy.log_in();
    await_that(&mut lab, "all see each other", MINUTE, |_| {
        bob.sees(andy.user()) && deborah.sees(andy.user()) && andy.sees(bob.user())
    });
    assert_eq!(andy.place().unwrap(), "1B");
}

/// RFC 6121, section 8.5.1: a message to nobody comes back as an error.
#[test]
fn rfc_6121_message_to_nobody() {
    let mut lab = lab(40);
    let [andy] = online(&mut lab, ["andy"]);
    andy.say("nobody", "hello?");
    await_that(&mut lab, "it comes back", MINUTE, |lab| {
        lab.finding().total.refused == 1
    });
    assert_clean(&lab);
}
