//! XMPP-2: every request gets exactly one answer.

use takeover_protocols::jid::BareJid;

use crate::beside::Scene;
use crate::raw::Raw;

/// Enters a room.
fn enter(raw: &mut Raw, room: &BareJid) {
    raw.say(format!(
        "<presence to='{room}/mallory'><x xmlns='http://jabber.org/protocol/muc'/></presence>"
    ));
    raw.hear("code='110'");
    raw.hear("</presence>");
}

/// The answers in what was heard: ids and types, in order.
fn answers(heard: &str) -> Vec<(String, String)> {
    let value = |iq: &str, name: &str| {
        let from = iq.find(&format!(" {name}='"))? + name.len() + 3;
        Some(iq[from..].split('\'').next()?.to_owned())
    };
    heard
        .split("<iq ")
        .skip(1)
        .filter_map(|iq| {
            let head = format!(" {}", iq.split('>').next()?);
            Some((value(&head, "id")?, value(&head, "type")?))
        })
        .filter(|(_, kind)| kind != "get" && kind != "set")
        .collect()
}

/// XMPP-2: for a namespace that nobody knows, sent to anything that an address can be; and for
/// requests that are wrong in themselves.
#[test]
fn requests_that_nobody_understands() {
    let mut scene = Scene::new(1.0, |_| {});
    let mut raw = Raw::connect(scene.plain());
    raw.log_in("mallory", "den");
    let bob = scene.lab.client("bob").expect("a user of the lab");
    let address = scene.lab.room("den", crate::beside::NODE).expect("a name");
    bob.enter(&address);
    // Who makes a room must open it too; bob does.
    scene.until("bob is in the room", |_| bob.is_in(&address));
    enter(&mut raw, &address);
    let room = address.to_string();
    let domain = room.split_once('@').expect("a room").1.to_owned();
    let [inside, nobody] = [format!("{room}/bob"), format!("{room}/nobody")];
    let [ghost, deep] = [format!("ghost@{domain}"), format!("{domain}/x")];
    let targets = [
        "",
        "example.test",
        "example.test/x",
        "mallory@example.test",
        "mallory@example.test/gone",
        "bob@example.test",
        "bob@example.test/takeover",
        "bob@example.test/gone",
        "trudy@example.test",
        "trudy@example.test/x",
        "nobody@example.test",
        "nobody@example.test/x",
        "elsewhere.test",
        "bob@elsewhere.test",
        "bob@elsewhere.test/x",
        &domain,
        &deep,
        &room,
        &inside,
        &nobody,
        &ghost,
        "a@b@c",
        "@",
    ];
    let children = [
        "<query xmlns='urn:nobody:knows'/>",
        "",
        "<a xmlns='urn:x'/><b xmlns='urn:x'/>",
        "<query xmlns='jabber:iq:roster'><item jid='@'/></query>",
        "<query xmlns='http://jabber.org/protocol/disco#info' node='nowhere'/>",
        "<vCard xmlns='vcard-temp'/>",
        "<pubsub xmlns='http://jabber.org/protocol/pubsub'/>",
        "<query xmlns='http://jabber.org/protocol/muc#admin'/>",
        "<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data'/></query>",
        "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>",
    ];
    let mut asked = Vec::new();
    for target in targets {
        let to = if target.is_empty() {
            String::new()
        } else {
            format!("to='{target}' ")
        };
        for child in children {
            for kind in ["get", "set"] {
                let id = format!("q{}", asked.len());
                raw.say(format!("<iq type='{kind}' {to}id='{id}'>{child}</iq>"));
                asked.push((id, format!("{kind} to {target:?}: {child}")));
            }
        }
        scene.goes_on();
    }
    // What has come twice, or late, comes before the last answer: the way back is one.
    let wait = |raw: &mut Raw, to: &str, id: &str| {
        raw.say(format!(
            "<iq type='get' {to} id='{id}'><ping xmlns='urn:xmpp:ping'/></iq>"
        ));
    };
    let mut heard = String::new();
    let all_in = |heard: &str| {
        asked
            .iter()
            .filter(|(id, _)| heard.contains(&format!("id='{id}'")))
            .count()
    };
    for round in 0..50 {
        let id = format!("end{round}");
        wait(&mut raw, "to='example.test'", &id);
        heard += &raw.hear(&format!("id='{id}'"));
        if all_in(&heard) == asked.len() {
            break;
        }
        scene.goes_on();
    }
    let id = "the-end".to_owned();
    wait(&mut raw, "to='example.test'", &id);
    heard += &raw.hear(&format!("id='{id}'"));
    let answers = answers(&heard);
    for (id, what) in &asked {
        let count = answers
            .iter()
            .filter(|(answered, _)| answered == id)
            .count();
        assert_eq!(count, 1, "answers to {id}, {what}");
    }
    scene.finish();
}
