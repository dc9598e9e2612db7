//! One thing after the other, and what comes of each.

use takeover_protocols::jid::BareJid;
use takeover_protocols::roster::subscription::State;
use takeover_protocols::roster::{Roster, RosterEffect, RosterItem, RosterLimits};
use takeover_protocols::stanza::Condition;

use crate::stage::{JULIET, condition, get, lines, received, roster, sent, set, stanza};

/// RFC 6121, section 2.2: the roster, which makes the client an interested one.
#[test]
fn get_the_roster() {
    let mut roster = roster();
    set(
        &mut roster,
        "<item jid='romeo@example.net' name='Romeo'><group>Friends</group></item>",
    );
    let effects = get(&mut roster, None);
    let [RosterEffect::Interested(client), RosterEffect::Send(answer)] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(client.as_str(), JULIET);
    let expected = "<query xmlns='jabber:iq:roster' ver='1'><item jid='romeo@example.net' \
                    name='Romeo' subscription='none'><group>Friends</group></item></query>";
    assert_eq!(answer.first_child().unwrap().to_string(), expected);
}

/// RFC 6121, section 2.3: add, and section 2.4: change; both are saved, pushed, answered.
#[test]
fn add_and_change() {
    let mut roster = roster();
    let item = "<item jid='nurse@example.com/chamber' name='Nurse'><group>Servants</group></item>";
    let expected = [
        "save nurse@example.com None",
        "push nurse@example.com none",
        "send iq result from - to juliet@example.com/balcony",
    ];
    assert_eq!(lines(&set(&mut roster, item)), expected);
    let renamed = "<item jid='nurse@example.com' name='Angelica'/>";
    assert_eq!(lines(&set(&mut roster, renamed)), expected);
    let nurse = roster
        .item(&BareJid::new("nurse@example.com").unwrap())
        .unwrap();
    assert_eq!(
        (nurse.name.as_str(), nurse.groups.len(), nurse.changed),
        ("Angelica", 0, 2)
    );
    // The same again changes nothing, and is answered.
    assert_eq!(lines(&set(&mut roster, renamed)), expected[2..]);
}

/// RFC 6121, section 2.3.3: the errors of a roster set.
#[test]
fn refused_sets() {
    let mut roster = roster();
    let long = "x".repeat(1_024);
    for (item, expected) in [
        ("".to_owned(), Condition::BadRequest),
        (
            "<item jid='a@x'/><item jid='b@x'/>".into(),
            Condition::BadRequest,
        ),
        ("<item/>".into(), Condition::BadRequest),
        ("<item jid='@'/>".into(), Condition::JidMalformed),
        (
            "<item jid='a@x'><group>g</group><group>g</group></item>".into(),
            Condition::BadRequest,
        ),
        (
            "<item jid='a@x'><group/></item>".into(),
            Condition::NotAcceptable,
        ),
        (
            format!("<item jid='a@x' name='{long}'/>"),
            Condition::NotAcceptable,
        ),
        (
            format!("<item jid='a@x'><group>{long}</group></item>"),
            Condition::NotAcceptable,
        ),
        (
            "<item jid='a@x' subscription='remove'/>".into(),
            Condition::ItemNotFound,
        ),
        (
            "<item jid='juliet@example.com'/>".into(),
            Condition::NotAllowed,
        ),
    ] {
        assert_eq!(condition(&set(&mut roster, &item)), expected, "{item}");
    }
    let stranger = stanza(
        "<iq from='romeo@example.net/o' id='1' type='set'><query xmlns='jabber:iq:roster'>\
         <item jid='a@x'/></query></iq>",
    );
    assert_eq!(condition(&roster.set(&stranger)), Condition::Forbidden);
    assert_eq!(roster.version(), 0);
}

/// RFC 6121, section 2.1.2.5: a client cannot set a subscription by a roster set.
#[test]
fn subscriptions_are_not_set_by_hand() {
    let mut roster = roster();
    set(
        &mut roster,
        "<item jid='a@x' subscription='both' ask='subscribe' approved='true'/>",
    );
    let item = roster.items().next().unwrap();
    assert_eq!((item.state, item.approved), (State::None, false));
}

