//! Shared by the tests of the stores: waiting, and values to store.
#![allow(dead_code, reason = "each test binary uses its part")]

pub mod chat_histories;
pub mod chat_suite;
pub mod disguise;
pub mod node_suite;
pub mod postgres;
pub mod proxy;
pub mod user_suite;

use std::sync::Arc;

use jid::BareJid;
use takeover_protocols::{
    datetime::Timestamp,
    muc::{
        Affiliation, AffiliationChange, AffiliationEntry, HistoryEntry, RoomConfig, RoomRecord,
        RoomWrite,
    },
};
use takeover_storage::{ChatStore, Claim, Fence, NodeId, StoreError, StoreFuture};

/// A part of a suite: its name, and what it does to an empty store.
pub type Part<S> = (&'static str, fn(&S));

/// Waits for an answer on this thread.
pub fn wait<T>(future: StoreFuture<T>) -> Result<T, StoreError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(future)
}

/// Waits for an answer that must be a good one.
#[track_caller]
pub fn good<T>(future: StoreFuture<T>) -> T {
    wait(future).unwrap()
}

pub const ALIAS: &str = "conference-1.example.com";
pub const PEER: &str = "conference-2.example.com";
pub const A: NodeId = NodeId(0);
pub const B: NodeId = NodeId(1);

pub fn jid(text: &str) -> BareJid {
    text.parse().unwrap()
}

pub fn room(name: &str) -> BareJid {
    jid(&format!("{name}@{ALIAS}"))
}

pub fn record(room: &BareJid) -> RoomRecord {
    RoomRecord::new(
        room.clone(),
        jid("owner@example.com"),
        RoomConfig::default(),
        at(7),
    )
}

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

/// A message said at second `seq`.
pub fn message(seq: u64, from: &str, text: &str) -> HistoryEntry {
    HistoryEntry {
        seq,
        at: at(i64::try_from(seq).unwrap()),
        nick: from.to_owned(),
        from: format!("{from}@example.com/desk").parse().unwrap(),
        id: Some(format!("id-{seq}")),
        stanza: format!(
            "<message xmlns='jabber:client' type='groupchat'><body>{text}</body></message>"
        )
        .into(),
    }
}

pub fn create(room: &BareJid) -> Arc<RoomWrite> {
    Arc::new(RoomWrite::Create {
        record: Box::new(record(room)),
        history: Vec::new(),
    })
}

pub fn says(seq: u64, from: &str, text: &str) -> Arc<RoomWrite> {
    Arc::new(RoomWrite::Message(message(seq, from, text)))
}

pub fn affiliation(user: &str, affiliation: Option<Affiliation>) -> AffiliationChange {
    let entry = affiliation.map(|affiliation| AffiliationEntry {
        affiliation,
        nick: None,
        reason: Some("said so".into()),
    });
    AffiliationChange {
        user: jid(user),
        entry,
    }
}

/// Node A with the lease on [`ALIAS`], and a room in it.
pub fn hosted(chat: &dyn ChatStore, name: &str) -> (Fence, BareJid) {
    let fence = good(chat.acquire(ALIAS, A, Claim::Force)).fence;
    let room = room(name);
    good(chat.write(&fence, &room, vec![create(&room)]));
    (fence, room)
}
