//! Switching high availability on and off (HA-9, HA-17).

use super::*;
use takeover::ha::Alarm;

const TC: ServiceKind = ServiceKind::TextConference;

#[track_caller]
fn off(lab: &mut Lab) {
    lab.pair("pair-1").unwrap().disable_ha().unwrap();
    await_that(lab, "HA is off", MINUTE, |lab| {
        row(lab, "pair-1") == Some(24)
    });
    lab.pass(2 * MINUTE);
}

#[track_caller]
fn on_ends_in(lab: &mut Lab, wanted: u8) {
    lab.pair("pair-1").unwrap().enable_ha().unwrap();
    let what = format!("pair-1 is in row {wanted}");
    await_that(lab, &what, 3 * MINUTE, |lab| {
        row(lab, "pair-1") == Some(wanted)
    });
}

/// HA-9: switched on while a critical service of 1A is down: 1A fails over at once, not after a delay.
#[test]
fn ha_9_a_sick_node() {
    let (mut lab, people) = talking(300);
    off(&mut lab);
    lab.node("1A").unwrap().service(TC).stop().unwrap();
    lab.pass(MINUTE);
    let on = lab.now();
    on_ends_in(&mut lab, 12);
    let took = lab.now().saturating_since(on);
    assert!(took < 60 * SECOND, "{took:?}");
    andy_at(&mut lab, &people[0], "1B");
    lab.pass(MINUTE);
    hush(&mut lab, &people);
}

/// HA-9: switched on while critical services are down on both nodes: failed mode; mended, Recover.
#[test]
fn ha_9_two_sick_nodes() {
    let mut lab = lab(301);
    off(&mut lab);
    for node in ["1A", "1B"] {
        lab.node(node).unwrap().service(TC).stop().unwrap();
    }
    on_ends_in(&mut lab, 15);
    for node in ["1A", "1B"] {
        lab.node(node).unwrap().service(TC).start().unwrap();
    }
    lab.pair("pair-1").unwrap().recover().unwrap();
    await_that(&mut lab, "row 1", 10 * MINUTE, |lab| {
        row(lab, "pair-1") == Some(1)
    });
}

/// HA-9: switched on while the database of 1A is not replicated: 1A fails over at once.
#[test]
fn ha_9_without_replication() {
    let (mut lab, people) = talking(302);
    off(&mut lab);
    lab.replicate("1A", false).unwrap();
    on_ends_in(&mut lab, 13);
    andy_at(&mut lab, &people[0], "1B");
    lab.pass(MINUTE);
    hush(&mut lab, &people);
}

/// HA-17: switched on before the sessions are back is allowed, and warned about; switched on when all
/// of them are there it is not.
#[test]
fn ha_17_too_early() {
    for (seed, early) in [(310, true), (311, false)] {
        let (mut lab, people) = talking(seed);
        people.iter().for_each(Client::fall_silent);
        off(&mut lab);
        if early {
            people[1].log_out();
            await_that(&mut lab, "Bob is away", MINUTE, |_| !people[1].is_online());
        }
        let began = mark(&lab);
        on_ends_in(&mut lab, 1);
        let warned = |event: &Event| matches!(event, Event::HaAlarm(Alarm::EnabledTooEarly));
        let warned = entries(&lab, "1B", began, warned).len();
        assert_eq!(warned, usize::from(early), "{}", tail(&lab, 30));
        let [active, assigned] = [lab.active_sessions("1B"), lab.assigned_users("1B")];
        assert_eq!(active.unwrap() < assigned.unwrap(), early);
    }
}