/// RFC 6121, sections 3.1.2, 3.1.6: ask, and be granted.
#[test]
fn ask_and_be_granted() {
    let mut roster = roster();
    let asked = sent(&mut roster, "subscribe", "romeo@example.net/orchard");
    assert_eq!(
        lines(&asked),
        [
            "save romeo@example.net NonePendingOut",
            "push romeo@example.net none ask",
            "send presence subscribe from juliet@example.com to romeo@example.net",
        ]
    );
    let granted = received(&mut roster, "subscribed", "romeo@example.net/orchard");
    assert_eq!(
        lines(&granted),
        [
            "save romeo@example.net To",
            "deliver presence subscribed from romeo@example.net",
            "push romeo@example.net to",
        ]
    );
    assert_eq!(roster.watched().count(), 1);
    assert_eq!(roster.watchers().count(), 0);
}

/// RFC 6121, section 3.1.3: a request is kept and delivered again until it is answered; the item is
/// not shown meanwhile.
#[test]
fn be_asked_and_grant() {
    let mut roster = roster();
    let asked = received(&mut roster, "subscribe", "romeo@example.net/orchard");
    let expected = [
        "save romeo@example.net NonePendingIn",
        "deliver presence subscribe from romeo@example.net",
    ];
    assert_eq!(lines(&asked), expected);
    assert_eq!(
        lines(&received(&mut roster, "subscribe", "romeo@example.net")),
        [""; 0]
    );
    let requests = roster.requests();
    assert_eq!(requests[0].text_of("status").as_deref(), Some("hi"));
    let effects = get(&mut roster, None);
    let RosterEffect::Send(answer) = &effects[1] else {
        panic!()
    };
    assert_eq!(answer.first_child().unwrap().children().count(), 0);

    assert_eq!(
        lines(&sent(&mut roster, "subscribed", "romeo@example.net")),
        [
            "save romeo@example.net From",
            "push romeo@example.net from",
            "send presence subscribed from juliet@example.com to romeo@example.net",
            "show romeo@example.net",
        ]
    );
    assert!(roster.requests().is_empty());
}

/// RFC 6121, section 3.1.5: a request is denied; nothing is left of it.
#[test]
fn be_asked_and_deny() {
    let mut roster = roster();
    received(&mut roster, "subscribe", "romeo@example.net");
    assert_eq!(
        lines(&sent(&mut roster, "unsubscribed", "romeo@example.net")),
        [
            "forget romeo@example.net",
            "send presence unsubscribed from juliet@example.com to romeo@example.net",
        ]
    );
    assert_eq!((roster.items().count(), roster.version()), (0, 0));
}

/// RFC 6121, sections 3.2.2 and 3.3.3: both ends of a subscription, ended by either.
#[test]
fn subscriptions_end() {
    let both = || {
        let mut roster = roster();
        sent(&mut roster, "subscribe", "romeo@example.net");
        received(&mut roster, "subscribed", "romeo@example.net");
        received(&mut roster, "subscribe", "romeo@example.net");
        sent(&mut roster, "subscribed", "romeo@example.net");
        assert_eq!(roster.items().next().unwrap().state, State::Both);
        roster
    };
    assert_eq!(
        lines(&sent(&mut both(), "unsubscribed", "romeo@example.net")),
        [
            "save romeo@example.net To",
            "push romeo@example.net to",
            "hide romeo@example.net",
            "send presence unsubscribed from juliet@example.com to romeo@example.net",
        ]
    );
    assert_eq!(
        lines(&received(&mut both(), "unsubscribe", "romeo@example.net")),
        [
            "save romeo@example.net To",
            "deliver presence unsubscribe from romeo@example.net",
            "push romeo@example.net to",
            "hide romeo@example.net",
            "send presence unsubscribed from juliet@example.com to romeo@example.net",
        ]
    );
    assert_eq!(
        lines(&sent(&mut both(), "unsubscribe", "romeo@example.net")),
        [
            "save romeo@example.net From",
            "push romeo@example.net from",
            "send presence unsubscribe from juliet@example.com to romeo@example.net",
        ]
    );
    // RFC 6121, section 2.5.2: removing the item ends both.
    assert_eq!(
        lines(&set(
            &mut both(),
            "<item jid='romeo@example.net' subscription='remove'/>"
        )),
        [
            "forget romeo@example.net",
            "push romeo@example.net remove",
            "send iq result from - to juliet@example.com/balcony",
            "send presence unsubscribe from juliet@example.com to romeo@example.net",
            "hide romeo@example.net",
            "send presence unsubscribed from juliet@example.com to romeo@example.net",
        ]
    );
}

