//! Chapter 3 of the specification, and USR-2 to USR-4: users who come and move, and the re-login limits
//! of their groups.

mod common;

use common::*;
use takeover::admin::reply::Refusal;
use takeover::client::Reconnect;
use takeover::ha::State;
use takeover::lab::{Builder, Lab};

fn pair(seed: u64, users: u64) -> Builder {
    let pair = Lab::virtual_time(seed)
        .cluster("c", |cluster| cluster.ova(5000).pair("pair-1", "1A", "1B"));
    pair.users(users)
}

fn refused(lab: &mut Lab, line: &str) -> String {
    let refusal = typed(lab, line).expect_err(line);
    assert!(!matches!(refusal, Refusal::Unavailable(_)), "{refusal}");
    refusal.to_string()
}

/// USR-2: while a node is failed over, by hand or by a cut of its power, users are not added, moved or
/// spread anew; the error names node and state. Afterwards they are, and can log in.
#[test]
fn usr_2_users_stay_as_they_are_while_a_node_is_failed_over() {
    let mut lab = started(pair(1, 4));
    lab.node("1A").unwrap().fail_over().unwrap();
    await_states(
        &mut lab,
        ("1A", State::Idle),
        ("1B", State::Backup),
        2 * MINUTE,
    );
    for line in [
        "utils users add c carl carl-secret",
        "utils users move user1 1B",
        "utils users rebalance c",
    ] {
        let why = refused(&mut lab, line);
        assert!(why.contains("\"1A\" is Idle"), "{line}: {why}");
    }
    lab.node("1A").unwrap().fall_back().unwrap();
    await_states(
        &mut lab,
        ("1A", State::Normal),
        ("1B", State::Normal),
        3 * MINUTE,
    );
    lab.node("1B").unwrap().kill().unwrap();
    await_that(&mut lab, "1A has taken over", 2 * MINUTE, |lab| {
        lab.state("1A") == Some(State::Backup)
    });
    let why = refused(&mut lab, "utils users add c carl carl-secret");
    assert!(why.contains("\"1B\""), "{why}");
    lab.node("1B").unwrap().power_on().unwrap();
    await_that(&mut lab, "1B can be fallen back to", 5 * MINUTE, |lab| {
        lab.state("1B") == Some(State::FailedOver)
    });
    lab.node("1B").unwrap().fall_back().unwrap();
    await_states(
        &mut lab,
        ("1A", State::Normal),
        ("1B", State::Normal),
        3 * MINUTE,
    );
    typed(&mut lab, "utils users add c carl carl-secret").unwrap();
    let [carl] = online(&mut lab, ["carl"]);
    assert_eq!(carl.place().unwrap(), lab.home("carl").unwrap());
}

/// USR-1, USR-3: a user that is added has its home where there are fewest; a malformed id and one that is
/// there already are refused, listed, and nobody else is affected.
#[test]
fn usr_3_malformed_and_double_ids() {
    let mut lab = started(pair(2, 3));
    assert_eq!(lab.assigned_users("1A").unwrap(), 2);
    assert_eq!(
        lab.add_user("c", "dora", "dora-secret", None).unwrap(),
        "1B"
    );
    assert_eq!(
        lab.add_user("c", "emil", "emil-secret", Some("1B"))
            .unwrap(),
        "1B"
    );
    let double = refused(&mut lab, "utils users add c USER1 x");
    assert!(double.contains("\"USER1\" is there already"), "{double}");
    let malformed = refused(&mut lab, "utils users add c a@b x");
    assert!(malformed.contains("malformed"), "{malformed}");
    assert!(refused(&mut lab, "utils users add d fred x").contains("no cluster"));
    let listed = typed(&mut lab, "show users refused").unwrap();
    assert_eq!(
        listed.data.as_array().map(Vec::len),
        Some(2),
        "{}",
        listed.text
    );
    assert_eq!(lab.plane().users().len(), 5);
    online(&mut lab, ["dora", "emil", "user1"]);
}

/// USR-4, SES-4: a user that gets another home is told to go there in the midst of its talk; its session
/// and its talk go on there, its epoch has grown, its roster and what waited for it are with it.
#[test]
fn usr_4_a_user_moves() {
    for seed in 3..6 {
        let mut lab = lab(seed);
        lab.client_with("andy", |spec| spec.reconnect = Reconnect::Promptly)
            .unwrap();
        let people = online(&mut lab, PEOPLE);
        befriend(&mut lab, &people);
        talk(&people, None, SECOND);
        lab.pass(10 * SECOND);
        let moved = typed(&mut lab, "utils users move andy 2B");
        let told = moved.map_or_else(|refusal| refusal.to_string(), |reply| reply.text);
        assert!(
            told.contains("has moved to 2B") || told.contains("no answer"),
            "{told}"
        );
        await_that(&mut lab, "Andy is at 2B", MINUTE, |_| {
            people[0].place().is_ok_and(|place| place == "2B")
        });
        assert_eq!(
            (lab.home("andy").unwrap(), lab.host("andy").unwrap()),
            ("2B".into(), "2B".into())
        );
        assert!(places(&people[0]).last().unwrap().1, "the session went on");
        lab.pass(10 * SECOND);
        assert!(people[1..].iter().all(|other| other.sees(people[0].user())));
        people[0].log_out();
        people[1].say("andy", "for later");
        lab.pass(5 * SECOND);
        lab.move_user("andy", "1B").map(drop).unwrap();
        lab.pass(5 * SECOND);
        log_in(&mut lab, &people[..1]);
        await_that(&mut lab, "what waited has come", MINUTE, |_| {
            people[0].has_received("for later")
        });
        assert_eq!(people[0].place().unwrap(), "1B");
        hush(&mut lab, &people);
        assert_epochs_grow(&lab);
    }
}

