//! The demonstration: the failover and fallback of chapter 4 with four people who talk all along.

mod story;

pub use story::{PEOPLE, Story, StoryError, Times};

#[cfg(test)]
mod tests;
