//! Chapter 3: login, messages, presence, and sessions that live through a failover.

mod town;

use town::{A, B, C, Town, jid};

/// Two clients of one node log in, see each other and talk.
#[test]
fn two_clients_at_one_node() {
    let mut town = Town::new(1, &[("andy", A), ("bob", A)]);
    let (andy, bob) = (town.client("andy"), town.client("bob"));
    town.until("both online", || andy.is_online() && bob.is_online());
    andy.subscribe(&jid("bob"));
    bob.subscribe(&jid("andy"));
    andy.say("bob", "hello");
    bob.say("andy", "good day");
    town.until("both heard", || {
        bob.has_received("hello") && andy.has_received("good day")
    });
    town.pass(1);
    town.assert_clean();
}

/// SES-2: a client that arrives at another node is sent to the right one.
#[test]
fn see_other_host() {
    let mut town = Town::new(1, &[("andy", A)]);
    let andy = town.client_with("andy", |spec| spec.places = vec!["2A".into()]);
    town.until("online", || andy.is_online());
    assert_eq!(andy.place().unwrap(), "1A");
}

/// SES-12: a message to who is away waits, and comes at the next login.
#[test]
fn offline_messages_wait() {
    let mut town = Town::new(1, &[("andy", A), ("bob", B)]);
    let andy = town.client("andy");
    town.until("online", || andy.is_online());
    for number in 0..5 {
        andy.say("bob", &format!("message {number}"));
    }
    town.pass(1);
    let bob = town.client("bob");
    town.until("all heard", || bob.has_received("message 4"));
    town.pass(1);
    let heard: Vec<String> = bob.received().into_iter().map(|m| m.body).collect();
    let expected: Vec<String> = (0..5).map(|n| format!("message {n}")).collect();
    assert_eq!(heard, expected);
    town.assert_clean();
}

/// Messages between nodes of different pairs, in both directions.
#[test]
fn across_nodes() {
    let mut town = Town::new(1, &[("andy", A), ("cathy", C)]);
    let (andy, cathy) = (town.client("andy"), town.client("cathy"));
    town.until("both online", || andy.is_online() && cathy.is_online());
    andy.say("cathy", "hello");
    cathy.say("andy", "good day");
    town.until("both heard", || {
        cathy.has_received("hello") && andy.has_received("good day")
    });
    town.pass(1);
    town.assert_clean();
}
