//! Connections that never authenticate, ten thousand of them.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::beside::Scene;
use crate::raw::{HEADER, Raw};

/// How many.
const CROWD: usize = 10_000;
/// Open files that each side needs: its ends of the connections, and some more.
const FILES: u64 = CROWD as u64 + 1000;
/// Where the crowd goes; only the process that is the crowd has it.
const TO: &str = "TAKEOVER_TEST_CROWD";

/// Lets this process open as many files as it may. False if that is too few.
fn raise_limit() -> bool {
    let limit = getrlimit(Resource::Nofile);
    if limit.maximum.is_some_and(|maximum| maximum < FILES) {
        return false;
    }
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).is_ok()
}

/// Not a test: the other process of the test below, which has its ends of the connections.
#[test]
#[ignore = "the crowd of another test, in a process of its own"]
fn be_the_crowd() {
    let Ok(to) = std::env::var(TO) else {
        return;
    };
    assert!(raise_limit(), "not enough files");
    let to: SocketAddr = to.parse().expect("an address");
    let mut crowd: Vec<TcpStream> = Vec::new();
    for _ in 0..CROWD {
        let socket = TcpStream::connect(to).expect("a connection");
        let patience = Some(Duration::from_secs(300));
        socket.set_read_timeout(patience).expect("a time");
        crowd.push(socket);
    }
    println!("\nopen {}", crowd.len());
    let mut timed_out = 0;
    for mut socket in crowd {
        let mut last = String::new();
        // A reset after the error leaves what was said before it.
        let _ = socket.read_to_string(&mut last);
        timed_out += usize::from(last.contains("<stream:error><connection-timeout "));
    }
    println!("\nended {timed_out}");
}

/// Reads what the crowd says until a line begins with `word`; the number after it.
fn heard(crowd: &mut impl BufRead, word: &str) -> usize {
    let found = crowd.lines().map_while(Result::ok).find_map(|line| {
        let rest = line.strip_prefix(word)?;
        rest.trim().parse().ok()
    });
    found.unwrap_or_else(|| panic!("the crowd ended and never said {word:?}"))
}

fn crowd(to: SocketAddr) -> Child {
    let this = std::env::current_exe().expect("the path of this program");
    Command::new(this)
        .args(["--exact", "crowd::be_the_crowd", "--ignored", "--nocapture"])
        .env(TO, to.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process")
}

/// XMPP-1: ten thousand connections that never authenticate are held while that is allowed, then
/// told `connection-timeout` and closed; the two go on talking, and others can log in beside them.
#[test]
fn ten_thousand_that_never_authenticate() {
    if !raise_limit() {
        eprintln!("SKIPPED: this needs {FILES} open files, and the hard limit is lower");
        return;
    }
    let mut scene = Scene::new(1.0, |config| {
        config.limits.unauthenticated = 2 * CROWD;
        config.limits.login_seconds = 30;
    });
    let mut crowd = crowd(scene.plain());
    let mut says = BufReader::new(crowd.stdout.take().expect("its words"));
    assert_eq!(heard(&mut says, "open "), CROWD);
    scene.goes_on();
    let mut raw = Raw::connect(scene.plain());
    raw.log_in("mallory", "den");
    scene.goes_on();
    assert_eq!(heard(&mut says, "ended "), CROWD);
    assert!(crowd.wait().expect("its end").success());
    scene.finish();
}

/// XMPP-1: more connections at login than are allowed are told `resource-constraint` at once, and
/// when the others have given up there is room again.
#[test]
fn more_logins_at_once_than_allowed() {
    const ALLOWED: usize = 50;
    let mut scene = Scene::new(1.0, |config| {
        config.limits.unauthenticated = ALLOWED;
        config.limits.login_seconds = 600;
    });
    let mut held: Vec<Raw> = Vec::new();
    for _ in 0..ALLOWED {
        let mut raw = Raw::connect(scene.plain());
        raw.say(HEADER);
        raw.hear("</stream:features>");
        held.push(raw);
    }
    for _ in 0..100 {
        let heard = Raw::connect(scene.plain()).hear_out();
        assert!(
            heard.contains("<stream:error><resource-constraint "),
            "{heard}"
        );
    }
    scene.goes_on();
    held.drain(..).for_each(Raw::reset);
    let plain = scene.plain();
    scene.until("there is room again", |_| {
        let mut raw = Raw::connect(plain);
        raw.say(HEADER);
        raw.say("</stream:stream>");
        raw.hear_out().contains("</stream:features>")
    });
    let mut raw = Raw::connect(plain);
    raw.log_in("mallory", "den");
    scene.finish();
}
