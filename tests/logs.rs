//! Structured logs: whatever a connection or a session has to say carries its node and itself.

mod common;

use std::io::Write;
use std::sync::{Arc, Mutex};

use common::*;
use serde_json::Value;
use takeover::Lab;
use tracing_subscriber::fmt::MakeWriter;

/// Lines in memory.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Lines {
    fn parsed(&self) -> Vec<Value> {
        let octets = self.0.lock().unwrap().clone();
        let text = String::from_utf8(octets).expect("text");
        let parse = |line: &str| serde_json::from_str(line).expect("a JSON object a line");
        text.lines().map(parse).collect()
    }
}

/// What Andy's life, somebody's wrong password and a panic leave in the log.
fn a_day() -> Vec<Value> {
    let lines = Lines::default();
    let log = tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(lines.clone())
        .finish();
    tracing::subscriber::with_default(log, || {
        // Sooner than a session is forgotten.
        let soon = Lab::virtual_time(1)
            .parameter("Client Re-Login Lower Limit", 20)
            .parameter("Client Re-Login Upper Limit", 60);
        let mut lab = started(soon);
        let stranger = lab
            .client_with("bob", |spec| "guessed".clone_into(&mut spec.password))
            .unwrap();
        stranger.log_in();
        let [andy] = online(&mut lab, ["andy"]);
        andy.cut();
        await_that(&mut lab, "Andy has noticed", MINUTE, |_| !andy.is_online());
        await_that(&mut lab, "Andy is back", LONG, |_| andy.is_online());
        lab.panic_in(
            Some("1A"),
            "UserSession",
            "andy@example.test/takeover",
            "oops",
        )
        .unwrap();
        await_that(&mut lab, "Andy is back again", LONG, |_| andy.is_online());
        andy.log_out();
        lab.pass(MINUTE);
    });
    lines.parsed()
}

/// Every line of the session code has both fields; the session is the full JID once there is one, and
/// where the client comes from before that.
#[test]
fn every_line_of_a_session_names_its_node_and_itself() {
    let all = a_day();
    let of_sessions: Vec<&Value> = all
        .iter()
        .filter(|line| {
            let target = line["target"].as_str().expect("a target");
            target.starts_with("takeover_actors::session")
        })
        .collect();
    for line in &of_sessions {
        let node = line["span"]["node"].as_str();
        assert!(
            node.is_some_and(|node| ["1A", "1B"].contains(&node)),
            "{line}"
        );
        assert!(
            line["span"]["session"]
                .as_str()
                .is_some_and(|s| !s.is_empty()),
            "{line}"
        );
    }
    let says = |text: &str, node: &str, session: &str| {
        of_sessions.iter().any(|line| {
            line["fields"]["message"] == text
                && line["span"]["node"] == node
                && line["span"]["session"] == session
        })
    };
    let bound = "andy@example.test/takeover";
    assert!(says("logged in", "1A", "andy"), "{of_sessions:#?}");
    assert!(says("resumed", "1A", "andy"), "{of_sessions:#?}");
    assert!(
        says("the connection is lost", "1A", bound),
        "{of_sessions:#?}"
    );
    assert!(
        says("the session's task ended", "1A", bound),
        "{of_sessions:#?}"
    );
    assert!(says("the client has left", "1A", bound), "{of_sessions:#?}");
    assert!(
        says("authentication failed", "1B", "bob"),
        "{of_sessions:#?}"
    );
}

/// What a node, a service or a room has to say names the node.
#[test]
fn every_line_of_a_node_names_it() {
    for line in a_day() {
        let target = line["target"].as_str().expect("a target");
        if target.starts_with("takeover_actors") {
            let node = line["span"]["node"]
                .as_str()
                .or(line["fields"]["node"].as_str());
            assert!(node.is_some_and(|node| HOMES.contains(&node)), "{line}");
        }
    }
}

/// XMPP-3: no log line has a password.
#[test]
fn no_line_has_a_password() {
    for line in a_day() {
        let line = line.to_string();
        assert!(
            !line.contains("andy-secret") && !line.contains("guessed"),
            "{line}"
        );
    }
}
