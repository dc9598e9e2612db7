//! XMPP-1, XMPP-3: whatever a client does wrong, it gets the standard's error, its connection is
//! closed, and a well-behaved client beside it does not notice.

use std::time::Duration;

use takeover_actors::wire::Arrival;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::town::{A, Town};

const HEADER: &str = "<?xml version='1.0'?><stream:stream to='example.com' version='1.0' \
    xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

fn connect(town: &Town) -> DuplexStream {
    let (client, server) = tokio::io::duplex(1 << 20);
    let arrival = Arrival::in_memory(server, "192.0.2.1:4000");
    town.plane
        .node(A)
        .arrive(arrival)
        .expect("the door is open");
    client
}

/// Says it, and answers all that the server says until it closes.
fn say(town: &mut Town, what: &str) -> String {
    let mut wire = connect(town);
    town.driver.block_on(async {
        // The server may close before it has read all.
        let _ = wire.write_all(what.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = wire.read_to_end(&mut answer).await;
        String::from_utf8(answer).expect("UTF-8")
    })
}

/// Each sin has its stream error, and two others go on talking.
#[test]
fn sins_against_the_stream() {
    let mut town = Town::new(1, &[("andy", A), ("bob", A)]);
    let (andy, bob) = (town.client("andy"), town.client("bob"));
    town.until("both online", || andy.is_online() && bob.is_online());
    let deep = format!("{HEADER}{}", "<a>".repeat(10_000));
    let large = format!("{HEADER}<message><body>{}", "x".repeat(100_000));
    let sins = [
        ("<stream:stream", "connection-timeout"),
        ("", "connection-timeout"),
        ("no XML at all", "not-well-formed"),
        (&format!("{HEADER}<a></b>"), "not-well-formed"),
        (
            &format!("<!DOCTYPE x [<!ENTITY a 'b'>]>{HEADER}"),
            "restricted-xml",
        ),
        (&format!("{HEADER}<!-- a comment -->"), "restricted-xml"),
        (
            &format!("{HEADER}<message to='bob@example.com'><body>hi</body></message>"),
            "not-authorized",
        ),
        (&format!("{HEADER}<a xmlns='urn:nobody:knows'/>"), ""),
        (&large, "policy-violation"),
        (&deep, "policy-violation"),
        (
            &HEADER.replace("etherx.jabber.org", "example.org"),
            "invalid-namespace",
        ),
        (
            &HEADER.replace("to='example.com'", "to='elsewhere.org'"),
            "host-unknown",
        ),
    ];
    for (number, (sin, error)) in sins.into_iter().enumerate() {
        let answer = say(&mut town, sin);
        let told = answer.contains("<stream:error>") && answer.contains(error);
        assert!(told, "{:.60} wants {error:?}: {answer}", sin);
        andy.say("bob", &format!("after {number}"));
        town.until("heard", || bob.has_received(&format!("after {number}")));
    }
    town.assert_clean();
}

fn plain(user: &str, password: &str) -> String {
    use base64::Engine;
    let response = format!("\0{user}\0{password}");
    let response = base64::engine::general_purpose::STANDARD.encode(response);
    format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{response}</auth>")
}

/// XMPP-3: a wrong password, or an unknown user, is `not-authorized`; after many failures of one
/// address the next is put off without a look, for a while.
#[test]
fn wrong_passwords() {
    let mut town = Town::new(1, &[("andy", A)]);
    let mut outcomes = Vec::new();
    for user in ["andy", "nobody"].into_iter().cycle().take(30) {
        let mut wire = connect(&town);
        let attempt = format!("{HEADER}{}</stream:stream>", plain(user, "wrong"));
        let answer = town.driver.block_on(async {
            wire.write_all(attempt.as_bytes()).await.expect("room");
            let mut answer = String::new();
            wire.read_to_string(&mut answer).await.expect("UTF-8");
            answer
        });
        let outcome = ["not-authorized", "temporary-auth-failure"]
            .into_iter()
            .find(|outcome| answer.contains(outcome));
        outcomes.push(outcome.expect("a failure"));
    }
    assert_eq!(outcomes[..20], ["not-authorized"; 20]);
    assert_eq!(outcomes[20..], ["temporary-auth-failure"; 10]);
    town.pass(61);
    let mut wire = connect(&town);
    let attempt = format!("{HEADER}{}", plain("andy", "andy-secret"));
    let answer = town.driver.block_on(async {
        wire.write_all(attempt.as_bytes()).await.expect("room");
        let mut answer = Vec::new();
        while !String::from_utf8_lossy(&answer).contains("<success") {
            assert!(wire.read_buf(&mut answer).await.expect("octets") > 0);
        }
        answer
    });
    assert!(!answer.is_empty());
}

/// 10 000 connections that never authenticate are closed with `connection-timeout`; who talks does
/// not notice.
#[test]
fn ten_thousand_that_never_log_in() {
    let mut town = Town::new(1, &[("andy", A), ("bob", A)]);
    let (andy, bob) = (town.client("andy"), town.client("bob"));
    town.until("both online", || andy.is_online() && bob.is_online());
    let mut idle: Vec<DuplexStream> = (0..10_000)
        .map(|_| {
            let (client, server) = tokio::io::duplex(1024);
            let arrival = Arrival::in_memory(server, "192.0.2.1:4000");
            town.plane
                .node(A)
                .arrive(arrival)
                .expect("the door is open");
            client
        })
        .collect();
    town.driver.settle();
    andy.say("bob", "are you there?");
    town.until("heard", || bob.has_received("are you there?"));
    town.pass(120);
    let mut last = String::new();
    let mut wire = idle.pop().expect("one of them");
    town.driver
        .block_on(wire.read_to_string(&mut last))
        .expect("UTF-8");
    assert!(last.contains("connection-timeout"), "{last}");
    andy.say("bob", "still there?");
    town.until("heard again", || bob.has_received("still there?"));
    town.assert_clean();
}

/// Andy's session, over a wire that says nothing by itself.
fn log_in(town: &mut Town) -> DuplexStream {
    let mut wire = connect(town);
    let login = format!("{HEADER}{}", plain("andy", "andy-secret"));
    let bind = format!(
        "{HEADER}<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
         <resource>desk</resource></bind></iq><presence/>"
    );
    for (words, wanted) in [(login, "<success"), (bind, "andy@example.com/desk")] {
        hear(town, &mut wire, &words, wanted);
    }
    wire
}

/// Says it, and answers what is heard until this has come.
fn hear(town: &mut Town, wire: &mut DuplexStream, words: &str, wanted: &str) -> String {
    let mut answer = Vec::new();
    town.driver.block_on(async {
        wire.write_all(words.as_bytes()).await.expect("room");
        while !String::from_utf8_lossy(&answer).contains(wanted) {
            assert!(wire.read_buf(&mut answer).await.expect("octets") > 0);
        }
    });
    String::from_utf8(answer).expect("UTF-8")
}

/// XEP-0199: a client whose connection is open on one side only is asked, once, and given up when it
/// does not answer; its session waits for it.
#[test]
fn a_half_open_connection() {
    let mut town = Town::new(1, &[("andy", A)]);
    let mut wire = log_in(&mut town);
    town.driver.pass(Duration::from_secs(700));
    let mut rest = String::new();
    town.driver
        .block_on(wire.read_to_string(&mut rest))
        .expect("UTF-8");
    assert_eq!(rest.matches("urn:xmpp:ping").count(), 1, "{rest}");
    assert!(rest.contains("connection-timeout"), "{rest}");
    let sessions = town
        .plane
        .user("andy@example.com")
        .map(|user| user.slot.peek(|state, _| state.sessions.len()));
    assert_eq!(sessions, Some(0));
}

/// XEP-0199: a client that answers is there, and is asked again when it has been silent as long again.
#[test]
fn whoever_answers_stays() {
    let mut town = Town::new(1, &[("andy", A)]);
    let mut wire = log_in(&mut town);
    let pong = "<iq type='result' id='are-you-there' to='example.com'/>";
    for question in 1..=3 {
        let before = town.world().now();
        hear(&mut town, &mut wire, "", "urn:xmpp:ping");
        let silent = town.world().now().saturating_since(before).as_secs();
        assert!(
            (290..=310).contains(&silent),
            "question {question} after {silent} s"
        );
        town.driver
            .block_on(wire.write_all(pong.as_bytes()))
            .expect("room");
    }
    let sessions = town
        .plane
        .user("andy@example.com")
        .map(|user| user.slot.peek(|state, _| state.sessions.len()));
    assert_eq!(sessions, Some(1));
}
