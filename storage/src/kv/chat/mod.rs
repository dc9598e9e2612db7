//! [`ChatStore`] over ordered keys.

mod read;
mod rows;
mod write;

use std::sync::Arc;

use jid::BareJid;
use takeover_protocols::muc::{HistoryEntry, RoomWrite};

use super::{Backend, Facade, Tx};
use crate::{
    ChatStore, Claim, Counts, Fence, HistoryPage, HistoryQuery, LeaseGrant, LeaseState, Means,
    NodeId, StoreError, StoreFuture, StoredRoom, ready,
};
use rows::{Layout, LeaseRow};

impl<B: Backend> Facade<B> {
    fn layout(&self) -> Layout {
        Layout(self.instance.clone())
    }

    /// A write under a lease.
    fn fenced<T: Send + 'static>(
        &self,
        fence: &Fence,
        job: impl FnOnce(&Layout, &mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreFuture<T> {
        let (layout, fence) = (self.layout(), fence.clone());
        self.backend.write(move |tx| {
            layout.check(tx.view(), &fence)?;
            job(&layout, tx)
        })
    }
}

impl<B: Backend> ChatStore for Facade<B> {
    fn acquire(&self, alias: &str, host: NodeId, claim: Claim) -> StoreFuture<LeaseGrant> {
        let (layout, alias) = (self.layout(), alias.to_owned());
        self.backend
            .write(move |tx| layout.acquire(tx, &alias, host, claim))
    }

    fn renew(&self, fence: &Fence) -> StoreFuture<()> {
        let (layout, fence) = (self.layout(), fence.clone());
        self.backend.read(move |view| layout.check(view, &fence))
    }

    fn release(&self, fence: &Fence) -> StoreFuture<()> {
        let (alias, epoch) = (fence.alias.clone(), fence.epoch);
        self.fenced(fence, move |layout, tx| {
            tx.put(
                &layout.lease(&alias),
                &LeaseRow {
                    held_by: None,
                    epoch,
                },
            )
        })
    }

    fn lease(&self, alias: &str) -> StoreFuture<LeaseState> {
        let (layout, alias) = (self.layout(), alias.to_owned());
        self.backend.read(move |view| {
            let LeaseRow { held_by, epoch } = layout.lease_row(view, &alias)?;
            Ok(LeaseState { held_by, epoch })
        })
    }

    fn write(&self, fence: &Fence, room: &BareJid, writes: Vec<Arc<RoomWrite>>) -> StoreFuture<()> {
        if room.domain().as_str() != fence.alias {
            let (room, alias) = (room.clone(), fence.alias.clone());
            return ready(Err(StoreError::OtherAlias { room, alias }));
        }
        let room = room.clone();
        self.fenced(fence, move |layout, tx| {
            writes
                .iter()
                .try_for_each(|write| layout.write(tx, &room, write))
        })
    }

    fn room(&self, room: &BareJid) -> StoreFuture<Option<StoredRoom>> {
        let (layout, room) = (self.layout(), room.clone());
        self.backend.read(move |view| layout.room(view, &room))
    }

    fn rooms(
        &self,
        alias: &str,
        after: Option<&BareJid>,
        limit: usize,
    ) -> StoreFuture<Vec<BareJid>> {
        let (layout, alias, after) = (self.layout(), alias.to_owned(), after.cloned());
        self.backend
            .read(move |view| layout.rooms(view, &alias, after.as_ref(), limit))
    }

    fn aliases(&self) -> StoreFuture<Vec<String>> {
        let layout = self.layout();
        self.backend.read(move |view| layout.aliases(view))
    }

    fn counts(&self, alias: Option<&str>) -> StoreFuture<Counts> {
        let (layout, alias) = (self.layout(), alias.map(str::to_owned));
        self.backend
            .read(move |view| layout.counts(view, alias.as_deref()))
    }

    fn history(&self, room: &BareJid, query: HistoryQuery) -> StoreFuture<HistoryPage> {
        let (layout, room) = (self.layout(), room.clone());
        self.backend
            .read(move |view| layout.history(view, &room, &query))
    }

    fn entry(&self, room: &BareJid, seq: u64) -> StoreFuture<Option<HistoryEntry>> {
        let (layout, room) = (self.layout(), room.clone());
        self.backend
            .read(move |view| layout.entry(view, &room, seq))
    }

    fn verify(&self) -> StoreFuture<u32> {
        let layout = self.layout();
        self.backend.write(move |tx| layout.verify(tx.view()))
    }

    fn means(&self) -> StoreFuture<Means> {
        let (layout, free) = (self.layout(), self.backend.free());
        self.backend.read(move |view| {
            let used = layout.bytes(view)?;
            Ok(Means {
                used,
                free,
                may_create: true,
            })
        })
    }
}
