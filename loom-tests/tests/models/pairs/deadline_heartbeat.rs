//! The silence of a peer: a deadline that each beat cancels and arms anew, and the verdict.

use crate::common::*;

struct Watch {
    cell: HeartbeatCell,
    silence: Deadline,
    taken_over: AtomicU64,
}

const LIFE: Incarnation = Incarnation(1);

/// A peer heard at 15 s, its silence watched since.
fn watch() -> (Arc<Watch>, Arming) {
    let watch = Watch {
        cell: HeartbeatCell::new(),
        silence: Deadline::new(),
        taken_over: AtomicU64::new(0),
    };
    watch.cell.beat(LIFE, at(15));
    let arming = watch.silence.arm();
    (Arc::new(watch), arming)
}

impl Watch {
    /// The timer has come: who ends the deadline, and finds nothing heard since, takes over.
    fn expire(&self, arming: Arming, seen: Option<Beat>) -> bool {
        let expired = self.silence.fire(arming).is_ok();
        let down = expired && self.cell.declare_down(seen).is_ok();
        if down {
            self.taken_over.fetch_add(1, Ordering::Relaxed);
        }
        down
    }
}

model! {
    /// HA-1: a beat beside the end of the silence: either the deadline is armed anew and nothing
    /// happens, or the peer is down and the beat tells that it returned. Never both.
    a_beat_beside_the_timeout, Exhaustive;
    Bug::HeartbeatDeclaresUnchecked => "taken over from a peer that was heard",
    Bug::HeartbeatStaysDown => "taken over from a peer that was heard";
    {
        let (watch, arming) = watch();
        let seen = watch.cell.last();
        let peer = beside(&watch, move |watch| {
            let told = watch.cell.beat(LIFE, at(75));
            let cancelled = watch.silence.cancel(arming).is_ok();
            (matches!(told, Heard::Returned(_)), cancelled)
        });
        let down = watch.expire(arming, seen);
        let (returned, cancelled) = join(peer);
        assert!(!(down && cancelled), "fired and cancelled");
        assert_eq!(down, returned, "taken over from a peer that was heard");
    }
}

model! {
    /// HA-2: two timers' threads and one silence: one take-over.
    one_silence_one_take_over, Exhaustive;
    Bug::Misuse("the verdict is not asked for") => "taken over once",
    Bug::DeadlineEndsInTwoSteps => "fired once";
    {
        let (watch, arming) = watch();
        let seen = watch.cell.last();
        let expire = move |watch: &Watch| {
            let fired = watch.silence.fire(arming).is_ok();
            // Whether it fired here or there: who looks may find the peer silent.
            let asked = watch.cell.declare_down(seen).is_ok();
            if asked || planted::is(Bug::Misuse("the verdict is not asked for")) {
                watch.taken_over.fetch_add(1, Ordering::Relaxed);
            }
            usize::from(fired)
        };
        let other = beside(&watch, expire);
        let fired = expire(&watch) + join(other);
        assert_eq!(fired, 1, "fired once");
        assert_eq!(watch.taken_over.load(Ordering::Relaxed), 1, "taken over once");
    }
}
