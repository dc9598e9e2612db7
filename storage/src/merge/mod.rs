//! Merging two external databases into a third (MRG-1 to MRG-4), for deployments that come from one
//! database per node.
//!
//! The target is decided by the sources alone, message by message and number by number: `join`
//! says in which order, `room` what a room that both have becomes. So a run that finds part of it
//! written checks that part and goes on behind it, and however often a merge was interrupted it ends
//! in the same target (MRG-3). The sources are only read.
//!
//! * A room that one source has is copied as it is: numbers, gaps, every octet.
//! * A room that both have is joined in time order, each message once, and numbered anew from 1; the
//!   stable ids in the stanzas (XEP-0359) say the new numbers.
//!
//! Rooms are read and written page by page, several side by side: memory does not grow with the
//! databases. What the sources *say at the same millisecond* in one room is held together in memory.
//!
//! ```
//! use takeover_storage::{Memory, merge::Merge};
//!
//! # futures_util::future::FutureExt::now_or_never(async {
//! let memory = Memory::new();
//! let [a, b, both] = ["1A", "1B", "pair-1"].map(|instance| memory.chat(instance));
//! let report = Merge::new([a, b], both).run().await?;
//! assert_eq!(report.rooms, 0);
//! # Ok::<(), takeover_storage::merge::MergeError>(())
//! # }).unwrap().unwrap();
//! ```

mod error;
mod join;
mod pages;
mod room;
mod status;
mod verify;
mod write;

use std::sync::Arc;

use futures_util::stream::{FuturesUnordered, StreamExt};
use jid::BareJid;
use serde::Serialize;
use takeover_core::id::NodeId;

use crate::{ChatStore, Claim, EngineKind, Fence, StoreError};

pub use error::{MergeError, Part};
pub use status::{Phase, Status, Watch};
pub use verify::Verified;

/// Types of database that can be merged: all but Microsoft SQL Server (MRG-1).
pub const MERGEABLE: [EngineKind; 4] = [
    EngineKind::Memory,
    EngineKind::Embedded,
    EngineKind::PostgreSql,
    EngineKind::Oracle,
];

/// Who holds the target's leases while a merge writes to it: no node of a deployment has this number.
pub const MERGER: NodeId = NodeId(u16::MAX);

/// Rooms that are asked for at a time.
const LISTED: usize = 256;

/// What is made of leases that are held when a merge begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Leases {
    /// Whoever holds one runs: the merge is refused.
    #[default]
    Respect,
    /// The caller knows that nobody runs: they were left behind.
    LeftBehind,
}

/// What can be set about a merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// What is made of leases that are held.
    pub leases: Leases,
    /// Messages read, and written, at a time.
    pub page: usize,
    /// Rooms under way side by side.
    pub together: usize,
}

impl Default for Options {
    /// Leases are respected; 512 messages, 8 rooms.
    fn default() -> Self {
        Self {
            leases: Leases::Respect,
            page: 512,
            together: 8,
        }
    }
}

/// What a merge that came to its end has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Rooms of the sources in the target.
    pub rooms: u64,
    /// Of these, rooms that both sources had.
    pub joined: u64,
    /// Messages of these rooms in the target.
    pub messages: u64,
    /// Messages that both sources had: in the target once.
    pub doubles: u64,
    /// Messages that an earlier run had written already.
    pub found: u64,
}

impl Report {
    fn add(&mut self, room: Report) {
        self.rooms += room.rooms;
        self.joined += room.joined;
        self.messages += room.messages;
        self.doubles += room.doubles;
        self.found += room.found;
    }
}

/// A merge of two sources into a target.
pub struct Merge {
    sources: [Arc<dyn ChatStore>; 2],
    target: Arc<dyn ChatStore>,
    options: Options,
    watch: Watch,
}

