//! A room's host falls silent: its peer takes the room when the lease has run out, not before.

use crate::common::*;

const TERM: Duration = Duration::from_secs(30);
const LIFE: Incarnation = Incarnation(1);

struct Pair {
    cell: HeartbeatCell,
    lease: Lease,
}

model! {
    /// CHAT-10: a host that was declared down comes back as its peer takes the room over: one of
    /// them hosts it.
    the_host_comes_back, Exhaustive;
    Bug::LeaseRenewsBlindly => "one of them hosts",
    Bug::Misuse("silence is taken for the end of the lease") => "one of them hosts";
    {
        let pair = Arc::new(Pair { cell: HeartbeatCell::new(), lease: Lease::new() });
        pair.cell.beat(LIFE, at(15));
        let grant = pair.lease.acquire(A, at(15), TERM).expect("free");
        let seen = pair.cell.last();
        let host = beside(&pair, move |pair| {
            pair.cell.beat(LIFE, at(46));
            pair.lease.renew(&grant, at(46), TERM).is_ok()
        });
        let down = pair.cell.declare_down(seen).is_ok();
        if down && planted::is(Bug::Misuse("silence is taken for the end of the lease")) {
            let _ = pair.lease.release(&grant);
        }
        let taken = down && pair.lease.acquire(B, at(46), TERM).is_ok();
        let renewed = join(host);
        // A host whose word is too late for a renewal has lost the room.
        let holder = pair.lease.grant().map(|grant| grant.ownership.node());
        let holds = (holder == Some(A)) == renewed && (holder == Some(B)) == taken;
        assert!(renewed != taken && holds, "one of them hosts");
    }
}
