//! Chapter 3 of the specification: logins, sessions and what becomes of them when their node fails.

mod common;

use common::*;
use takeover::client::{Client, ClientState, Reconnect};
use takeover::config::LabConfig;
use takeover::ha::State;
use takeover::journal::Event;
use takeover::lab::Lab;
use takeover_core::profile::{Mode, look_up_group};
use takeover_core::topology::OvaSize;

/// The power of 1A is cut, and Andy is back at 1B.
fn power_cut(lab: &mut Lab, andy: &Client) {
    lab.node("1A").unwrap().kill().unwrap();
    await_that(lab, "Andy is back at 1B", LONG, |_| {
        andy.place().is_ok_and(|place| place == "1B")
    });
}

/// SES-2: a client that arrives at any other node is sent home by `see-other-host`.
#[test]
fn ses_2_see_other_host() {
    for wrong in ["1B", "2A", "2B"] {
        let mut lab = lab(1);
        let andy = lab
            .client_with("andy", |spec| spec.places = vec![wrong.into()])
            .unwrap();
        log_in(&mut lab, std::slice::from_ref(&andy));
        assert_eq!(andy.place().unwrap(), "1A");
        assert_eq!(ends(&andy), ["see-other-host 1A"]);
    }
}

/// SES-2: where the home node is failed over, its user is sent to the backup.
#[test]
fn ses_2_to_the_backup_where_home_is_failed_over() {
    let mut lab = lab(2);
    lab.node("1A").unwrap().fail_over().unwrap();
    await_states(
        &mut lab,
        ("1A", State::Idle),
        ("1B", State::Backup),
        2 * MINUTE,
    );
    let andy = lab
        .client_with("andy", |spec| spec.places = vec!["2B".into()])
        .unwrap();
    log_in(&mut lab, std::slice::from_ref(&andy));
    assert_eq!(andy.place().unwrap(), "1B");
}

/// SES-3, XEP-0198: the last words of a stream and the client's answer to them cross. A client that does
/// not resume is shown none of them again.
#[test]
fn ses_3_last_words_are_not_repeated() {
    let mut lab = lab(23);
    let andy = lab
        .client_with("andy", |spec| spec.resumption = false)
        .unwrap();
    let bob = lab.client("bob").unwrap();
    log_in(&mut lab, &[andy.clone(), bob.clone()]);
    let to_andy = takeover::client::Target::Client("andy".into());
    bob.keep_talking(SECOND / 300, vec![to_andy]);
    for _ in 0..3 {
        lab.node("1A").unwrap().fail_over().unwrap();
        let (idle, backup) = (("1A", State::Idle), ("1B", State::Backup));
        await_states(&mut lab, idle, backup, 2 * MINUTE);
        await_that(&mut lab, "Andy is at 1B", LONG, |_| {
            andy.place().is_ok_and(|place| place == "1B")
        });
        lab.node("1A").unwrap().fall_back().unwrap();
        let (home, peer) = (("1A", State::Normal), ("1B", State::Normal));
        await_states(&mut lab, home, peer, 2 * MINUTE);
        await_that(&mut lab, "Andy is at 1A", LONG, |_| {
            andy.place().is_ok_and(|place| place == "1A")
        });
    }
    bob.fall_silent();
    await_that(&mut lab, "all has arrived", LONG, |lab| {
        lab.nothing_missing()
    });
    assert_clean(&lab);
    assert!(lab.finding().total.delivered > 1000);
}

/// SES-1: the configured number of sessions per user is the most: one more is refused, and told so.
#[test]
fn ses_1_session_limit() {
    let mut config = LabConfig::default();
    config.limits.sessions_per_user = 1;
    let mut lab = started(Lab::virtual_time(3).config(config));
    let [andy] = online(&mut lab, ["andy"]);
    let second = lab
        .client_with("bob", |spec| {
            spec.user = andy.user().clone();
            spec.password = "andy-secret".into();
            spec.resource = "phone".into();
            spec.places = vec!["1A".into()];
        })
        .unwrap();
    second.log_in();
    lab.pass(30 * SECOND);
    assert!(!second.is_online(), "{}", second.state());
    assert!(andy.is_online());
    let told = ends(&second).join("; ");
    assert!(told.contains("resource-constraint"), "{told}");
}

