//! A bounded queue with a stated rule for what happens when it is full.

use super::shim::{Mutex, planted};
use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

/// What a full queue does with one item more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// The new item is refused and handed back.
    Reject,
    /// The oldest item makes room and is handed back.
    DropOldest,
}

/// A bounded first-in-first-out queue from many producers to one consumer.
///
/// Nothing is lost in silence: what does not fit, and what has to make room, goes back to the
/// producer and is counted. All producers and the consumer agree on one order.
#[derive(Debug)]
pub struct BoundedQueue<T> {
    capacity: usize,
    overflow: Overflow,
    inside: Mutex<Inside<T>>,
}

#[derive(Debug)]
struct Inside<T> {
    items: VecDeque<T>,
    closed: bool,
    counters: Counters,
    consumer: Option<Waker>,
}

/// What a queue has seen since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Items accepted.
    pub pushed: u64,
    /// Items that the consumer took, drained ones included.
    pub popped: u64,
    /// Items refused because the queue was full.
    pub rejected: u64,
    /// Items that had to make room for newer ones.
    pub displaced: u64,
    /// Items that were refused because the queue was closed.
    pub late: u64,
    /// The most items that were ever in the queue at once.
    pub high_water: usize,
}

/// An item was accepted.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "an item that had to make room is still somebody's to look after"]
pub enum Pushed<T> {
    /// There was room.
    Queued,
    /// This one, the oldest, had to make room.
    Displaced(T),
}

/// An item was not accepted, and here it is again.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefusedPush<T> {
    /// The queue holds `capacity` items and its rule is [`Overflow::Reject`].
    #[error("the queue is full: it holds {capacity} items and may hold no more")]
    Full {
        /// The item refused.
        item: T,
        /// How many items the queue may hold.
        capacity: usize,
    },
    /// The queue was closed.
    #[error("the queue is closed: it takes no more items")]
    Closed {
        /// The item refused.
        item: T,
    },
}

impl<T> RefusedPush<T> {
    /// The item that was refused.
    pub fn into_item(self) -> T {
        match self {
            Self::Full { item, .. } | Self::Closed { item } => item,
        }
    }
}

/// What the consumer found.
#[derive(Debug, PartialEq, Eq)]
pub enum Pop<T> {
    /// The oldest item.
    Item(T),
    /// Nothing now; more may come.
    Empty,
    /// Nothing, and nothing will come.
    Closed,
}

impl<T> BoundedQueue<T> {
    /// An empty queue for at most `capacity` items (0 counts as 1), with its rule for overflow.
    ///
    /// Memory is taken as items come, not in advance.
    #[must_use]
    pub fn new(capacity: usize, overflow: Overflow) -> Self {
        let inside = Inside {
            items: VecDeque::new(),
            closed: false,
            counters: Counters::default(),
            consumer: None,
        };
        Self {
            capacity: capacity.max(1),
            overflow,
            inside: Mutex::new(inside),
        }
    }

    /// How many items the queue may hold.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Puts `item` in, and wakes the consumer if it waits.
    ///
    /// # Errors
    /// [`RefusedPush::Full`] under [`Overflow::Reject`], [`RefusedPush::Closed`]; both hand the
    /// item back.
    #[inline]
    pub fn push(&self, item: T) -> Result<Pushed<T>, RefusedPush<T>> {
        planted!(QueuePushInTwoSteps => return self.push_in_two_steps(item));
        let mut inside = self.inside.lock();
        if inside.closed && !planted!(QueuePushIgnoresClose) {
            inside.counters.late += 1;
            return Err(RefusedPush::Closed { item });
        }
        let displaced = if inside.items.len() < self.capacity {
            None
        } else {
            match self.overflow {
                Overflow::Reject => {
                    inside.counters.rejected += 1;
                    return Err(RefusedPush::Full {
                        item,
                        capacity: self.capacity,
                    });
                }
                Overflow::DropOldest => {
                    inside.counters.displaced += 1;
                    inside.displace()
                }
            }
        };
        inside.append(item);
        let consumer = inside.consumer.take();
        drop(inside);
        if let Some(waker) = consumer {
            waker.wake();
        }
        Ok(displaced.map_or(Pushed::Queued, Pushed::Displaced))
    }

    /// Takes the oldest item.
    #[inline]
    pub fn pop(&self) -> Pop<T> {
        let mut inside = self.inside.lock();
        match inside.take_first() {
            Some(item) => Pop::Item(item),
            None if inside.closed => Pop::Closed,
            None => Pop::Empty,
        }
    }

