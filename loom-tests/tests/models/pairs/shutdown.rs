//! Shutdown in the middle of a hand-over: every message is delivered or reported, nothing leaks.

use crate::common::*;

model! {
    /// END-1: the old node shuts down between freeze and publish, a sender beside it: each
    /// message was delivered, is handed back by the close, or was refused to its sender.
    shutdown_during_a_hand_over, Exhaustive;
    Bug::SlotCloseForgetsHeld => "neither delivered nor reported";
    {
        let slot = user();
        let sender = beside(&slot, |slot| {
            usize::from(route(slot, 1)) + usize::from(route(slot, 2))
        });
        slot.freeze(first(), 8).expect("open");
        let (seen, held) = slot.close(first(), |place| place.log.len()).expect("A owns it");
        let reported = seen + held.len();
        assert_eq!(reported, join(sender), "neither delivered nor reported");
    }
}

model! {
    /// END-1: the new node shuts down before it has opened what was published to it: it closes,
    /// or the old one's sender is through; the hand-over itself cannot be undone by the old node.
    the_new_node_shuts_down, Exhaustive;
    Bug::SlotCloseForgetsHeld => "neither delivered nor reported",
    Bug::SlotThawUnfenced => "neither delivered nor reported";
    {
        let slot = user();
        let sender = beside(&slot, |slot| usize::from(route(slot, 1)));
        let second = send_off(&slot, first(), B).expect("nobody else moves the user");
        let old = beside(&slot, |slot| {
            slot.thaw(first(), |place, message| place.accept(second_of_two(), message)).is_ok()
        });
        let closed = slot.close(second, |place| place.log.len());
        let undone = join(old);
        let accepted = join(sender);
        let (seen, held) = closed.expect("B owns it");
        assert!(!undone && seen + held.len() == accepted, "neither delivered nor reported");
    }
}

/// What the old node believes to own when it undoes what it has published.
fn second_of_two() -> Ownership {
    Ownership::new(B, 1)
}

model! {
    /// END-1: two queues and a hand-over at shutdown: the old queue is closed as an item is
    /// passed on to the new one; the item ends in one of them or with whoever was refused.
    items_pass_between_two_queues, Exhaustive;
    Bug::QueueDrainsBeforeClose => "an item is nowhere",
    Bug::QueuePushIgnoresClose => "an item is nowhere";
    {
        let new = || BoundedQueue::new(8, Overflow::Reject);
        let queues = Arc::new((new(), new()));
        let producer = beside(&queues, |(old, _)| old.push(1).is_ok());
        let mover = beside(&queues, |(old, new)| {
            let items = old.close_and_drain();
            items.into_iter().filter_map(|item| new.push(item).err()).count()
        });
        let late = queues.1.close_and_drain().len();
        let accepted = usize::from(join(producer));
        let refused = join(mover);
        let inside = queues.1.len() + late;
        assert_eq!(inside + refused, accepted, "an item is nowhere");
    }
}
