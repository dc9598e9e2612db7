//! Peers that are slow, or do nothing.

use std::time::Duration;

use crate::beside::Scene;
use crate::raw::{HEADER, Raw};

/// How much faster than life: what takes a minute of protocol time takes 6 s.
const SPEED: f64 = 10.0;

fn scene() -> Scene {
    Scene::new(SPEED, |config| config.limits.login_seconds = 20)
}

/// XMPP-1: who connects and does not log in is told `connection-timeout` and closed, wherever it
/// has stopped; in a handshake nothing can be told.
#[test]
fn half_a_login() {
    let mut scene = scene();
    let auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-256'/>";
    let told = [
        "",
        "<?xml vers",
        HEADER,
        &[HEADER, auth].concat(),
        &[HEADER, "<message>"].concat(),
    ];
    let mut silent: Vec<(Raw, bool)> = Vec::new();
    for words in told {
        let mut raw = Raw::connect(scene.plain());
        raw.say(words);
        silent.push((raw, true));
    }
    let mut unbound = Raw::connect(scene.plain());
    unbound.authenticate("mallory");
    unbound.say(HEADER);
    silent.push((unbound, true));
    for hello in [&[][..], &[22, 3, 1]] {
        let mut raw = Raw::connect(scene.plain());
        raw.ask_for_tls();
        raw.say(hello);
        silent.push((raw, false));
        let mut raw = Raw::connect(scene.direct());
        raw.say(hello);
        silent.push((raw, false));
    }
    let mut shaken = Raw::connect_tls(scene.direct(), &scene.trust());
    shaken.say(HEADER);
    silent.push((shaken, true));
    for (number, (mut raw, told)) in silent.into_iter().enumerate() {
        let heard = raw.hear_out();
        let error = "<stream:error><connection-timeout ";
        assert_eq!(heard.contains(error), told, "connection {number}: {heard}");
        scene.goes_on();
    }
    scene.finish();
}

/// XMPP-1: in a session an element that has begun must end in time.
#[test]
fn an_element_that_never_ends() {
    let mut scene = scene();
    let mut raw = Raw::connect(scene.plain());
    raw.log_in("mallory", "den");
    raw.say("<message to='bob@example.test'><body>");
    // One octet at a time, for as long as it takes.
    while raw.say("x") && raw.is_open_after(Duration::from_millis(20)) {}
    let heard = raw.hear_out();
    assert!(
        heard.contains("<stream:error><connection-timeout "),
        "{heard}"
    );
    scene.until("the session ends", |lab| {
        Scene::sessions_of(lab, "mallory") == 0
    });
    scene.finish();
}

/// RFC 6120, section 4: octets may come in any pieces; who sends them one by one is served as
/// everybody else.
#[test]
fn one_octet_at_a_time() {
    let mut scene = Scene::new(1.0, |_| {});
    let mut raw = Raw::connect(scene.plain());
    let mut trickle = |words: &str, until: &str| {
        for octet in words.bytes() {
            assert!(
                raw.say([octet]),
                "closed at {:?} of {words}",
                char::from(octet)
            );
        }
        raw.hear(until)
    };
    trickle(HEADER, "</stream:features>");
    trickle(&crate::raw::plain("mallory", "mallory-secret"), "<success");
    trickle(HEADER, "</stream:features>");
    let bind = "<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";
    trickle(bind, "</iq>");
    let ping = "<iq type='get' id='2' to='example.test'><ping xmlns='urn:xmpp:ping'/></iq>";
    let answer = trickle(ping, "id='2'") + &raw.hear(">");
    assert!(answer.contains("type='result'"), "{answer}");
    scene.goes_on();
    scene.finish();
}

/// SVC-2: who does not go when it is told `system-shutdown` does not hold up the end of its node. Time passes at a
/// tenth of life's: what it is given for its farewell elsewhere would take the better part of a minute.
#[test]
fn a_peer_that_does_not_go() {
    let mut scene = Scene::new(0.1, |_| {});
    let mut stays = Raw::connect(scene.plain());
    stays.log_in("mallory", "den");
    scene.goes_on();
    scene.finish();
    let heard = stays.hear_out();
    assert!(heard.contains("<stream:error><system-shutdown "), "{heard}");
}

/// XMPP-1: who does not read is closed when its queue is full. Its queue is bounded, who writes to
/// it is not held up, and neither is anybody else.
#[test]
fn a_peer_that_never_reads() {
    let mut scene = scene();
    let mut deaf = Raw::connect_narrow(scene.plain());
    deaf.log_in("mallory", "den");
    let mut loud = Raw::connect(scene.plain());
    loud.log_in("trudy", "stage");
    let text = "x".repeat(4000);
    let flood = format!(
        "<message type='headline' to='mallory@example.test/den'><body>{text}</body></message>"
    );
    let mut sent = 0;
    while Scene::sessions_of(&scene.lab, "mallory") > 0 {
        assert!(sent < 200_000, "its queue takes everything");
        assert!(loud.say(flood.repeat(50)), "the loud one was closed");
        sent += 50;
    }
    scene.goes_on();
    // It hears what was on its way, and then the end.
    deaf.hear_out();
    loud.say("<iq type='get' id='still' to='example.test'><ping xmlns='urn:xmpp:ping'/></iq>");
    loud.hear("id='still'");
    scene.finish();
}

/// Who sends faster than its share is read more slowly, loses nothing, and holds nobody up.
#[test]
fn more_stanzas_than_its_share() {
    const SHARE: u32 = 20;
    const SENT: u32 = 400;
    let mut scene = Scene::new(SPEED, |config| config.limits.stanzas_per_second = SHARE);
    let mut raw = Raw::connect(scene.plain());
    raw.log_in("mallory", "den");
    let begun = scene.lab.now();
    let filling = "x".repeat(2000);
    for number in 0..SENT {
        raw.say(format!(
            "<message to='mallory@example.test/den' id='m{number}'><body>{filling}</body></message>"
        ));
    }
    scene.goes_on();
    for number in 0..SENT {
        raw.hear(&format!("id='m{number}'"));
    }
    // What was read before the pause, 16 KiB, is not given back.
    let least = Duration::from_secs(u64::from(SENT / (SHARE + 9)) - 1);
    let took = scene.lab.now().saturating_since(begun);
    assert!(took >= least, "{SENT} stanzas within {took:?}");
    scene.finish();
}
