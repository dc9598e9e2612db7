//! `Slot` in a planned migration: freeze, drain, hand over, publish, thaw, beside routers.

use super::common::*;

model! {
    /// SES-3: a message routed beside a migration is executed once, by whoever owns the user.
    a_message_beside_a_migration, Exhaustive;
    Bug::SlotDeliverNoRecheck => "executed at another's epoch",
    Bug::SlotDeliverIgnoresFreeze => "executed at another's epoch";
    {
        let slot = user();
        let router = beside(&slot, |slot| route(slot, 1));
        let second = migrate(&slot, first(), B).expect("nobody else moves the user");
        assert!(join(router));
        assert_eq!((slot.owner(), log(&slot)), (second, vec![1]));
    }
}

model! {
    /// SES-3: two messages of one sender arrive in its order, wherever the migration stands.
    the_order_of_a_sender, Exhaustive;
    Bug::SlotThawOpensFirst => "out of order";
    {
        let slot = user();
        let router = beside(&slot, |slot| route(slot, 1) && route(slot, 2));
        migrate(&slot, first(), B).expect("nobody else moves the user");
        assert!(join(router));
        assert_eq!(log(&slot), [1, 2], "out of order");
    }
}

model! {
    /// SES-3: of two senders beside a migration nothing is lost and nothing doubled.
    two_senders_beside_a_migration, Exhaustive;
    Bug::SlotDeliverIgnoresFreeze => "executed at another's epoch";
    {
        let slot = user();
        let one = beside(&slot, |slot| route(slot, 1));
        let two = beside(&slot, |slot| route(slot, 2));
        migrate(&slot, first(), B).expect("nobody else moves the user");
        assert!(join(one) && join(two));
        let mut log = log(&slot);
        log.sort_unstable();
        assert_eq!(log, [1, 2], "lost or doubled");
    }
}

model! {
    /// SES-4: of two migrations of one user one is refused, and what the other holds stays held.
    two_migrations_of_one_user, Exhaustive;
    Bug::SlotFreezesTwice => "lost";
    {
        let slot = user();
        let move_it = |to| move |slot: &UserSlot| {
            slot.freeze(first(), 8)?;
            // A message comes while it is frozen, for sure.
            assert!(route(slot, u32::from(to) as _));
            let next = slot.publish(first(), NodeId(to))?;
            open(slot, next).map(|_| u32::from(to))
        };
        let other = beside(&slot, move_it(2));
        let mine = move_it(3)(&slot);
        let done: Vec<u32> = [mine, join(other)].into_iter().flatten().collect();
        assert_eq!(done.len(), 1, "exactly one migration is done");
        assert_eq!(log(&slot), done, "lost");
    }
}

model! {
    /// SES-3: a sender that offers, and delivers where its offer is not taken, beside a migration:
    /// what it says comes once and in order, behind what is held.
    an_offer_beside_a_migration, Exhaustive;
    Bug::SlotOfferIgnoresFreeze => "lost, doubled or out of order",
    Bug::SlotOfferNoRecheck => "executed at another's epoch";
    {
        let slot = user();
        let sender = beside(&slot, |slot| {
            for message in [1, 2] {
                let seen = slot.owner();
                let offered = slot.offer(seen, |place| place.accept(seen, message));
                if offered.is_none() {
                    assert!(route(slot, message), "no limit is reached");
                }
            }
        });
        assert!(migrate(&slot, first(), B).is_ok());
        join(sender);
        assert_eq!(log(&slot), [1, 2], "lost, doubled or out of order");
    }
}

model! {
    /// HA-14: a migration is published or given up, never both.
    publish_or_give_up, Exhaustive;
    Bug::SlotPublishWhileOpen => "exactly one of them",
    Bug::SlotThawUnfenced => "exactly one of them";
    {
        let slot = user();
        slot.freeze(first(), 8).expect("open");
        let give_up = beside(&slot, |slot| slot.thaw(first(), |_, _| {}).is_ok());
        let published = slot.publish(first(), B).is_ok();
        assert!(published != join(give_up), "exactly one of them");
        let frozen = slot.gate() != Gate::Open;
        assert_eq!(published, frozen, "B's slot opens when B opens it");
    }
}

