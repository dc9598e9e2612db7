//! What an administrator does, what is refused, and what is on record (HA-4, HA-5, HA-11, HA-13).

use super::*;

/// HA-4, HA-5: failover and fallback by hand. In between the critical services of 1A stay stopped.
#[test]
fn ha_4_and_5_by_hand_and_back() {
    for seed in 40..44 {
        let (mut lab, people) = talking(seed);
        let began = mark(&lab);
        lab.node("1A").unwrap().fail_over().unwrap();
        await_states(
            &mut lab,
            ("1A", State::Idle),
            ("1B", State::Backup),
            2 * MINUTE,
        );
        andy_at(&mut lab, &people[0], "1B");
        lab.pass(40 * MINUTE);
        for kind in [
            ServiceKind::XcpRouter,
            ServiceKind::PresenceEngine,
            ServiceKind::SipProxy,
        ] {
            assert_eq!(
                lab.service_state("1A", kind),
                ServiceState::Stopped,
                "{kind}"
            );
        }
        lab.node("1A").unwrap().fall_back().unwrap();
        await_states(
            &mut lab,
            ("1A", State::Normal),
            ("1B", State::Normal),
            3 * MINUTE,
        );
        assert!(is_up(&lab, "1A", ServiceKind::XcpRouter));
        andy_at(&mut lab, &people[0], "1A");
        lab.pass(MINUTE);
        assert_eq!(rows(&lab, "1A", "1B", began), [2, 3, 4, 1]);
        hush(&mut lab, &people);
        assert_epochs_grow(&lab);
    }
}

/// HA-11: an action is refused where the state does not allow it, with the state and what is allowed.
#[test]
fn ha_11_refusals() {
    let mut lab = lab(80);
    let refused = lab.node("1A").unwrap().fall_back().unwrap_err().to_string();
    assert!(
        refused.contains("Normal") && refused.contains("failover"),
        "{refused}"
    );
    let refused = lab
        .pair("pair-1")
        .unwrap()
        .recover()
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("Normal") && refused.contains("failover"),
        "{refused}"
    );
    lab.node("1A").unwrap().fail_over().unwrap();
    await_states(
        &mut lab,
        ("1A", State::Idle),
        ("1B", State::Backup),
        2 * MINUTE,
    );
    let refused = lab.node("1A").unwrap().fail_over().unwrap_err().to_string();
    assert!(
        refused.contains("Idle") && refused.contains("fallback"),
        "{refused}"
    );
    let refused = lab.node("1B").unwrap().fail_over().unwrap_err().to_string();
    assert!(refused.contains("Running in Backup Mode"), "{refused}");
    assert_eq!(row(&lab, "pair-1"), Some(3));
}

/// HA-13: every change of a pair is one entry of the journal with node, from, to, reason and cause; each
/// begins where the one before ended.
#[test]
fn ha_13_history() {
    let (mut lab, _) = talking(110);
    lab.node("1A").unwrap().fail_over().unwrap();
    await_states(
        &mut lab,
        ("1A", State::Idle),
        ("1B", State::Backup),
        2 * MINUTE,
    );
    for node in ["1A", "1B"] {
        let changes = entries(&lab, node, 0, |event| matches!(event, Event::Ha(_)));
        let mut before = None;
        for entry in &changes {
            let Event::Ha(change) = &entry.event else {
                unreachable!("selected above")
            };
            assert!(before.is_none_or(|state| state == change.from), "{entry}");
            before = Some(change.to);
        }
        let last = changes.last().unwrap().to_string();
        assert!(last.contains("On Admin Request"), "{last}");
    }
}
