//! `takeover scale`: a whole deployment logged in, and a failover of all its pairs at once.

use std::process::{Command, Output};

fn scale(arguments: &str) -> Output {
    let command = Command::new(env!("CARGO_BIN_EXE_takeover"))
        .arg("scale")
        .args(arguments.split(' '))
        .output();
    command.expect("the command can be run")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// SES-3, SES-5: two clusters of two pairs; all users are logged in, half of them move, their sessions go
/// on, and no message of the sample users is lost or comes twice.
#[test]
fn a_small_deployment_fails_over() {
    let told = scale("--clusters 2 --nodes 4 --users 600 --seed 7 --json");
    assert!(told.status.success(), "{}", text(&told.stderr));
    let report: serde_json::Value = serde_json::from_slice(&told.stdout).expect("JSON");
    let number = |name: &str| report[name].as_u64().expect(name);
    assert_eq!(number("sessions"), 1200);
    assert_eq!(number("to_move"), 600);
    assert_eq!(number("moved"), 600);
    assert_eq!(number("resumed"), 600);
    assert_eq!(number("users_lost"), 0);
    assert!(
        number("messages") > 16 * 30,
        "sample users talked all along"
    );
    assert_eq!(number("messages_lost"), 0);
    assert_eq!(number("messages_doubled"), 0);
    let seconds = report["back_virtual_s"].as_f64().expect("seconds");
    assert!((120.0..700.0).contains(&seconds), "{seconds} s");
    for figure in [
        "boot_s",
        "virtual_seconds_per_second",
        "moved_per_second",
        "back_per_second",
    ] {
        assert!(report[figure].as_f64() > Some(0.0), "{figure}");
    }
    assert_eq!(report["targets"]["bytes_per_session"], 1536);
    let again = scale("--clusters 2 --nodes 4 --users 600 --seed 7 --json");
    let again: serde_json::Value = serde_json::from_slice(&again.stdout).expect("JSON");
    assert_eq!(again["digest"], report["digest"], "one seed, one run");
}

/// Each figure stands beside its target, and without a terminal each phase has a line.
#[test]
fn people_are_told_figures_and_targets() {
    let told = scale("--nodes 2 --users 50");
    assert!(told.status.success(), "{}", text(&told.stderr));
    let (figures, phases) = (text(&told.stdout), text(&told.stderr));
    for words in [
        "≤ 1536 bytes",
        "≤ 4096 MiB",
        "≤ 120 s",
        "≥ 100000",
        "users lost",
    ] {
        assert!(figures.contains(words), "{words}: {figures}");
    }
    for words in ["users log in", "users move", "clients come back"] {
        assert!(phases.contains(words), "{words}: {phases}");
    }
}

/// TOP-1, TOP-2, TOP-8: a size that no deployment has is refused with what is allowed.
#[test]
fn sizes_that_cannot_be_are_refused() {
    for (arguments, why) in [
        ("--clusters 31", "31 clusters; allowed: 1 to 30"),
        ("--nodes 5", "5 nodes a cluster; allowed: 2, 4 or 6"),
        (
            "--nodes 2 --users 75000",
            "75000 users a cluster; allowed with 2 nodes: 1 to 25000",
        ),
        ("--users 0", "allowed with 6 nodes: 1 to 75000"),
    ] {
        let refused = scale(arguments);
        assert_eq!(refused.status.code(), Some(2), "{arguments}");
        assert!(refused.stdout.is_empty());
        let error = text(&refused.stderr);
        assert!(error.contains(why), "{error}");
    }
}
