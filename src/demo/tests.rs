//! CHAT-8 and CHAT-9 in virtual time.

use super::*;
use crate::Lab;
use crate::client::Note;

fn play(seed: u64) -> (Lab, Times) {
    let mut lab = Lab::virtual_time(seed).start().unwrap();
    let times = Story::new(&mut lab, |_| std::ops::ControlFlow::Continue(()))
        .unwrap()
        .play();
    let times = times.unwrap_or_else(|error| panic!("{error}\n{}", lab.journal().lines()));
    (lab, times)
}

/// CHAT-8, CHAT-9, CHAT-10: nothing that was acknowledged is lost, doubled or reordered.
#[test]
fn the_whole_of_the_chat_story() {
    let (lab, times) = play(1);
    let finding = lab.finding();
    assert!(finding.total.is_clean(), "{finding:#?}");
    assert_eq!(times.failover.saturating_since(times.died).as_secs(), 90);
    assert!(finding.total.acknowledged > 100, "{finding:#?}");
    let andy = lab.client("andy").unwrap();
    let states: Vec<String> = andy
        .notes()
        .into_iter()
        .filter_map(|noted| match noted.note {
            Note::State(state) => Some(state.to_string()),
            _ => None,
        })
        .collect();
    let logins = ["logged in at 1A", "logged in at 1B", "logged in at 1A"];
    let seen: Vec<&String> = states
        .iter()
        .filter(|state| state.starts_with("logged in"))
        .collect();
    assert_eq!(seen, logins, "{states:?}");
    let history = andy
        .received()
        .iter()
        .filter(|message| message.delayed)
        .count();
    assert!(history > 20, "Andy reads the history: {history}");
}

/// The same seed is the same story, byte for byte; another seed is another one.
#[test]
fn the_same_seed_is_the_same_story() {
    let journal = |seed| play(seed).0.journal().lines();
    let (first, again, other) = (journal(1), journal(1), journal(2));
    assert_eq!(first, again);
    assert_ne!(first, other);
}
