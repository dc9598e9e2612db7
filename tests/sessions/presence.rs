//! Presence, rosters and resources (RFC 6121), also while users move.

use takeover::client::{Client, ClientState};
use takeover_actors::plane::Gate;
use takeover_actors::user_mover::UserWork;
use takeover_protocols::jid;
use takeover_protocols::ns;
use takeover_protocols::stanza::{Condition, IqType, PresenceType, Stanza};
use takeover_protocols::xml::Element;

use crate::town::{A, B, C, Town, jid as bare};

/// Each asks to see the other, and each agrees.
fn befriend(town: &mut Town, one: &Client, other: &Client) {
    for (asker, asked) in [(one, other), (other, one)] {
        asker.subscribe(asked.user());
        town.pass(1);
        let yes = Stanza::presence(PresenceType::Subscribed).with_to(asker.user().clone());
        asked.send(yes);
        town.pass(1);
    }
}

fn request(town: &mut Town, client: &Client, stanza: Stanza) -> Stanza {
    let id = stanza.id.clone().expect("an id");
    client.send(stanza);
    town.until("an answer", || client.answer(&id).is_some());
    client.answer(&id).expect("an answer")
}

fn roster(kind: IqType, id: &str, query: Element) -> Stanza {
    Stanza::iq(kind, id).with_child(&query)
}

fn query() -> Element {
    Element::new("query", ns::ROSTER)
}

/// RFC 6121, sections 3 and 4: subscriptions across pairs, presence at login, logout, and anew.
#[test]
fn subscribed_contacts_see_each_other() {
    let mut town = Town::new(1, &[("andy", A), ("cathy", C), ("bob", B)]);
    let (andy, cathy, bob) = (
        town.client("andy"),
        town.client("cathy"),
        town.client("bob"),
    );
    town.until("online", || {
        [&andy, &cathy, &bob].iter().all(|c| c.is_online())
    });
    befriend(&mut town, &andy, &cathy);
    assert!(andy.sees(&bare("cathy")) && cathy.sees(&bare("andy")));
    assert!(!bob.sees(&bare("andy")) && !andy.sees(&bare("bob")));
    cathy.log_out();
    town.pass(1);
    assert!(!andy.sees(&bare("cathy")));
    cathy.log_in();
    town.pass(1);
    assert!(andy.sees(&bare("cathy")), "her presence came");
    assert!(cathy.sees(&bare("andy")), "his was asked for");
    let no_more = Stanza::presence(PresenceType::Unsubscribed).with_to(bare("andy"));
    cathy.send(no_more);
    town.pass(1);
    assert!(!andy.sees(&bare("cathy")), "she has taken it back");
    assert!(cathy.sees(&bare("andy")), "he has not");
}

/// SES-3: sessions that live through a failover keep their presence and roster subscriptions:
/// nobody sees them go.
#[test]
fn presence_lives_through_a_failover() {
    let mut town = Town::new(2, &[("andy", A), ("cathy", C)]);
    let (andy, cathy) = (town.client("andy"), town.client("cathy"));
    town.until("online", || andy.is_online() && cathy.is_online());
    befriend(&mut town, &andy, &cathy);
    town.kill(A);
    town.driver.until(
        || !cathy.sees(&bare("andy")),
        std::time::Duration::from_secs(60),
    );
    assert!(cathy.sees(&bare("andy")), "the power loss is not his leave");
    town.order(B, UserWork::TakeOver { forced: true })
        .expect("moved");
    town.until("online", || andy.is_online());
    town.pass(10);
    assert!(cathy.sees(&bare("andy")) && andy.sees(&bare("cathy")));
    andy.log_out();
    town.pass(1);
    assert!(
        !cathy.sees(&bare("andy")),
        "a leave at the other node reaches her"
    );
}

/// A session that nobody comes back to is over after the re-login window: contacts are told.
#[test]
fn a_session_that_is_not_taken_up_ends() {
    let mut town = Town::new(3, &[("andy", A), ("cathy", C)]);
    let (andy, cathy) = (town.client("andy"), town.client("cathy"));
    town.until("online", || andy.is_online() && cathy.is_online());
    befriend(&mut town, &andy, &cathy);
    andy.kill();
    town.pass(200);
    assert!(cathy.sees(&bare("andy")), "it may be resumed");
    town.pass(200);
    assert!(!cathy.sees(&bare("andy")), "300 s are over");
}

/// What was said while the Presence Engine is down is distributed when it is up again.
#[test]
fn presence_waits_for_its_engine() {
    let mut town = Town::new(4, &[("andy", A), ("cathy", C)]);
    let (andy, cathy) = (town.client("andy"), town.client("cathy"));
    town.until("online", || andy.is_online() && cathy.is_online());
    befriend(&mut town, &andy, &cathy);
    andy.log_out();
    town.pass(1);
    town.plane.shut(A, Gate::Presence);
    andy.log_in();
    town.pass(1);
    assert!(andy.is_online() && !cathy.sees(&bare("andy")));
    town.plane.open(A, Gate::Presence);
    town.pass(1);
    assert!(cathy.sees(&bare("andy")));
}

