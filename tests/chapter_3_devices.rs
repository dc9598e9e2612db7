//! Chapter 3 of the specification: searches for users (SES-9), and several devices of one (SES-11).

mod common;

use common::*;
use takeover::client::{Client, Reconnect};
use takeover::ha::State;
use takeover::lab::{Builder, Lab};
use takeover_protocols::ns;
use takeover_protocols::stanza::{IqType, MessageType, Stanza};
use takeover_protocols::xml::Element;

/// SES-9: a search shows presence and its changes. After a failover of either node what was seen last
/// stays as it was, until the user is searched for again; within 30 s that brings nothing new.
#[test]
fn ses_9_searches_grow_stale() {
    for (seed, failing) in [(13, "1A"), (14, "1B")] {
        let mut lab = lab(seed);
        for name in ["andy", "bob"] {
            lab.client_with(name, |spec| spec.reconnect = Reconnect::Promptly)
                .unwrap();
        }
        let [andy, bob] = online(&mut lab, ["andy", "bob"]);
        andy.search(bob.user());
        await_that(&mut lab, "Andy sees Bob", MINUTE, |_| andy.sees(bob.user()));
        let shows = |available: bool| {
            let kind = if available {
                takeover_protocols::stanza::PresenceType::Available
            } else {
                takeover_protocols::stanza::PresenceType::Unavailable
            };
            bob.send(Stanza::presence(kind));
        };
        shows(false);
        lab.pass(SECOND);
        assert!(!andy.sees(bob.user()), "a change is shown");
        shows(true);
        lab.pass(SECOND);
        assert!(andy.sees(bob.user()));
        let backup = if failing == "1A" { "1B" } else { "1A" };
        lab.node(failing).unwrap().fail_over().unwrap();
        await_states(
            &mut lab,
            (failing, State::Idle),
            (backup, State::Backup),
            3 * MINUTE,
        );
        await_that(&mut lab, "both are back", MINUTE, |_| {
            andy.is_online() && bob.is_online()
        });
        shows(false);
        lab.pass(SECOND);
        assert!(andy.sees(bob.user()), "stale: {failing} failed over");
        lab.pass(31 * SECOND);
        andy.search(bob.user());
        lab.pass(SECOND);
        assert!(!andy.sees(bob.user()), "as it is, after a new search");
        // A second search within 30 s asks nobody: it is the first one that goes on.
        lab.move_user("bob", "2A").map(drop).unwrap_err();
        lab.node(failing).unwrap().fall_back().unwrap();
        await_states(
            &mut lab,
            (failing, State::Normal),
            (backup, State::Normal),
            3 * MINUTE,
        );
        await_that(&mut lab, "both are back", MINUTE, |_| {
            andy.is_online() && bob.is_online()
        });
        lab.pass(MINUTE);
        andy.search(bob.user());
        lab.pass(SECOND);
        lab.move_user("bob", "2A").map(drop).unwrap();
        await_that(&mut lab, "Bob is at 2A", MINUTE, |_| {
            bob.place().is_ok_and(|at| at == "2A")
        });
        let seen = andy.sees(bob.user());
        shows(!seen);
        lab.pass(SECOND);
        andy.search(bob.user());
        lab.pass(SECOND);
        assert_eq!(
            andy.sees(bob.user()),
            seen,
            "stale: too soon for another search"
        );
        lab.pass(30 * SECOND);
        andy.search(bob.user());
        lab.pass(SECOND);
        assert_eq!(andy.sees(bob.user()), !seen);
    }
}

fn carbons(client: &Client, verb: &'static str) {
    let request = Stanza::iq(IqType::Set, format!("carbons-{verb}"));
    client.send(request.with_child(&Element::new(verb, ns::CARBONS)));
}

/// Andy's two devices; the second one is made by hand.
fn devices(builder: Builder) -> (Lab, Client, Client, Client) {
    let mut lab = started(
        builder
            .user("andy", "1A")
            .user("tablet", "1A")
            .user("bob", "1B"),
    );
    let tablet = lab.client_with("tablet", |spec| {
        spec.user = "andy@example.test".parse().unwrap();
        spec.password = "andy-secret".into();
        spec.resource = "tablet".into();
    });
    let tablet = tablet.unwrap();
    let [desk, bob] = online(&mut lab, ["andy", "bob"]);
    log_in(&mut lab, std::slice::from_ref(&tablet));
    (lab, desk, tablet, bob)
}

fn office(seed: u64) -> Builder {
    Lab::virtual_time(seed).cluster("c", |cluster| cluster.pair("pair-1", "1A", "1B"))
}

/// SES-11, XEP-0280: with Multiple Device Messaging on, what one device says or hears the other gets a
/// copy of, if it has asked for that; across a failover too. Off, nobody can ask.
#[test]
fn ses_11_copies_for_the_other_device() {
    let on = office(15).parameter("Enable Multiple Device Messaging", "on");
    let (mut lab, desk, tablet, bob) = devices(on);
    carbons(&tablet, "enable");
    lab.pass(SECOND);
    assert_eq!(
        tablet.answer("carbons-enable").unwrap().kind,
        Stanza::iq(IqType::Result, "x").kind
    );
    let copies = |lab: &mut Lab, marked: &str| {
        desk.say("bob", &format!("said {marked}"));
        let to_desk = Stanza::message(MessageType::Chat)
            .with_to(takeover_protocols::jid::parse("andy@example.test/takeover").unwrap())
            .with_child(&Element::new("body", ns::CLIENT).with_text(format!("heard {marked}")));
        bob.send(to_desk);
        lab.pass(SECOND);
        assert!(bob.has_received(&format!("said {marked}")));
        assert!(desk.has_received(&format!("heard {marked}")));
        let got = |what: &str| tablet.has_received(&format!("{what} {marked}"));
        (got("said"), got("heard"))
    };
    assert_eq!(copies(&mut lab, "at home"), (true, true));
    lab.node("1A").unwrap().fail_over().unwrap();
    await_states(
        &mut lab,
        ("1A", State::Idle),
        ("1B", State::Backup),
        3 * MINUTE,
    );
    await_that(&mut lab, "both devices are back", LONG, |_| {
        [&desk, &tablet]
            .iter()
            .all(|one| one.place().is_ok_and(|at| at == "1B"))
    });
    assert_eq!(copies(&mut lab, "at the backup"), (true, true));
    carbons(&tablet, "disable");
    lab.pass(SECOND);
    assert_eq!(copies(&mut lab, "without"), (false, false));

    let (mut lab, _, tablet, _) = devices(office(16));
    carbons(&tablet, "enable");
    lab.pass(SECOND);
    assert!(tablet.answer("carbons-enable").unwrap().error().is_some());
}

/// SES-11: with Multiple Device Messaging on a failover takes about twice the configured times.
#[test]
fn ses_11_a_failover_takes_twice_as_long() {
    let silence = |mdm: &str| {
        let lab = office(17).parameter("Enable Multiple Device Messaging", mdm);
        let mut lab = started(lab.user("andy", "1A"));
        lab.node("1A").unwrap().kill().unwrap();
        let since = lab.now();
        await_that(&mut lab, "1B takes over", 5 * MINUTE, |lab| {
            lab.state("1B") == Some(State::Backup)
        });
        lab.now().saturating_since(since)
    };
    let (off, on) = (silence("off"), silence("on"));
    assert!((45 * SECOND..=62 * SECOND).contains(&off), "{off:?}");
    assert!((90 * SECOND..=122 * SECOND).contains(&on), "{on:?}");
}