/// SES-3, XEP-0198: after a power cut the client takes its session up again at the peer: nothing it
/// was promised is lost, its contacts never see it twice, its presence and roster are as before.
#[test]
fn ses_3_resumption_on_the_peer() {
    for seed in 10..14 {
        let mut lab = lab(seed);
        let people = online(&mut lab, PEOPLE);
        befriend(&mut lab, &people);
        let room = gather(&mut lab, &people, "2A");
        talk(&people, Some(&room), 4 * SECOND);
        lab.pass(MINUTE);
        power_cut(&mut lab, &people[0]);
        assert_eq!(
            places(&people[0]),
            [("1A".into(), false), ("1B".into(), true)]
        );
        lab.pass(MINUTE);
        assert!(people[0].is_in(&room));
        for other in &people[1..] {
            assert!(other.sees(people[0].user()) && people[0].sees(other.user()));
        }
        hush(&mut lab, &people);
        assert_epochs_grow(&lab);
    }
}

/// SES-3: as before, for clients that know stream management but begin a new session each time.
#[test]
fn ses_3_new_session_on_the_peer() {
    for seed in 20..24 {
        let mut lab = lab(seed);
        lab.client_with("andy", |spec| spec.resumption = false)
            .unwrap();
        let people = online(&mut lab, PEOPLE);
        befriend(&mut lab, &people);
        talk(&people, None, 4 * SECOND);
        lab.pass(MINUTE);
        power_cut(&mut lab, &people[0]);
        lab.pass(MINUTE);
        for other in &people[1..] {
            assert!(other.sees(people[0].user()) && people[0].sees(other.user()));
        }
        hush(&mut lab, &people);
    }
}

/// SES-3: clients without stream management through a failover and a fallback by hand: what was
/// written to them they have, what was not waits for them; nothing comes twice.
#[test]
fn ses_3_without_stream_management() {
    for seed in 30..34 {
        let mut lab = lab(seed);
        for name in ["andy", "bob"] {
            lab.client_with(name, |spec| spec.stream_management = false)
                .unwrap();
        }
        let people = online(&mut lab, PEOPLE);
        befriend(&mut lab, &people);
        talk(&people, None, 4 * SECOND);
        lab.pass(MINUTE);
        lab.node("1A").unwrap().fail_over().unwrap();
        await_that(&mut lab, "Andy is at 1B", LONG, |_| {
            people[0].place().is_ok_and(|place| place == "1B")
        });
        lab.pass(MINUTE);
        await_states(&mut lab, ("1A", State::Idle), ("1B", State::Backup), MINUTE);
        lab.node("1A").unwrap().fall_back().unwrap();
        await_that(&mut lab, "Andy is at 1A", LONG, |_| {
            people[0].place().is_ok_and(|place| place == "1A")
        });
        lab.pass(MINUTE);
        hush(&mut lab, &people);
    }
}

/// SES-3: what is sent to Andy while he has no session is not lost: he hears it after his time in
/// the re-login window, once and in order.
#[test]
fn ses_3_messages_on_their_way() {
    let mut lab = lab(40);
    let [andy, deborah] = online(&mut lab, ["andy", "deborah"]);
    lab.node("1A").unwrap().kill().unwrap();
    let words: Vec<String> = (1..=20).map(|number| format!("word {number}")).collect();
    for word in &words {
        deborah.say("andy", word);
        lab.pass(5 * SECOND);
    }
    await_that(&mut lab, "Andy has heard the last word", LONG, |_| {
        andy.has_received("word 20")
    });
    lab.pass(MINUTE);
    let heard: Vec<String> = andy
        .received()
        .into_iter()
        .map(|message| message.body)
        .collect();
    assert_eq!(heard, words);
    hush(&mut lab, &[andy, deborah]);
}

