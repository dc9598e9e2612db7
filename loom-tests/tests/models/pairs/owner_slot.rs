//! A failover of a whole node: the pair's ownership is won first, then its users are taken.

use crate::common::*;

struct Pair {
    /// Who carries the users of the pair's first node.
    carrier: OwnerCell,
    slot: UserSlot,
}

model! {
    /// HA-8: two that would take a node's users over at once: one wins the node, and only it
    /// moves users.
    one_failover_per_node, Exhaustive;
    Bug::OwnerClaimBlind => "one failover",
    Bug::Misuse("users are taken without winning the node") => "one failover";
    {
        let pair = Arc::new(Pair {
            carrier: OwnerCell::new(first()),
            slot: Slot::new(first(), Place::new()),
        });
        let fail_over = |node| move |pair: &Pair| {
            let won = pair.carrier.claim(first(), node).is_ok();
            if won || planted::is(Bug::Misuse("users are taken without winning the node")) {
                let owner = pair.slot.owner();
                let _ = pair.slot.take_over(owner, node, |_| {}, |_, _| {});
            }
            usize::from(won)
        };
        let other = beside(&pair, fail_over(B));
        let won = fail_over(C)(&pair) + join(other);
        let (carrier, owner) = (pair.carrier.load(), pair.slot.owner());
        assert!(won == 1 && carrier == owner, "one failover: {won} won, {carrier} carries {owner}");
    }
}
