//! The timer heap: ordered by (deadline, sequence), so that timers fire in the order of their
//! deadlines to the microsecond, and those of one deadline in the order they were armed.

use parking_lot::Mutex;
use std::collections::BTreeMap;
use takeover_core::time::Moment;
use tokio::sync::Notify;

/// What a timer does when it runs out; it must only hand on (push a message, wake a future).
pub(super) type Fire = Box<dyn FnOnce() + Send>;

/// Where a timer stands in the heap: its deadline, and the order of arming.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TimerId(Moment, u64);

#[derive(Default)]
struct Heap {
    waiting: BTreeMap<TimerId, Fire>,
    sequence: u64,
}

/// The timers of one thread.
#[derive(Default)]
pub(super) struct Timers {
    heap: Mutex<Heap>,
    changed: Notify,
}

impl Timers {
    pub(super) fn arm(&self, deadline: Moment, fire: Fire) -> TimerId {
        let mut heap = self.heap.lock();
        heap.sequence += 1;
        let id = TimerId(deadline, heap.sequence);
        let first = heap.waiting.keys().next().is_none_or(|head| id < *head);
        heap.waiting.insert(id, fire);
        drop(heap);
        if first {
            self.changed.notify_one();
        }
        id
    }

    /// Takes a timer out of the heap; false if it has fired already.
    pub(super) fn cancel(&self, id: TimerId) -> bool {
        // The closure is dropped outside the lock: it may own things that arm or cancel.
        let fire = self.heap.lock().waiting.remove(&id);
        fire.is_some()
    }

    pub(super) fn next_deadline(&self) -> Option<Moment> {
        self.heap.lock().waiting.keys().next().map(|id| id.0)
    }

    /// Takes the first timer that is due at `now`.
    pub(super) fn pop_due(&self, now: Moment) -> Option<Fire> {
        let mut heap = self.heap.lock();
        let head = *heap.waiting.keys().next()?;
        if head.0 > now {
            None
        } else {
            heap.waiting.remove(&head)
        }
    }

    pub(super) fn len(&self) -> usize {
        self.heap.lock().waiting.len()
    }

    /// Completes when an earlier timer than all before was armed.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }
}
