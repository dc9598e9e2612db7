//! `BoundedQueue`: bounded, closed in one step, and nobody sleeps through a push.

use super::common::*;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll, Wake, Waker};

/// Whether the consumer's task was woken.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// As a consumer's task runs: it polls, and polls again if it was woken by the time `others` are
/// through. `None` where it sleeps for ever.
fn consume(queue: &BoundedQueue<u32>, others: impl FnOnce()) -> Option<Poll<Option<u32>>> {
    let woken = std::sync::Arc::new(Woken::default());
    let waker = Waker::from(std::sync::Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    let first = queue.poll_pop(&mut context);
    others();
    match first {
        Poll::Ready(_) => Some(first),
        Poll::Pending => woken
            .0
            .load(Ordering::Relaxed)
            .then(|| queue.poll_pop(&mut context)),
    }
}

fn queue(capacity: usize, overflow: Overflow) -> Arc<BoundedQueue<u32>> {
    Arc::new(BoundedQueue::new(capacity, overflow))
}

model! {
    /// BOX-1: two pushes into one place: one is refused, and the bound holds.
    the_bound_holds, Exhaustive;
    Bug::QueuePushInTwoSteps => "one of them fits";
    {
        let queue = queue(1, Overflow::Reject);
        let other = beside(&queue, |queue| queue.push(1).is_ok());
        let mine = queue.push(2).is_ok();
        assert!(mine != join(other), "one of them fits");
        assert_eq!((queue.len(), queue.counters().rejected), (1, 1));
    }
}

model! {
    /// END-1: an item pushed as the queue is closed is among the drained ones or was refused.
    closed_as_an_item_comes, Exhaustive;
    Bug::QueueDrainsBeforeClose => "accepted and left inside",
    Bug::QueuePushIgnoresClose => "accepted and left inside";
    {
        let queue = queue(8, Overflow::Reject);
        let producer = beside(&queue, |queue| queue.push(1).is_ok());
        let drained = queue.close_and_drain();
        let accepted = usize::from(join(producer));
        assert_eq!(drained.len(), accepted, "accepted and left inside");
    }
}

model! {
    /// BOX-1: a consumer that finds nothing and waits is woken by the push that comes meanwhile.
    nobody_sleeps_through_a_push, Exhaustive;
    Bug::QueueWaitsInTwoSteps => "slept through it";
    {
        let queue = queue(8, Overflow::Reject);
        let producer = beside(&queue, |queue| queue.push(1).is_ok());
        let item = consume(&queue, || assert!(join(producer)));
        assert_eq!(item, Some(Poll::Ready(Some(1))), "slept through it");
    }
}

model! {
    /// END-1: a consumer that waits is woken by the close.
    nobody_sleeps_through_a_close, Exhaustive;
    Bug::QueueCloseWakesNobody => "slept through it",
    Bug::QueueWaitsInTwoSteps => "slept through it";
    {
        let queue = queue(8, Overflow::Reject);
        let closer = beside(&queue, |queue| queue.close());
        let item = consume(&queue, || assert!(join(closer)));
        assert_eq!(item, Some(Poll::Ready(None)), "slept through it");
    }
}

model! {
    /// BOX-1: where the oldest makes room, the newest is always inside, and order is kept.
    the_oldest_makes_room, Exhaustive;
    Bug::QueueDisplacesNewest => "the newer one made room";
    {
        let queue = queue(2, Overflow::DropOldest);
        let consumer = beside(&queue, |queue| match queue.pop() {
            Pop::Item(item) => vec![item],
            Pop::Empty | Pop::Closed => vec![],
        });
        let mut displaced = Vec::new();
        for item in 1..=3 {
            match queue.push(item).expect("never refused") {
                Pushed::Queued => {}
                Pushed::Displaced(old) => displaced.push(old),
            }
        }
        let mut all = join(consumer);
        all.extend(&displaced);
        all.sort_unstable();
        all.extend(queue.drain());
        assert_eq!(all, [1, 2, 3], "the newer one made room");
    }
}

model! {
    /// SES-3: two producers and a consumer: each producer's order is kept, nothing is lost.
    the_order_of_each_producer, Exhaustive;
    Bug::QueueDisplacesNewest => "lost, doubled or out of order";
    {
        let queue = queue(2, Overflow::DropOldest);
        let produce = |items: [u32; 2]| move |queue: &BoundedQueue<u32>| {
            let pushed = items.map(|item| queue.push(item).expect("never refused"));
            pushed.into_iter().filter_map(|pushed| match pushed {
                Pushed::Queued => None,
                Pushed::Displaced(old) => Some(old),
            }).collect::<Vec<u32>>()
        };
        let one = beside(&queue, produce([10, 11]));
        let mut gone = produce([20, 21])(&queue);
        gone.extend(join(one));
        let inside: Vec<u32> = queue.drain().into();
        let newest = inside.iter().any(|item| item % 10 == 1);
        let order = |tens| {
            let mine: Vec<u32> = inside.iter().copied().filter(|item| item / 10 == tens).collect();
            // Who is inside twice is in order, and who is inside once is inside with the newer.
            mine.is_empty() || mine.last().is_some_and(|last| last % 10 == 1)
        };
        assert_eq!(gone.len() + inside.len(), 4);
        assert!(newest && order(1) && order(2), "lost, doubled or out of order");
    }
}
