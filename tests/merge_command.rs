//! `takeover db` as a person runs it: MRG-1 to MRG-3 on databases on disk, and on a server.

#[path = "../storage/tests/support/postgres.rs"]
mod postgres;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_takeover"));
    command.arg("db").args(arguments);
    command
}

fn db(arguments: &[&str]) -> Output {
    command(arguments).output().expect("the command can be run")
}

#[track_caller]
fn good(arguments: &[&str]) -> String {
    let output = db(arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).expect("text")
}

/// Exit code and words of a refusal.
#[track_caller]
fn refused(arguments: &[&str]) -> (i32, String) {
    let output = db(arguments);
    assert!(!output.status.success(), "{arguments:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap_or_default(), said)
}

/// Two filled sources that share rooms 6 to 10, and a place for a target.
struct Scene {
    folder: tempfile::TempDir,
    /// The server that they are on, each in a schema; in the folder where there is none.
    server: Option<String>,
}

impl Scene {
    fn new() -> Self {
        Self::with(None)
    }

    fn with(server: Option<String>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let scene = Self { folder, server };
        for (name, first, talker) in [("a", "1", "andy"), ("b", "6", "bob")] {
            good(&[
                "fill",
                &scene.text(name),
                "--rooms",
                "10",
                "--first",
                first,
                "--messages",
                "3000",
                "--talker",
                talker,
            ]);
        }
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        match &self.server {
            Some(server) => format!("{server}#{name}"),
            None => self.path(name).display().to_string(),
        }
    }

    fn merge(&self, target: &str, more: &[&str]) -> Command {
        let (a, b, target) = (self.text("a"), self.text("b"), self.text(target));
        let mut merge = command(&["merge", "--source", &a, "--source", &b, "--target", &target]);
        merge.args(more);
        merge
    }

    #[track_caller]
    fn merged(&self, target: &str) -> Vec<Value> {
        let output = self.merge(target, &["--json"]).output().expect("runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let lines = String::from_utf8(output.stdout).expect("text");
        let json = |line: &str| serde_json::from_str(line).expect("JSON");
        lines.lines().map(json).collect()
    }

    fn export(&self, name: &str) -> String {
        good(&["export", &self.text(name)])
    }
}

/// MRG-2: two databases on disk become one; progress and outcome are told, the sources stay as they were.
#[test]
fn mrg_2_two_databases_become_one() {
    let scene = Scene::new();
    let before = [scene.export("a"), scene.export("b")];
    let verified = scene
        .merge("both", &["--verify", "--json"])
        .output()
        .expect("runs");
    let verified: Value = serde_json::from_slice(&verified.stdout).expect("JSON");
    assert_eq!(verified["messages"], serde_json::json!([3000, 3000]));
    let lines = scene.merged("both");
    let (end, progress) = lines.split_last().expect("lines");
    assert_eq!(
        (&end["ok"], &end["rooms"], &end["joined"], &end["messages"]),
        (&true.into(), &15.into(), &5.into(), &6000.into())
    );
    assert!(!progress.is_empty() && progress.iter().all(|line| line["percent"].is_number()));
    assert!(
        progress
            .iter()
            .all(|line| line["messages_per_s"].is_number())
    );
    assert_eq!([scene.export("a"), scene.export("b")], before);
    let shown: Value =
        serde_json::from_str(&good(&["show", &scene.text("both"), "--json"])).expect("JSON");
    assert_eq!(shown["aliases"][0]["rooms"], 15);
    assert_eq!(shown["aliases"][0]["messages"], 6000);
    let both = scene.text("both");
    let room = "room-7@conference-1-cluster-1.example.test";
    let found = good(&["search", &both, room, "bob", "300"]);
    assert_eq!(found.lines().count(), 1, "{found}");
    assert!(good(&["export", &both, room]).lines().count() == 600 + 3);
}

/// Kills it when the log of `target` has come to `bytes`; whether it still ran then.
fn kill_at(child: Child, target: &Path, bytes: u64) -> bool {
    let log = target.join("log");
    let size = || std::fs::metadata(&log).map_or(0, |log| log.len());
    kill_when(child, || size() >= bytes)
}

fn kill_when(mut child: Child, moment: impl Fn() -> bool) -> bool {
    while child.try_wait().expect("a child").is_none() && !moment() {
        std::thread::yield_now();
    }
    let ran = child.try_wait().expect("a child").is_none();
    child.kill().expect("it can be killed");
    child.wait().expect("it has ended");
    ran
}

/// MRG-3: killed (SIGKILL) again and again on its way and run again, it ends in the same target.
#[test]
fn mrg_3_killed_on_its_way_it_ends_in_the_same_target() {
    let scene = Scene::new();
    scene.merged("whole");
    let wanted = scene.export("whole");
    let whole = 2_000_000;
    let mut kills = 0;
    for step in 0..12_u64 {
        // Each run checks what the one before wrote, and gets further.
        let mut merge = scene.merge("killed", &[]);
        let child = merge.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let bytes = 40 + step * step * whole / 400;
        kills += u32::from(kill_at(child.expect("runs"), &scene.path("killed"), bytes));
    }
    assert!(kills >= 5, "{kills} kills");
    let end = scene.merged("killed").pop().expect("an outcome");
    assert!(end["found"].as_u64() > Some(0), "{end}");
    assert!(scene.export("killed") == wanted, "another target");
}

/// MRG-3: the same on a PostgreSQL server, which goes on with what the killed command had asked of it.
#[test]
fn mrg_3_killed_on_its_way_on_postgresql() {
    let Some(server) = postgres::server("merge_command::mrg_3_killed_on_its_way_on_postgresql")
    else {
        return;
    };
    let scene = Scene::with(Some(server.url()));
    scene.merged("whole");
    let wanted = scene.export("whole");
    assert!(!wanted.is_empty());
    // The table is there before the first run, so that it can be looked into.
    scene.merge("killed", &["--verify"]).output().expect("runs");
    let stored = || -> u64 {
        let stored = "SELECT coalesce(sum(messages), 0) FROM killed.takeover_room";
        server.sql(stored).parse().expect("a number")
    };
    let mut kills = 0;
    for step in 0..8_u64 {
        let mut merge = scene.merge("killed", &[]);
        let child = merge.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        kills += u32::from(kill_when(child.expect("runs"), || stored() > step * 700));
    }
    assert!(kills >= 3, "{kills} kills");
    let end = scene.merged("killed").pop().expect("an outcome");
    assert!(end["found"].as_u64() > Some(0), "{end}");
    assert!(scene.export("killed") == wanted, "another target");
}

/// MRG-1: what is refused is named, and nothing is written.
#[test]
fn mrg_1_refusals_are_named() {
    let scene = Scene::new();
    let (a, b) = (scene.text("a"), scene.text("b"));
    let into = |source: &str, target: &str| {
        refused(&[
            "merge", "--source", &a, "--source", source, "--target", target,
        ])
    };
    let target = scene.text("target");
    let (code, said) = into("mssql://server/rooms", &target);
    assert!(code == 1 && said.contains("cannot be merged"), "{said}");
    let (code, said) = into("oracle://server/rooms", &target);
    assert!(code == 2 && said.contains("no driver for oracle"), "{said}");
    let (_, said) = into(&a, &target);
    assert!(said.contains("one and the same"), "{said}");
    let (_, said) = into(&b, &a);
    assert!(said.contains("one and the same"), "{said}");
    let (code, said) = into(&scene.text("nowhere"), &target);
    assert!(code == 2 && said.contains("no database"), "{said}");
    let (code, said) = refused(&["merge", "--source", &a, "--target", &target]);
    assert!(code == 2 && said.contains("has two"), "{said}");
    // One that a lab has open: its Text Conference Managers run.
    let open = takeover_storage::Embedded::open(scene.path("b")).expect("a database");
    let (_, said) = into(&b, &target);
    assert!(said.contains("in use"), "{said}");
    drop(open);
    scene.merged("target");
}

/// MRG-1: the conference managers of a lab that has ended in order have given their leases back.
#[test]
fn what_a_lab_has_left_in_order_is_merged() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = |name: &str| format!("{}#pair-1", folder.path().join(name).display());
    for name in ["a", "b"] {
        let mut config = takeover::config::LabConfig::default();
        config.storage.folder = Some(folder.path().join(name));
        let lab = takeover::Lab::real_time(30.0).config(config).start();
        let limit = std::time::Duration::from_secs(60);
        lab.expect("a lab")
            .shut_down(limit)
            .expect("an orderly end");
        let shown = good(&["show", &database(name)]);
        assert!(!shown.contains("held by"), "{shown}");
    }
    let (a, b, target) = (database("a"), database("b"), database("both"));
    good(&["merge", "--source", &a, "--source", &b, "--target", &target]);
}
