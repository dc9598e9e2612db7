//! The command as a person runs it: what it prints, what it refuses, how it ends.

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

fn takeover(arguments: &[&str]) -> Output {
    let command = Command::new(env!("CARGO_BIN_EXE_takeover"))
        .args(arguments)
        .output();
    command.expect("the command can be run")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// SES-6: the example of the tables, for people and for programs.
#[test]
fn a_profile_is_looked_up() {
    let arguments = [
        "profile",
        "--ova",
        "15000",
        "--mode",
        "active/active",
        "--users",
        "2000",
    ];
    let shown = takeover(&arguments);
    assert!(shown.status.success());
    assert!(text(&shown.stdout).contains("120 s") && text(&shown.stdout).contains("253 s"));
    let json = takeover(&[&arguments[..], &["--json"]].concat());
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!(
        (&json["lower_s"], &json["upper_s"]),
        (&120.into(), &253.into())
    );
    assert_eq!(json["irregular"], false);
}

/// SES-6: a storm of logins that fits the node, and one that does not.
#[test]
fn a_storm_is_replayed() {
    let arguments = "storm --ova 500 --mode active/active --users 100 --limits 0-0 --json";
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let told = takeover(&arguments);
    assert!(told.status.success(), "{}", text(&told.stderr));
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).expect("JSON");
    assert_eq!(told["logins_per_second"], 1.5);
    let run = |name: &str| &told["runs"][name];
    assert_eq!(run("profile")["upper_s"], 187);
    for name in ["profile", "default", "given"] {
        assert_eq!(run(name)["back"], 100, "{name}: everybody is back");
        assert!(
            run(name)["peak_logins"].as_u64() <= Some(2),
            "{name}: no more than are served"
        );
    }
    assert!(run("profile")["last_s"].as_u64() < run("default")["last_s"].as_u64());
    assert_eq!(run("default")["turned_away"], 0);
    // All at once: 1.5 a second are served, who would wait more than a minute is turned away.
    assert_eq!(run("given")["peak_queue"], 90);
    assert!(run("given")["turned_away"].as_u64() > Some(0));
}

#[test]
fn a_storm_outside_the_tables_is_refused_with_what_is_allowed() {
    let refusals = [
        ("15001", "active/active", "1", "25000"),
        ("500", "both", "1", "active/standby"),
        ("500", "active/active", "251", "up to 250"),
        ("500", "active/active", "0", "1.."),
    ];
    for (ova, mode, users, allowed) in refusals {
        let refused = takeover(&["storm", "--ova", ova, "--mode", mode, "--users", users]);
        assert_eq!(refused.status.code(), Some(2), "{ova} {mode} {users}");
        assert!(
            text(&refused.stderr).contains(allowed),
            "{}",
            text(&refused.stderr)
        );
    }
}

#[test]
fn what_is_not_in_the_tables_is_refused_with_what_is() {
    let many = takeover(&[
        "profile",
        "--ova",
        "500",
        "--mode",
        "active/active",
        "--users",
        "9999",
    ]);
    assert_eq!(many.status.code(), Some(2));
    assert!(text(&many.stderr).contains("250"), "{}", text(&many.stderr));
    let size = takeover(&[
        "profile",
        "--ova",
        "7",
        "--mode",
        "active/active",
        "--users",
        "1",
    ]);
    assert_eq!(size.status.code(), Some(2));
    assert!(
        text(&size.stderr).contains("15000"),
        "{}",
        text(&size.stderr)
    );
}

/// The printed configuration is accepted as it is.
#[test]
fn the_printed_configuration_can_be_served() {
    let printed = takeover(&["serve", "--print-config"]);
    assert!(printed.status.success());
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("lab.toml");
    std::fs::write(&path, &printed.stdout).expect("a file");
    let config = takeover::config::load(&path).expect("a configuration");
    assert_eq!(config, takeover::config::LabConfig::default());
}

#[test]
fn a_bad_configuration_is_refused_with_file_line_key_and_value() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("lab.toml");
    std::fs::write(&path, "seed = 1\nspeed = -3\ncolour = \"red\"\n").expect("a file");
    let refused = takeover(&["serve", "--config", &path.display().to_string()]);
    assert_eq!(refused.status.code(), Some(2));
    let said = text(&refused.stderr);
    assert!(said.contains("lab.toml:2: speed = -3"), "{said}");
    assert!(
        said.contains("lab.toml:3: colour = \"red\": unknown key"),
        "{said}"
    );
    assert!(refused.stdout.is_empty());
}

