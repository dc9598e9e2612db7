//! The rules of the house, kept by a test and not by memory.
//!
//! Each rule is a function from a source file to its findings. The last test feeds every rule a
//! file that breaks it, so that a rule that has gone blind is noticed.

mod rules;
mod tree;

use rules::Finding;
use tree::Source;

fn findings(rule: impl Fn(&Source, &tree::Known) -> Vec<Finding>) -> String {
    let sources = tree::sources();
    let known = tree::Known::of(&sources);
    let found = sources.iter().flat_map(|source| rule(source, &known));
    found.map(|finding| format!("\n{finding}")).collect()
}

fn hold(rule: impl Fn(&Source, &tree::Known) -> Vec<Finding>) {
    let found = findings(rule);
    assert!(found.is_empty(), "{found}\n");
}

#[test]
fn no_file_is_longer_than_500_lines() {
    hold(rules::file_length);
}

#[test]
fn no_function_is_longer_than_70_lines() {
    hold(rules::function_length);
}

#[test]
fn no_match_over_our_own_enums_ends_in_a_wildcard() {
    hold(rules::wildcards);
}

#[test]
fn public_functions_that_can_fail_say_how() {
    hold(rules::errors_documented);
}

#[test]
fn every_file_says_what_it_is_about() {
    hold(rules::file_documented);
}

#[test]
fn nothing_is_left_to_do() {
    hold(rules::leftovers);
}

#[test]
fn only_the_runtime_layer_touches_actix() {
    hold(rules::actix_stays_inside);
}

#[test]
fn an_unwrap_outside_tests_has_its_proof_beside_it() {
    hold(rules::unwraps);
}

/// The median and the longest: a figure to watch rather than to pass.
#[test]
fn functions_are_short_as_a_whole() {
    let mut lengths: Vec<usize> = tree::sources()
        .iter()
        .flat_map(rules::function_lengths)
        .collect();
    lengths.sort_unstable();
    let at = |share: f64| {
        lengths
            .get((lengths.len() as f64 * share) as usize)
            .copied()
            .unwrap_or(0)
    };
    assert!(at(0.5) <= 8, "median {} lines", at(0.5));
    assert!(at(0.9) <= 25, "p90 {} lines", at(0.9));
    assert!(at(0.99) <= 50, "p99 {} lines", at(0.99));
}

/// Every rule finds the sin that is planted for it.
#[test]
fn every_rule_sees_its_planted_sin() {
    let long_function = format!("//! x\nfn f() {{\n{}}}\n", "    let _x = 1;\n".repeat(80));
    let enums = "//! x\nenum E { A, B }\nfn f(e: E) -> u8 { match e { E::A => 1, _ => 2 } }\n";
    let fallible = "//! x\n/// Does.\npub fn f() -> Result<(), ()> { Ok(()) }\n";
    let unfinished = format!("//! x\nfn f() {{ {}!() }}\n", "todo");
    type Rule = fn(&Source, &tree::Known) -> Vec<Finding>;
    let sins: [(Rule, String); 8] = [
        (rules::file_length, "//! x\n".repeat(501)),
        (rules::function_length, long_function),
        (rules::wildcards, enums.to_owned()),
        (rules::errors_documented, fallible.to_owned()),
        (rules::file_documented, "fn f() {}\n".to_owned()),
        (rules::leftovers, unfinished),
        (
            rules::actix_stays_inside,
            "//! x\nuse actix::Actor;\n".to_owned(),
        ),
        (
            rules::unwraps,
            "//! x\nfn f() { g().unwrap(); }\n".to_owned(),
        ),
    ];
    for (index, (rule, text)) in sins.into_iter().enumerate() {
        let sources = [Source::planted("core/src/sin.rs", text)];
        let known = tree::Known::of(&sources);
        assert!(
            !rule(&sources[0], &known).is_empty(),
            "rule {index} has gone blind"
        );
    }
}
