//! The seats of a line: the sessions that one task serves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::super::settings::Site;
use super::crowd::Member;
use super::desk::{Desk, Over};
use crate::plane::{Close, Turns};

/// What a line's task and the session manager share of it.
#[derive(Default)]
pub(in super::super) struct Seats {
    desks: Mutex<Desks>,
    pub(super) turns: Arc<Turns>,
    draining: AtomicBool,
}

/// The sessions by their clients' numbers.
#[derive(Default)]
struct Desks {
    by_member: Vec<Option<Box<Desk>>>,
    taken: usize,
}

impl Seats {
    /// Has all sessions told `system-shutdown`, and those that come still. The task ends when they
    /// are gone.
    pub(in super::super) fn drain(&self) {
        self.draining.store(true, Ordering::Release);
        let desks = self.desks.lock();
        for desk in desks.by_member.iter().flatten() {
            desk.attached.outlet.close(Close::Shutdown);
        }
        drop(desks);
        self.turns.wake();
    }

    /// Nobody serves the line any more: its clients have lost their connections.
    pub(in super::super) fn lose(&self, site: &Site) {
        let desks = std::mem::take(&mut *self.desks.lock());
        Counter(site).less(desks.taken);
        for desk in desks.by_member.into_iter().flatten() {
            desk.leave(site, &Over::Lost);
        }
    }

    /// A client has a session.
    pub(super) fn sit_down(&self, site: &Site, whose: Member, desk: Desk) {
        if self.draining.load(Ordering::Acquire) {
            desk.attached.outlet.close(Close::Shutdown);
        }
        let mut desks = self.desks.lock();
        let place = whose as usize;
        if desks.by_member.len() <= place {
            desks.by_member.resize_with(place + 1, || None);
        }
        desk.attached.outlet.wake();
        let before = desks.by_member[place].replace(Box::new(desk));
        if before.is_none() {
            desks.taken += 1;
            Counter(site).more();
        }
        // Its place is that of the new session already; its end is told outside the lock.
        drop(desks);
        drop(before);
    }

    /// Works on a client's session; `None` if it has none.
    pub(super) fn at<R>(&self, whose: Member, work: impl FnOnce(&mut Desk) -> R) -> Option<R> {
        let mut desks = self.desks.lock();
        let desk = desks.by_member.get_mut(whose as usize)?.as_deref_mut()?;
        Some(work(desk))
    }

    /// Takes a client's session out of its seat.
    pub(super) fn stand_up(&self, site: &Site, whose: Member) -> Option<Desk> {
        let mut desks = self.desks.lock();
        let desk = desks.by_member.get_mut(whose as usize)?.take()?;
        desks.taken -= 1;
        Counter(site).less(1);
        Some(*desk)
    }

    /// Whether it is being drained and all are gone.
    pub(super) fn is_drained(&self) -> bool {
        self.draining.load(Ordering::Acquire) && self.desks.lock().taken == 0
    }
}

/// The node's count of attached sessions.
struct Counter<'a>(&'a Site);

impl Counter<'_> {
    fn more(&self) {
        let counters = &self.0.plane.node(self.0.node).counters;
        counters.attached.fetch_add(1, Ordering::Relaxed);
    }

    fn less(&self, by: usize) {
        let counters = &self.0.plane.node(self.0.node).counters;
        counters.attached.fetch_sub(by as u64, Ordering::Relaxed);
    }
}