/// One ready line with all that a client needs, from a shell that allows few open files; SIGTERM ends it in
/// order, with exit code 0 and nothing to complain of.
#[test]
#[cfg(unix)]
fn a_served_lab_says_where_it_is_and_ends_when_told() {
    let mut served = Command::new("sh")
        .args(["-c", "ulimit -S -n 256; exec \"$0\" serve --speed 30"])
        .arg(env!("CARGO_BIN_EXE_takeover"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command can be run");
    let mut line = String::new();
    let mut out = BufReader::new(served.stdout.take().expect("a pipe"));
    out.read_line(&mut line).expect("a line");
    let json = line.strip_prefix("ready ").expect("the ready line");
    let ready: serde_json::Value = serde_json::from_str(json).expect("JSON");
    #[cfg(target_os = "linux")]
    assert_may_open_the_most(served.id());
    let authority = std::path::PathBuf::from(ready["ca"].as_str().expect("a path"));
    assert!(
        std::fs::read_to_string(&authority)
            .expect("a file")
            .contains("BEGIN CERTIFICATE")
    );
    let nodes = ready["nodes"].as_array().expect("nodes");
    assert_eq!(nodes.len(), 4);
    for node in nodes {
        for key in ["xmpp", "xmpp_tls"] {
            let address = node[key].as_str().expect("an address");
            std::net::TcpStream::connect(address).expect("somebody listens");
        }
    }
    let to = ready["admin"].as_str().expect("an address");
    let token = ready["token"].as_str().expect("a token");
    let said = takeover(&[
        "console", "--to", to, "--token", token, "utils", "ha", "status",
    ]);
    assert!(
        text(&said.stdout).contains("pair-1"),
        "{}",
        text(&said.stderr)
    );
    let refused = takeover(&["console", "--to", to, "--token", "wrong", "show", "status"]);
    assert_eq!(refused.status.code(), Some(1));
    let told = Command::new("kill")
        .args(["-TERM", &served.id().to_string()])
        .status();
    assert!(told.expect("kill can be run").success());
    let ended = served.wait_with_output().expect("an end");
    assert_eq!(ended.status.code(), Some(0));
    let log = text(&ended.stderr);
    assert!(!log.contains("ERROR"), "{log}");
    assert!(
        !authority.exists(),
        "a temporary data folder goes with its lab"
    );
}

/// A client is a socket: whoever serves takes what the system allows at most, not what the shell had set.
#[cfg(target_os = "linux")]
fn assert_may_open_the_most(process: u32) {
    let limits = std::fs::read_to_string(format!("/proc/{process}/limits")).expect("limits");
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let figures: Vec<&str> = line.expect("the limit").split_whitespace().collect();
    assert_eq!(figures[3], figures[4], "{limits}");
}

/// CHAT-8 and CHAT-9 on real sockets: the verdict is the last line of standard output, and the page
/// is written.
#[test]
fn the_demo_ends_well_and_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("story.html");
    let report = page.display().to_string();
    let shown = takeover(&["demo", "--speed", "60", "--json", "--report", &report]);
    let said = text(&shown.stderr);
    let verdict = text(&shown.stdout);
    let verdict = verdict.lines().last().expect("a line");
    let verdict: serde_json::Value = serde_json::from_str(verdict).expect("JSON");
    assert_eq!(verdict["ok"], true, "{verdict}\n{said}");
    assert_eq!(shown.status.code(), Some(0));
    for key in ["lost", "doubled", "reordered"] {
        assert_eq!(verdict[key], 0);
        assert_eq!(verdict["clients"]["andy"][key], 0);
    }
    assert!(
        verdict["detect_s"]
            .as_f64()
            .is_some_and(|secs| (90.0..100.0).contains(&secs))
    );
    assert_eq!(verdict["pair"]["row"], 1);
    assert!(said.contains("Normal → Failing Over"), "{said}");
    let html = std::fs::read_to_string(page).expect("a page");
    assert!(html.contains("<svg") && html.contains("deborah"));
}

/// HA-14: every history of a pair with one fault: counts, nothing wrong, the same digest each time.
#[test]
fn a_pair_is_explored() {
    let arguments = ["explore", "pair", "--faults", "1", "--refusals", "--json"];
    let run = || -> serde_json::Value {
        let found = takeover(&arguments);
        assert!(found.status.success(), "{}", text(&found.stderr));
        serde_json::from_slice(&found.stdout).expect("JSON")
    };
    let (first, second) = (run(), run());
    assert_eq!(first["digest"], second["digest"]);
    assert_eq!(first["cannot_heal"], 0);
    assert_eq!(first["violations"], 0);
    assert_eq!(first["complete"], true);
    for figure in ["states", "transitions", "depth", "needs_operator"] {
        assert!(first[figure].as_u64() > Some(10), "{figure}: {first}");
    }
    assert!(first["wall_s"].as_f64() > Some(0.0));
}

/// A planted bug is found, and the way to it is told; one that there is not is refused with those there
/// are.
#[test]
fn a_planted_bug_is_found_from_the_command_line() {
    let found = takeover(&["explore", "pair", "--plant", "split-ignored", "--json"]);
    assert_eq!(found.status.code(), Some(1));
    let json: serde_json::Value = serde_json::from_slice(&found.stdout).expect("JSON");
    let moves = json["found"][0]["moves"].as_array().expect("moves");
    assert!(!moves.is_empty(), "{json}");
    assert!(text(&found.stderr).contains("Running in Backup Mode"));
    let none = takeover(&["explore", "pair", "--plant", "gremlin"]);
    assert_eq!(none.status.code(), Some(2));
    assert!(text(&none.stderr).contains("early-normal"));
}
