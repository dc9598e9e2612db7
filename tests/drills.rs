//! Chapter 2, *The table*: the drills that come with the program reach every row, and no pair ever
//! rests outside the table.

#[path = "../storage/tests/support/postgres.rs"]
mod postgres;

use takeover::drill::{self, Engine, Outcome, Rooms, Summary};

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

/// CHAT-8, CHAT-9, CHAT-10: the drills of rooms go as written on PostgreSQL, too, twice the same way;
/// the schemas that were made for them are gone afterwards.
#[test]
fn drills_of_rooms_on_postgresql() {
    let Some(server) = postgres::server("drills::drills_of_rooms_on_postgresql") else {
        return;
    };
    let like = server.settings("drill");
    let mut names = Vec::new();
    for drill in drill::shipped().unwrap() {
        if !drill.engines.contains(&Engine::PostgreSql) {
            continue;
        }
        let digests = [1, 2].map(|_| {
            let run = drill::run_on(&drill, Rooms::PostgreSql(&like), &mut |_| {});
            assert!(run.outcome.ok, "{}", run.outcome.verdict());
            assert_eq!(run.outcome.engine, Engine::PostgreSql);
            let stored = server.sql("SELECT sum(messages) FROM drill_1.takeover_room");
            assert!(stored.parse::<u64>().unwrap() > 50, "{stored}");
            run.outcome.digest
        });
        assert_eq!(digests[0], digests[1], "{}", drill.name);
        names.push(drill.name);
    }
    assert_eq!(names, ["chat-8", "chat-9"]);
    let left = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'drill%'";
    assert_eq!(server.sql(left), "0");
}

/// CHAT-3: without its server a drill is not carried out on anything else; it fails, and says why.
#[test]
fn a_server_that_is_not_there_fails_a_drill() {
    let drills = drill::shipped().unwrap();
    let chat = drills.iter().find(|drill| drill.name == "chat-8").unwrap();
    let nobody = takeover_storage::PostgresSettings {
        port: 1,
        ..takeover_storage::PostgresSettings::new("127.0.0.1", "nobody", "nobody")
    };
    let run = drill::run_on(chat, Rooms::PostgreSql(&nobody), &mut |_| {});
    assert!(!run.outcome.ok && run.lab.is_none());
    let why = run.outcome.failure.unwrap().why;
    assert!(why.contains("is not reachable"), "{why}");
}

/// The same drill goes the same way, entry for entry.
#[test]
fn a_drill_is_a_run() {
    let drills = drill::shipped().unwrap();
    let split = drills
        .iter()
        .find(|drill| drill.name == "split-brain")
        .unwrap();
    let digest = || drill::run(split, &mut |_| {}).outcome.digest;
    assert_eq!(digest(), digest());
}

/// What does not go as written is said with its line, what was expected and how things stand; rows
/// that were not gone through are named.
#[test]
fn a_drill_that_goes_wrong_says_where() {
    let text = "title Wrong\nshows 3\nkill tc on 1A\nexpect row 12 within 30s\nwait 1h\n";
    let drill = drill::parse("wrong.drill", "wrong", text).unwrap();
    let outcome = drill::run(&drill, &mut |_| {}).outcome;
    let failure = outcome.failure.clone().unwrap();
    assert!(!outcome.ok && !Summary::of(std::slice::from_ref(&outcome)).is_ok());
    assert_eq!(
        (failure.line, failure.step.as_str()),
        (4, "expect row 12 within 30s")
    );
    assert!(failure.why.contains("1A Normal"), "{}", failure.why);
    assert_eq!(outcome.missing_rows, [3]);
}

/// HA-11: a step that should be refused and is not makes the drill fail.
#[test]
fn an_action_that_is_accepted_was_not_refused() {
    let text = "title Wrong\nrefused fail over 1A\n";
    let drill = drill::parse("wrong.drill", "wrong", text).unwrap();
    let outcome = drill::run(&drill, &mut |_| {}).outcome;
    assert_eq!(outcome.failure.unwrap().why, "it was accepted");
}

/// HA-13: the pictures of the states in `docs/` are those of the code. `UPDATE=1` draws them anew.
#[test]
fn the_pictures_of_the_states_are_those_of_the_code() {
    let diagram = drill::Diagram::of_the_code();
    let pictures = [
        ("ha-states.mmd", drill::mermaid(&diagram)),
        ("ha-states.svg", drill::svg(&diagram)),
    ];
    for (name, text) in pictures {
        let path = format!("{}/docs/{name}", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &text).expect("the picture can be written");
        }
        let known = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(known == text, "docs/{name} differs: UPDATE=1 draws it anew");
    }
    assert!(diagram.edges.len() > 50);
}
