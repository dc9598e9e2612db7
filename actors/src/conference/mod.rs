//! Text conferences: aliases, the manager that hosts them, and their rooms (chapter 4).

mod alias;

pub use alias::{Alias, AliasState, Inbox};
