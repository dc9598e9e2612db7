//! Chapter 3 of the specification: clients on telephones, which are away without having left (SES-10).

mod common;

use common::*;
use takeover::client::{Away, Client};
use takeover::ha::State;
use takeover::journal::{Event, Power};
use takeover::lab::{Builder, Lab};
use takeover::time::Moment;

/// Andy on a telephone and Bob at a desk, both logged in.
fn phone_and_desk(builder: Builder) -> (Lab, Client, Client) {
    let mut lab = started(builder);
    lab.client_with("andy", |spec| spec.push = Some("telephone".into()))
        .unwrap();
    let [andy, bob] = online(&mut lab, ["andy", "bob"]);
    lab.pass(SECOND);
    (lab, andy, bob)
}

/// Goes away, and its node has seen that.
#[track_caller]
fn leave(lab: &mut Lab, client: &Client, how: Away) {
    client.go_away(how);
    await_that(lab, "the client is away", MINUTE, |_| client.is_away());
    lab.pass(SECOND);
}

/// Comes back; whether its session went on.
#[track_caller]
fn return_to(lab: &mut Lab, client: &Client, place: &str) -> bool {
    client.to_foreground();
    await_that(lab, "the client is back", MINUTE, |_| {
        client.place().is_ok_and(|at| at == place)
    });
    lab.pass(SECOND);
    places(client).last().expect("a login").1
}

fn crash(lab: &mut Lab) {
    lab.node("1A").unwrap().kill().unwrap();
    await_that(lab, "1B has taken over", 3 * MINUTE, |lab| {
        lab.state("1B") == Some(State::Backup)
    });
}

fn fall_back(lab: &mut Lab) {
    if lab.node("1A").unwrap().power() == Some(Power::Killed) {
        lab.node("1A").unwrap().power_on().unwrap();
    }
    let is_ready = |state: Option<State>| matches!(state, Some(State::Idle | State::FailedOver));
    await_that(lab, "1A is ready", 10 * MINUTE, |lab| {
        is_ready(lab.state("1A")) && lab.state("1B") == Some(State::Backup)
    });
    lab.node("1A").unwrap().fall_back().unwrap();
    await_states(
        lab,
        ("1A", State::Normal),
        ("1B", State::Normal),
        3 * MINUTE,
    );
}

/// The pushes so far: which node sent them, for which device, how many messages are unread.
fn pushes(lab: &Lab) -> Vec<(String, String, u64)> {
    let told = |push: takeover_actors::plane::Pushed| {
        (lab.node_name(push.by), push.device, push.summary.unread)
    };
    lab.pushed().into_iter().map(told).collect()
}

fn push(node: &str, unread: u64) -> (String, String, u64) {
    (node.to_owned(), "telephone".to_owned(), unread)
}

/// When a node has composed sessions, after entry `after`.
fn composed(lab: &Lab, node: &str, after: u64) -> Vec<Moment> {
    let is_composed = |event: &Event| matches!(event, Event::SessionComposed { .. });
    let entries = entries(lab, node, after, is_composed);
    entries.into_iter().map(|entry| entry.at).collect()
}

fn bodies(client: &Client) -> Vec<String> {
    client.received().into_iter().map(|one| one.body).collect()
}

/// SES-10: in the foreground a client logs in to the backup by itself, and nothing is pushed.
#[test]
fn ses_10_in_the_foreground() {
    let (mut lab, andy, bob) = phone_and_desk(Lab::virtual_time(31));
    crash(&mut lab);
    await_that(&mut lab, "Andy is at the backup", LONG, |_| {
        andy.place().is_ok_and(|at| at == "1B")
    });
    bob.say("andy", "hello");
    await_that(&mut lab, "Andy hears", MINUTE, |_| {
        andy.has_received("hello")
    });
    assert_eq!(pushes(&lab), []);
    assert_clean(&lab);
}