/// RFC 6121, section 2: items are set, pushed, versioned, removed; each wrong request has its
/// error.
#[test]
fn rosters() {
    let mut town = Town::new(5, &[("andy", A), ("bob", B)]);
    let andy = town.client("andy");
    town.until("online", || andy.is_online());
    let item = |jid: &str| Element::new("item", ns::ROSTER).with_attr("jid", jid);
    let named = item("bob@example.com").with_attr("name", "Bob");
    let answer = request(
        &mut town,
        &andy,
        roster(IqType::Set, "set", query().with_child(named)),
    );
    assert!(!answer.kind.is_error(), "{answer}");
    let answer = request(&mut town, &andy, roster(IqType::Get, "get", query()));
    let held = answer.child("query", ns::ROSTER).expect("a roster");
    assert_eq!(held.children().count(), 1, "{answer}");
    let version = held.attr("ver").expect("a version").to_owned();
    let known = query().with_attr("ver", version);
    let answer = request(&mut town, &andy, roster(IqType::Get, "again", known));
    assert!(answer.payload().is_empty(), "nothing is new: {answer}");
    let wrong = [
        ("none", query(), Condition::BadRequest),
        (
            "two",
            query().with_child(item("a@b")).with_child(item("c@d")),
            Condition::BadRequest,
        ),
        (
            "no jid",
            query().with_child(Element::new("item", ns::ROSTER)),
            Condition::BadRequest,
        ),
        (
            "self",
            query().with_child(item("andy@example.com")),
            Condition::NotAllowed,
        ),
        (
            "gone",
            query().with_child(item("x@example.com").with_attr("subscription", "remove")),
            Condition::ItemNotFound,
        ),
    ];
    for (id, query, condition) in wrong {
        let answer = request(&mut town, &andy, roster(IqType::Set, id, query));
        assert_eq!(
            answer.error().map(|error| error.condition),
            Some(condition),
            "{id}"
        );
    }
    let removed = item("bob@example.com").with_attr("subscription", "remove");
    request(
        &mut town,
        &andy,
        roster(IqType::Set, "remove", query().with_child(removed)),
    );
    let answer = request(&mut town, &andy, roster(IqType::Get, "last", query()));
    let held = answer.child("query", ns::ROSTER).expect("a roster");
    assert_eq!(held.children().count(), 0);
}

/// RFC 6121, section 8.5; RFC 6120, section 10.4: the standard's error for each address.
#[test]
fn each_address_has_its_error() {
    let mut town = Town::new(6, &[("andy", A), ("bob", B)]);
    let andy = town.client("andy");
    town.until("online", || andy.is_online());
    let ping = Element::new("ping", ns::PING);
    let cases = [
        ("nobody@example.com", Some(Condition::ServiceUnavailable)),
        ("bob@example.com/away", Some(Condition::ServiceUnavailable)),
        ("bob@example.com", Some(Condition::ServiceUnavailable)),
        ("bob@elsewhere.org", Some(Condition::RemoteServerNotFound)),
        ("example.com", None),
        ("andy@example.com", None),
    ];
    for (to, wanted) in cases {
        let ask = Stanza::iq(IqType::Get, to).with_to(jid::parse(to).expect("an address"));
        let answer = request(&mut town, &andy, ask.with_child(&ping));
        assert_eq!(answer.error().map(|error| error.condition), wanted, "{to}");
    }
}

/// RFC 6121, section 8.5.3.1: a request reaches a client whose presence its sender may see, and one
/// that has shown itself to it alone; from others it comes back.
#[test]
fn a_request_reaches_who_shows_itself() {
    let mut town = Town::new(8, &[("andy", A), ("bob", B), ("cathy", C)]);
    let (andy, bob) = (town.client("andy"), town.client("bob"));
    let cathy = town.client("cathy");
    town.until("online", || {
        andy.is_online() && bob.is_online() && cathy.is_online()
    });
    befriend(&mut town, &andy, &cathy);
    let full = |client: &Client| {
        let resource = client.user().with_resource_str("takeover");
        resource.expect("what clients ask for by default")
    };
    let ask = |town: &mut Town, id: &str, to: &Client| {
        let ping = Stanza::iq(IqType::Get, id).with_to(full(to));
        let answer = request(
            town,
            &andy,
            ping.with_child(&Element::new("ping", ns::PING)),
        );
        answer.error().map(|error| error.condition)
    };
    assert_eq!(ask(&mut town, "friend", &cathy), None);
    let refused = Some(Condition::ServiceUnavailable);
    assert_eq!(ask(&mut town, "stranger", &bob), refused);
    let hello = Stanza::presence(PresenceType::Available);
    bob.send(hello.with_to(full(&andy)));
    town.pass(1);
    assert_eq!(ask(&mut town, "shown", &bob), None);
}

/// SES-1: one session more than allowed is refused; RFC 6120, section 7.7.2.2: a session of the
/// same resource ends the older one with `conflict`.
#[test]
fn sessions_are_bounded_and_resources_unique() {
    let mut town = Town::new(7, &[("andy", A)]);
    let clients: Vec<Client> = (0..6)
        .map(|number| {
            let client = town.client_with("andy", |spec| {
                spec.name = format!("andy{number}");
                spec.resource = format!("desk{number}");
            });
            town.pass(1);
            client
        })
        .collect();
    let online = clients.iter().filter(|client| client.is_online()).count();
    assert_eq!(online, 5, "{}", clients[5].state());
    assert!(!clients[5].is_online());
    let twin = town.client_with("andy", |spec| {
        spec.name = "twin".into();
        spec.resource = "desk0".into();
    });
    town.pass(1);
    assert!(twin.is_online(), "{}", twin.state());
    assert!(
        !matches!(clients[0].state(), ClientState::Online { .. }),
        "{}",
        clients[0].state()
    );
}
