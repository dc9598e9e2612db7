//! A room is opened on two nodes at once: one room, one lease, one host.

use crate::common::*;

const TERM: Duration = Duration::from_secs(30);

model! {
    /// CHAT-10: a room that two nodes open at once has one host.
    a_room_opened_twice, Exhaustive;
    Bug::DirectoryInsertsUnchecked => "two hosts",
    Bug::LeaseAcquiresInTwoSteps => "two hosts";
    {
        let rooms = Arc::new(Directory::with_shards(1));
        let host = |node| move |rooms: &Directory<Lease>| {
            let lease = rooms.get_or_insert_with("room", || Arc::new(Lease::new()));
            lease.acquire(node, at(0), TERM).is_ok()
        };
        let other = beside(&rooms, host(B));
        let mine = host(A)(&rooms);
        assert!(mine != join(other), "two hosts");
    }
}
