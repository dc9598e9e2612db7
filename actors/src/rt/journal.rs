//! The journal's collector: one ordered stream, a running digest, tails for those who watch.

use super::clock::Clock;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Weak};
use takeover_core::digest::Digest;
use takeover_core::id::NodeId;
use takeover_core::journal::{Entry, Event};
use tokio::sync::Notify;

/// How many entries a journal keeps in memory if nothing else is said.
pub const DEFAULT_JOURNAL_CAPACITY: usize = 1 << 20;

struct Inner {
    next: u64,
    digest: Digest,
    line: String,
    kept: VecDeque<Entry>,
    forgotten: u64,
    spill: Option<Box<dyn io::Write + Send>>,
    spill_error: Option<io::Error>,
    tails: Vec<Weak<TailQueue>>,
}

/// Collects what happened, in order. Bounded: the oldest entries are forgotten (and counted) past
/// its capacity; the digest and a spill, where one is set, have them all.
#[derive(Clone)]
pub struct Journal {
    clock: Clock,
    capacity: usize,
    inner: Arc<Mutex<Inner>>,
}

impl Journal {
    pub(super) fn new(clock: Clock, capacity: usize) -> Self {
        let inner = Inner {
            next: 1,
            digest: Digest::new(),
            line: String::new(),
            kept: VecDeque::new(),
            forgotten: 0,
            spill: None,
            spill_error: None,
            tails: Vec::new(),
        };
        Self {
            clock,
            capacity,
            inner: Arc::new(Mutex::new(inner)),
        }
    }

    /// Records an event of `node` (or of the whole lab) at the present moment; its number.
    pub fn record(&self, node: Option<NodeId>, event: Event) -> u64 {
        let mut inner = self.inner.lock();
        // Read under the lock, so that the entries' times never go back.
        let entry = Entry {
            seq: inner.next,
            at: self.clock.now(),
            node,
            event,
        };
        inner.next += 1;
        inner.digest_and_spill(&entry);
        inner.tails.retain(|tail| match tail.upgrade() {
            Some(tail) => {
                tail.push(entry.clone());
                true
            }
            None => false,
        });
        if inner.kept.len() >= self.capacity {
            inner.kept.pop_front();
            inner.forgotten += 1;
        }
        let seq = entry.seq;
        if self.capacity > 0 {
            inner.kept.push_back(entry);
        }
        seq
    }

    /// The running digest over the lines of all entries so far: equal runs, equal digests.
    pub fn digest(&self) -> u64 {
        self.inner.lock().digest.value()
    }

    /// How many entries were recorded.
    pub fn len(&self) -> u64 {
        self.inner.lock().next - 1
    }

    /// Whether nothing was recorded yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many old entries are no longer in memory.
    pub fn forgotten(&self) -> u64 {
        self.inner.lock().forgotten
    }

    /// The entries in memory, oldest first.
    pub fn entries(&self) -> Vec<Entry> {
        self.inner.lock().kept.iter().cloned().collect()
    }

    /// The entries in memory that `pick` accepts, oldest first.
    pub fn select(&self, pick: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        self.inner
            .lock()
            .kept
            .iter()
            .filter(|entry| pick(entry))
            .cloned()
            .collect()
    }

    /// The first entry after number `after` that `pick` accepts.
    pub fn find(&self, after: u64, pick: impl Fn(&Entry) -> bool) -> Option<Entry> {
        let inner = self.inner.lock();
        inner
            .kept
            .iter()
            .find(|entry| entry.seq > after && pick(entry))
            .cloned()
    }

    /// One line per entry in memory.
    pub fn lines(&self) -> String {
        let inner = self.inner.lock();
        inner.kept.iter().fold(String::new(), |mut text, entry| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{entry}");
            text
        })
    }

    /// From now on writes each entry's line to `out` as well. After a failed write it stops and
    /// keeps the error for [`Journal::spill_error`].
    pub fn spill_to(&self, out: impl io::Write + Send + 'static) {
        self.inner.lock().spill = Some(Box::new(out));
    }

    /// Takes the error that ended the spill, if one did.
    pub fn spill_error(&self) -> Option<io::Error> {
        self.inner.lock().spill_error.take()
    }

    /// What is recorded from now on, for somebody who watches. At most `capacity` entries wait;
    /// of more, the oldest are dropped and counted.
    pub fn tail(&self, capacity: usize) -> Tail {
        let queue = Arc::new(TailQueue {
            capacity: capacity.max(1),
            waiting: Mutex::default(),
            more: Notify::new(),
        });
        self.inner.lock().tails.push(Arc::downgrade(&queue));
        Tail(queue)
    }
}

impl Inner {
    fn digest_and_spill(&mut self, entry: &Entry) {
        self.line.clear();
        // Writing to a String cannot fail.
        let _ = writeln!(self.line, "{entry}");
        self.digest.update(self.line.as_bytes());
        let Some(out) = self.spill.as_mut() else {
            return;
        };
        if let Err(error) = out.write_all(self.line.as_bytes()) {
            self.spill_error = Some(error);
            self.spill = None;
        }
    }
}

struct TailQueue {
    capacity: usize,
    waiting: Mutex<(VecDeque<Entry>, u64)>,
    more: Notify,
}

impl TailQueue {
    fn push(&self, entry: Entry) {
        let mut waiting = self.waiting.lock();
        if waiting.0.len() >= self.capacity {
            waiting.0.pop_front();
            waiting.1 += 1;
        }
        waiting.0.push_back(entry);
        drop(waiting);
        self.more.notify_one();
    }
}

/// A follower of the journal.
pub struct Tail(Arc<TailQueue>);

impl Tail {
    /// What waits, oldest first.
    pub fn drain(&mut self) -> Vec<Entry> {
        self.0.waiting.lock().0.drain(..).collect()
    }

    /// How many entries were dropped because nobody read them in time.
    pub fn missed(&self) -> u64 {
        self.0.waiting.lock().1
    }

    /// The next entry, when there is one.
    pub async fn next(&mut self) -> Entry {
        loop {
            let entry = self.0.waiting.lock().0.pop_front();
            match entry {
                Some(entry) => return entry,
                None => self.0.more.notified().await,
            }
        }
    }
}
