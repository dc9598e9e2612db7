//! One host at a time, and what becomes of a room when that changes.

use std::time::Duration;

use takeover_actors::conference::{Rush, TcMsg};
use takeover_actors::plane::Outcome;
use takeover_actors::rt::Exit;
use takeover_protocols::stanza::{Condition, PresenceType, StanzaKind};
use takeover_storage::{Claim, FailOnce};

use super::scene::{ALIAS, HOME, PEER, Scene};

/// CHAT-8, CHAT-10: the host dies; the peer takes the alias over; occupants stay in the room, and
/// the history is the one that everybody saw.
#[test]
fn a_room_goes_on_at_the_peer_when_its_host_dies() {
    let mut scene = Scene::new(true);
    let home = scene.conference(HOME);
    scene.create();
    scene.join("bob");
    scene.say("andy", "one");
    scene.say("bob", "two");
    assert_eq!(scene.shown("andy"), ["one", "two"]);

    home.kill();
    scene.driver.settle();
    assert!(matches!(
        scene.say("bob", "nobody"),
        Outcome::Bounce(_, Condition::RecipientUnavailable)
    ));

    let _peer = scene.conference(PEER);
    assert!(scene.alias.claim(PEER).is_some());
    assert!(
        matches!(scene.say("bob", "three"), Outcome::Parked),
        "held while the peer gets ready"
    );
    let alias = scene.alias.clone();
    let (told, hears) = std::sync::mpsc::channel();
    let done = Box::new(move |moved| told.send(moved).unwrap());
    _peer.addr().send(TcMsg::Host(alias, done)).unwrap();
    scene.driver.settle();
    assert_eq!(hears.try_recv().unwrap().unwrap().rooms, 1);

    scene.say("andy", "four");
    assert_eq!(scene.shown("andy"), ["one", "two", "three", "four"]);
    assert_eq!(scene.shown("bob"), ["one", "two", "three", "four"]);
    scene.join("carol");
    assert_eq!(
        scene.shown("carol"),
        ["[one]", "[two]", "[three]", "[four]"]
    );
    assert_eq!(scene.kept(), ["one", "two", "three", "four"]);
}

/// CHAT-9: the alias is let go in order and goes home; what comes in between waits.
#[test]
fn an_alias_goes_home_in_order() {
    let mut scene = Scene::new(true);
    let home = scene.conference(HOME);
    let peer = scene.conference(PEER);
    scene.create();
    scene.say("andy", "one");
    let (alias, (told, hears)) = (scene.alias.clone(), std::sync::mpsc::channel());
    let done = Box::new(move |moved: takeover_actors::conference::Moved| told.send(moved).unwrap());
    home.addr()
        .send(TcMsg::LetGo(alias.clone(), PEER, done))
        .unwrap();
    scene.driver.settle();
    assert_eq!(hears.try_recv().unwrap().unwrap().rooms, 1);
    assert_eq!(alias.owner().node(), PEER);
    assert!(matches!(scene.say("andy", "two"), Outcome::Parked));
    peer.addr()
        .send(TcMsg::Host(alias, Box::new(|moved| drop(moved.unwrap()))))
        .unwrap();
    scene.driver.settle();
    scene.say("andy", "three");
    assert_eq!(scene.shown("andy"), ["one", "two", "three"]);
    assert_eq!(scene.kept(), ["one", "two", "three"]);
}

/// CHAT-9, CHAT-10: an alias that is let go while its lease is still asked for goes to the next host all the same, and a
/// room that was left behind by an earlier ownership ends.
#[test]
fn an_alias_let_go_before_its_lease_is_there_goes_on() {
    let mut scene = Scene::new(true);
    let home = scene.conference(HOME);
    let peer = scene.conference(PEER);
    scene.create();
    scene.say("andy", "one");
    scene.take_over(PEER, &peer);
    assert!(scene.alias.claim(HOME).is_some());
    let (told, hears) = std::sync::mpsc::channel();
    let hosted = told.clone();
    for order in [
        TcMsg::Host(
            scene.alias.clone(),
            Box::new(move |moved| hosted.send(moved).unwrap()),
        ),
        TcMsg::LetGo(
            scene.alias.clone(),
            PEER,
            Box::new(move |moved| told.send(moved).unwrap()),
        ),
    ] {
        home.addr().send(order).unwrap();
    }
    scene.driver.settle();
    let owners: Vec<_> = hears.try_iter().map(|moved| moved.unwrap().owner).collect();
    assert_eq!(owners.len(), 2, "both orders are answered");
    assert_eq!(scene.alias.owner().node(), PEER);
    assert!(matches!(scene.say("andy", "two"), Outcome::Parked));
    let host = TcMsg::Host(scene.alias.clone(), Box::new(drop));
    peer.addr().send(host).unwrap();
    scene.driver.settle();
    assert_eq!(scene.shown("andy"), ["one", "two"]);
    let alive = scene.driver.world().mailboxes();
    let rooms = alive.iter().filter(|mailbox| mailbox.kind == "room");
    assert_eq!(rooms.count(), 1);
}

