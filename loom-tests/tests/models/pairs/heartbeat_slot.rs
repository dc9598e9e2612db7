//! A peer falls silent and its users are taken over, while it may still be there.

use crate::common::*;

const LIFE: Incarnation = Incarnation(1);

struct Pair {
    cell: HeartbeatCell,
    slot: UserSlot,
}

fn pair() -> Arc<Pair> {
    let pair = Pair {
        cell: HeartbeatCell::new(),
        slot: Slot::new(first(), Place::new()),
    };
    pair.cell.beat(LIFE, at(15));
    Arc::new(pair)
}

model! {
    /// SES-4: a peer that was only slow works on a user that is being taken over: its work is
    /// done before, or not at all.
    a_slow_peer, Exhaustive;
    Bug::SlotWithNoRecheck => "executed at another's epoch",
    Bug::HeartbeatDeclaresUnchecked => "heard, and yet taken over";
    {
        let pair = pair();
        let seen = pair.cell.last();
        let slow = beside(&pair, |pair| {
            let told = pair.cell.beat(LIFE, at(75));
            let work = |place: &mut Place| place.accept(first(), 1);
            (told, pair.slot.with(first(), work).is_ok())
        });
        let down = pair.cell.declare_down(seen).is_ok();
        if down {
            let second = pair.slot.claim(first(), B, 8).expect("nobody else claims");
            open(&pair.slot, second).expect("B owns it");
        }
        let (told, worked) = join(slow);
        assert_eq!(down, matches!(told, Heard::Returned(_)), "heard, and yet taken over");
        assert_eq!(log(&pair.slot).len(), usize::from(worked));
    }
}

model! {
    /// USR-2: two watchers of one silent node begin one take-over, and the user moves once.
    two_watchers_one_move, Exhaustive;
    Bug::HeartbeatDeclaresTwice => "moved twice for one fault";
    {
        let pair = pair();
        let watch = |node| move |pair: &Pair| {
            let down = pair.cell.declare_down(pair.cell.last()).is_ok();
            let owner = pair.slot.owner();
            down && pair.slot.take_over(owner, node, |_| {}, |_, _| {}).is_ok()
        };
        let other = beside(&pair, watch(B));
        let mine = watch(C)(&pair);
        let moves = usize::from(mine) + usize::from(join(other));
        assert_eq!((moves, pair.slot.owner().epoch()), (1, 1), "moved twice for one fault");
    }
}
