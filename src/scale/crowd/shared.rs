//! What a crowd and whoever watches it share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::scale::tally::Tally;

/// Counts of all crowds, and what they are told to do.
#[derive(Debug, Default)]
pub(in crate::scale) struct Shared {
    /// Clients that are logged in.
    pub(super) online: AtomicU64,
    /// Sessions that went on after a loss.
    pub(super) resumed: AtomicU64,
    /// Sample users write to each other.
    pub(super) talks: AtomicBool,
    pub(super) tally: Mutex<Tally>,
    /// A crowd that panicked, and with what.
    pub(super) panicked: Mutex<Option<String>>,
    changed: Notify,
}

impl Shared {
    /// For so many sample users.
    pub(in crate::scale) fn new(talkers: usize) -> Arc<Self> {
        Arc::new(Self {
            tally: Mutex::new(Tally::of(talkers)),
            ..Self::default()
        })
    }

    pub(in crate::scale) fn online(&self) -> u64 {
        self.online.load(Ordering::Relaxed)
    }

    pub(in crate::scale) fn resumed(&self) -> u64 {
        self.resumed.load(Ordering::Relaxed)
    }

    pub(in crate::scale) fn tally(&self) -> &Mutex<Tally> {
        &self.tally
    }

    pub(in crate::scale) fn panicked(&self) -> Option<String> {
        self.panicked.lock().clone()
    }

    /// Has sample users talk from now on, or be quiet.
    pub(in crate::scale) fn talk(&self, on: bool) {
        self.talks.store(on, Ordering::Relaxed);
        self.changed.notify_waiters();
    }

    pub(super) fn is_talking(&self) -> bool {
        self.talks.load(Ordering::Relaxed)
    }

    /// Completes when it is told something new.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }
}
