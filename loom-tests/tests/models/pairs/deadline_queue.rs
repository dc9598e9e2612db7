//! A connection that is idle for too long is closed, unless something comes.

use crate::common::*;

model! {
    /// END-1: an item comes as the idle deadline does: it is refused because the queue is closed,
    /// or it cancels the deadline, or the one who closes drains it.
    an_item_beside_the_idle_timeout, Exhaustive;
    Bug::QueueDrainsBeforeClose => "accepted and never seen",
    Bug::QueuePushIgnoresClose => "accepted and never seen";
    {
        let shared = Arc::new((BoundedQueue::new(8, Overflow::Reject), Deadline::new()));
        let idle = shared.1.arm();
        let producer = beside(&shared, move |(queue, deadline)| {
            let accepted = queue.push(1).is_ok();
            (accepted, deadline.cancel(idle).is_ok())
        });
        let (queue, deadline) = &*shared;
        let closed = deadline.fire(idle).is_ok();
        let drained = if closed { queue.close_and_drain().len() } else { 0 };
        let (accepted, cancelled) = join(producer);
        assert!(closed != cancelled, "closed or kept, one of them");
        let seen = if closed { drained } else { queue.len() };
        assert_eq!(seen, usize::from(accepted), "accepted and never seen");
    }
}
