//! The fault search: plans, invariants, replay.

use std::collections::BTreeSet;
use std::time::Duration;

use takeover::verify::{self, Knobs, Plan, Search, page};

fn plan(text: &str) -> Plan {
    Plan::parse("test.plan", text).expect("a plan")
}

/// A small world, so that a schedule is a matter of moments.
fn small() -> Knobs {
    Knobs {
        length: Duration::from_secs(3 * 3600),
        pairs: 1,
        users: 12,
        rooms: 2,
        talkers: 6,
        every: Duration::from_secs(30),
        contacts: 4,
        away: 1,
        ..Knobs::default()
    }
}

fn search(schedules: u64) -> Search {
    Search {
        seed: 1,
        schedules,
        threads: 2,
        knobs: small(),
        twice: false,
    }
}

/// The default world comes up, and nothing is wrong in it while nothing is done to it.
#[test]
fn a_quiet_day_of_the_default_world() {
    let plan = Plan {
        seed: 1,
        knobs: Knobs::default(),
        steps: Vec::new(),
    };
    let run = verify::run(&plan).expect("a world");
    assert_eq!(run.outcome.found, None);
}

/// DET-1: the same plan is the same run, and another seed is another one.
#[test]
fn a_plan_is_replayed_event_for_event() {
    let text = "length 1h\npairs 1\nusers 8\nrooms 2\ntalkers 4 every 20s\n\
                at 2m power cut 1A for 5m\nat 20m lose 30 1A 1B for 90s\n";
    let run = |text: &str| verify::run(&plan(text)).expect("a world").outcome;
    let (first, again) = (run(text), run(text));
    assert_eq!(first.found, None);
    assert_eq!((first.digest, first.entries), (again.digest, again.entries));
    let other = run(&format!("seed 2\n{text}"));
    assert_ne!(first.digest, other.digest);
}

/// The digest of a search does not depend on the threads that carried it out.
#[test]
fn a_search_is_the_same_on_one_thread_and_on_two() {
    let searched = |threads| {
        let search = Search {
            threads,
            ..search(3)
        };
        let searched = search.run(&|_| {}, &|_| false).expect("worlds");
        (searched.digest(), searched.found)
    };
    assert_eq!(searched(1), searched(2));
}

/// A world of one's own: a plan without faults. One with faults is refused, by the first of them.
#[test]
fn a_world_is_a_plan_without_faults() {
    let folder = tempfile::tempdir().expect("a folder");
    let search = |text: &str| {
        let file = folder.path().join("small.plan");
        std::fs::write(&file, text).expect("a file");
        let told = std::process::Command::new(env!("CARGO_BIN_EXE_takeover"))
            .args(["verify", "--schedules", "2", "--world"])
            .arg(&file)
            .output()
            .expect("the command can be run");
        let words = String::from_utf8_lossy(&told.stderr).into_owned();
        (told.status.code(), words)
    };
    let world = "length 100m\npairs 1\nusers 4\nrooms 1\ntalkers 2 every 1m\ncontacts 2\n";
    let (code, words) = search(world);
    assert_eq!(code, Some(0), "{words}");
    assert!(words.contains("2 schedules"), "{words}");
    let (code, words) = search(&format!("{world}at 2m reboot 1A\n"));
    assert_eq!(code, Some(2), "{words}");
    assert!(
        words.contains("has no faults") && words.contains("reboot 1A"),
        "{words}"
    );
}

/// What cannot be searched, and where nothing can be written, is refused before a search that may take hours.
#[test]
fn a_search_for_nothing_or_for_no_page_is_refused_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("page.md");
    std::fs::write(&page, "# A page\n").expect("a file");
    let page = page.display().to_string();
    let nowhere = folder.path().join("nowhere.md").display().to_string();
    for (arguments, why) in [
        (["--schedules", "0"], "0 is not in 1.."),
        (["--threads", "0"], "0 is not in 1..=1024"),
        (["--add", &page], "it has no section searches"),
        (["--write", &page], "it has no section search"),
        (["--add", &nowhere], "nowhere.md: No such file"),
    ] {
        let told = std::process::Command::new(env!("CARGO_BIN_EXE_takeover"))
            .arg("verify")
            .args(arguments)
            .output()
            .expect("the command can be run");
        let words = String::from_utf8_lossy(&told.stderr);
        assert_eq!(told.status.code(), Some(2), "{words}");
        assert!(words.contains(why), "{words}");
    }
}

