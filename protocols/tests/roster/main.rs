//! Rosters as conversations (RFC 6121, sections 2 and 3).

mod agreement;
mod conversations;
mod stage;