impl Merge {
    /// A merge that has not begun.
    #[must_use]
    pub fn new(sources: [Arc<dyn ChatStore>; 2], target: Arc<dyn ChatStore>) -> Self {
        Self {
            sources,
            target,
            options: Options::default(),
            watch: Watch::default(),
        }
    }

    /// With other options than the usual ones.
    #[must_use]
    pub fn with_options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// A look at it, from any thread, also while it runs.
    #[must_use]
    pub fn watch(&self) -> Watch {
        self.watch.clone()
    }

    /// Verifies, then merges (MRG-2). May be run again after any end (MRG-3).
    ///
    /// # Errors
    /// [`MergeError`]: refused before anything was written, or interrupted.
    pub async fn run(&self) -> Result<Report, MergeError> {
        let ended = self.run_on().await;
        self.watch.change(|status| {
            status.phase = match &ended {
                Ok(_) => Phase::Done,
                Err(error) => Phase::Failed(error.to_string()),
            };
        });
        ended
    }

    async fn run_on(&self) -> Result<Report, MergeError> {
        let verified = self.verify().await?;
        let [first, second] = verified.counts;
        self.watch.change(|status| {
            *status = Status {
                phase: Phase::Merging,
                rooms: first.rooms + second.rooms,
                messages: first.messages + second.messages,
                ..Status::default()
            };
        });
        let mut report = Report::default();
        for alias in &verified.aliases {
            report.add(self.merge_alias(alias).await?);
        }
        self.check_epochs(&verified).await?;
        Ok(report)
    }

    fn store(&self, part: Part) -> &Arc<dyn ChatStore> {
        match part {
            Part::First => &self.sources[0],
            Part::Second => &self.sources[1],
            Part::Target => &self.target,
        }
    }

    /// What a database said, as an error of the merge.
    fn failed(&self, part: Part) -> impl Fn(StoreError) -> MergeError + '_ {
        move |error| {
            let database = self.store(part).info();
            match (part, error) {
                (Part::Target, StoreError::DiskFull { .. }) => MergeError::Full { database },
                (_, error @ StoreError::Schema { .. }) => MergeError::Schema {
                    part,
                    database,
                    error,
                },
                (_, error) => MergeError::Store {
                    part,
                    database,
                    error,
                },
            }
        }
    }

    async fn merge_alias(&self, alias: &str) -> Result<Report, MergeError> {
        let at_target = self.failed(Part::Target);
        let claim = match self.options.leases {
            Leases::Respect => Claim::IfFree,
            Leases::LeftBehind => Claim::Force,
        };
        let granted = self.target.acquire(alias, MERGER, claim).await;
        let fence = granted.map_err(&at_target)?.fence;
        let mut report = Report::default();
        for part in Part::SOURCES {
            report.add(self.merge_rooms_of(part, &fence).await?);
        }
        self.target.release(&fence).await.map_err(&at_target)?;
        Ok(report)
    }

    /// Merges the rooms of one source; those of the second that the first has, too, are done.
    async fn merge_rooms_of(&self, part: Part, fence: &Fence) -> Result<Report, MergeError> {
        let mut report = Report::default();
        let mut running = FuturesUnordered::new();
        let mut last: Option<BareJid> = None;
        loop {
            let source = self.store(part);
            let listed = source.rooms(&fence.alias, last.as_ref(), LISTED).await;
            let listed = listed.map_err(self.failed(part))?;
            let Some(end) = listed.last().cloned() else {
                break;
            };
            last = Some(end);
            for room in listed {
                if running.len() >= self.options.together.max(1)
                    && let Some(done) = running.next().await
                {
                    report.add(done?);
                }
                running.push(self.merge_room(part, room, fence));
            }
        }
        while let Some(done) = running.next().await {
            report.add(done?);
        }
        Ok(report)
    }
}

impl std::fmt::Debug for Merge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Merge")
            .field("sources", &self.sources.each_ref().map(|s| s.info()))
            .field("target", &self.target.info())
            .field("options", &self.options)
            .field("status", &self.watch.status())
            .finish()
    }
}
