//! Clients at a node: how they come in, and how their sessions live.
//!
//! [`ConnectionManager`] takes arrivals and logs them in, one light child each; [`SessionManager`]
//! keeps the sessions, one light child each; [`Caretaker`] sees to those without a connection. A client comes on a wire, or hands its stanzas over. What outlives a connection is not here but in the
//! user's place (see [`plane`](crate::plane)).

mod caretaker;
mod farewell;
mod hand;
mod line;
mod login;
mod manager;
mod move_rooms;
mod mover;
mod relocate;
mod roll;
mod settings;
mod task;
mod turnstile;

pub use caretaker::{Caretaker, CaretakerMsg, CaretakerTimer};
pub use hand::{
    ClientHand, CrowdArrival, CrowdHand, CrowdServer, CrowdWord, HandArrival, HandEnd, Handed,
    Member, ServerHand, Told, Wish, Word, crowd_hands, hands,
};
pub use login::Established;
pub use login::manager::{ConnectionManager, ConnectionMsg};
pub use manager::{Drained, SessionManager, SessionMsg, SessionTimer};
pub use mover::Mover;
pub use relocate::relocate;
pub use settings::{Dual, SessionSettings, Site};