/// SES-5: clients that lost their node come back within the re-login window, each at a time of its own.
#[test]
fn ses_5_re_login_window() {
    let window = Lab::virtual_time(50)
        .parameter("Client Re-Login Lower Limit", 200)
        .parameter("Client Re-Login Upper Limit", 300)
        .users(40);
    let mut lab = started(window);
    let names: Vec<String> = (1..=40).map(|number| format!("user{number}")).collect();
    let all: Vec<Client> = names.iter().map(|name| lab.client(name).unwrap()).collect();
    log_in(&mut lab, &all);
    let lost: Vec<Client> = all
        .iter()
        .filter(|one| one.place().is_ok_and(|place| place == "1A"))
        .cloned()
        .collect();
    assert_eq!(lost.len(), 10, "USR-1: evenly spread");
    let cut = lab.now();
    lab.node("1A").unwrap().kill().unwrap();
    let mut back = Vec::new();
    for one in &lost {
        let until = match one.state() {
            ClientState::Waiting { until, .. } => until,
            state => panic!("{state}"),
        };
        back.push(until.saturating_since(cut));
    }
    assert!(
        back.iter()
            .all(|wait| (200 * SECOND..=300 * SECOND).contains(wait)),
        "{back:?}"
    );
    back.sort();
    back.dedup();
    assert_eq!(back.len(), 10, "no two at the same moment");
    await_that(&mut lab, "all are back", 400 * SECOND, |_| {
        lost.iter().all(Client::is_online)
    });
    assert!(
        lost.iter()
            .all(|one| one.place().is_ok_and(|place| place == "1B"))
    );
}

/// SES-3, XEP-0198: a session that waits for its client holds so much and no more. Who has missed what a
/// room said meanwhile does not resume as if nothing had been: it logs in anew and has it from the history,
/// and what was said to it alone comes in order.
#[test]
fn ses_3_who_has_missed_something_does_not_resume() {
    let mut lab = lab(63);
    let [andy, bob] = online(&mut lab, ["andy", "bob"]);
    let room = lab.room("lunch", "2A").unwrap();
    let both = [andy.clone(), bob.clone()];
    both.iter().for_each(|client| client.enter(&room));
    await_that(&mut lab, "both are inside", MINUTE, |_| {
        both.iter().all(|client| client.is_in(&room))
    });
    lab.node("1A").unwrap().kill().unwrap();
    lab.pass(70 * SECOND);
    assert!(!andy.is_online());
    bob.say("andy", "before the flood");
    for number in 0..10_050 {
        bob.post(&room, &format!("{number}"));
        if number % 100 == 0 {
            lab.pass(SECOND / 10);
        }
    }
    bob.say("andy", "after the flood");
    lab.pass(SECOND);
    assert!(!andy.is_online());
    await_that(&mut lab, "Andy is back", LONG, |_| {
        andy.is_in(&room) && andy.has_received("10049")
    });
    lab.pass(MINUTE);
    let heard = andy.received();
    // What a room shows of itself at the door is bounded too; the archive has the rest.
    let shown = heard.iter().filter(|message| message.delayed);
    assert!(shown.count() >= 1000);
    let total = lab.finding().total;
    assert_eq!((total.doubled, total.reordered), (0, 0));
    let alone = heard
        .iter()
        .filter(|message| message.body.contains("flood"));
    let alone: Vec<&str> = alone.map(|message| message.body.as_str()).collect();
    assert_eq!(alone, ["before the flood", "after the flood"]);
}

/// SES-12: offline messages wait in the store, also while their user's node fails over; they are
/// delivered at the next login wherever that is, in order and marked as delayed.
#[test]
fn ses_12_offline_messages_across_a_failover() {
    let mut lab = lab(60);
    let [bob, deborah] = online(&mut lab, ["bob", "deborah"]);
    bob.say("andy", "before the failover");
    deborah.say("andy", "so say I");
    lab.pass(SECOND);
    lab.node("1A").unwrap().kill().unwrap();
    bob.say("andy", "after the power cut");
    lab.pass(2 * MINUTE);
    bob.say("andy", "when 1B serves");
    lab.pass(SECOND);
    let [andy] = online(&mut lab, ["andy"]);
    assert_eq!(andy.place().unwrap(), "1B");
    lab.pass(5 * SECOND);
    let heard = andy.received();
    assert!(heard.iter().all(|message| message.delayed), "{heard:?}");
    let of_bob: Vec<&str> = heard
        .iter()
        .filter(|message| {
            message
                .from
                .as_ref()
                .is_some_and(|from| from.to_bare() == *bob.user())
        })
        .map(|message| message.body.as_str())
        .collect();
    assert_eq!(
        of_bob,
        [
            "before the failover",
            "after the power cut",
            "when 1B serves"
        ]
    );
    assert_eq!(heard.len(), 4);
    hush(&mut lab, &[andy, bob, deborah]);
}

