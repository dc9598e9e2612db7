//! A migration that is bounded by a deadline (HA-14): it is published in time or given up.

use crate::common::*;

struct Move {
    slot: UserSlot,
    deadline: Deadline,
}

/// With room for `limit` messages in the hold.
fn frozen(limit: usize) -> (Arc<Move>, Arming) {
    let moving = Move {
        slot: Slot::new(first(), Place::new()),
        deadline: Deadline::new(),
    };
    moving.slot.freeze(first(), limit).expect("open");
    let arming = moving.deadline.arm();
    (Arc::new(moving), arming)
}

model! {
    /// HA-14: the drain is done as the deadline comes: published or given up, and what was held
    /// is delivered either way.
    published_or_given_up, Exhaustive;
    Bug::DeadlineEndsInTwoSteps => "in time and too late",
    Bug::SlotDropsWhenFull => "accepted and lost";
    {
        let (moving, arming) = frozen(0);
        let router = beside(&moving, |moving| route(&moving.slot, 1));
        let timer = beside(&moving, move |moving| {
            let late = moving.deadline.fire(arming).is_ok();
            if late {
                let _ = moving.slot.thaw(first(), |place, m| place.accept(first(), m));
            }
            late
        });
        let in_time = moving.deadline.cancel(arming).is_ok();
        let published = if in_time { moving.slot.publish(first(), B).ok() } else { None };
        let late = join(timer);
        let accepted = usize::from(join(router));
        let opened = published.map_or(Ok(0), |mine| open(&moving.slot, mine));
        assert!(in_time != late, "in time and too late");
        assert!(opened.is_ok() && moving.slot.gate() == Gate::Open, "held for ever");
        assert_eq!(log(&moving.slot).len(), accepted, "accepted and lost");
    }
}

model! {
    /// HA-14: a migration whose slot was frozen by a node that died is bounded too: the deadline
    /// hands the user to the next node, and the dead one's late publish changes nothing.
    the_mover_dies, Exhaustive;
    Bug::SlotPublishUnfenced => "the dead one's publish got through";
    {
        let (moving, arming) = frozen(8);
        let late = beside(&moving, |moving| moving.slot.publish(first(), B).is_ok());
        let expired = moving.deadline.fire(arming).is_ok();
        let claimed = moving.slot.claim(first(), C, 8).is_ok();
        let published = join(late);
        assert!(expired && claimed != published, "the dead one's publish got through");
        assert_eq!(moving.slot.owner().node(), if published { B } else { C });
    }
}
