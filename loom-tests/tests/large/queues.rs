//! Producers, a consumer that sleeps, and a close. Too large for loom: a consumer that is woken
//! many times.

use super::common::*;
use std::task::{Context, Poll, Wake, Waker};

/// A task's waker for a consumer that is a thread: a flag to look at.
struct Bell(AtomicU64);

impl Wake for Bell {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.store(1, Ordering::Release);
    }
}

/// Takes until the queue is closed and empty. `None` where it would sleep for ever.
fn consume(queue: &BoundedQueue<u32>, over: &AtomicU64) -> Option<Vec<u32>> {
    let bell = std::sync::Arc::new(Bell(AtomicU64::new(0)));
    let waker = Waker::from(std::sync::Arc::clone(&bell));
    let mut context = Context::from_waker(&waker);
    let mut taken = Vec::new();
    loop {
        match queue.poll_pop(&mut context) {
            Poll::Ready(Some(item)) => taken.push(item),
            Poll::Ready(None) => return Some(taken),
            Poll::Pending => {
                // Asleep until the bell rings; for ever, if all are through and it has not.
                while bell.0.swap(0, Ordering::AcqRel) == 0 {
                    let all_through = over.load(Ordering::Acquire) == 1;
                    if all_through && bell.0.load(Ordering::Acquire) == 0 {
                        return None;
                    }
                    thread::yield_now();
                }
            }
        }
    }
}

struct Line {
    queue: BoundedQueue<u32>,
    /// All items in the order of their pushes; the producers push one at a time then.
    order: Option<Mutex<Vec<u32>>>,
    over: AtomicU64,
}

/// Three producers of four items; what was displaced or refused comes back.
fn produce(line: &Arc<Line>) -> Vec<JoinHandle<Vec<u32>>> {
    let work = |n: u32| {
        move |line: &Line| {
            let push = |m| {
                let mut order = line.order.as_ref().map(Mutex::lock);
                if let Some(order) = &mut order {
                    order.push(10 * n + m);
                }
                match line.queue.push(10 * n + m) {
                    Ok(Pushed::Queued) => None,
                    Ok(Pushed::Displaced(old)) => Some(old),
                    Err(refused) => Some(refused.into_item()),
                }
            };
            (0..4).filter_map(push).collect()
        }
    };
    (1..=3).map(|n| beside(line, work(n))).collect()
}

/// What was taken (`None` where the consumer sleeps for ever), what came back, and the line.
fn run(overflow: Overflow) -> (Option<Vec<u32>>, Vec<u32>, Arc<Line>) {
    let line = Arc::new(Line {
        queue: BoundedQueue::new(2, overflow),
        order: (overflow == Overflow::DropOldest).then(|| Mutex::new(Vec::new())),
        over: AtomicU64::new(0),
    });
    let consumer = beside(&line, |line: &Line| consume(&line.queue, &line.over));
    let back: Vec<u32> = produce(&line).into_iter().flat_map(join).collect();
    line.queue.close();
    line.over.store(1, Ordering::Release);
    (join(consumer), back, line)
}

fn in_order(items: &[u32]) -> bool {
    (1..=3).all(|n| items.iter().filter(|item| **item / 10 == n).is_sorted())
}

model! {
    /// BOX-1: under rejection every item is taken once, in its producer's order, or was refused;
    /// the consumer sleeps and is woken, and the counters add up.
    a_line_that_rejects, Schedules(40_000);
    Bug::QueueWaitsInTwoSteps => "sleeps for ever",
    Bug::QueueCloseWakesNobody => "sleeps for ever",
    Bug::QueuePushInTwoSteps => "more than fits";
    {
        let (taken, back, line) = run(Overflow::Reject);
        let counters = line.queue.counters();
        let taken = taken.expect("the consumer sleeps for ever");
        assert!(in_order(&taken), "out of order");
        assert_eq!(taken.len() + back.len(), 12, "lost or doubled");
        assert_eq!((counters.popped, counters.rejected), (taken.len() as u64, back.len() as u64));
        assert!(counters.high_water <= 2, "more than fits");
    }
}

model! {
    /// BOX-1: where the oldest makes room nobody is refused, and what is taken is in order.
    a_line_that_drops_the_oldest, Schedules(40_000);
    Bug::QueueDisplacesNewest => "an older one stayed",
    Bug::QueueWaitsInTwoSteps => "sleeps for ever";
    {
        let (taken, back, line) = run(Overflow::DropOldest);
        let counters = line.queue.counters();
        let taken = taken.expect("the consumer sleeps for ever");
        assert!(in_order(&taken), "out of order");
        assert_eq!(taken.len() + back.len(), 12, "lost or doubled");
        assert_eq!((counters.pushed, counters.displaced), (12, back.len() as u64));
        let order = line.order.as_ref().map(|order| order.lock().clone()).unwrap_or_default();
        assert!(order[10..].iter().all(|item| taken.contains(item)), "an older one stayed");
    }
}
