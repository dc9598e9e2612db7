//! A node's endpoint, over real sockets. The limits are long: the machine may be busy, and what is
//! waited for is a condition, not a time.

use super::*;
use std::net::TcpStream;

/// The endpoint and its listeners are started again whatever panics, at the same port; a handshake
/// that panics ends its own connection. Clients that are in notice nothing.
#[test]
fn an_endpoint_a_listener_a_handshake() {
    let mut lab = started(Lab::real_time(20.0));
    let [andy] = online(&mut lab, ["andy"]);
    let addresses = lab.addresses("1A").expect("a node with sockets");
    for (kind, name) in [
        ("listener", "xmpp"),
        ("listener", "xmpp-tls"),
        ("endpoint", "endpoint/1A"),
    ] {
        let since = mark(&lab);
        lab.panic_in(Some("1A"), kind, name, TEXT).unwrap();
        await_that(&mut lab, "the journal has it", LONG, |lab| {
            lab.journal()
                .lines()
                .contains(&format!("{kind} {name} panicked: {TEXT}"))
        });
        // The sockets are still open: who comes now waits until somebody accepts.
        let waiting = TcpStream::connect(addresses.xmpp_tls).unwrap();
        let peer = waiting.local_addr().unwrap().to_string();
        let greeted = |lab: &Control| {
            let id = lab.node_id("1A").ok();
            let blow = lab.world().panic_in(id, "handshake", &peer, TEXT);
            while blow.landed().is_none() {
                std::thread::yield_now();
            }
            blow.landed() == Some(true)
        };
        await_that(&mut lab, "its handshake panics", LONG, greeted);
        await_that(&mut lab, "two panics are on record", LONG, |lab| {
            let seen = |entry: &Entry| entry.seq > since && in_words_if_panic(entry);
            lab.journal().select(seen).len() == 2
        });
        let [again] = [lab.client_with("bob", |_| {}).unwrap()];
        again.log_in();
        await_that(&mut lab, "Bob is in", LONG, |_| again.is_online());
        again.log_out();
        await_that(&mut lab, "Bob is out", LONG, |_| !again.is_online());
    }
    assert_eq!(places(&andy).len(), 1, "{:?}", andy.notes());
    lab.shut_down(5 * SECOND).unwrap();
}

fn in_words_if_panic(entry: &Entry) -> bool {
    matches!(&entry.event, Event::ActorExited { exit, .. } if exit.contains(TEXT))
}
