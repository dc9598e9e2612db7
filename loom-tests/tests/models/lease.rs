//! `Lease`: one holder per epoch, and nobody writes who has lost it.

use super::common::*;

const TERM: Duration = Duration::from_secs(30);

/// A lease that A holds until 30 s, and the log of what was written under it.
struct Room {
    lease: Lease,
    written: Mutex<Vec<Ownership>>,
}

fn room() -> (Arc<Room>, Grant) {
    let room = Arc::new(Room {
        lease: Lease::new(),
        written: Mutex::new(Vec::new()),
    });
    let grant = room.lease.acquire(A, at(0), TERM).expect("free");
    (room, grant)
}

impl Room {
    fn write(&self, mine: &Grant, now: Moment) -> bool {
        let write = || self.written.lock().push(mine.ownership);
        self.lease.fenced(mine, now, write).is_ok()
    }
}

model! {
    /// CHAT-10: two nodes that want a free room at once: one has it.
    two_want_it, Exhaustive;
    Bug::LeaseAcquiresInTwoSteps => "one of them has it";
    {
        let lease = Arc::new(Lease::new());
        let other = beside(&lease, |lease| lease.acquire(B, at(0), TERM).is_ok());
        let mine = lease.acquire(C, at(0), TERM).is_ok();
        assert!(mine != join(other), "one of them has it");
    }
}

model! {
    /// CHAT-10: a lease is taken over as its holder renews: one of them has it.
    taken_over_as_it_is_renewed, Exhaustive;
    Bug::LeaseRenewsBlindly => "one of them has it";
    {
        let (room, old) = room();
        let other = beside(&room, |room| room.lease.acquire(B, at(30), TERM).is_ok());
        let renewed = room.lease.renew(&old, at(30), TERM).is_ok();
        assert!(renewed != join(other), "one of them has it");
        let holder = room.lease.grant().map(|grant| grant.ownership.node());
        assert_eq!(holder, Some(if renewed { A } else { B }));
    }
}

model! {
    /// CHAT-9: a release that comes late does not end the successor's lease.
    a_late_release, Exhaustive;
    Bug::LeaseReleasesBlindly => "the successor's lease is gone";
    {
        let (room, old) = room();
        let other = beside(&room, |room| room.lease.acquire(B, at(30), TERM).is_ok());
        let _ = room.lease.release(&old);
        assert!(join(other));
        let holder = room.lease.grant().map(|grant| grant.ownership.node());
        assert_eq!(holder, Some(B), "the successor's lease is gone");
    }
}

model! {
    /// CHAT-10: the old holder writes as another takes over: once the new one has written,
    /// nothing of the old one follows.
    a_write_beside_a_take_over, Exhaustive;
    Bug::LeaseNotFenced => "an older epoch was written after a newer one",
    Bug::LeaseWritesUnlocked => "an older epoch was written after a newer one";
    {
        let (room, old) = room();
        // A's clock is a little behind: it believes that its lease still runs.
        let slow = beside(&room, move |room| room.write(&old, at(29)));
        let new = room.lease.acquire(B, at(30), TERM).expect("A's has run out");
        assert!(room.write(&new, at(30)));
        join(slow);
        let written = room.written.lock();
        assert!(written.is_sorted(), "an older epoch was written after a newer one");
    }
}

model! {
    /// CHAT-10: a service that restarts on the same node fences its former life.
    a_former_life_writes_nothing, Exhaustive;
    Bug::LeaseKeepsEpoch => "the former life wrote",
    Bug::LeaseNotFenced => "the former life wrote";
    {
        let (room, former) = room();
        let present = room.lease.acquire(A, at(5), TERM).expect("its own");
        let ghost = beside(&room, move |room| room.write(&former, at(6)));
        assert!(room.write(&present, at(6)));
        assert!(!join(ghost), "the former life wrote");
    }
}

model! {
    /// CHAT-10: released and wanted by two: one has it, at the next epoch.
    released_and_wanted_by_two, Exhaustive;
    Bug::LeaseAcquiresInTwoSteps => "more than one has it";
    {
        let (room, old) = room();
        let want = |node| move |room: &Room| room.lease.acquire(node, at(1), TERM).is_ok();
        let one = beside(&room, want(B));
        let two = beside(&room, want(C));
        room.lease.release(&old).expect("A holds it");
        let granted = usize::from(join(one)) + usize::from(join(two));
        assert!(granted <= 1, "more than one has it");
        assert_eq!(room.lease.epoch(), 1 + granted as u64);
    }
}