    /// Takes the oldest item, or has the task of `context` woken by the next push or the close.
    /// Ready with `None` when the queue is closed and empty.
    ///
    /// One consumer: a second one takes the first one's place as the task to be woken.
    pub fn poll_pop(&self, context: &mut Context<'_>) -> Poll<Option<T>> {
        planted!(QueueWaitsInTwoSteps => return self.poll_in_two_steps(context));
        let mut inside = self.inside.lock();
        if let Some(item) = inside.take_first() {
            return Poll::Ready(Some(item));
        }
        if inside.closed {
            return Poll::Ready(None);
        }
        inside.wait(context);
        Poll::Pending
    }

    /// Moves up to `limit` items to the end of `batch`, oldest first, and says how many.
    pub fn take(&self, limit: usize, batch: &mut Vec<T>) -> usize {
        let mut inside = self.inside.lock();
        let count = limit.min(inside.items.len());
        inside.counters.popped += count as u64;
        batch.extend(inside.items.drain(..count));
        count
    }

    /// Takes everything, oldest first. The queue stays as open as it is.
    #[must_use = "the items taken are the caller's to look after"]
    pub fn drain(&self) -> VecDeque<T> {
        self.inside.lock().drain()
    }

    /// Takes no more items from now on; those inside can still be taken. Wakes the consumer.
    /// False if the queue was closed already.
    pub fn close(&self) -> bool {
        let mut inside = self.inside.lock();
        let first = !std::mem::replace(&mut inside.closed, true);
        let consumer = inside.consumer.take();
        drop(inside);
        if let Some(waker) = consumer.filter(|_| !planted!(QueueCloseWakesNobody)) {
            waker.wake();
        }
        first
    }

    /// Closes the queue and takes everything, in one step: no item comes after these.
    #[must_use = "the items taken are the caller's to look after"]
    pub fn close_and_drain(&self) -> VecDeque<T> {
        planted!(QueueDrainsBeforeClose => return self.drain_then_close());
        let mut inside = self.inside.lock();
        inside.closed = true;
        let items = inside.drain();
        let consumer = inside.consumer.take();
        drop(inside);
        if let Some(waker) = consumer {
            waker.wake();
        }
        items
    }

    /// Whether the queue takes no more items.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.inside.lock().closed
    }

    /// How many items are inside. It may have changed by the time it is looked at.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inside.lock().items.len()
    }

    /// Whether nothing is inside. It may have changed by the time it is looked at.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the queue has seen so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.inside.lock().counters
    }
}

impl<T> Inside<T> {
    #[inline]
    fn append(&mut self, item: T) {
        self.items.push_back(item);
        self.counters.pushed += 1;
        self.counters.high_water = self.counters.high_water.max(self.items.len());
    }

    fn displace(&mut self) -> Option<T> {
        if planted!(QueueDisplacesNewest) {
            self.items.pop_back()
        } else {
            self.items.pop_front()
        }
    }

    #[inline]
    fn take_first(&mut self) -> Option<T> {
        let item = self.items.pop_front();
        self.counters.popped += u64::from(item.is_some());
        item
    }

    fn drain(&mut self) -> VecDeque<T> {
        self.counters.popped += self.items.len() as u64;
        std::mem::take(&mut self.items)
    }

    fn wait(&mut self, context: &mut Context<'_>) {
        match &mut self.consumer {
            Some(waker) => waker.clone_from(context.waker()),
            None => self.consumer = Some(context.waker().clone()),
        }
    }
}

/// The planted bugs that need a body of their own: each leaves the lock between two halves of
/// what must be one step.
#[cfg(any(takeover_loom, takeover_shuttle))]
impl<T> BoundedQueue<T> {
    fn push_in_two_steps(&self, item: T) -> Result<Pushed<T>, RefusedPush<T>> {
        if self.len() >= self.capacity {
            self.inside.lock().counters.rejected += 1;
            return Err(RefusedPush::Full {
                item,
                capacity: self.capacity,
            });
        }
        self.inside.lock().append(item);
        Ok(Pushed::Queued)
    }

    fn poll_in_two_steps(&self, context: &mut Context<'_>) -> Poll<Option<T>> {
        match self.pop() {
            Pop::Item(item) => return Poll::Ready(Some(item)),
            Pop::Closed => return Poll::Ready(None),
            Pop::Empty => {}
        }
        self.inside.lock().wait(context);
        Poll::Pending
    }

    fn drain_then_close(&self) -> VecDeque<T> {
        let items = self.drain();
        self.close();
        items
    }
}