/// Ctrl-C ends a long search after the schedules that are under way; what was searched is told, and is no
/// success.
#[test]
#[cfg(unix)]
fn a_search_that_is_broken_off_says_what_it_has_searched() {
    use std::io::{BufRead, BufReader, Read};
    use std::process::{Command, Stdio};

    let folder = tempfile::tempdir().expect("a folder");
    let world = folder.path().join("small.plan");
    std::fs::write(
        &world,
        "length 20m\npairs 1\nusers 2\nrooms 1\ntalkers 1 every 1m\n",
    )
    .expect("a file");
    let mut search = Command::new(env!("CARGO_BIN_EXE_takeover"))
        .args([
            "verify",
            "--schedules",
            "1000000",
            "--threads",
            "2",
            "--world",
        ])
        .arg(&world)
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command can be run");
    let mut told = BufReader::new(search.stderr.take().expect("a pipe"));
    let mut words = String::new();
    told.read_line(&mut words).expect("a first line");
    let process = rustix::process::Pid::from_child(&search);
    rustix::process::kill_process(process, rustix::process::Signal::INT).expect("it runs");
    told.read_to_string(&mut words).expect("the rest");
    assert_eq!(search.wait().expect("an end").code(), Some(1), "{words}");
    let broken_off = words.lines().find(|line| line.contains("broken off after"));
    let seeds = broken_off.and_then(|line| line.split("seeds 1 to ").nth(1));
    let last: u64 = seeds.and_then(|last| last.parse().ok()).expect(&words);
    assert!(last >= 100, "{words}");
}

/// The page of the invariants is the one that the command writes.
#[test]
fn the_page_of_invariants_is_as_the_registry_has_it() {
    let written = std::fs::read_to_string("docs/INVARIANTS.md").expect("the page");
    assert_eq!(written, page());
}

/// SES-3, XEP-0198: a message that waited for its user, and that the user has, does not come again at
/// the next login. (Seed 2: a client that was logging out took a message in after it had closed its
/// stream, where nobody could hear that it had it. One that has said its last word takes nothing more.)
#[test]
fn a_message_that_waited_comes_once() {
    let text = "length 2h\npairs 1\nusers 8\nrooms 2\ntalkers 4 every 20s\naway 5\n\
                at 2m reboot 1A\nat 1h reboot 1B\n";
    let outcome = verify::run(&plan(text)).expect("a world").outcome;
    let slip = outcome
        .found
        .filter(|found| found.violation.invariant().id == "MSG-2");
    assert_eq!(slip, None);
}

/// HA-12, USR-2: a node whose process is killed is back before its peer misses it. Its users come back to
/// it, nobody is moved, and nothing that was acknowledged is lost.
#[test]
fn a_killed_process_moves_nobody() {
    let text = "length 1h\npairs 1\nusers 8\nrooms 2\ntalkers 4 every 20s\nat 2m crash 1A\n";
    let outcome = verify::run(&plan(text)).expect("a world").outcome;
    assert_eq!(outcome.found, None);
    let missed = BTreeSet::from([16, 17, 18, 26, 27]);
    let rows = &outcome.coverage.rows;
    assert!(rows.is_disjoint(&missed), "{rows:?}");
}

/// The search finds what is planted, names the invariant, and does not call lost what was on its way when
/// the run ended. All planted bugs are hunted by `takeover verify --canaries`.
#[cfg(feature = "canaries")]
#[test]
fn planted_bugs_are_found() {
    use takeover::verify::canaries::{CANARIES, hunt};

    for (name, invariant) in [("TimerEarly", "TIM-1"), ("LifeNumberStands", "SUP-1")] {
        let canary = CANARIES.iter().find(|canary| canary.name == name);
        let caught = hunt(canary.expect("it is in the list")).expect("a world");
        let by = caught.found.map(|(_, invariant, _)| invariant);
        assert_eq!(by, Some(invariant), "{name}");
    }
}
