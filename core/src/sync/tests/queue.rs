use super::*;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn consumer() -> (Arc<Woken>, Waker) {
    let woken = Arc::new(Woken::default());
    (Arc::clone(&woken), Waker::from(woken))
}

/// BOX-1: a full queue refuses, hands back and counts.
#[test]
fn reject_hands_the_new_item_back() {
    let queue = BoundedQueue::new(2, Overflow::Reject);
    assert_eq!(queue.push(1), Ok(Pushed::Queued));
    assert_eq!(queue.push(2), Ok(Pushed::Queued));
    assert_eq!(
        queue.push(3),
        Err(RefusedPush::Full {
            item: 3,
            capacity: 2
        })
    );
    assert_eq!(queue.drain(), [1, 2]);
    let counters = Counters {
        pushed: 2,
        popped: 2,
        rejected: 1,
        high_water: 2,
        ..Counters::default()
    };
    assert_eq!(queue.counters(), counters);
}

/// BOX-1: a full queue makes room by its oldest, hands it back and counts.
#[test]
fn drop_oldest_hands_the_oldest_back() {
    let queue = BoundedQueue::new(2, Overflow::DropOldest);
    assert_eq!(queue.push(1), Ok(Pushed::Queued));
    assert_eq!(queue.push(2), Ok(Pushed::Queued));
    assert_eq!(queue.push(3), Ok(Pushed::Displaced(1)));
    assert_eq!(
        (queue.pop(), queue.pop(), queue.pop()),
        (Pop::Item(2), Pop::Item(3), Pop::Empty)
    );
    assert_eq!(queue.counters().displaced, 1);
}

/// END-1: a closed queue takes nothing more and still gives what it has.
#[test]
fn a_close_keeps_what_is_inside() {
    let queue = BoundedQueue::new(2, Overflow::DropOldest);
    assert_eq!(queue.push(1), Ok(Pushed::Queued));
    assert!(queue.close());
    assert!(!queue.close());
    let refused = queue.push(2).expect_err("closed");
    assert_eq!(refused.into_item(), 2);
    assert_eq!((queue.pop(), queue.pop()), (Pop::Item(1), Pop::Closed));
    assert_eq!(queue.counters().late, 1);
}

/// BOX-1: a capacity of nothing would never pass a message: it counts as one.
#[test]
fn no_queue_is_without_room() {
    let queue = BoundedQueue::new(0, Overflow::Reject);
    assert_eq!(queue.capacity(), 1);
    assert_eq!(queue.push(1), Ok(Pushed::Queued));
}

/// BOX-1: the consumer waits once, and is woken once by a push and by a close.
#[test]
fn the_consumer_is_woken() {
    let queue = BoundedQueue::new(9, Overflow::Reject);
    let (woken, waker) = consumer();
    let mut context = Context::from_waker(&waker);
    assert_eq!(queue.poll_pop(&mut context), Poll::Pending);
    assert_eq!(queue.poll_pop(&mut context), Poll::Pending);
    assert_eq!(queue.push(1), Ok(Pushed::Queued));
    assert_eq!(queue.push(2), Ok(Pushed::Queued));
    assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    let mut batch = Vec::new();
    assert_eq!(queue.take(1, &mut batch), 1);
    assert_eq!(queue.poll_pop(&mut context), Poll::Ready(Some(2)));
    assert_eq!(queue.poll_pop(&mut context), Poll::Pending);
    assert!(queue.close_and_drain().is_empty());
    assert_eq!(woken.0.load(Ordering::Relaxed), 2);
    assert_eq!(queue.poll_pop(&mut context), Poll::Ready(None));
}

proptest! {
    /// BOX-1: over any steps each item comes out once, in order, or was handed back; the bound
    /// holds and the counters add up.
    #[test]
    fn it_follows_a_deque(
        capacity in 1..5usize,
        drops: bool,
        steps in prop::collection::vec(0..10u8, 0..80),
    ) {
        let overflow = if drops { Overflow::DropOldest } else { Overflow::Reject };
        let queue = BoundedQueue::new(capacity, overflow);
        let mut model = VecDeque::new();
        let mut closed = false;
        for (item, what) in (0u32..).zip(steps) {
            match what {
                0..=5 => {
                    let expected = if closed {
                        Err(RefusedPush::Closed { item })
                    } else if model.len() < capacity {
                        model.push_back(item);
                        Ok(Pushed::Queued)
                    } else if drops {
                        model.push_back(item);
                        Ok(Pushed::Displaced(model.pop_front().expect("full")))
                    } else {
                        Err(RefusedPush::Full { item, capacity })
                    };
                    prop_assert_eq!(queue.push(item), expected);
                }
                6..=7 => {
                    let expected = model.pop_front().map_or(
                        if closed { Pop::Closed } else { Pop::Empty },
                        Pop::Item,
                    );
                    prop_assert_eq!(queue.pop(), expected);
                }
                8 => prop_assert_eq!(queue.drain(), std::mem::take(&mut model)),
                _ => {
                    prop_assert_eq!(queue.close(), !closed);
                    closed = true;
                }
            }
            let counters = queue.counters();
            prop_assert_eq!(counters.pushed, counters.popped + counters.displaced + queue.len() as u64);
            prop_assert!(counters.high_water <= capacity);
        }
    }
}
