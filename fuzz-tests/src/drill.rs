//! Drills.

use std::fmt::Write as _;

use takeover::drill::{Drill, Engine, Line, Step, parse};

/// A drill is read again from its own words, and so is each of its deeds from the words that it is
/// printed in; an error names a line that there is.
pub(crate) fn body(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else {
        return;
    };
    let drill = match parse("x.drill", "x", text) {
        Ok(drill) => drill,
        Err(error) => {
            assert!(
                (1..=text.lines().count().max(1)).contains(&error.line),
                "{error}"
            );
            assert!(!error.allowed.is_empty(), "{error}");
            return;
        }
    };
    let as_written = words(&drill, |line| line.text.clone());
    let as_printed = words(&drill, |line| match &line.step {
        Step::Do(deed) => deed.to_string(),
        Step::Refused(deed) => format!("refused {deed}"),
        Step::Talk(_) | Step::Wait(_) | Step::Expect(..) | Step::See(..) | Step::Stay(..) => {
            line.text.clone()
        }
    });
    for text in [as_written, as_printed] {
        match parse("again.drill", "x", &text) {
            Ok(again) => assert_eq!(meaning(&again), meaning(&drill), "{text}"),
            Err(error) => panic!("{error}\n{text}"),
        }
    }
}

/// The drill as a file, its steps in the words given.
fn words(drill: &Drill, step: impl Fn(&Line) -> String) -> String {
    let shows: Vec<String> = drill.shows.iter().map(u8::to_string).collect();
    let mut text = format!("title {}\n", drill.title);
    // Writing to a String cannot fail.
    for line in &drill.about {
        let _ = writeln!(text, "about {line}");
    }
    let _ = writeln!(
        text,
        "shows {}\nseed {}\npairs {}",
        shows.join(" "),
        drill.seed,
        drill.pairs
    );
    let engines = drill.engines.iter().map(|engine| match engine {
        Engine::Own => "own",
        Engine::PostgreSql => "postgresql",
    });
    let engines: Vec<&str> = engines.collect();
    let _ = writeln!(text, "engines {}", engines.join(" "));
    for user in &drill.forgetful {
        let _ = writeln!(text, "forgetful {user}");
    }
    for (name, value) in &drill.parameters {
        let _ = writeln!(text, "set {name} = {value}");
    }
    for line in &drill.steps {
        let _ = writeln!(text, "{}", step(line));
    }
    text
}

/// The drill without the places and words of its lines.
fn meaning(drill: &Drill) -> Drill {
    let mut bare = drill.clone();
    for line in &mut bare.steps {
        line.number = 0;
        line.text.clear();
    }
    bare
}
