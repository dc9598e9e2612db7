//! What survives: splits, restarts and reboots (HA-10, HA-12).

use super::*;

/// HA-10, HA-7, SES-4: the link of the pair is cut under talk. Each side takes over; healed, both are in
/// failed mode; Recover brings row 1; no user ever had two owners, and no promise is broken.
#[test]
fn ha_10_split_brain() {
    for seed in 70..73 {
        let (mut lab, people) = talking(seed);
        lab.link("1A", "1B").unwrap().cut();
        await_states(
            &mut lab,
            ("1A", State::Backup),
            ("1B", State::Backup),
            3 * MINUTE,
        );
        lab.pass(MINUTE);
        lab.link("1A", "1B").unwrap().heal();
        await_states(
            &mut lab,
            ("1A", State::FailedMode),
            ("1B", State::FailedMode),
            3 * MINUTE,
        );
        lab.pair("pair-1").unwrap().recover().unwrap();
        await_states(
            &mut lab,
            ("1A", State::Normal),
            ("1B", State::Normal),
            10 * MINUTE,
        );
        assert_eq!(row(&lab, "pair-1"), Some(1));
        andy_at(&mut lab, &people[0], "1A");
        andy_at(&mut lab, &people[1], "1B");
        lab.pass(MINUTE);
        hush(&mut lab, &people);
        assert_epochs_grow(&lab);
    }
}

/// HA-12: SRM dies and is started again: nobody is moved, nobody is thrown out, the state is as it was.
#[test]
fn ha_12_srm_restart_moves_nobody() {
    let (mut lab, people) = talking(90);
    for node in HOMES {
        lab.node(node)
            .unwrap()
            .service(ServiceKind::Srm)
            .kill()
            .unwrap();
        lab.pass(3 * MINUTE);
        assert_eq!(lab.state(node), Some(State::Normal), "{node}");
    }
    assert!(people.iter().all(|one| places(one).len() == 1));
    hush(&mut lab, &people);
}

/// HA-12: both nodes are rebooted at once while the group is in manual failover: it still is, and Andy is
/// still served by 1B. (1B, which heard 1A's goodbye before its own end, comes to rest in row 5.)
#[test]
fn ha_12_reboot_resumes() {
    let (mut lab, people) = talking(91);
    lab.node("1A").unwrap().fail_over().unwrap();
    await_states(
        &mut lab,
        ("1A", State::Idle),
        ("1B", State::Backup),
        2 * MINUTE,
    );
    andy_at(&mut lab, &people[0], "1B");
    lab.node("1A").unwrap().reboot().unwrap();
    lab.node("1B").unwrap().reboot().unwrap();
    lab.pass(20 * SECOND);
    await_states(
        &mut lab,
        ("1A", State::Idle),
        ("1B", State::Backup),
        5 * MINUTE,
    );
    lab.pass(MINUTE);
    assert!(
        matches!(row(&lab, "pair-1"), Some(5 | 6)),
        "{}",
        tail(&lab, 50)
    );
    andy_at(&mut lab, &people[0], "1B");
    andy_at(&mut lab, &people[1], "1B");
    lab.pass(MINUTE);
    hush(&mut lab, &people);
}
