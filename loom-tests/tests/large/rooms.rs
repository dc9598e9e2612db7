//! A room that three nodes host in turn, on a clock that runs. Too large for loom: many grants.

use super::common::*;

const TERM: Duration = Duration::from_secs(10);

struct Room {
    lease: Lease,
    clock: AtomicU64,
    stored: Mutex<Vec<Ownership>>,
}

impl Room {
    fn now(&self) -> Moment {
        at(self.clock.load(Ordering::Acquire))
    }

    /// A node's life: gets the room when it can, stores, renews, now and then gives it back. How
    /// often it stored.
    fn host(&self, node: NodeId) -> usize {
        let mut stored = 0;
        for round in 0..3 {
            let Ok(grant) = self.lease.acquire(node, self.now(), TERM) else {
                self.clock.fetch_add(4, Ordering::AcqRel);
                continue;
            };
            // What it knows of the time is as old as its grant: it may be cut off since.
            let now = grant.until.saturating_since(at(0)) - TERM;
            let write = || self.stored.lock().push(grant.ownership);
            stored += usize::from(self.lease.fenced(&grant, Moment::ZERO + now, write).is_ok());
            self.clock.fetch_add(4, Ordering::AcqRel);
            if let Ok(renewed) = self.lease.renew(&grant, self.now(), TERM) {
                let now = self.now();
                stored += usize::from(self.lease.fenced(&renewed, now, write).is_ok());
            }
            if round == 1 {
                let _ = self.lease.release(&grant);
            }
        }
        stored
    }
}

model! {
    /// CHAT-10: whatever the hosts do, each epoch has one of them, epochs never go back in what
    /// is stored, and what was said to be stored is.
    hosts_in_turn, Schedules(40_000);
    Bug::LeaseNotFenced => "an older epoch after a newer one",
    Bug::LeaseWritesUnlocked => "an older epoch after a newer one",
    Bug::LeaseKeepsEpoch => "two hosts at one epoch",
    Bug::LeaseRenewsBlindly => "an older epoch after a newer one";
    {
        let room = Room {
            lease: Lease::new(),
            clock: AtomicU64::new(0),
            stored: Mutex::new(Vec::new()),
        };
        let room = Arc::new(room);
        let hosts: Vec<_> =
            [A, B, C].into_iter().map(|node| beside(&room, move |room: &Room| room.host(node))).collect();
        let said: usize = hosts.into_iter().map(join).sum();
        let stored = room.stored.lock().clone();
        assert_eq!(stored.len(), said, "said to be stored");
        let epochs: Vec<u64> = stored.iter().map(|ownership| ownership.epoch()).collect();
        assert!(epochs.is_sorted(), "an older epoch after a newer one");
        let one_host = stored.windows(2).all(|w| w[0] == w[1] || w[0].epoch() != w[1].epoch());
        assert!(one_host, "two hosts at one epoch");
    }
}
