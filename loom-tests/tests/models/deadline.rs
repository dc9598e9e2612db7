//! `Deadline`: fires or is cancelled, once.

use super::common::*;

fn armed() -> (Arc<Deadline>, Arming) {
    let deadline = Arc::new(Deadline::new());
    let arming = deadline.arm();
    (deadline, arming)
}

model! {
    /// TIM-1: a deadline that is cancelled as it fires does one of the two.
    cancelled_as_it_fires, Exhaustive;
    Bug::DeadlineEndsInTwoSteps => "fired or cancelled, one of them";
    {
        let (deadline, arming) = armed();
        let fired = beside(&deadline, move |deadline| deadline.fire(arming).is_ok());
        let cancelled = deadline.cancel(arming).is_ok();
        assert!(cancelled != join(fired), "fired or cancelled, one of them");
    }
}

model! {
    /// HA-2: two that notice that the time has come act once.
    fired_by_two, Exhaustive;
    Bug::DeadlineEndsInTwoSteps => "acted once";
    {
        let (deadline, arming) = armed();
        let other = beside(&deadline, move |deadline| deadline.fire(arming).is_ok());
        let mine = deadline.fire(arming).is_ok();
        assert!(mine != join(other), "acted once");
    }
}

model! {
    /// TIM-1: who comes too late sees what the other wrote before.
    the_late_one_sees_the_cause, Exhaustive;
    Bug::DeadlineRelaxed => "written before it fired";
    {
        let deadline = Arc::new((Deadline::new(), AtomicU64::new(0)));
        let arming = deadline.0.arm();
        let firer = beside(&deadline, move |(deadline, cause)| {
            cause.store(90, Ordering::Relaxed);
            deadline.fire(arming).is_ok()
        });
        if deadline.0.cancel(arming).is_err() {
            let cause = deadline.1.load(Ordering::Relaxed);
            assert_eq!(cause, 90, "the cause was written before it fired");
        }
        join(firer);
    }
}

model! {
    /// HA-6: a fault restarts the clock as the old time comes: the new arming is untouched.
    armed_anew_as_it_fires, Exhaustive;
    Bug::DeadlineIgnoresGeneration => "the old time ended the new arming";
    {
        let (deadline, old) = armed();
        let firer = beside(&deadline, move |deadline| deadline.fire(old));
        let new = deadline.arm();
        let cancelled = deadline.cancel(new);
        assert!(cancelled.is_ok(), "the old time ended the new arming");
        let fired = join(firer);
        assert!(fired != Err(Ended { phase: Phase::Cancelled }), "the old one was not cancelled");
    }
}

model! {
    /// HA-6: armed by two at once: one arming remains, and it alone can fire.
    armed_by_two, Exhaustive;
    Bug::DeadlineIgnoresGeneration => "the one that stands fires";
    {
        let deadline = Arc::new(Deadline::new());
        let other = beside(&deadline, |deadline| deadline.arm());
        let (mine, other) = (deadline.arm(), join(other));
        let stands = [mine, other].map(|arming| deadline.phase(arming) == Phase::Armed);
        assert!(stands[0] != stands[1], "one of two armings stands");
        let fires = [mine, other].map(|arming| deadline.fire(arming).is_ok());
        assert_eq!(fires, stands, "the one that stands fires");
    }
}
