//! Connections, sessions and rooms.

use super::*;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use takeover_actors::wire::Arrival;
use tokio::io::AsyncReadExt;

const CONNECTIONS: ServiceKind = ServiceKind::XcpConnectionManager;
const TC: ServiceKind = ServiceKind::TextConference;

/// The connection manager that panics fails its service with the text; started again, it lets
/// everybody in who was thrown out.
#[test]
fn the_connection_manager() {
    let mut scene = Scene::new(11);
    scene.strike(Some("1A"), "ConnectionManager", "connections");
    scene.assert_beside_goes_on();
    scene.assert_failed_and_start(CONNECTIONS);
    scene.assert_all_well();
}

/// The session manager that panics fails its service with the text; its sessions are in their users'
/// places and are taken up again.
#[test]
fn the_session_manager() {
    let mut scene = Scene::new(12);
    scene.strike(Some("1A"), "SessionManager", "sessions");
    scene.assert_beside_goes_on();
    scene.assert_failed_and_start(CONNECTIONS);
    let andy = scene.people[0].clone();
    await_that(&mut scene.lab, "Andy is back", LONG, |_| andy.is_online());
    assert_eq!(places(&andy), [("1A".into(), false), ("1A".into(), true)]);
    scene.assert_all_well();
}

/// The caretaker that panics fails the XCP Router with the text, and what needs it; a restart of the router
/// brings all of them back.
#[test]
fn the_caretaker() {
    let mut scene = Scene::new(17);
    scene.strike(Some("1A"), "Caretaker", "caretaker");
    let failed = ServiceState::Failed(ServiceCause::Panicked(TEXT.to_owned()));
    let router = ServiceKind::XcpRouter;
    assert_eq!(scene.lab.service_state("1A", router), failed);
    scene.assert_beside_goes_on();
    let mut node = scene.lab.node("1A").unwrap();
    node.service(router).restart().unwrap();
    await_that(&mut scene.lab, "all serve again", MINUTE, |lab| {
        [router, CONNECTIONS, TC]
            .iter()
            .all(|kind| is_up(lab, "1A", *kind))
    });
    scene.assert_all_well();
}

/// A connection that panics while its client logs in ends alone: its octet stream is closed.
#[test]
fn a_connection() {
    let mut scene = Scene::new(13);
    let (near, far) = tokio::io::duplex(4096);
    let node = scene.lab.node_id("1A").unwrap();
    let arrival = Arrival::in_memory(far, "somebody");
    scene.lab.plane().node(node).arrive(arrival).unwrap();
    scene.lab.settle();
    let since = mark(&scene.lab);
    scene.strike(Some("1A"), "Connection", "somebody");
    scene.assert_beside_goes_on();
    assert!(is_up(&scene.lab, "1A", CONNECTIONS));
    assert!(panics(&scene.lab, since).len() == 1);
    let (mut near, mut rest) = (near, Vec::new());
    let reading = pin!(near.read_to_end(&mut rest));
    let read = reading.poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(read, Poll::Ready(Ok(_))), "it is closed: {read:?}");
    scene.assert_all_well();
}

/// A session that panics loses its connection and nothing else: its client takes it up again.
#[test]
fn a_session() {
    let mut scene = Scene::new(14);
    let sessions = scene.lab.journal().select(
        |entry| matches!(&entry.event, Event::SessionOpened { jid } if jid.starts_with("andy@")),
    );
    let Event::SessionOpened { jid } = sessions[0].event.clone() else {
        panic!("{sessions:?}");
    };
    scene.strike(Some("1A"), "UserSession", &jid);
    scene.assert_beside_goes_on();
    let andy = scene.people[0].clone();
    await_that(&mut scene.lab, "Andy is back", LONG, |_| andy.is_online());
    assert_eq!(places(&andy), [("1A".into(), false), ("1A".into(), true)]);
    scene.assert_all_well();
}

/// CHAT-7, SVC-3: the Text Conference Manager that panics fails its service with the text, and the
/// node fails over; the room lives on at the peer.
#[test]
fn the_text_conference_manager() {
    let mut scene = Scene::new(15);
    scene.strike(Some("1A"), "Text Conference Manager", "conference");
    let failed = ServiceState::Failed(ServiceCause::Panicked(TEXT.to_owned()));
    assert_eq!(scene.lab.service_state("1A", TC), failed);
    scene.assert_beside_goes_on();
    await_that(&mut scene.lab, "1A fails over", 5 * MINUTE, |lab| {
        row(lab, "pair-1") == Some(12)
    });
    scene.lab.node("1A").unwrap().service(TC).start().unwrap();
    scene.bring_home();
    scene.assert_all_well();
}

/// A room that panics is loaded again for those who are in it; nobody is thrown out. One that panics
/// over and over is loaded later each time, and does not hold the lab up.
#[test]
fn a_room() {
    let mut scene = Scene::new(16);
    let room = scene.room.to_string();
    scene.strike(Some("1A"), "room", &room);
    scene.assert_beside_goes_on();
    for _ in 0..5 {
        // Quiet, so that nothing but the manager's own rule brings it back.
        scene.people.iter().for_each(Client::fall_silent);
        let lives = |lab: &Control| {
            let all = lab.world().mailboxes();
            all.iter()
                .any(|one| one.kind == "room" && *one.name == *room)
        };
        await_that(&mut scene.lab, "the room is loaded again", MINUTE, lives);
        scene.lab.pass(SECOND);
        scene.strike(Some("1A"), "room", &room);
    }
    for one in &scene.people {
        assert_eq!(one.occupants(&scene.room), PEOPLE, "{}", one.name());
    }
    scene.assert_all_well();
}
