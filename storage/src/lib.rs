//! What the deployment keeps: users, rooms, histories and node records.
//!
//! One trait per need: [`ChatStore`] (a pair's external database), [`UserStore`] (a cluster's
//! replicated user database), [`NodeStore`] (what one node keeps for its next life). Engines:
//! [`Memory`] for virtual time, [`Embedded`] as the default, [`Postgres`] for chat; every engine passes the same
//! conformance suite (`tests/conformance.rs`).
//!
//! ```
//! use std::sync::Arc;
//! use takeover_protocols::{datetime::Timestamp, muc::{HistoryEntry, RoomConfig, RoomRecord, RoomWrite}};
//! use takeover_storage::{Claim, HistoryQuery, Memory, NodeId};
//!
//! # futures_util::future::FutureExt::now_or_never(async {
//! let chat = Memory::new().chat("pair-1");
//! let fence = chat.acquire("conference-1.example.com", NodeId(1), Claim::IfFree).await?.fence;
//! let room: jid::BareJid = "lunch@conference-1.example.com".parse()?;
//! let record = RoomRecord::new(
//!     room.clone(),
//!     "andy@example.com".parse()?,
//!     RoomConfig::default(),
//!     Timestamp::default(),
//! );
//! let message = HistoryEntry {
//!     seq: 1,
//!     at: Timestamp::default(),
//!     nick: "Andy".into(),
//!     from: "andy@example.com/desk".parse()?,
//!     id: None,
//!     stanza: "<message xmlns='jabber:client'><body>Who is hungry?</body></message>".into(),
//! };
//! let create = RoomWrite::Create { record: Box::new(record), history: Vec::new() };
//! let writes = vec![Arc::new(create), Arc::new(RoomWrite::Message(message))];
//! chat.write(&fence, &room, writes).await?;
//! let page = chat.history(&room, HistoryQuery::search("hungry", 10)).await?;
//! assert_eq!(page.entries.len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap().unwrap();
//! ```

mod address;
mod chat;
pub mod codec;
pub mod embedded;
mod engine;
mod error;
mod export;
mod faults;
mod guarded;
mod kv;
mod memory;
pub mod merge;
mod node;
pub mod postgres;
mod users;
mod words;

pub use address::{AddressError, ChatAddress, Opener};
pub use chat::*;
pub use embedded::Embedded;
pub use engine::{EngineInfo, EngineKind, Store, StoreFuture, ready};
pub use error::StoreError;
pub use export::{Export, message_line};
pub use faults::{FailOnce, Faults};
pub use guarded::{Guarded, Passage};
pub use memory::Memory;
pub use node::{HA_RECORD, NodeStore, get_value, put_value};
pub use postgres::{
    Pause, Postgres, PostgresOptions, PostgresScratch, PostgresSettings, PostgresTls,
    PostgresTraffic,
};
pub use users::*;
pub use words::{holds, words};

pub use takeover_core::id::NodeId;
