//! How fast the embedded engine makes messages durable, and opens again.
//!
//! `cargo run --release -p takeover-storage --example throughput [MESSAGES]`
#![allow(clippy::disallowed_methods, reason = "this measures real time")]

use std::{sync::Arc, thread, time::Instant};

use jid::BareJid;
use takeover_protocols::{
    datetime::Timestamp,
    muc::{HistoryEntry, RoomConfig, RoomRecord, RoomWrite},
};
use takeover_storage::{ChatStore, Claim, Embedded, Fence, NodeId};

type Failed = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failed> {
    let messages: u64 = std::env::args()
        .nth(1)
        .map_or(Ok(100_000), |count| count.parse())?;
    for (writers, batch) in [(1, 1), (16, 1), (256, 1), (4, 256)] {
        let folder = tempfile::tempdir()?;
        let embedded = Embedded::open(folder.path())?;
        let chat = embedded.chat("pair");
        let alias = "conference-1.example.com";
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let fence = runtime
            .block_on(chat.acquire(alias, NodeId(0), Claim::Force))?
            .fence;
        let each = if writers == 1 {
            messages / 20
        } else {
            messages
        } / writers;
        let begin = Instant::now();
        thread::scope(|scope| {
            let hands: Vec<_> = (0..writers)
                .map(|room| {
                    scope.spawn({
                        let (chat, fence) = (&*chat, &fence);
                        move || talk(chat, fence, room, each, batch)
                    })
                })
                .collect();
            hands
                .into_iter()
                .try_for_each(|hand| hand.join().map_err(|_| "a writer panicked")?)
        })?;
        let (took, traffic) = (begin.elapsed().as_secs_f64(), embedded.traffic());
        let stored = (each * writers) as f64;
        println!(
            "{writers:3} rooms, {batch:3} messages a write: {:8.0} messages/s, {:6.1} writes a sync, {} checkpoints",
            stored / took,
            traffic.writes as f64 / traffic.groups as f64,
            traffic.checkpoints,
        );
        drop((chat, embedded));
        let begin = Instant::now();
        Embedded::open(folder.path())?;
        println!(
            "    opened and checked in {:.3} s",
            begin.elapsed().as_secs_f64()
        );
    }
    Ok(())
}

fn talk(
    chat: &dyn ChatStore,
    fence: &Fence,
    room: u64,
    count: u64,
    batch: u64,
) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let room: BareJid = format!("room-{room}@{}", fence.alias).parse()?;
    let owner = "owner@example.com".parse()?;
    let record = RoomRecord::new(
        room.clone(),
        owner,
        RoomConfig::default(),
        Timestamp::default(),
    );
    let create = RoomWrite::Create {
        record: Box::new(record),
        history: Vec::new(),
    };
    runtime.block_on(chat.write(fence, &room, vec![Arc::new(create)]))?;
    let from: jid::FullJid = "andy@example.com/desk".parse()?;
    for first in (1..=count).step_by(usize::try_from(batch)?) {
        let writes = (first..(first + batch).min(count + 1)).map(|seq| {
            Arc::new(RoomWrite::Message(HistoryEntry {
                seq,
                at: Timestamp::default(),
                nick: "Andy".into(),
                from: from.clone(),
                id: None,
                stanza: format!("<message xmlns='jabber:client' type='groupchat'><body>number {seq}, {}</body></message>", "x".repeat(100)).into(),
            }))
        });
        runtime.block_on(chat.write(fence, &room, writes.collect()))?;
    }
    Ok(())
}
