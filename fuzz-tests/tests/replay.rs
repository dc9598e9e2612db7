//! What fuzzing found worth keeping, given to every target again.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use takeover_fuzz_tests::{Neighbours, TARGETS, run};

/// What all corpora together may take, in octets: they are part of every checkout.
const ALL: u64 = 1024 * 1024;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// The files of a folder, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    paths
}

/// Gives one target its corpus, and neighbours of it: `TAKEOVER_NEIGHBOURS` says how many.
fn replay(name: &str, neighbours: usize) {
    let paths = files(&corpus().join(name));
    assert!(paths.len() >= 10, "{name} has {} inputs only", paths.len());
    let read = |path: &PathBuf| {
        fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let inputs: Vec<Vec<u8>> = paths.iter().map(read).collect();
    for (path, input) in paths.iter().zip(&inputs) {
        let outcome = std::panic::catch_unwind(|| run(name, input));
        assert!(outcome.is_ok(), "{} does not hold", path.display());
    }
    let asked = std::env::var("TAKEOVER_NEIGHBOURS").ok();
    let count = asked
        .and_then(|count| count.parse().ok())
        .unwrap_or(neighbours);
    for input in Neighbours::new(&inputs, 1).take(count) {
        let outcome = std::panic::catch_unwind(|| run(name, &input));
        assert!(
            outcome.is_ok(),
            "{name} does not hold for b\"{}\"",
            input.escape_ascii()
        );
    }
}

/// One test a target, so that they run beside each other.
macro_rules! replays {
    ($($name:ident $neighbours:literal)*) => {
        $(
            #[test]
            fn $name() {
                replay(stringify!($name), $neighbours);
            }
        )*

        /// Every target has its test, its corpus, and its binary for libFuzzer.
        #[test]
        fn every_target_is_replayed_and_has_a_binary() {
            let names: BTreeSet<&str> = TARGETS.iter().map(|target| target.name).collect();
            let replayed: BTreeSet<&str> = [$(stringify!($name)),*].into();
            assert_eq!(replayed, names);
            let stems = |folder: &Path| -> BTreeSet<String> {
                let stem = |path: PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
                files(folder).into_iter().filter_map(stem).collect()
            };
            let names: BTreeSet<String> = names.into_iter().map(str::to_owned).collect();
            assert_eq!(stems(&corpus()), names);
            let binaries = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/fuzz_targets");
            assert_eq!(stems(&binaries), names);
        }
    };
}

replays! {
    address 500
    command 500
    config 100
    datetime 500
    drill 200
    jid 500
    lab 0
    params 200
    payload 500
    plan 200
    record 500
    room 200
    roster 200
    sasl 200
    stanza 500
    stream_client 200
    stream_server 200
    xml 500
}

/// The corpora are small enough for everybody's checkout.
#[test]
fn the_corpora_are_small() {
    let folders = files(&corpus());
    let sizes = folders.iter().flat_map(|folder| files(folder)).map(|path| {
        fs::metadata(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
            .len()
    });
    let sum: u64 = sizes.sum();
    assert!(sum <= ALL, "{sum} octets of {ALL}");
}
