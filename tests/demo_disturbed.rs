//! The demo as a person may treat it: suspended and taken up again, broken off, given a bad place for
//! its report.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

fn demo(arguments: &[&str], temporary: &Path) -> Child {
    let command = Command::new(env!("CARGO_BIN_EXE_takeover"))
        .arg("demo")
        .args(arguments)
        .env("TMPDIR", temporary)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    command.expect("the demo starts")
}

fn send(demo: &Child, signal: Signal) {
    kill_process(Pid::from_child(demo), signal).expect("the demo runs");
}

/// Lets `time` of life pass, in which the demo goes on.
#[expect(
    clippy::disallowed_methods,
    reason = "the demo runs in another process, by the clock on the wall"
)]
fn live(time: Duration) {
    std::thread::sleep(time);
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn verdict(told: &Output) -> serde_json::Value {
    let out = text(&told.stdout);
    let last = out.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {}", text(&told.stderr)))
}

/// HA-1: what is suspended is no silent peer. A stopped process is a lab whose time stands still: minutes
/// of protocol time pass on the wall, and nobody is taken over for them.
#[test]
fn a_suspended_demo_goes_on_where_it_was() {
    let temporary = tempfile::tempdir().unwrap();
    let demo = demo(&["--json", "--speed", "60"], temporary.path());
    for _ in 0..3 {
        live(Duration::from_millis(900));
        send(&demo, Signal::STOP);
        live(Duration::from_millis(2500));
        send(&demo, Signal::CONT);
    }
    let told = demo.wait_with_output().unwrap();
    let verdict = verdict(&told);
    assert!(told.status.success(), "{verdict}\n{}", text(&told.stderr));
    assert_eq!(verdict["pair"]["row"], 1);
}

/// Ctrl-C ends the demo in order: it says so, and leaves nothing behind.
#[test]
fn an_interrupted_demo_tidies_up() {
    let temporary = tempfile::tempdir().unwrap();
    let demo = demo(&["--json", "--speed", "1"], temporary.path());
    let mut waited = 0;
    while temporary.path().read_dir().unwrap().next().is_none() {
        assert!(waited < 600, "the lab has no folder after a minute");
        waited += 1;
        live(Duration::from_millis(100));
    }
    send(&demo, Signal::INT);
    let told = demo.wait_with_output().unwrap();
    let verdict = verdict(&told);
    assert_eq!(told.status.code(), Some(1), "{verdict}");
    assert_eq!(
        (&verdict["ok"], &verdict["error"]),
        (&false.into(), &"interrupted".into())
    );
    let left: Vec<_> = temporary.path().read_dir().unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

/// A report that cannot be written is refused before the story, with the path and the reason.
#[test]
fn a_bad_report_is_refused_at_once() {
    let temporary = tempfile::tempdir().unwrap();
    let nowhere = temporary.path().join("nowhere/story.html");
    let nowhere = nowhere.to_str().unwrap();
    let told = demo(&["--report", nowhere], temporary.path());
    let told = told.wait_with_output().unwrap();
    assert_eq!(told.status.code(), Some(2));
    let error = text(&told.stderr);
    assert!(
        error.contains(nowhere) && error.contains("No such file"),
        "{error}"
    );
    assert!(
        !error.contains("Times are protocol seconds"),
        "the story has not begun"
    );
}
