//! `Slot` with more going on at once than can be exhausted in a second: at most three preemptions.
//! Larger still: `tests/large/`.

use super::common::*;

model! {
    /// SES-3, SES-4: two migrations of one user and a sender of two messages: one migration is
    /// done, both messages arrive once and in order.
    two_migrations_and_a_sender, Preemptions(3);
    Bug::SlotFreezesTwice => "lost, doubled or out of order",
    Bug::SlotThawOpensFirst => "lost, doubled or out of order";
    {
        let slot = user();
        let sender = beside(&slot, |slot| route(slot, 1) && route(slot, 2));
        let other = beside(&slot, |slot| migrate(slot, first(), B).is_ok());
        let mine = migrate(&slot, first(), C).is_ok();
        let moves = usize::from(mine) + usize::from(join(other));
        let sent = join(sender);
        assert_eq!(log(&slot), [1, 2], "lost, doubled or out of order");
        assert!(sent && moves == 1 && slot.owner().epoch() == 1);
    }
}

model! {
    /// SES-3, SES-4: a migration whose node is declared dead halfway: the claimer and the mover
    /// cannot both have the user, and the sender's messages arrive once and in order.
    a_claim_in_a_migration_beside_a_sender, Preemptions(3);
    Bug::SlotClaimDropsHeld => "lost, doubled or out of order",
    Bug::SlotClaimNoRecheck => "one of them has the user";
    {
        let slot = user();
        let sender = beside(&slot, |slot| route(slot, 1) && route(slot, 2));
        let mover = beside(&slot, |slot| send_off(slot, first(), B).ok());
        let claimed = slot.claim(first(), C, 8).ok();
        let published = join(mover);
        let one = claimed.is_some() != published.is_some();
        let opened = [claimed, published].into_iter().flatten().all(|mine| open(&slot, mine).is_ok());
        let sent = join(sender);
        assert!(one, "one of them has the user");
        assert_eq!(log(&slot), [1, 2], "lost, doubled or out of order");
        assert!(sent && opened);
    }
}

model! {
    /// SES-3: there and back again beside a sender of two messages: whole migrations, the same
    /// node at the end, and yet nothing of the first epoch gets through.
    there_and_back_beside_a_sender, Preemptions(3);
    Bug::SlotComparesNodeOnly => "executed at another's epoch",
    Bug::EpochNotAdvanced => "one epoch a move";
    {
        let slot = user();
        let sender = beside(&slot, |slot| {
            let seen = slot.owner();
            route_from(slot, seen, 1) && route_from(slot, seen, 2)
        });
        let second = migrate(&slot, first(), B);
        let third = second.and_then(|mine| migrate(&slot, mine, A));
        let sent = join(sender);
        assert_eq!(log(&slot), [1, 2], "lost, doubled or out of order");
        assert!(sent && third.is_ok());
        assert_eq!(slot.owner().epoch(), 2, "one epoch a move");
    }
}

model! {
    /// SES-3: two senders, one of two messages, beside a migration: each one's order is kept.
    two_senders_and_their_order, Preemptions(3);
    Bug::SlotThawOpensFirst => "lost, doubled or out of order",
    Bug::SlotDeliverNoRecheck => "executed at another's epoch";
    {
        let slot = user();
        let one = beside(&slot, |slot| route(slot, 1) && route(slot, 2));
        let two = beside(&slot, |slot| route(slot, 3));
        let moved = migrate(&slot, first(), B).is_ok();
        let sent = join(one) && join(two);
        let mut log = log(&slot);
        let order = log.iter().position(|m| *m == 1) < log.iter().position(|m| *m == 2);
        log.sort_unstable();
        assert!(log == [1, 2, 3] && order, "lost, doubled or out of order");
        assert!(sent && moved);
    }
}
