//! A holder renews its lease when its timer comes, and stops when it gives the lease back.

use crate::common::*;

const TERM: Duration = Duration::from_secs(30);

struct Room {
    lease: Lease,
    renewal: Deadline,
}

model! {
    /// CHAT-9: a room is given back as its renewal comes: the next host gets it at once, and the
    /// renewal does not bring the old one back.
    given_back_as_it_is_renewed, Exhaustive;
    Bug::LeaseRenewsBlindly => "the old host came back";
    {
        let room = Arc::new(Room { lease: Lease::new(), renewal: Deadline::new() });
        let grant = room.lease.acquire(A, at(0), TERM).expect("free");
        let arming = room.renewal.arm();
        let timer = beside(&room, move |room| {
            room.renewal.fire(arming).is_ok() && room.lease.renew(&grant, at(15), TERM).is_ok()
        });
        let _ = room.renewal.cancel(arming);
        room.lease.release(&grant).expect("A holds it");
        let next = room.lease.acquire(B, at(15), TERM).is_ok();
        join(timer);
        let holder = room.lease.grant().map(|grant| grant.ownership.node());
        assert!(next && holder == Some(B), "the old host came back");
    }
}

model! {
    /// CHAT-10: the renewal's timer is cancelled or fires; a lease that was not renewed can be
    /// taken when it runs out, a renewed one cannot.
    renewed_or_free, Exhaustive;
    Bug::DeadlineEndsInTwoSteps => "cancelled and renewed";
    {
        let room = Arc::new(Room { lease: Lease::new(), renewal: Deadline::new() });
        let grant = room.lease.acquire(A, at(0), TERM).expect("free");
        let arming = room.renewal.arm();
        let timer = beside(&room, move |room| {
            room.renewal.fire(arming).is_ok() && room.lease.renew(&grant, at(15), TERM).is_ok()
        });
        let cancelled = room.renewal.cancel(arming).is_ok();
        let renewed = join(timer);
        let taken = room.lease.acquire(B, at(30), TERM).is_ok();
        assert!(cancelled != renewed, "cancelled and renewed");
        assert!(renewed != taken, "renewed and taken");
    }
}
