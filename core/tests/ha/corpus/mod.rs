//! The corpus: one small file a case, beside the table and the drills. `core/tests/corpus/README.md` tells
//! the format. A bug becomes a new file.

mod case;
mod deed;
mod make;
mod run;
mod start;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use case::{Case, Origin};
use takeover_core::ha::{State, edges};

/// The fewest cases that people wrote.
const BY_HAND: usize = 200;
/// The largest corpus of an HA manager known has so many.
const LARGEST_KNOWN: usize = 854;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

/// Every case file below a folder, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.expect("a readable folder").path()) {
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|ending| ending == "case") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> Case {
    let text = std::fs::read_to_string(path).expect("a readable case");
    let name = path.strip_prefix(folder()).unwrap_or(path);
    Case::parse(&name.display().to_string(), &text).unwrap_or_else(|why| panic!("{why}"))
}

fn cases() -> Vec<Case> {
    files(&folder()).iter().map(|path| read(path)).collect()
}

/// Chapter 2, whole: every case goes as its file says, along legal edges only.
#[test]
fn every_case_goes_as_written() {
    let wrong: Vec<String> = cases()
        .iter()
        .filter_map(|case| run::run(case).err())
        .collect();
    assert!(
        wrong.is_empty(),
        "{} cases:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// The cases that people wrote name the rule they show, and there are enough of them; the two kinds are
/// told apart by the file and by its folder.
#[test]
fn the_corpus_is_large_and_says_what_it_shows() {
    let cases = cases();
    let by_hand = cases.iter().filter(|case| case.origin == Origin::Hand);
    let count = by_hand.clone().count();
    assert!(count >= BY_HAND, "{count} written by hand");
    assert!(cases.len() > LARGEST_KNOWN, "{} in all", cases.len());
    for case in &cases {
        let made = case.name.starts_with(make::FOLDER);
        assert_eq!(made, case.origin == Origin::Table, "{}", case.name);
    }
    for case in by_hand {
        assert!(
            !case.rule.is_empty() && !case.shows.is_empty(),
            "{}",
            case.name
        );
    }
    let rules: BTreeSet<&str> = cases.iter().flat_map(|case| case.rule.split(' ')).collect();
    for number in 1..=17 {
        let rule = format!("HA-{number}");
        assert!(rules.contains(rule.as_str()), "no case shows {rule}");
    }
}

/// No two cases that people wrote are the same.
#[test]
fn no_case_is_there_twice() {
    let mut known = BTreeSet::new();
    for case in cases() {
        assert!(known.insert(case.body()), "{} is there twice", case.name);
    }
}

/// Each start with each thing that can befall it, as the table of states has them: the files are what the
/// machine does. `UPDATE=1` writes them anew, and only them; the difference is what changed.
#[test]
fn the_made_cases_are_the_whole_table() {
    let folder = folder();
    let made = make::all();
    let wanted: BTreeSet<PathBuf> = made.iter().map(|(name, _)| folder.join(name)).collect();
    let there: BTreeSet<PathBuf> = files(&folder.join(make::FOLDER)).into_iter().collect();
    if std::env::var_os("UPDATE").is_some() {
        for stale in there.difference(&wanted) {
            std::fs::remove_file(stale).expect("a stale case can be removed");
        }
        for (name, text) in &made {
            let path = folder.join(name);
            let parent = path.parent().expect("a folder");
            std::fs::create_dir_all(parent).expect("a folder can be made");
            std::fs::write(&path, text).expect("a case can be written");
        }
        return;
    }
    assert_eq!(there, wanted, "UPDATE=1 writes them anew");
    for (name, text) in &made {
        let known = std::fs::read_to_string(folder.join(name)).expect("a readable case");
        assert_eq!(known, *text, "{name}: UPDATE=1 writes it anew");
    }
}

/// HA-13: the machine, as the explorer goes through it, and the corpus together go along every legal edge, and
/// along no other: the list that was written from the rules and the machine agree.
#[test]
fn the_legal_edges_are_taken_and_no_other() {
    let explored = takeover_core::ha::explore::all_edges();
    let mut taken: BTreeSet<_> = explored.iter().map(|(from, to, _)| (*from, *to)).collect();
    for case in cases() {
        taken.extend(run::edges(&case));
    }
    let legal: BTreeSet<_> = edges::all().collect();
    let more: Vec<_> = taken.difference(&legal).collect();
    assert!(more.is_empty(), "illegal: {more:?}");
    let never: Vec<_> = legal.difference(&taken).collect();
    assert!(never.is_empty(), "never taken: {never:?}");
}

/// A case that is wrong is found wrong: by what it expects, by its edges, by a line that nobody understands.
#[test]
fn a_wrong_case_is_found() {
    let case =
        |body: &str| Case::parse("x.case", &format!("by hand\nrule HA-4\nshows x\n{body}\n"));
    let said = |body: &str| run::run(&case(body).unwrap()).unwrap_err();
    assert!(said("start row 1\nis row 2").contains("x.case:5"));
    assert!(said("start row 1\ndo fail over A\nis A Normal (Normal)").contains("FailingOver"));
    assert!(said("start row 3\nusers of A at A").contains("at B"));
    assert!(said("start row 1\nmoves 1").contains("0"));
    assert!(said("start row 1\nrefused A recover").contains("not refused"));
    assert!(said("start row 1\nhistory A Idle (On Admin Request)").contains("history"));
    assert!(
        case("start row 1\ndo dance A")
            .unwrap_err()
            .contains("dance")
    );
    assert!(case("is row 1").unwrap_err().contains("start"));
    assert!(!edges::is_legal(State::Idle, State::Backup));
}
