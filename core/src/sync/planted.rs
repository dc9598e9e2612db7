//! Bugs that the models plant, to show that they would find them.
//!
//! Compiled into model builds only. A bug is planted for the thread that runs a model; the
//! protocols ask at the marked places whether theirs is. What each bug does is what somebody
//! could have written: a weaker ordering, a missing re-check, a wrong comparison.

use std::cell::Cell;

/// A bug that a model can plant. The name says where it is and what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// An ownership passes without its epoch growing.
    EpochNotAdvanced,
    /// The ownership is loaded without acquiring what its publisher wrote.
    OwnerLoadRelaxed,
    /// The ownership is claimed without releasing what the claimer wrote.
    OwnerClaimRelaxed,
    /// The ownership is set without releasing what the publisher wrote.
    OwnerSetRelaxed,
    /// A claim looks and then sets, in two steps.
    OwnerClaimBlind,
    /// A delivery compares the node and forgets the epoch.
    SlotComparesNodeOnly,
    /// A delivery trusts the look that it took before it had the lock.
    SlotDeliverNoRecheck,
    /// A delivery does not look at the gate.
    SlotDeliverIgnoresFreeze,
    /// An offer trusts the look that it took before it had the lock.
    SlotOfferNoRecheck,
    /// An offer does not look at the gate.
    SlotOfferIgnoresFreeze,
    /// An owner's work trusts the look that it took before it had the lock.
    SlotWithNoRecheck,
    /// A frozen slot can be frozen again.
    SlotFreezesTwice,
    /// A publish does not check that its caller still owns the slot.
    SlotPublishUnfenced,
    /// A publish does not check that the transition is still on.
    SlotPublishWhileOpen,
    /// A thaw opens the gate before the held messages are through it.
    SlotThawOpensFirst,
    /// A thaw does not check that its caller still owns the slot.
    SlotThawUnfenced,
    /// A claim trusts the look that it took before it had the lock.
    SlotClaimNoRecheck,
    /// A claim starts with an empty hold, whatever was held.
    SlotClaimDropsHeld,
    /// A close hands nothing back.
    SlotCloseForgetsHeld,
    /// A full hold takes a message and drops it.
    SlotDropsWhenFull,
    /// The key's absence is not checked again under the write lock.
    DirectoryInsertsUnchecked,
    /// A removal by value removes whatever is under the key.
    DirectoryRemovesSuccessor,
    /// Room is looked for in one step and taken in another.
    QueuePushInTwoSteps,
    /// A closed queue takes items.
    QueuePushIgnoresClose,
    /// The newest item makes room in place of the oldest.
    QueueDisplacesNewest,
    /// The consumer finds nothing in one step and asks to be woken in another.
    QueueWaitsInTwoSteps,
    /// A close wakes nobody.
    QueueCloseWakesNobody,
    /// The queue is drained in one step and closed in another.
    QueueDrainsBeforeClose,
    /// A deadline looks and then ends, in two steps.
    DeadlineEndsInTwoSteps,
    /// A deadline ends without releasing and acquiring what its parties wrote.
    DeadlineRelaxed,
    /// A deadline ends whichever arming there is.
    DeadlineIgnoresGeneration,
    /// A beat of an older life counts.
    HeartbeatTakesOldLives,
    /// A peer that was declared down stays so when it is heard again.
    HeartbeatStaysDown,
    /// A peer is declared down whatever was heard since the watcher looked.
    HeartbeatDeclaresUnchecked,
    /// A peer that is down can be declared down again.
    HeartbeatDeclaresTwice,
    /// A lease is found free in one step and taken in another.
    LeaseAcquiresInTwoSteps,
    /// A lease is granted anew without its epoch growing.
    LeaseKeepsEpoch,
    /// A renewal does not look who has the lease.
    LeaseRenewsBlindly,
    /// A release does not look who has the lease.
    LeaseReleasesBlindly,
    /// A holder writes without looking whether it still holds.
    LeaseNotFenced,
    /// A holder looks whether it holds, and writes after.
    LeaseWritesUnlocked,
    /// What is not lent is borrowed.
    LoanIgnoresLent,
    /// Whether it is lent is looked at in one step, and it is used in another.
    LoanBorrowsInTwoSteps,
    /// A loan goes on though its owner has something to finish.
    LoanGoesOnUnfinished,
    /// A resumption begins no new life.
    TicketKeepsLife,
    /// A ticket of a life that is settled stands for the one of its number in the next.
    TicketIgnoresLife,
    /// A ticket can be claimed twice.
    TicketClaimsAgain,
    /// A parcel passes its forerunner to the same target.
    TicketOvertakes,
    /// A parcel that was parked is not let go when its turn has come.
    TicketForgetsParked,
    /// The highest stanza finished is taken for the number handled.
    TicketCountsHighest,
    /// A resumption is answered while stanzas are in doubt.
    TicketSettlesInDoubt,
    /// What finished above the count is not known when it is sent again.
    TicketForgetsRepeats,
    /// Who waits for a resumption looks in one step and asks to be woken in another.
    TicketWaitsInTwoSteps,
    /// Of several who wait one is woken.
    TicketWakesOne,
    /// The protocols are used in a wrong way; the model that plants it says in which.
    Misuse(&'static str),
}

std::thread_local! {
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// Plants `bug`, or none, for the models that this thread runs from now on.
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

/// Whether `bug` is planted.
#[must_use]
pub fn is(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}