model! {
    /// SES-4: a router that knows the user from two moves ago, when the same node owned it, does
    /// not get through with that.
    there_and_back_again, Exhaustive;
    Bug::SlotComparesNodeOnly => "executed at another's epoch",
    Bug::EpochNotAdvanced => "executed at another's epoch";
    {
        let slot = user();
        let seen = slot.owner();
        let router = beside(&slot, move |slot| {
            // The early look may say nothing yet: then the one under the lock has to.
            route_from(slot, seen, 1)
        });
        let mut moves = 0;
        let mut mover = |from, to| {
            moves += 1;
            let adopt = |place: &mut Place| place.adopt(Ownership::new(to, moves));
            slot.take_over(from, to, adopt, |_, _| {}).map(|taken| taken.ownership)
        };
        let second = mover(first(), B).expect("nobody else moves the user");
        mover(second, A).expect("nobody else moves the user");
        assert!(join(router));
        assert_eq!(log(&slot), [1]);
    }
}

model! {
    /// BOX-1: a hold with room for one takes one of two messages, and says no to the other.
    a_full_hold_says_so, Exhaustive;
    Bug::SlotDropsWhenFull => "accepted and lost";
    {
        let slot = user();
        slot.freeze(first(), 1).expect("open");
        let other = beside(&slot, |slot| route(slot, 1));
        let mine = route(&slot, 2);
        let accepted = usize::from(mine) + usize::from(join(other));
        open(&slot, first()).expect("frozen by its owner");
        assert_eq!(log(&slot).len(), accepted, "accepted and lost");
    }
}

model! {
    /// SES-4: who sees the new owner sees what was written before the publish.
    a_publish_publishes, Exhaustive;
    Bug::OwnerSetRelaxed => "written before",
    Bug::OwnerLoadRelaxed => "written before";
    {
        let shared = Arc::new((user(), AtomicU64::new(0)));
        shared.0.freeze(first(), 1).expect("open");
        let router = beside(&shared, |(slot, address)| {
            let moved = slot.owner().node() == B;
            (moved, address.load(Ordering::Relaxed))
        });
        let (slot, address) = &*shared;
        address.store(5222, Ordering::Relaxed);
        let published = slot.publish(first(), B).is_ok();
        let (moved, seen) = join(router);
        assert!(published && (!moved || seen == 5222), "the address was written before");
    }
}

model! {
    /// SES-3: a planned move in one step, beside a router: once, at the right epoch.
    a_move_in_one_step, Exhaustive;
    Bug::SlotDeliverNoRecheck => "executed at another's epoch";
    {
        let slot = user();
        let router = beside(&slot, |slot| route(slot, 1) && route(slot, 2));
        let second = first().passed_to(B);
        let taken = slot.take_over(
            first(),
            B,
            |place| place.adopt(second),
            |place, message| place.accept(second, message),
        );
        assert!(taken.is_ok() && join(router));
        assert_eq!(log(&slot), [1, 2]);
    }
}

model! {
    /// END-1: a user that is taken away while messages come: each is delivered, handed back or
    /// refused.
    a_close_reports_every_message, Exhaustive;
    Bug::SlotCloseForgetsHeld => "accepted and lost";
    {
        let slot = user();
        slot.freeze(first(), 8).expect("open");
        let router = beside(&slot, |slot| {
            usize::from(route(slot, 1)) + usize::from(route(slot, 2))
        });
        let (seen, held) = slot.close(first(), |place| place.log.len()).expect("A owns it");
        assert_eq!(seen + held.len(), join(router), "accepted and lost");
        assert!(!route(&slot, 3), "closed for good");
    }
}