/// SES-4: whatever befalls the pair, a user's epoch grows with each move, and each move starts where the
/// last one ended.
#[test]
fn ses_4_epochs_grow() {
    let mut lab = lab(70);
    let people = online(&mut lab, PEOPLE);
    talk(&people, None, 5 * SECOND);
    for _ in 0..3 {
        lab.node("1A").unwrap().fail_over().unwrap();
        await_states(
            &mut lab,
            ("1A", State::Idle),
            ("1B", State::Backup),
            3 * MINUTE,
        );
        lab.node("1A").unwrap().fall_back().unwrap();
        await_states(
            &mut lab,
            ("1A", State::Normal),
            ("1B", State::Normal),
            3 * MINUTE,
        );
        lab.pass(MINUTE);
    }
    let moved = |event: &Event| matches!(event, Event::UserMoved { .. });
    let moves = lab.journal().select(|entry| moved(&entry.event)).len();
    assert_eq!(moves, 6);
    assert_epochs_grow(&lab);
    hush(&mut lab, &people);
}

/// SES-3: a client whose cable is pulled, and that comes back at once, resumes where it was.
#[test]
fn ses_3_a_pulled_cable() {
    let mut lab = lab(80);
    lab.client_with("andy", |spec| spec.reconnect = Reconnect::Promptly)
        .unwrap();
    let people = online(&mut lab, PEOPLE);
    talk(&people, None, 2 * SECOND);
    for _ in 0..10 {
        lab.pass(7 * SECOND);
        people[0].cut();
        await_that(&mut lab, "Andy is back", MINUTE, |_| people[0].is_online());
    }
    assert!(
        places(&people[0])
            .iter()
            .skip(1)
            .all(|(place, resumed)| place == "1A" && *resumed)
    );
    hush(&mut lab, &people);
}

/// SES-6, SES-5: the login profile of the node's size and users, set as the re-login limits, is the time
/// after which a client is back. For a peered deployment there is none, and the answer says so.
#[test]
fn ses_6_login_profile() {
    let users = [2000, 1500];
    let found = look_up_group(OvaSize::U15000, Mode::ActiveActive, &users, false);
    let profile = found.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((profile.lower_s, profile.upper_s), (120, 253));
    for seed in 60..64 {
        let limits = Lab::virtual_time(seed)
            .parameter("Client Re-Login Lower Limit", profile.lower_s)
            .parameter("Client Re-Login Upper Limit", profile.upper_s);
        let mut lab = started(limits);
        let [andy] = online(&mut lab, ["andy"]);
        let cut = lab.now();
        power_cut(&mut lab, &andy);
        let away = lab.now().saturating_since(cut).as_secs();
        let window = u64::from(profile.lower_s)..=u64::from(profile.upper_s);
        assert!(window.contains(&away), "{away} s");
    }
    let peered = look_up_group(OvaSize::U15000, Mode::ActiveActive, &users, true);
    assert!(peered.unwrap_err().to_string().contains("peered"));
}

/// SES-1, RFC 6121 8.5.2: one user at a desk and with a phone, told apart by the oracle: each is talked
/// to by its own name, and both survive the loss of their node.
#[test]
fn ses_1_two_clients_of_one_user() {
    let mut lab = lab(70);
    let [andy, bob] = online(&mut lab, ["andy", "bob"]);
    let phone = lab.client_as("phone", "andy").unwrap();
    assert_eq!(phone.user(), andy.user());
    log_in(&mut lab, std::slice::from_ref(&phone));
    let all = [andy, bob, phone];
    talk(&all, None, 3 * SECOND);
    lab.pass(MINUTE);
    assert!(
        all.iter()
            .all(|one| lab.finding().clients[one.name()].delivered > 10)
    );
    lab.node("1A").unwrap().kill().unwrap();
    await_that(&mut lab, "both are back at 1B", LONG, |_| {
        all.iter().all(|one| one.place().is_ok_and(|at| at == "1B"))
    });
    lab.pass(MINUTE);
    hush(&mut lab, &all);
    let why = lab
        .client_as("tablet", "nobody")
        .err()
        .expect("no such user");
    assert!(why.to_string().contains("nobody"), "{why}");
}
