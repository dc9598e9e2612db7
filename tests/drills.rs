//! Chapter 2, *The table*: the drills that come with the program reach every row, and no pair ever
//! rests outside the table.

use takeover::drill::{self, Outcome, Summary};

fn outcomes() -> Vec<Outcome> {
    let drills = drill::shipped().unwrap();
    drills
        .iter()
        .map(|drill| drill::run(drill, &mut |_| {}).outcome)
        .collect()
}

/// HA-1 to HA-17: every drill goes as written, and together they reach 27 of 27 rows.
#[test]
fn all_drills_reach_every_row() {
    let outcomes = outcomes();
    let failed = outcomes.iter().filter(|outcome| !outcome.ok);
    let verdicts: String = failed
        .map(|outcome| format!("\n{}", outcome.verdict()))
        .collect();
    let summary = Summary::of(&outcomes);
    println!("{}", serde_json::to_string_pretty(&summary).unwrap());
    assert!(
        summary.is_ok(),
        "{verdicts}\nmissing rows: {:?}",
        summary.missing
    );
    assert_eq!((summary.rows_reached, summary.rows), (27, 27));
}
