//! The demonstration: the failover and fallback of chapter 4 with four people who talk all along.

mod story;
mod teller;
mod verdict;

pub use story::{PEOPLE, Story, StoryError, Times};
pub use teller::Teller;
pub use verdict::{ClientVerdict, PairVerdict, Verdict};

#[cfg(test)]
mod tests;