/// USR-1, USR-4: spreading anew levels the nodes, moves as few as possible, and a notice tells that
/// another login profile applies.
#[test]
fn usr_4_rebalancing() {
    let mut lab = started(pair(7, 180));
    for number in (1..=180).step_by(2) {
        lab.move_user(&format!("user{number}"), "1A")
            .map(drop)
            .unwrap();
        lab.move_user(&format!("user{}", number + 1), "1A")
            .map(drop)
            .unwrap();
    }
    lab.pass(10 * SECOND);
    assert_eq!(
        (
            lab.assigned_users("1A").unwrap(),
            lab.assigned_users("1B").unwrap()
        ),
        (180, 0)
    );
    let before = lab.notifications().len();
    assert!(before > 0, "past 100 users on 1A the next row applies");
    let told = typed(&mut lab, "utils users rebalance c").unwrap();
    assert_eq!(told.data["moves"], 90, "{}", told.text);
    lab.pass(10 * SECOND);
    assert_eq!(
        (
            lab.assigned_users("1A").unwrap(),
            lab.assigned_users("1B").unwrap()
        ),
        (90, 90)
    );
    assert_eq!(lab.host("user1").unwrap(), lab.home("user1").unwrap());
    assert_eq!(
        typed(&mut lab, "utils users rebalance c").unwrap().data["moves"],
        0
    );
    let few = started(pair(8, 102));
    for number in 1..=102 {
        few.move_user(&format!("user{number}"), "1B")
            .map(drop)
            .unwrap();
    }
    let notices = few.notifications();
    assert!(notices[0].change.contains("up to 500 users"), "{notices:?}");
}

/// SES-5: the limits are those of both nodes of a group or of none; a lower one above the upper one is
/// refused, one below the critical-service delay is warned about; clients made afterwards keep them.
#[test]
fn ses_5_limits_of_a_group() {
    let mut lab = started(pair(9, 4));
    let why = refused(&mut lab, "utils login limits pair-1 300 200");
    assert!(why.contains("300") && why.contains("200"), "{why}");
    assert!(refused(&mut lab, "utils login limits pair-1 0 7201").contains("7200"));
    let told = typed(&mut lab, "utils login limits pair-1 30 40")
        .unwrap()
        .text;
    assert!(told.contains("warning") && told.contains("90 s"), "{told}");
    let params = lab.parameters();
    let nodes = ["1A", "1B"].map(|node| lab.node_id(node).unwrap());
    for node in nodes {
        assert_eq!(params.re_login_limits(node), (30 * SECOND, 40 * SECOND));
    }
    assert!(!lab.notifications().is_empty());
    let [one] = online(&mut lab, ["user1"]);
    let home = lab.home("user1").unwrap();
    lab.node(&home).unwrap().kill().unwrap();
    lab.pass(29 * SECOND);
    assert!(!one.is_online());
    await_that(&mut lab, "the user is back", 2 * MINUTE, |_| {
        one.is_online()
    });
}

/// SES-6: the profile that fits a group is applied to both its nodes; active/standby counts the whole
/// group; an irregular row is marked; a peered deployment has none, and says so.
#[test]
fn ses_6_profiles_of_groups() {
    let mut lab = started(pair(10, 300));
    let told = typed(&mut lab, "utils login profile pair-1").unwrap();
    assert_eq!(
        (&told.data["lower_s"], &told.data["upper_s"]),
        (&120.into(), &203.into())
    );
    let standby = pair(11, 90).parameter("User Assignment Mode", "active-standby");
    let mut lab = started(standby);
    let told = typed(&mut lab, "utils login profile pair-1").unwrap();
    assert_eq!(told.data["upper_s"], 154);
    assert_eq!(told.data["irregular"], true, "{}", told.text);
    assert!(told.text.contains("irregular"), "{}", told.text);
    assert!(
        typed(&mut lab, "show notifications")
            .unwrap()
            .text
            .contains("irregular")
    );
    let two = Lab::virtual_time(12)
        .cluster("a", |cluster| cluster.pair("pair-a", "A1", "A2"))
        .cluster("b", |cluster| cluster.pair("pair-b", "B1", "B2"));
    let mut peered = started(two.user("andy", "A1"));
    let why = refused(&mut peered, "utils login profile pair-a");
    assert!(why.contains("single-cluster"), "{why}");
    assert!(
        typed(&mut peered, "show login limits pair-a")
            .unwrap()
            .text
            .contains("peered")
    );
}
