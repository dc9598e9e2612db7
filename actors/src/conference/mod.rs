//! Group chat: the Text Conference Manager (TC) of a node, its rooms, and what of them outlives it.
//!
//! | part | what it holds |
//! | --- | --- |
//! | [`Alias`] | a conference alias: who hosts it at which epoch, who is in its rooms, its database |
//! | [`TextConference`] | the actor of the service: hosts aliases, starts rooms, lets aliases go |
//! | `RoomActor` | one room: drives the machine of [`takeover_protocols::muc`], stores before it shows |
//!
//! An alias is named for its home node and keeps its name wherever it is hosted (CHAT-1). Who hosts
//! it is decided by one compare-and-set in its slot, exactly as for users; that the *database* takes
//! writes from nobody else is decided there, by the epoch of the lease (CHAT-10). Occupants live in
//! the pair's soft state beside the alias, so that they stay in the room when it moves (SES-3).
//!
//! A message takes these steps: it reaches the room in its sender's order and claims its ticket; it
//! is written to the database; its ticket is finished; it is reflected to everybody. All but the
//! writing happens within one handler, so a node's end falls before or after, never between. What
//! was stored but not reflected when a node died is reflected by the next host as it loads the
//! room, and known by its key when its sender, who was not told, sends it again.

mod alias;
mod front;
mod ledger;
mod loading;
mod manager;
mod room;
mod switch;

pub use alias::{Alias, AliasSlot, AliasState, RoomSoft, SharedRooms};
pub use manager::{AliasReport, Done, Moved, TC_MAILBOX, TcMsg, TextConference};
pub use room::RoomMsg;
pub use switch::{Rush, Switch};
