//! Rooms as conversations (XEP-0045): who says what, and who hears what.
//!
//! The names are those of the specification's examples: crone1 (firstwitch) owns the dark cave,
//! wiccarocks (secondwitch) is an admin of it, hag66 (thirdwitch) is nobody in particular.

mod administer;
mod archive;
mod durable;
mod enter;
mod own;
mod query;
mod random;
mod stage;
mod talk;