/// CHAT-10: what the database took and nobody was shown, because the host died right then, is
/// shown by the next host, once.
#[test]
fn what_was_stored_but_not_shown_is_shown_by_the_next_host() {
    let mut scene = Scene::new(true);
    let home = scene.conference(HOME);
    scene.create();
    scene.say("andy", "one");
    scene.say("andy", "two");
    // As if the host had died between the database's answer and the reflection.
    scene
        .alias
        .rooms()
        .change("cave", |soft| soft.reflected = 1);
    scene.ends.got.lock().clear();
    home.kill();
    scene.driver.settle();
    assert!(scene.alias.claim(PEER).is_some());
    let _peer = scene.conference(PEER);
    assert_eq!(scene.shown("andy"), ["two"]);
    scene.say("andy", "three");
    assert_eq!(scene.shown("andy"), ["two", "three"]);
}

/// CHAT-11: an ad hoc room does not survive its host; its occupants are told.
#[test]
fn occupants_of_an_ad_hoc_room_are_told_that_it_is_gone() {
    let mut scene = Scene::new(false);
    let home = scene.conference(HOME);
    scene.create();
    scene.join("bob");
    home.kill();
    scene.driver.settle();
    let _home = scene.conference(HOME);
    let got = scene.ends.got.lock();
    let last = got["bob@example.test/d"].last().unwrap();
    assert_eq!(last.kind, StanzaKind::Presence(PresenceType::Unavailable));
    let told = last
        .child("x", "http://jabber.org/protocol/muc#user")
        .unwrap();
    assert!(
        told.children()
            .any(|child| child.attr("code") == Some("332"))
    );
}

/// CHAT-12: while the database does not answer, what cannot be stored is refused with the
/// standard's error, nothing is shown, and what comes after it is answered is stored.
#[test]
fn a_message_that_cannot_be_stored_is_refused() {
    let mut scene = Scene::new(true);
    let _home = scene.conference(HOME);
    scene.create();
    scene.say("andy", "one");
    scene.store.faults().set_down(true);
    scene.say("andy", "lost");
    assert_eq!(scene.errors("andy"), [Condition::RecipientUnavailable]);
    scene.store.faults().set_down(false);
    scene.say("andy", "two");
    assert_eq!(scene.shown("andy"), ["one", "two"]);
    assert_eq!(scene.kept(), ["one", "two"]);
}

/// CHAT-10: an answer of the database that gets lost is asked for again; the message is there once.
#[test]
fn a_lost_answer_is_asked_for_again() {
    let mut scene = Scene::new(true);
    let _home = scene.conference(HOME);
    scene.create();
    scene.store.faults().fail_next(FailOnce::AfterCommit, 1);
    scene.say("andy", "one");
    scene.driver.pass(Duration::from_secs(5));
    assert_eq!(scene.shown("andy"), ["one"]);
    assert_eq!(scene.kept(), ["one"]);
}

/// CHAT-10: the database has a message and has not answered yet when another host takes the room over. That
/// one shows it, and the first does not do so again.
#[test]
fn a_late_answer_shows_nothing_twice() {
    let mut scene = Scene::new(true);
    let _home = scene.conference(HOME);
    let peer = scene.conference(PEER);
    scene.create();
    scene.store.faults().set_latency(Duration::from_secs(4));
    scene.say("andy", "one");
    scene.store.faults().set_latency(Duration::ZERO);
    scene.driver.pass(Duration::from_secs(3));
    assert!(scene.shown("andy").is_empty());
    scene.take_over(PEER, &peer);
    assert_eq!(scene.shown("andy"), ["one"]);
    scene.driver.pass(Duration::from_secs(10));
    assert_eq!(scene.shown("andy"), ["one"]);
    assert_eq!(scene.kept(), ["one"]);
}

/// CHAT-10: a message is on its way to the database when another host takes the room over. The database
/// refuses it, for its lease is gone: nobody is shown what is in no history.
#[test]
fn a_write_finds_its_lease_gone() {
    let mut scene = Scene::new(true);
    let _home = scene.conference(HOME);
    let peer = scene.conference(PEER);
    scene.create();
    scene.store.faults().set_latency(Duration::from_secs(4));
    scene.say("andy", "one");
    scene.store.faults().set_latency(Duration::ZERO);
    scene.take_over(PEER, &peer);
    scene.say("andy", "two");
    assert_eq!(scene.shown("andy"), ["two"]);
    scene.driver.pass(Duration::from_secs(10));
    assert_eq!(scene.shown("andy"), ["two"]);
    assert_eq!(scene.kept(), ["two"]);
}

/// CHAT-10: who comes back into a room that was empty has its history, and is not shown that again by the
/// next host.
#[test]
fn a_room_that_was_empty_is_not_shown_again() {
    let mut scene = Scene::new(true);
    let home = scene.conference(HOME);
    scene.create();
    scene.say("andy", "one");
    scene.send(&format!(
        "<presence type='unavailable' from='andy@example.test/d' to='cave@{ALIAS}/andy'/>"
    ));
    scene.driver.pass(Duration::from_secs(600));
    scene.join("andy");
    assert_eq!(scene.shown("andy"), ["one", "[one]"]);
    home.kill();
    scene.driver.settle();
    let peer = scene.conference(PEER);
    scene.take_over(PEER, &peer);
    scene.say("andy", "two");
    assert_eq!(scene.shown("andy"), ["one", "[one]", "two"]);
}

