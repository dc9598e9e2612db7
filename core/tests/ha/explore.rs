//! Every history of a pair up to a number of faults.

use takeover_core::ha::State;
use takeover_core::ha::explore::{Exploration, Explorer, Planted, Violation};

use crate::matrix::golden;

fn summary(found: &Exploration) -> String {
    let Exploration {
        faults,
        states,
        transitions,
        depth,
        at_rest,
        needs_operator,
        ..
    } = found;
    format!(
        "faults {faults}: {states} states, {transitions} transitions, depth {depth}, {at_rest} at rest, \
         {} cannot heal, {needs_operator} need an operator, rows {:?}, digest {:016x}\n",
        found.cannot_heal, found.rows, found.digest
    )
}

#[track_caller]
fn is_sound(found: &Exploration) {
    let what: Vec<Violation> = found
        .found
        .iter()
        .map(|(violation, _)| *violation)
        .collect();
    assert!(found.complete && what.is_empty(), "{what:?}");
    assert_eq!(found.cannot_heal, 0);
}

/// HA-10, HA-11, HA-14: with one fault, and people acting at any moment: only pairs of the table at rest,
/// every transition ends, no user is left with nobody, refused actions change nothing, all heals.
#[test]
fn one_fault_at_any_moment() {
    let found = Explorer::new(1).prompt().try_refused_actions().run(|_| {});
    is_sound(&found);
    golden("explore_1.txt", &summary(&found));
}

/// HA-6: the same with automatic fallback.
#[test]
fn one_fault_with_automatic_fallback() {
    let found = Explorer::new(1)
        .automatic_fallback(std::time::Duration::from_secs(1800))
        .run(|_| {});
    is_sound(&found);
    golden("explore_1_fallback.txt", &summary(&found));
    assert!(found.rows.contains(&10));
}

/// HA-10, HA-11, HA-14: with two faults. Repairs wait until messages and work have come to rest.
#[test]
fn two_faults() {
    let found = Explorer::new(2).run(|_| {});
    is_sound(&found);
    golden("explore_2.txt", &summary(&found));
}

/// The explorer finds each kind of bug that is planted, by what it breaks: a split that is ignored never
/// heals and goes round, a take-over without a timer hangs, a home that believes itself back too early is
/// in no row, a refusal that acts is no refusal.
#[test]
fn planted_bugs_are_found() {
    for planted in Planted::ALL {
        let explorer = Explorer::new(2).planted(planted).first_only();
        let found = match planted {
            Planted::RefusalActs => explorer.try_refused_actions().run(|_| {}),
            _ => explorer.run(|_| {}),
        };
        let broken: Vec<Violation> = found.found.iter().map(|(what, _)| *what).collect();
        let is_told = match planted {
            Planted::SplitIgnored => broken == [Violation::CannotHeal, Violation::NeverEnds],
            Planted::UnboundedTakeOver => matches!(
                broken[..],
                [Violation::RestsInTransition {
                    state: State::TakingOver
                }]
            ),
            Planted::RefusalActs => {
                matches!(broken[..], [Violation::RefusedActionActed { .. }])
            }
            Planted::EarlyNormal => {
                let is_no_row = |what: &Violation| matches!(what, Violation::NotInTable { .. });
                !broken.is_empty() && broken.iter().all(is_no_row)
            }
        };
        assert!(is_told, "{}: {broken:?}", planted.name());
        // A refusal can act in the very first state.
        let ways = found.found.iter().map(|(_, trace)| trace.moves.len());
        let is_far = planted != Planted::RefusalActs;
        assert!(!is_far || ways.min() > Some(0), "and the way there is told");
    }
    let hangs = Explorer::new(2)
        .planted(Planted::UnboundedTakeOver)
        .first_only()
        .run(|_| {});
    let way = hangs.found[0]
        .1
        .moves
        .iter()
        .map(|(one, _)| one.to_string());
    let told = ["Crash(0)", "Expire(1, PeerSilence)", "Hang(1)"];
    assert!(way.eq(told), "the shortest way, in words");
    let untried = Explorer::new(1).planted(Planted::RefusalActs).run(|_| {});
    assert!(
        untried.found.is_empty(),
        "only where refused actions are tried"
    );
}

/// What is told of each planted bug: how often it shows, and the shortest ways there; where steps never end,
/// once round with them.
#[test]
fn planted_bugs_are_told_in_full() {
    let mut told = String::new();
    for planted in Planted::ALL {
        let explorer = Explorer::new(1).planted(planted).try_refused_actions();
        let found = explorer.run(|_| {});
        told += &format!(
            "{}: {} violations in {} states, {} cannot heal\n",
            planted.name(),
            found.violations,
            found.states,
            found.cannot_heal
        );
        for (violation, trace) in &found.found {
            let moves: Vec<String> = trace.moves.iter().map(|(one, _)| one.to_string()).collect();
            told += &format!("  {violation:?}: {}\n", moves.join(" "));
        }
    }
    golden("explore_planted.txt", &told);
}

/// A search is over when it has as many states as it may, and says that it has not seen all; nothing is
/// said of healing then.
#[test]
fn a_search_that_is_cut_short_says_so() {
    let all = Explorer::new(1).run(|_| {});
    let exactly = Explorer::new(1).most_states(all.states + 1).run(|_| {});
    assert!(exactly.complete && exactly.digest == all.digest);
    let short = Explorer::new(1).most_states(all.states / 2).run(|_| {});
    assert!(!short.complete && short.states >= all.states / 2 && short.states < all.states);
    assert_eq!((short.cannot_heal, short.needs_operator), (0, 0));
}

/// Threads that look ahead change nothing: same numbers, same digest.
#[test]
fn threads_find_the_same() {
    let run = |threads| Explorer::new(2).threads(threads).run(|_| {});
    let (one, three) = (run(1), run(3));
    assert_eq!(one.digest, three.digest);
    assert_eq!(one.operator_rests, three.operator_rests);
}

/// HA-7: which rests need an operator is told apart, by row; row 1 never does.
#[test]
fn rests_that_need_an_operator_are_told_by_row() {
    let found = Explorer::new(1).run(|_| {});
    let by_row = &found.operator_rests;
    for row in [3, 11, 21, 24] {
        assert!(by_row.contains_key(&row), "row {row}: {by_row:?}");
    }
    assert!(!by_row.contains_key(&1), "{by_row:?}");
    assert!(by_row.values().all(|rests| *rests > 0), "{by_row:?}");
    assert!(by_row.values().sum::<usize>() <= found.needs_operator);
}

/// Progress is told while there is something to look at.
#[test]
fn progress_is_told() {
    let mut heard = Vec::new();
    let found = Explorer::new(2).run(|progress| heard.push(progress));
    assert!(heard.len() > 2, "{}", heard.len());
    assert!(heard.is_sorted_by_key(|progress| (progress.depth, progress.states)));
    assert!(heard.iter().all(|progress| progress.waiting < found.states));
}

/// Two runs find the same, and a different machine gives a different digest.
#[test]
fn the_digest_tells_machines_apart() {
    let run = |explorer: Explorer| explorer.run(|_| {}).digest;
    let digest = run(Explorer::new(1));
    assert_eq!(digest, run(Explorer::new(1)));
    assert_ne!(digest, run(Explorer::new(1).planted(Planted::SplitIgnored)));
}
