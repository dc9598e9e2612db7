//! `takeover db fill`: rooms and messages for trials.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::Args;
use serde_json::json;
use takeover_protocols::datetime::Timestamp;
use takeover_protocols::jid::{BareJid, FullJid};
use takeover_protocols::muc::{HistoryEntry, RoomConfig, RoomRecord, RoomWrite};
use takeover_protocols::stanza::{MessageType, Stanza};
use takeover_protocols::{ns, xml::Element};
use takeover_storage::merge::MERGER;
use takeover_storage::{ChatStore, Claim, Fence};
use tokio::runtime::Runtime;

use super::DbError;
use super::progress::{Seen, Stopwatch, show};
use crate::cli::{OK, print};

/// Messages that are written at a time.
const BATCH: u64 = 512;
/// The first room's first word, UTC: 2026-01-01.
const BEGINNING: i64 = 1_767_225_600_000;

/// Fill a database with numbered rooms and messages, for trials. The same options write the same.
#[derive(Args)]
pub(super) struct Fill {
    /// The database, made if it is not there.
    database: String,
    /// Conference alias that the rooms belong to.
    #[arg(long, default_value = "conference-1-cluster-1.example.test")]
    alias: String,
    /// How many rooms.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    rooms: u64,
    /// Number of the first room.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    first: u64,
    /// How many messages in all, spread evenly over the rooms.
    #[arg(long, default_value_t = 10_000)]
    messages: u64,
    /// Who talks: databases with different talkers have different messages in the same rooms.
    #[arg(long, default_value = "andy")]
    talker: String,
    /// Print progress and outcome as JSON objects, one a line, the outcome last.
    #[arg(long)]
    json: bool,
}

impl Fill {
    pub(super) fn run(&self, runtime: &Runtime) -> Result<u8, DbError> {
        let store = runtime.block_on(async {
            let mut opener = super::opener();
            Ok::<_, DbError>(opener.create(&self.database.parse()?).await?)
        })?;
        let watch = Stopwatch::start();
        let (done, all) = (AtomicU64::new(0), self.messages);
        let look = || {
            let messages = done.load(Ordering::Relaxed);
            Seen {
                phase: "filling",
                percent: 100.0 * messages as f64 / all.max(1) as f64,
                messages,
                of: all,
            }
        };
        show(self.json, &watch, look, || {
            runtime.block_on(self.fill(&store, &done))
        })?;
        let seconds = watch.seconds();
        if self.json {
            print(json!({
                "type": "filled",
                "ok": true,
                "rooms": self.rooms,
                "messages": self.messages,
                "elapsed_s": seconds,
                "messages_per_s": watch.rate(self.messages).round(),
            }));
        } else {
            print(format_args!(
                "{} messages in {} rooms, {seconds:.1} s.",
                self.messages, self.rooms
            ));
        }
        Ok(OK)
    }

    async fn fill(&self, store: &Arc<dyn ChatStore>, done: &AtomicU64) -> Result<(), DbError> {
        let fence = store
            .acquire(&self.alias, MERGER, Claim::IfFree)
            .await?
            .fence;
        let from = format!("{}@example.test/desk", self.talker);
        let from = FullJid::new(&from)
            .map_err(|error| DbError::Refused(format!("--talker {}: {error}", self.talker)))?;
        for place in 0..self.rooms {
            let share = self.messages / self.rooms + u64::from(place < self.messages % self.rooms);
            self.room(store, &fence, self.first + place, share, &from, done)
                .await?;
        }
        store.release(&fence).await?;
        Ok(())
    }

    async fn room(
        &self,
        store: &Arc<dyn ChatStore>,
        fence: &Fence,
        number: u64,
        share: u64,
        from: &FullJid,
        done: &AtomicU64,
    ) -> Result<(), DbError> {
        let room = BareJid::new(&format!("room-{number}@{}", self.alias))
            .map_err(|error| DbError::Refused(format!("--alias {}: {error}", self.alias)))?;
        let config = RoomConfig {
            persistent: true,
            ..RoomConfig::default()
        };
        let created = Timestamp::from_millis(BEGINNING);
        let record = RoomRecord::new(room.clone(), from.to_bare(), config, created);
        let create = RoomWrite::Create {
            record: Box::new(record),
            history: Vec::new(),
        };
        store.write(fence, &room, vec![Arc::new(create)]).await?;
        for first in (1..=share).step_by(BATCH as usize) {
            let last = share.min(first + BATCH - 1);
            let said = |seq| Arc::new(RoomWrite::Message(self.said(&room, number, seq, from)));
            store
                .write(fence, &room, (first..=last).map(said).collect())
                .await?;
            done.fetch_add(last + 1 - first, Ordering::Relaxed);
        }
        Ok(())
    }

    /// One message: a few seconds after the one before, some words long.
    fn said(&self, room: &BareJid, number: u64, seq: u64, from: &FullJid) -> HistoryEntry {
        let salt = self
            .talker
            .bytes()
            .fold(number, |salt, byte| salt.wrapping_mul(31) + u64::from(byte));
        let jitter = seq.wrapping_mul(2_654_435_761).wrapping_add(salt) % 7919;
        let at = BEGINNING + i64::try_from(seq * 8000 + jitter).unwrap_or(i64::MAX - BEGINNING);
        let text = format!(
            "{} says number {seq}{}",
            self.talker,
            " word".repeat((jitter % 24) as usize)
        );
        let id = format!("{}-{seq}", self.talker);
        let body = Element::new("body", ns::CLIENT).with_text(text);
        let mut stanza = Stanza::message(MessageType::Groupchat)
            .with_id(id.clone())
            .with_child(&body);
        stanza.from = room.with_resource_str(&self.talker).ok().map(Into::into);
        let entry = HistoryEntry {
            seq,
            at: Timestamp::from_millis(at),
            nick: self.talker.clone(),
            from: from.clone(),
            id: Some(id),
            stanza: stanza.to_bytes(),
        };
        entry.renumbered(room, seq)
    }
}
