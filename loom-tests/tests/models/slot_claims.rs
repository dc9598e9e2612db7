//! `Slot` taken from an owner that is dead, cut off, or only believed to be.

use super::common::*;

model! {
    /// SES-4: of two nodes that claim a dead one's user exactly one gets it.
    two_claims, Exhaustive;
    Bug::SlotClaimNoRecheck => "exactly one claim wins";
    {
        let slot = user();
        let other = beside(&slot, |slot| slot.claim(first(), B, 8).is_ok());
        let mine = slot.claim(first(), C, 8).is_ok();
        assert!(mine != join(other), "exactly one claim wins");
    }
}

model! {
    /// SES-4: an owner that was taken for dead publishes as another claims: one of them passes
    /// the user on.
    a_claim_beside_a_publish, Exhaustive;
    Bug::SlotPublishUnfenced => "exactly one passes it on",
    Bug::SlotClaimNoRecheck => "exactly one passes it on";
    {
        let slot = user();
        slot.freeze(first(), 8).expect("open");
        let other = beside(&slot, |slot| slot.claim(first(), C, 8).is_ok());
        let published = slot.publish(first(), B).is_ok();
        assert!(published != join(other), "exactly one passes it on");
        assert_eq!(slot.owner().node(), if published { B } else { C });
    }
}

model! {
    /// SES-3: what a migration held when its node died is delivered by the node that claims.
    a_claim_keeps_what_was_held, Exhaustive;
    Bug::SlotClaimDropsHeld => "lost";
    {
        let slot = user();
        slot.freeze(first(), 8).expect("open");
        let router = beside(&slot, |slot| route(slot, 1));
        let second = slot.claim(first(), B, 8).expect("nobody else claims");
        open(&slot, second).expect("B owns it");
        assert!(join(router));
        assert_eq!(log(&slot), [1], "lost");
    }
}

model! {
    /// SES-4: an owner that was cut off works on; from the claim on nothing of it gets through.
    a_zombie_does_no_work, Exhaustive;
    Bug::SlotWithNoRecheck => "executed at another's epoch";
    {
        let slot = user();
        let zombie = beside(&slot, |slot| {
            slot.with(first(), |place| place.accept(first(), 1)).is_ok()
        });
        let second = slot.claim(first(), B, 8).expect("nobody else claims");
        slot.with(second, |place| place.adopt(second)).expect("B owns it");
        let worked = join(zombie);
        assert_eq!(log(&slot).len(), usize::from(worked));
    }
}

model! {
    /// SUP-1: a node that restarts claims its own users anew, and its former life is fenced.
    a_restarted_node_fences_its_former_life, Exhaustive;
    Bug::EpochNotAdvanced => "the former life freezes the new one's user",
    Bug::SlotWithNoRecheck => "executed at another's epoch";
    {
        let slot = user();
        let former = beside(&slot, |slot| {
            let worked = slot.with(first(), |place| place.accept(first(), 1)).is_ok();
            worked && slot.freeze(first(), 8).is_ok()
        });
        let mine = slot.take_over(first(), A, |place| place.adopt(first().passed_to(A)), |_, _| {});
        let froze = join(former);
        let open_now = slot.gate() == Gate::Open;
        assert!(mine.is_ok());
        log(&slot);
        assert!(open_now, "the former life freezes the new one's user (it said {froze})");
    }
}

model! {
    /// SES-3: a forced take-over in one step beside two messages of one sender: once, in order.
    a_take_over_beside_a_sender, Exhaustive;
    Bug::SlotDeliverNoRecheck => "executed at another's epoch";
    {
        let slot = user();
        slot.freeze(first(), 8).expect("open");
        let router = beside(&slot, |slot| route(slot, 1) && route(slot, 2));
        let second = first().passed_to(B);
        let take = |slot: &UserSlot| {
            slot.take_over(
                first(),
                B,
                |place| place.adopt(second),
                |place, message| place.accept(second, message),
            )
        };
        take(&slot).expect("nobody else claims");
        // And on to the next node, so that a look from before is old.
        let third = second.passed_to(C);
        slot.take_over(second, C, |place| place.adopt(third), |_, _| {}).expect("B owns it");
        assert!(join(router));
        assert_eq!(log(&slot), [1, 2]);
    }
}

model! {
    /// HA-14: the old owner's give-up arrives as the new owner puts the state in order: it does
    /// not open the slot before its time.
    a_late_give_up_opens_nothing, Exhaustive;
    Bug::SlotThawUnfenced => "opened by the old owner";
    {
        let slot = user();
        let second = send_off(&slot, first(), B).expect("nobody else moves the user");
        let late = beside(&slot, |slot| slot.thaw(first(), |_, _| {}).is_ok());
        let router = beside(&slot, |slot| route(slot, 1));
        let opened = open(&slot, second).is_ok();
        assert!(!join(late) && opened, "opened by the old owner");
        assert!(join(router));
        assert_eq!(log(&slot), [1]);
    }
}