/// RFC 6121, section 3.4: approved before it is asked for.
#[test]
fn approved_beforehand() {
    let mut roster = roster();
    let approved = sent(&mut roster, "subscribed", "romeo@example.net");
    assert_eq!(
        lines(&approved),
        ["save romeo@example.net None", "push romeo@example.net none"]
    );
    assert_eq!(
        roster.items().next().unwrap().to_element().attr("approved"),
        Some("true")
    );
    assert_eq!(
        lines(&received(&mut roster, "subscribe", "romeo@example.net")),
        [
            "save romeo@example.net From",
            "push romeo@example.net from",
            "send presence subscribed from juliet@example.com to romeo@example.net",
            "show romeo@example.net",
        ]
    );
    let cancelled = sent(&mut roster, "unsubscribed", "romeo@example.net");
    assert!(lines(&cancelled).contains(&"save romeo@example.net None".to_owned()));
    assert!(!roster.items().next().unwrap().approved);
}

/// RFC 6121, section 2.6: a client that knows an old version gets what has changed since, and one
/// whose version is too old or unknown the whole.
#[test]
fn versions() {
    let mut roster = Roster::new(
        BareJid::new("juliet@example.com").unwrap(),
        RosterLimits {
            items: 10,
            removals: 1,
        },
    );
    let whole = |effects: &[RosterEffect]| match effects {
        [_, RosterEffect::Send(answer)] => answer.first_child().is_some(),
        _ => false,
    };
    for name in ["a", "b", "c"] {
        set(&mut roster, &format!("<item jid='{name}@x'/>"));
    }
    assert_eq!(get(&mut roster, Some("3")).len(), 2);
    assert!(!whole(&get(&mut roster, Some("3"))));
    set(&mut roster, "<item jid='a@x' name='A'/>");
    set(&mut roster, "<item jid='b@x' subscription='remove'/>");
    let changes = lines(&get(&mut roster, Some("3")));
    assert_eq!(changes.len(), 4);
    assert!(changes[2].contains("ver='4'") && changes[2].contains("a@x"));
    assert!(changes[3].contains("ver='5'") && changes[3].contains("remove"));
    // An empty version asks for the whole, so does one from the future.
    assert!(whole(&get(&mut roster, Some(""))));
    assert!(whole(&get(&mut roster, Some("99"))));
    // A second removal makes the roster forget the first.
    set(&mut roster, "<item jid='c@x' subscription='remove'/>");
    assert!(whole(&get(&mut roster, Some("4"))));
    assert!(!whole(&get(&mut roster, Some("5"))));
    // Out of the database nothing is known of removals.
    let items: Vec<RosterItem> = roster.items().cloned().collect();
    let limits = RosterLimits::default();
    let mut loaded = Roster::load(roster.owner().clone(), items, roster.version(), limits);
    assert!(whole(&get(&mut loaded, Some("5"))));
    assert!(!whole(&get(&mut loaded, Some("6"))));
}

/// A roster has its bound, for its user and for strangers.
#[test]
fn bounds() {
    let limits = RosterLimits {
        items: 2,
        removals: 1,
    };
    let mut roster = Roster::new(BareJid::new("juliet@example.com").unwrap(), limits);
    received(&mut roster, "subscribe", "a@x");
    set(&mut roster, "<item jid='b@x'/>");
    assert_eq!(
        condition(&set(&mut roster, "<item jid='c@x'/>")),
        Condition::ResourceConstraint
    );
    assert_eq!(
        condition(&sent(&mut roster, "subscribe", "c@x")),
        Condition::ResourceConstraint
    );
    assert_eq!(lines(&received(&mut roster, "subscribe", "c@x")), [""; 0]);
    assert_eq!(set(&mut roster, "<item jid='a@x' name='A'/>").len(), 3);
}
