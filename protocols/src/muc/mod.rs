//! Multi-user chat: rooms as machines (XEP-0045).
//!
//! A [`Room`] takes stanzas and answers with [`RoomEffect`]s, to be done in their order. It knows no
//! clock (the time comes with each stanza), no database and no network.
//!
//! **Durability** (CHAT-10, CHAT-12). What must survive is asked for as [`RoomEffect::Store`] first.
//! Only when the driver reports [`Room::stored`] does anybody see it, always in the order in which
//! it came in; after [`Room::store_failed`] nobody ever does, and the sender gets the standard's
//! error. Several messages may be under way at once. While a write is under way that changes who may
//! do what (configuration, affiliations, destruction), later stanzas wait for it. A room that is not
//! durable takes the same path without the stop.
//!
//! **Tickets**. Each stanza comes with a [`Ticket`], and each ticket comes back exactly once: as
//! [`RoomEffect::Handled`] (nothing can be lost any more) or as [`RoomEffect::Reroute`] (the room is
//! not here any more). It may be confirmed to its sender then, and not before.
//!
//! **The archive** (XEP-0313). The room admits a question as [`RoomEffect::Recall`]; its driver asks the
//! database, and the [`Recall`] makes stanzas of what is found.
//!
//! **Moving**. Record and history are in the database, the occupants ([`OccupantRecord`]) in the
//! pair's soft state, kept up to date by [`RoomEffect::Occupant`]. [`Room::restore`] makes the room
//! of these at another node, and its occupants need not notice.
//!
//! ```
//! use takeover_protocols::datetime::Timestamp;
//! use takeover_protocols::jid::BareJid;
//! use takeover_protocols::muc::{Room, RoomConfig, RoomEffect, RoomLimits, RoomWrite, Ticket};
//! use takeover_protocols::stanza::Stanza;
//!
//! let now = Timestamp::from_millis(0);
//! let jid = BareJid::new("cave@conference-1.example.org").unwrap();
//! let defaults = RoomConfig { persistent: true, ..RoomConfig::default() };
//! let mut room = Room::vacant(jid, defaults, RoomLimits::default());
//!
//! // Andy enters, and creates the room by that; then he accepts its defaults.
//! let join = "<presence from='andy@example.org/d' to='cave@conference-1.example.org/andy'>\
//!             <x xmlns='http://jabber.org/protocol/muc'/></presence>";
//! room.handle(Ticket(1), Stanza::parse(join).unwrap(), now);
//! let accept = "<iq from='andy@example.org/d' to='cave@conference-1.example.org' id='1' \
//!     type='set'><query xmlns='http://jabber.org/protocol/muc#owner'>\
//!     <x xmlns='jabber:x:data' type='submit'/></query></iq>";
//! let effects = room.handle(Ticket(2), Stanza::parse(accept).unwrap(), now);
//! let [RoomEffect::Store { id, write, .. }] = &effects[..] else { panic!() };
//! assert!(matches!(**write, RoomWrite::Create { .. }));
//! let effects = room.stored(*id);
//! assert_eq!(effects[0], RoomEffect::Handled(Ticket(2)));
//!
//! // What he says is written first, and reflected when it is.
//! let hello = "<message from='andy@example.org/d' to='cave@conference-1.example.org' \
//!     type='groupchat'><body>hello</body></message>";
//! let effects = room.handle(Ticket(3), Stanza::parse(hello).unwrap(), now);
//! let [RoomEffect::Store { id, .. }] = &effects[..] else { panic!() };
//! let effects = room.stored(*id);
//! let [RoomEffect::Handled(Ticket(3)), RoomEffect::Broadcast(all)] = &effects[..] else { panic!() };
//! assert_eq!(all.recipients()[0].as_str(), "andy@example.org/d");
//! ```

mod administer;
mod archive;
mod config;
mod config_form;
mod effect;
mod enter;
mod history;
mod mediate;
mod notice;
mod occupants;
mod own;
pub mod privilege;
mod query;
mod record;
mod room;
pub mod service;
mod talk;
mod writes;

pub use archive::{Question, Recall, SaidBy};
pub use config::{AllowPm, RoomConfig, Whois};
pub use config_form::MAX_HISTORY;
pub use effect::{Broadcast, CloseReason, OccupantChange, RoomEffect, StoreFailure, Ticket};
pub use history::{HistoryRequest, OlderHistory};
pub use privilege::{Affiliation, Role};
pub use record::{
    AffiliationChange, AffiliationEntry, HistoryEntry, OccupantRecord, RoomRecord, RoomWrite,
    WriteId,
};
pub use room::{Phase, Room, RoomLimits};
