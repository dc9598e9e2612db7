//! What somebody is told who was away.

use takeover_actors::plane::Parcel;
use takeover_protocols::stanza::Stanza;

use super::scene::{ALIAS, HOME, Scene};

/// What somebody sees who was away while the numbers in `said` were said.
fn old(said: std::ops::Range<u32>) -> Vec<String> {
    said.map(|number| format!("[{number}]")).collect()
}

/// CHAT-8, XEP-0045 section 7.2.14: who was away for long gets all it asks for, also what is no
/// longer in memory, in order and once; who does not ask gets what the room sends by itself.
#[test]
fn history_comes_out_of_the_database() {
    let mut scene = Scene::new(true);
    let _tc = scene.conference(HOME);
    scene.create();
    for number in 0..230 {
        scene.say("andy", &number.to_string());
    }
    scene.join("bob");
    assert_eq!(scene.shown("bob"), old(210..230));
    scene.join_with("carol", "<history maxstanzas='225'/>");
    assert_eq!(scene.shown("carol"), old(5..230));
    scene.join_with("deborah", "<history since='1970-01-01T00:00:00Z'/>");
    assert_eq!(scene.shown("deborah"), old(0..230));
    scene.join_with("edith", "<history seconds='60' maxchars='0'/>");
    assert!(scene.shown("edith").is_empty());
    scene.say("andy", "now");
    assert_eq!(scene.shown("carol").last().map(String::as_str), Some("now"));
}

/// CHAT-12: with its database away a room still lets in, with what is in memory; and what a client
/// says while its join waits for the database comes after the join.
#[test]
fn who_waits_for_history_is_not_lost() {
    let mut scene = Scene::new(true);
    let _tc = scene.conference(HOME);
    scene.create();
    for number in 0..205 {
        scene.say("andy", &number.to_string());
    }
    scene.store.faults().set_down(true);
    scene.join_with("bob", "<history maxstanzas='300'/>");
    assert_eq!(scene.shown("bob"), old(5..205));
    scene.store.faults().set_down(false);
    let join = format!(
        "<presence from='carol@example.test/d' to='cave@{ALIAS}/carol'>\
         <x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='300'/></x></presence>"
    );
    let said = format!(
        "<message from='carol@example.test/d' to='cave@{ALIAS}' type='groupchat' id='c'>\
         <body>hello</body></message>"
    );
    for xml in [join, said] {
        let parcel = Parcel::of(Stanza::parse(xml).unwrap());
        drop(scene.alias.deliver(scene.alias.owner(), parcel));
    }
    scene.driver.settle();
    let mut expected = old(0..205);
    expected.push("hello".into());
    assert_eq!(scene.shown("carol"), expected);
    assert!(scene.errors("carol").is_empty());
}