/// SES-10: in the background a client has no connection, its session lives on, and messages are
/// pushed. After a crash the backup composes the session before it pushes, and so does the home node
/// at fallback. Nothing is lost: the session's queue is the pair's.
#[test]
fn ses_10_in_the_background() {
    let (mut lab, andy, bob) = phone_and_desk(Lab::virtual_time(32));
    leave(&mut lab, &andy, Away::Background);
    let mut said = 0;
    let mut say = |lab: &mut Lab| {
        said += 1;
        bob.say("andy", &format!("number {said}"));
        lab.pass(SECOND);
    };
    say(&mut lab);
    say(&mut lab);
    assert_eq!(pushes(&lab), [push("1A", 1), push("1A", 2)]);
    let before = mark(&lab);
    crash(&mut lab);
    assert_eq!(composed(&lab, "1B", before), [], "not yet");
    say(&mut lab);
    lab.pass(MINUTE);
    let pushed: Vec<Moment> = lab.pushed().into_iter().map(|push| push.at).collect();
    let [at] = composed(&lab, "1B", before)[..] else {
        panic!("composed once\n{}", tail(&lab, 50));
    };
    assert_eq!(pushes(&lab)[2..], [push("1B", 3)]);
    assert!(pushed[2] >= at, "composed first");
    assert!(andy.is_away(), "it has stayed where it was");
    let before = mark(&lab);
    fall_back(&mut lab);
    assert_eq!(
        composed(&lab, "1A", before),
        [],
        "it waits for its turn again"
    );
    say(&mut lab);
    lab.pass(MINUTE);
    assert_eq!(composed(&lab, "1A", before).len(), 1);
    assert_eq!(pushes(&lab)[3..], [push("1A", 4)]);
    assert!(return_to(&mut lab, &andy, "1A"), "the session went on");
    let expected: Vec<String> = (1..=4).map(|n| format!("number {n}")).collect();
    assert_eq!(bodies(&andy), expected);
    bob.say("andy", "in the foreground");
    lab.pass(SECOND);
    assert_eq!(pushes(&lab).len(), 4, "what is read is not pushed");
    assert_clean(&lab);
}

/// SES-10: what waits unread for a suspended client is lost with the node that crashes: the journal
/// tells it and the oracle counts it. Its session goes on, and the room's history has everything.
#[test]
fn ses_10_suspended_when_its_node_crashes() {
    let (mut lab, andy, bob) = phone_and_desk(Lab::virtual_time(33));
    let room = gather(&mut lab, &[bob.clone(), andy.clone()], "1B");
    leave(&mut lab, &andy, Away::Suspended);
    let before = mark(&lab);
    for number in 1..=3 {
        bob.say("andy", &format!("unread {number}"));
    }
    bob.post(&room, "in the room");
    lab.pass(SECOND);
    assert_eq!(pushes(&lab).last(), Some(&push("1A", 4)));
    crash(&mut lab);
    let lost = entries(&lab, "1B", before, |event| {
        matches!(event, Event::UnreadLost { .. })
    });
    let [lost] = &lost[..] else {
        panic!("lost once\n{}", tail(&lab, 50));
    };
    let Event::UnreadLost { ids, .. } = &lost.event else {
        unreachable!("as picked");
    };
    assert_eq!(ids.len(), 4);
    bob.say("andy", "after the crash");
    lab.pass(MINUTE);
    assert_eq!(pushes(&lab).last(), Some(&push("1B", 1)));
    assert!(return_to(&mut lab, &andy, "1B"), "the session went on");
    assert!(andy.is_in(&room), "it is still in the room");
    assert_eq!(bodies(&andy), ["after the crash"]);
    let total = lab.finding().total;
    assert_eq!((total.unread_lost, total.lost), (4, 0), "{total:?}");
    assert_clean(&lab);
    andy.leave(&room);
    andy.enter(&room);
    await_that(&mut lab, "Andy reads the history", MINUTE, |_| {
        andy.has_received("in the room")
    });
    assert_eq!(
        lab.finding().total.unread_lost,
        3,
        "what is read is not lost"
    );
    assert_clean(&lab);
}

/// SES-10: an orderly failover and fallback lose nothing of what waits for a suspended client.
#[test]
fn ses_10_suspended_when_its_node_fails_over_in_order() {
    let (mut lab, andy, bob) = phone_and_desk(Lab::virtual_time(34));
    leave(&mut lab, &andy, Away::Suspended);
    bob.say("andy", "number 1");
    lab.pass(SECOND);
    lab.node("1A").unwrap().fail_over().unwrap();
    await_states(
        &mut lab,
        ("1A", State::Idle),
        ("1B", State::Backup),
        3 * MINUTE,
    );
    bob.say("andy", "number 2");
    lab.pass(MINUTE);
    fall_back(&mut lab);
    bob.say("andy", "number 3");
    lab.pass(MINUTE);
    assert_eq!(pushes(&lab), [push("1A", 1), push("1B", 2), push("1A", 3)]);
    assert!(return_to(&mut lab, &andy, "1A"), "the session went on");
    assert_eq!(bodies(&andy), ["number 1", "number 2", "number 3"]);
    assert_eq!(lab.finding().total.unread_lost, 0);
    assert_clean(&lab);
}