/// CHAT-12, SVC-4: an alias whose database does not answer refuses with the standard's error, and
/// opens when the database is back.
#[test]
fn an_alias_waits_for_its_database() {
    let mut scene = Scene::new(true);
    scene.store.faults().set_down(true);
    let _home = scene.conference(HOME);
    scene.join("andy");
    assert_eq!(scene.errors("andy"), [Condition::RecipientUnavailable]);
    scene.store.faults().set_down(false);
    scene.driver.pass(Duration::from_secs(60));
    scene.ends.got.lock().clear();
    scene.create();
    scene.say("andy", "one");
    assert_eq!(scene.shown("andy"), ["one"]);
}

/// HA-10, CHAT-10: both nodes took the alias while its database was down. Who has lost it does not take the
/// lease from who has it.
#[test]
fn a_host_that_lost_its_alias_leaves_the_lease_alone() {
    let mut scene = Scene::new(true);
    scene.store.faults().set_down(true);
    let _home = scene.conference(HOME);
    // The first host's next try comes after the second one's.
    scene.driver.pass(Duration::from_secs(4));
    let peer = scene.conference(PEER);
    scene.take_over(PEER, &peer);
    scene.store.faults().set_down(false);
    scene.driver.pass(Duration::from_secs(60));
    let chat = scene.store.chat("pair-1");
    let lease = scene.driver.block_on(chat.lease(ALIAS)).unwrap();
    assert_eq!((lease.held_by, lease.epoch), (Some(PEER), 1));
    scene.create();
    scene.say("andy", "one");
    assert_eq!(scene.shown("andy"), ["one"]);
}

/// CHAT-10: what is left of a room at a node that has lost its alias takes nothing from the host's list.
#[test]
fn a_room_that_is_left_behind_says_nothing_of_the_list() {
    let mut scene = Scene::new(true);
    let home = scene.conference(HOME);
    let peer = scene.conference(PEER);
    scene.create();
    scene.take_over(PEER, &peer);
    let listed = scene.alias.rooms().listed();
    assert_eq!(listed.len(), 1);
    let late = TcMsg::LetGo(scene.alias.clone(), PEER, Box::new(drop));
    home.addr().send(late).unwrap();
    scene.driver.settle();
    assert_eq!(scene.alias.rooms().listed(), listed);
    let alive = scene.driver.world().mailboxes();
    assert_eq!(
        alive
            .iter()
            .filter(|mailbox| mailbox.kind == "room")
            .count(),
        1
    );
}

/// MRG-1: a conference manager that stops in order while it asks for a lease leaves none behind.
#[test]
fn a_lease_that_comes_too_late_goes_back() {
    let mut scene = Scene::new(true);
    let home = scene.start(HOME);
    home.stop();
    scene.driver.pass(Duration::from_secs(1));
    assert_eq!(home.exit(), Some(Exit::Stopped));
    let chat = scene.store.chat("pair-1");
    let lease = scene.driver.block_on(chat.lease(ALIAS)).unwrap();
    assert_eq!((lease.held_by, lease.epoch), (None, 1));
}

/// CHAT-10: a lease that a late host has taken by force comes back to the host of the alias, and what was
/// said meanwhile is stored once.
#[test]
fn a_lease_that_was_taken_by_force_is_taken_back() {
    let mut scene = Scene::new(true);
    let _home = scene.conference(HOME);
    scene.create();
    scene.say("andy", "one");
    let chat = scene.store.chat("pair-1");
    let late = chat.acquire(ALIAS, PEER, Claim::Force);
    scene.driver.block_on(late).unwrap();
    scene.say("andy", "two");
    scene.driver.pass(Duration::from_secs(10));
    scene.say("andy", "three");
    let shown = scene.shown("andy");
    assert_eq!(shown.last().map(String::as_str), Some("three"), "{shown:?}");
    assert_eq!(scene.kept(), shown);
    let lease = scene.driver.block_on(chat.lease(ALIAS)).unwrap();
    assert_eq!(lease.held_by, Some(HOME));
}

/// MSG-2: a message that comes alone is written on the spot. Where others wait for the room, which go to the same
/// people, what one of them gets is written together, in the same order.
#[test]
fn what_waits_for_a_room_is_written_together() {
    let mut scene = Scene::new(false);
    let _home = scene.conference(HOME);
    scene.create();
    scene.ends.rushes.lock().clear();
    scene.say("andy", "alone");
    assert_eq!(*scene.ends.rushes.lock(), [Rush::Now]);

    scene.ends.rushes.lock().clear();
    for text in ["one", "two", "three"] {
        scene.post(&Scene::words("andy", text));
    }
    scene.driver.settle();
    let rushes = scene.ends.rushes.lock().clone();
    assert_eq!(rushes, [Rush::Together, Rush::Together, Rush::Now]);
    assert_eq!(scene.shown("andy"), ["alone", "one", "two", "three"]);
}
