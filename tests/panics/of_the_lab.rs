//! What belongs to the lab and to no node.

use super::*;

/// The rack that panics is a power cut of all its nodes. The lab starts it again, and it switches on
/// again what was on: every node comes back to the state it had, every user to its session.
#[test]
fn the_rack() {
    let mut scene = Scene::new(21);
    scene.strike(None, "rack", "rack");
    for node in HOMES {
        let power = scene.lab.power_of(node);
        assert_eq!(power, Some(takeover::journal::Power::Killed), "{node}");
    }
    scene.await_row_1();
    scene.assert_all_well();
}

/// What is asked of the rack between its two lives is not lost in silence, and an orderly end of the
/// lab is one afterwards too.
#[test]
fn the_lab_ends_in_order_after_its_rack_panicked() {
    let mut lab = lab(22);
    lab.panic_in(None, "rack", "rack", TEXT).unwrap();
    lab.pass(5 * MINUTE);
    lab.shut_down(MINUTE).unwrap();
}

/// The user mover that panics is started again by the lab; the next failover moves everybody.
#[test]
fn the_user_mover() {
    let mut scene = Scene::new(23);
    scene.strike(None, "UserMover", "mover");
    scene.assert_beside_goes_on();
    scene.lab.node("1A").unwrap().fail_over().unwrap();
    await_that(&mut scene.lab, "1A is failed over", 5 * MINUTE, |lab| {
        row(lab, "pair-1") == Some(3)
    });
    let andy = scene.people[0].clone();
    await_that(&mut scene.lab, "Andy is at 1B", LONG, |_| {
        andy.place().is_ok_and(|place| place == "1B")
    });
    scene.lab.node("1A").unwrap().fall_back().unwrap();
    scene.await_row_1();
    scene.assert_all_well();
}

/// HA-14, row 19: a move of users that panics is answered with the text at once. One that released
/// them is made good by the peer, which takes them over; one that took them over ends in failed mode,
/// and Recover mends it. Nobody is left between two nodes.
#[test]
fn a_move() {
    let mut scene = Scene::new(24);
    let users = scene.lab.plane().users();
    let andy = users
        .iter()
        .find(|user| user.jid.as_str().starts_with("andy@"));
    let andy = andy.expect("a user");
    let owner = andy.slot.owner();
    // Somebody else's transition: the moves wait for its end.
    andy.slot.freeze(owner, 100).unwrap();
    scene.lab.node("1A").unwrap().fail_over().unwrap();
    scene.lab.pass(SECOND);
    for (node, work) in [("1A", "release users"), ("1B", "take over users")] {
        let since = mark(&scene.lab);
        let name = format!("{work} {}", scene.lab.node_id(node).unwrap());
        scene.strike(None, "Move", &name);
        let failed = |event: &Event| matches!(event, Event::MoveEnded { outcome: Err(why), .. } if why.contains(TEXT));
        assert_eq!(entries(&scene.lab, node, since, failed).len(), 1, "{node}");
        scene.lab.pass(SECOND);
    }
    assert_eq!(row(&scene.lab, "pair-1"), Some(19));
    scene.assert_beside_goes_on();
    let until = scene.lab.now() + LONG;
    scene.lab.plane().call_off(andy, owner, until);
    scene.lab.pair("pair-1").unwrap().recover().unwrap();
    scene.await_row_1();
    scene.assert_all_well();
}

/// The keeper that panics is started again by the lab; what it held is broken visibly, and the room
/// goes on.
#[test]
fn the_keeper() {
    let mut scene = Scene::new(25);
    scene.strike(None, "Keeper", "keeper");
    scene.assert_beside_goes_on();
    scene.assert_all_well();
}

/// A piece of the keeper's work that panics ends alone.
#[test]
fn a_write() {
    let mut scene = Scene::new(26);
    let work = Box::pin(std::future::pending());
    assert!(scene.lab.plane().keeper().send(work).is_ok());
    scene.lab.settle();
    scene.strike(None, "Write", "write");
    scene.assert_beside_goes_on();
    scene.assert_all_well();
}

/// A client inside the process that panics is a crashed program: it says why it is away, and the
/// others go on.
#[test]
fn a_client_and_its_session() {
    for (seed, kind, name) in [
        (27, "client", "client/andy"),
        (28, "client session", "andy"),
    ] {
        let mut scene = Scene::new(seed);
        scene.strike(None, kind, name);
        scene.assert_beside_goes_on();
        let state = scene.people[0].state().to_string();
        assert!(state.contains(TEXT), "{kind}: {state}");
        let others = scene.people[1..].to_vec();
        others.iter().for_each(Client::fall_silent);
        scene.lab.pass(MINUTE);
        assert!(others.iter().all(Client::is_online));
        assert_eq!(row(&scene.lab, "pair-1"), Some(1));
    }
}
