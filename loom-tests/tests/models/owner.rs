//! `OwnerCell`: one claim wins, and what the winner wrote is seen.

use super::common::*;

fn cell() -> Arc<OwnerCell> {
    Arc::new(OwnerCell::new(first()))
}

model! {
    /// SES-4: of two claims that start from one ownership exactly one succeeds.
    one_claim_wins, Exhaustive;
    Bug::OwnerClaimBlind => "exactly one claim wins";
    {
        let cell = cell();
        let other = beside(&cell, |cell| cell.claim(first(), B).is_ok());
        let mine = cell.claim(first(), C).is_ok();
        assert!(mine != join(other), "exactly one claim wins");
        assert_eq!(cell.load().epoch(), 1);
    }
}

model! {
    /// SES-4: a claim from an ownership that has come and gone fails, though the node is the same
    /// again: no ownership is won twice.
    a_user_that_came_back_is_another_ownership, Exhaustive;
    Bug::EpochNotAdvanced => "won twice";
    {
        let cell = cell();
        let there_and_back = beside(&cell, |cell| {
            let there = cell.claim(first(), B);
            there.and_then(|mine| cell.claim(mine, A)).is_ok()
        });
        let late = cell.claim(first(), C).is_ok();
        assert!(late != join(there_and_back), "the first ownership was won twice");
    }
}

model! {
    /// SES-4: who sees the new owner sees what it wrote before it claimed.
    a_claim_publishes, Exhaustive;
    Bug::OwnerClaimRelaxed => "written before",
    Bug::OwnerLoadRelaxed => "written before";
    {
        let shared = Arc::new((OwnerCell::new(first()), AtomicU64::new(0)));
        let claimer = beside(&shared, |(cell, address)| {
            address.store(5222, Ordering::Relaxed);
            cell.claim(first(), B).is_ok()
        });
        let (cell, address) = &*shared;
        if cell.load().node() == B {
            assert_eq!(address.load(Ordering::Relaxed), 5222, "the address was written before");
        }
        assert!(join(claimer));
    }
}

model! {
    /// SES-4: whoever looks twice never sees the epoch go back.
    epochs_never_go_back, Exhaustive;
    Bug::EpochNotAdvanced => "the node changed and the epoch did not";
    {
        let cell = cell();
        let mover = beside(&cell, |cell| {
            let second = cell.claim(first(), B);
            second.and_then(|mine| cell.claim(mine, A)).is_ok()
        });
        let (before, after) = (cell.load(), cell.load());
        assert!(before.epoch() <= after.epoch(), "the epoch went back");
        let moved = before.node() != after.node();
        let told = before.epoch() < after.epoch();
        assert!(!moved || told, "the node changed and the epoch did not");
        assert!(join(mover));
    }
}