/// SES-10: a push tells as much of a message as the parameter allows.
#[test]
fn ses_10_what_a_push_tells() {
    let sender = Some("bob@example.test/takeover".to_owned());
    let body = Some("in confidence".to_owned());
    for (content, expected) in [
        ("count", (None, None)),
        ("sender", (sender.clone(), None)),
        ("body", (sender, body)),
    ] {
        let builder = Lab::virtual_time(35).parameter("Push Notification Content", content);
        let (mut lab, andy, bob) = phone_and_desk(builder);
        leave(&mut lab, &andy, Away::Background);
        bob.say("andy", "in confidence");
        lab.pass(SECOND);
        let [push] = &lab.pushed()[..] else {
            panic!("one push with {content}");
        };
        let told = push.summary.clone();
        let sender = told.sender.map(|sender| sender.to_string());
        assert_eq!((sender, told.body), expected, "{content}");
        assert_eq!(push.user.as_str(), "andy@example.test");
    }
}

const USERS: u64 = 15_000;

/// SES-10: with 15 000 users in the background it takes the backup 10 to 20 minutes until the last of
/// them can be pushed to, at a bounded rate, and the home node as long at fallback.
#[test]
fn ses_10_fifteen_thousand_sessions_are_composed() {
    let one_node = Lab::virtual_time(36)
        .cluster("big", |cluster| {
            cluster.ova(15_000).pair("pair", "1A", "1B")
        })
        .parameter("User Assignment Mode", "active-standby");
    let mut lab = started(one_node.users(USERS));
    let clients: Vec<Client> = (1..=USERS)
        .map(|number| {
            let made = lab.client_with(&format!("user{number}"), |spec| {
                spec.hands_over = true;
                spec.push = Some(format!("telephone {number}"));
            });
            made.expect("a user of the lab")
        })
        .collect();
    clients.iter().for_each(Client::log_in);
    lab.pass(SECOND);
    assert!(clients.iter().all(|one| one.place().unwrap() == "1A"));
    let (desk, phones) = clients.split_first().expect("a first user");
    phones.iter().for_each(|one| one.go_away(Away::Background));
    lab.pass(SECOND);
    for node in ["1B", "1A"] {
        let before = mark(&lab);
        let pushed = lab.pushed().len();
        match node {
            "1B" => {
                lab.node("1A").unwrap().kill().unwrap();
                await_that(&mut lab, "1B has taken over", 3 * MINUTE, |lab| {
                    lab.state("1B") == Some(State::Backup)
                });
            }
            _ => fall_back(&mut lab),
        }
        let since = lab.now();
        desk.to_foreground();
        await_that(&mut lab, "the desk is there", LONG, |_| desk.is_online());
        phones
            .iter()
            .step_by(500)
            .for_each(|one| desk.say(one.name(), "hello"));
        lab.pass(20 * MINUTE);
        let composed = composed(&lab, node, before);
        assert_eq!(composed.len(), phones.len());
        let took = composed.last().unwrap().saturating_since(since);
        assert!((10 * MINUTE..20 * MINUTE).contains(&took), "{took:?}");
        println!("{node} has composed {} sessions in {took:?}", phones.len());
        for window in composed.windows(1001) {
            let took = window[1000].saturating_since(window[0]);
            assert!(took >= MINUTE, "1000 a minute: {took:?}");
        }
        assert_eq!(
            lab.pushed().len() - pushed,
            phones.iter().step_by(500).count()
        );
        // Those whose turn came late were pushed to late.
        let last = lab.pushed().last().unwrap().at;
        assert!(last.saturating_since(since) > 9 * MINUTE, "{last}");
    }
    assert!(phones.iter().all(Client::is_away));
    // All at once in the foreground: the node's limit on logins makes them wait, none is left out.
    phones.iter().for_each(Client::to_foreground);
    lab.pass(2 * MINUTE);
    for one in phones {
        assert_eq!(one.place().as_deref(), Ok("1A"), "{}", one.name());
        assert!(
            places(one).last().expect("a login").1,
            "its session went on"
        );
    }
    for one in phones.iter().step_by(500) {
        assert_eq!(bodies(one), ["hello", "hello"], "{}", one.name());
    }
}
