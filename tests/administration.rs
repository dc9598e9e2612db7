//! Chapter 6: an administrator's commands on a running lab, as typed.

mod common;

use std::time::Duration;

use common::typed as run;
use takeover::Lab;
use takeover::admin::reply::Refusal;

fn row(lab: &mut Lab) -> Option<u64> {
    run(lab, "utils ha status").unwrap().data["groups"][0]["row"].as_u64()
}

fn lab() -> Lab {
    Lab::virtual_time(5)
        .cluster("c", |cluster| cluster.pair("pair-1", "1A", "1B"))
        .user("andy", "1A")
        .start()
        .unwrap()
}

/// HA-4, HA-5, HA-11: failover and fallback by hand, with the table's words; what the state forbids
/// is refused with what it allows.
#[test]
fn a_failover_and_a_fallback_by_hand() {
    let mut lab = lab();
    assert_eq!(row(&mut lab), Some(1));
    let refused = run(&mut lab, "utils ha fallback 1A").unwrap_err();
    assert!(matches!(refused, Refusal::Forbidden(_)), "{refused}");
    run(&mut lab, "utils ha failover 1A").unwrap();
    lab.pass(Duration::from_secs(60));
    assert_eq!(row(&mut lab), Some(3));
    let status = run(&mut lab, "show status").unwrap();
    assert_eq!(status.data["users"][0]["node"], "1B");
    assert!(
        status.text.contains("fall back when wanted"),
        "{}",
        status.text
    );
    run(&mut lab, "utils ha fallback 1A").unwrap();
    lab.pass(Duration::from_secs(120));
    assert_eq!(row(&mut lab), Some(1));
    assert_eq!(
        run(&mut lab, "show status").unwrap().data["users"][0]["node"],
        "1A"
    );
}

/// A node has no link with itself that could be cut.
#[test]
fn a_link_has_two_ends() {
    let mut lab = lab();
    for command in ["fault link cut 1A 1a", "fault link mend 1B 1B"] {
        let refused = run(&mut lab, command).unwrap_err().to_string();
        assert!(refused.contains("has none with itself"), "{refused}");
    }
    let refused = run(&mut lab, "fault link cut 1A 1A").unwrap_err();
    assert!(
        refused.to_string().ends_with("allowed with: 1B"),
        "{refused}"
    );
    assert!(lab.link("1A", "1A").is_err());
    run(&mut lab, "fault link cut 1A 1B").unwrap();
}

/// SVC-1, SVC-3: services by their short and their display names.
#[test]
fn services_are_listed_stopped_and_broken() {
    let mut lab = lab();
    let state = |lab: &mut Lab, name: &str| {
        run(lab, "utils service list 1A").unwrap().data[name]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(state(&mut lab, "tc"), "Started");
    run(&mut lab, "fault service fail 1A tc out of luck").unwrap();
    lab.pass(Duration::from_secs(1));
    assert!(state(&mut lab, "tc").contains("out of luck"));
    run(&mut lab, "utils service start 1A tc").unwrap();
    lab.pass(Duration::from_secs(30));
    assert_eq!(state(&mut lab, "tc"), "Started");
    let again = run(&mut lab, "utils service start 1A tc").unwrap();
    assert!(again.text.ends_with("on 1A runs already"), "{}", again.text);
    run(&mut lab, "utils service stop 1A tc").unwrap();
    lab.pass(Duration::from_secs(5));
    let again = run(&mut lab, "utils service stop 1A tc").unwrap();
    assert!(again.text.ends_with("is stopped already"), "{}", again.text);
    let unknown = run(&mut lab, "utils service stop 1A teapot")
        .unwrap_err()
        .to_string();
    assert!(
        unknown.contains("'teapot'") && unknown.contains("tc"),
        "{unknown}"
    );
}

/// CFG-6: a name that is not there is named, with those that are.
#[test]
fn names_that_are_not_there_are_refused() {
    let mut lab = lab();
    let node = run(&mut lab, "utils ha failover 9Z")
        .unwrap_err()
        .to_string();
    assert!(node.contains("9Z") && node.contains("1A, 1B"), "{node}");
    let counter = run(&mut lab, "show perf query counter * Teapots")
        .unwrap_err()
        .to_string();
    assert!(counter.contains("ActiveJsmSessions"), "{counter}");
}

/// Chapter 6, *Counters* and replication.
#[test]
fn counters_and_replication_are_shown() {
    let mut lab = lab();
    let shown = run(
        &mut lab,
        "show perf query counter \"Cisco XCP JSM\" ActiveJsmSessions 1A",
    );
    assert_eq!(shown.unwrap().data["1A"]["ActiveJsmSessions"], 0);
    let replication = run(&mut lab, "utils dbreplication runtimestate").unwrap();
    assert_eq!(replication.data["nodes"][1]["value"], 2);
    run(&mut lab, "fault link cut 1A 1B").unwrap();
    let replication = run(&mut lab, "utils dbreplication status").unwrap();
    assert_eq!(replication.data["nodes"][1]["value"], 0);
    run(&mut lab, "fault link mend 1A 1B").unwrap();
}

/// Every form that `help` lists is carried out or refused in words; none panics or stays without
/// an answer.
#[test]
fn every_form_has_an_answer() {
    let mut lab = lab();
    for form in takeover::admin::command::FORMS {
        let mut nodes = ["1A", "1B"].into_iter();
        let mut filled = |word| match word {
            "NODE" => nodes.next().unwrap_or("1A"),
            "GROUP" => "pair-1",
            "SERVICE" => "tc",
            "CLASS" => "\"Cisco XCP JSM\"",
            "COUNTER" => "ActiveJsmSessions",
            "ROOM" => "lunch@conference-1-c.example.test",
            "OWNER" => "andy@example.test",
            "[CAUSE]" | "[NODE]" | "[AFTER]" => "",
            word => word,
        };
        let line = form
            .split(' ')
            .map(&mut filled)
            .collect::<Vec<_>>()
            .join(" ");
        if let Err(refused) = run(&mut lab, &line) {
            assert!(!refused.to_string().is_empty(), "{line}");
        }
        lab.pass(Duration::from_secs(30));
    }
}
