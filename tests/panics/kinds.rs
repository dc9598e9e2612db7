//! Every kind of actor and light child that the code has, has its row.

use super::*;
use std::collections::BTreeSet;
use std::path::Path;

/// The kinds that are struck in the other files of this test; the crowds of `takeover scale`, which no
/// other lab has, beside their code.
const ROWS: [&str; 24] = [
    "Caretaker",
    "Connection",
    "ConnectionManager",
    "Keeper",
    "Move",
    "SessionLine",
    "SessionManager",
    "Text Conference Manager",
    "UserMover",
    "UserSession",
    "Write",
    "client",
    "client session",
    "crowd",
    "crowd clients",
    "endpoint",
    "handshake",
    "icsa",
    "listener",
    "node",
    "rack",
    "room",
    "service",
    "srm",
];

/// A kind that the source names without a row here is a kind whose panic nobody has seen.
#[test]
fn every_kind_in_the_source_has_a_row() {
    let mut kinds = BTreeSet::new();
    for folder in ["src", "actors/src"] {
        search(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join(folder),
            &mut kinds,
        );
    }
    let rows: BTreeSet<String> = ROWS.into_iter().map(str::to_owned).collect();
    assert_eq!(kinds, rows);
}

/// A lab that does all it can starts no kind that has no row.
#[test]
fn every_kind_that_runs_has_a_row() {
    let scene = Scene::new(31);
    for kind in scene.lab.world().kinds() {
        assert!(ROWS.contains(&kind), "{kind}");
    }
}

fn search(folder: &Path, kinds: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the tree") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "tests") {
            search(&path, kinds);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = std::fs::read_to_string(&path).expect("source");
            kinds.extend(named(&text));
        }
    }
}

/// The string after each `const KIND` with a value, and the first argument of each `light(` (a
/// constant is looked up where it is defined: `const LISTENER`).
fn named(text: &str) -> Vec<String> {
    let marks = [
        "const KIND: &'static str = ",
        "ctx.light(",
        "const LISTENER: &str = ",
    ];
    let after = |mark: &'static str| {
        text.match_indices(mark)
            .map(move |(at, _)| text[at + mark.len()..].trim_start())
    };
    let strings = marks.into_iter().flat_map(after);
    strings
        .filter_map(|rest| rest.strip_prefix('"')?.split('"').next())
        .map(str::to_owned)
        .collect()
}
