//! The console's commands on a lab in virtual time.

use std::future::Future;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::*;
use crate::Lab;

/// Carries a line out; the lab runs until the answer is there.
fn say(lab: &mut Lab, line: &str) -> Result<Reply, Refusal> {
    let administrator = LabAdministrator::new(lab.control());
    let mut answer = administrator.execute(Command::parse(line).unwrap());
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(answer) = Future::poll(answer.as_mut(), &mut context) {
            return answer;
        }
        lab.settle();
    }
}

/// Chapter 6, *Console*; HA-4, HA-5, HA-11: failover and fallback as typed, refused where the state
/// forbids it.
#[test]
fn an_administrator_fails_a_node_over_and_back() {
    let mut lab = Lab::virtual_time(1).start().unwrap();
    let row = |lab: &mut Lab| say(lab, "utils ha status").unwrap().data["groups"][0]["row"].clone();
    assert_eq!(row(&mut lab), 1);
    let refused = say(&mut lab, "utils ha fallback 1A").unwrap_err();
    assert!(
        matches!(&refused, Refusal::Forbidden(why) if why.contains("failover")),
        "{refused}"
    );
    say(&mut lab, "utils ha failover 1A").unwrap();
    lab.pass(Duration::from_secs(60));
    assert_eq!(row(&mut lab), 3);
    say(&mut lab, "utils ha fallback 1A").unwrap();
    lab.pass(Duration::from_secs(60));
    assert_eq!(row(&mut lab), 1);
}

#[test]
fn services_and_power_are_managed_as_typed() {
    let mut lab = Lab::virtual_time(2).start().unwrap();
    say(
        &mut lab,
        "utils service stop 2A Cisco XCP Text Conference Manager (TC)",
    )
    .unwrap();
    lab.pass(Duration::from_secs(5));
    let listed = say(&mut lab, "utils service list 2A").unwrap().text;
    let tc = listed
        .lines()
        .find(|line| line.contains("Text Conference"))
        .unwrap();
    assert!(tc.ends_with("Stopped"), "{listed}");
    say(&mut lab, "utils service start 2A tc").unwrap();
    say(&mut lab, "utils system shutdown 2B").unwrap();
    lab.pass(Duration::from_secs(60));
    assert_eq!(
        say(&mut lab, "show status").unwrap().data["nodes"][3]["power"],
        "off"
    );
    let refused = say(&mut lab, "utils system shutdown 2B").unwrap_err();
    assert!(matches!(refused, Refusal::Forbidden(_)), "{refused}");
}

#[test]
fn what_is_not_there_is_refused_with_what_is() {
    let mut lab = Lab::virtual_time(3).start().unwrap();
    for (line, known) in [
        ("utils ha failover 9Z", "1A"),
        ("utils ha recover nobody", "pair-1"),
        ("utils service start 1A nothing", "xcp-router"),
        ("show perf query counter x y", "ActiveJsmSessions"),
    ] {
        let refused = say(&mut lab, line).unwrap_err();
        assert!(refused.to_string().contains(known), "{line}: {refused}");
    }
}

/// Every form that `help` lists is carried out or refused, and none panics or hangs.
#[test]
fn every_form_has_an_answer() {
    let mut lab = Lab::virtual_time(4).start().unwrap();
    for form in FORMS {
        let mut ends = ["1A", "1B"].into_iter();
        let mut words = Vec::new();
        for word in form.split(' ') {
            words.push(match word {
                "NODE" => ends.next().unwrap_or("1A"),
                "GROUP" => "pair-1",
                "SERVICE" => "tc",
                "CLASS" => "\"Cisco XCP JSM\"",
                "COUNTER" => "*",
                "[CAUSE]" | "[NODE]" => "",
                word => word,
            });
        }
        let line = words.join(" ");
        if let Err(refused) = say(&mut lab, &line) {
            assert!(!refused.to_string().is_empty(), "{line}");
        }
        lab.pass(Duration::from_secs(30));
    }
}
