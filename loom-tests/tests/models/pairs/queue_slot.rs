//! A session's outbound queue and the migration of its user: drained after the freeze, so that
//! nothing comes behind the drain.

use crate::common::*;

/// A session: its slot accepts into the queue of the connection at its owner.
struct Session {
    slot: Slot<Vec<u32>, u32>,
    /// What goes out at A.
    old: BoundedQueue<u32>,
}

fn session() -> Arc<Session> {
    let old = BoundedQueue::new(8, Overflow::Reject);
    Arc::new(Session {
        slot: Slot::new(first(), Vec::new()),
        old,
    })
}

impl Session {
    fn send(&self, message: u32) {
        let mut seen = self.slot.owner();
        loop {
            let accept = |there: &mut Vec<u32>, m| {
                if seen == first() {
                    self.old.push(m).is_ok()
                } else {
                    there.push(m);
                    true
                }
            };
            match self.slot.deliver(seen, message, accept) {
                Delivery::Delivered(accepted) => return assert!(accepted, "refused"),
                Delivery::Held => return,
                Delivery::Stale(_, owner) => seen = owner,
                Delivery::Full(_) | Delivery::Closed(_) => panic!("no limit is reached"),
            }
        }
    }
}

model! {
    /// SES-3: what waits at the old node goes over before what was held, nothing is left behind.
    a_queue_moves_along, Exhaustive;
    Bug::Misuse("drained before it is frozen") => "left behind or out of order",
    Bug::SlotThawOpensFirst => "left behind or out of order";
    {
        let session = session();
        let sender = beside(&session, |session| {
            session.send(1);
            session.send(2);
        });
        let early = planted::is(Bug::Misuse("drained before it is frozen"));
        let before = if early { session.old.drain() } else { Default::default() };
        session.slot.freeze(first(), 8).expect("open");
        let drained = if early { before } else { session.old.drain() };
        session.slot.with(first(), |there| there.extend(drained)).expect("A owns it");
        let second = session.slot.publish(first(), B).expect("frozen");
        session.slot.thaw(second, Vec::push).expect("frozen");
        join(sender);
        let there = session.slot.peek(|there, _| there.clone());
        assert_eq!(there, [1, 2], "left behind or out of order");
    }
}
