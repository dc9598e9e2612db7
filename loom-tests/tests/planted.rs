//! The bugs and the models keep each other company: every bug that can be planted is marked in
//! the protocols and found by a model, and every model finds one. Runs in every build.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The text of all Rust files under `folder`, one after the other.
fn text(folder: &Path) -> String {
    let mut all = String::new();
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder of this repository")
        .map(|entry| entry.expect("readable").path())
        .collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            all += &text(&path);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all += &fs::read_to_string(&path).expect("a source file");
        }
    }
    all
}

/// The names that follow `prefix` in `text`.
fn names_after(text: &str, prefix: &str) -> BTreeSet<String> {
    let is_part = |c: &char| c.is_ascii_alphanumeric();
    text.split(prefix)
        .skip(1)
        .map(|rest| rest.chars().take_while(is_part).collect())
        .collect()
}

fn bugs() -> BTreeSet<String> {
    let file = root().join("core/src/sync/planted.rs");
    let source = fs::read_to_string(file).expect("the list of bugs");
    let list = source.split("pub enum Bug {").nth(1).expect("the enum");
    let list = list.split("\n}").next().expect("its end");
    let variants = list
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("//"));
    variants
        .filter(|line| !line.is_empty() && !line.starts_with("Misuse"))
        .map(|line| line.trim_end_matches(',').to_owned())
        .collect()
}

/// A mark that nobody plants, or a bug that is nowhere marked, would prove nothing.
#[test]
fn every_bug_is_marked_and_planted() {
    let bugs = bugs();
    assert!(bugs.len() >= 40, "{} bugs", bugs.len());
    let marked = names_after(&text(&root().join("core/src/sync")), "planted!(");
    let unmarked: Vec<_> = bugs.difference(&marked).collect();
    assert!(
        unmarked.is_empty(),
        "not marked in the protocols: {unmarked:?}"
    );
    let models = text(&root().join("loom-tests/tests/models"));
    let unplanted: Vec<_> = bugs
        .iter()
        .filter(|bug| !models.contains(&format!("Bug::{bug} =>")))
        .collect();
    assert!(
        unplanted.is_empty(),
        "planted by no small model: {unplanted:?}"
    );
}

/// Each model names at least one bug by the form of the macro; this counts them.
#[test]
fn there_are_enough_models() {
    let count = |folder: &str| {
        text(&root().join("loom-tests/tests").join(folder))
            .matches("\nmodel! {")
            .count()
    };
    let (small, large) = (count("models"), count("large"));
    println!("{small} small models, {large} large ones");
    assert!(
        small >= 40 && large >= 5,
        "{small} small models, {large} large ones"
    );
}
