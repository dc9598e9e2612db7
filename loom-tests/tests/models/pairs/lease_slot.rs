//! A room: a slot that messages come to, a lease that says who may store them.

use crate::common::*;

const TERM: Duration = Duration::from_secs(30);

/// A room's place: the grant under which its host stores.
struct Hosting {
    grant: Grant,
}

struct Room {
    lease: Lease,
    slot: Slot<Hosting, u32>,
    stored: Mutex<Vec<(u64, u32)>>,
    /// 1 where a host has stored under another's grant.
    foreign: AtomicU64,
}

fn room() -> Arc<Room> {
    let lease = Lease::new();
    let grant = lease.acquire(A, at(0), TERM).expect("free");
    let slot = Slot::new(first(), Hosting { grant });
    Arc::new(Room {
        lease,
        slot,
        stored: Mutex::new(Vec::new()),
        foreign: AtomicU64::new(0),
    })
}

impl Room {
    /// Durable first, reflected then: true is the reflection.
    fn store(&self, hosting: &Hosting, message: u32, now: Moment) -> bool {
        let epoch = hosting.grant.ownership.epoch();
        let write = || self.stored.lock().push((epoch, message));
        self.lease.fenced(&hosting.grant, now, write).is_ok()
    }

    /// A message to the room: re-routed while the owner is old, given up where it is refused.
    fn post(&self, message: u32, now: Moment) -> bool {
        let mut seen = self.slot.owner();
        loop {
            let store = |hosting: &mut Hosting, m| {
                let host = hosting.grant.ownership.node();
                self.foreign
                    .fetch_or(u64::from(host != seen.node()), Ordering::Relaxed);
                self.store(hosting, m, now)
            };
            match self.slot.deliver(seen, message, store) {
                Delivery::Delivered(reflected) => return reflected,
                Delivery::Stale(_, owner) => seen = owner,
                Delivery::Held | Delivery::Full(_) | Delivery::Closed(_) => return false,
            }
        }
    }
}

model! {
    /// CHAT-10: a room moves while a message comes: reflected means stored once, and the host of
    /// an older epoch stores nothing after a newer one has.
    a_message_beside_a_moving_room, Exhaustive;
    Bug::SlotDeliverNoRecheck => "another's grant",
    Bug::Misuse("the room moves and its lease does not") => "another's grant";
    {
        let room = room();
        let sender = beside(&room, |room| room.post(1, at(31)));
        let keeps = planted::is(Bug::Misuse("the room moves and its lease does not"));
        let grant = room.lease.acquire(B, at(30), TERM).expect("A's has run out");
        let adopt = |hosting: &mut Hosting| {
            if !keeps {
                hosting.grant = grant;
            }
        };
        room.slot.take_over(first(), B, adopt, |_, _| {}).expect("A owns it");
        let second = room.post(2, at(31));
        // The sender may have found the room at A, which could not store any more.
        let first = join(sender);
        assert_eq!(room.foreign.load(Ordering::Relaxed), 0, "stored under another's grant");
        let stored = room.stored.lock();
        assert_eq!(stored.len(), usize::from(first) + usize::from(second), "stored once");
        assert!(second && stored.is_sorted_by_key(|(epoch, _)| *epoch));
    }
}

model! {
    /// CHAT-10: a host that was cut off, and does not know that the room has moved, stores
    /// nothing once the new one has.
    a_host_that_was_cut_off, Exhaustive;
    Bug::LeaseNotFenced => "an old host stored after a new one",
    Bug::LeaseWritesUnlocked => "an old host stored after a new one";
    {
        let room = room();
        let cut_off = room.slot.peek(|hosting, _| hosting.grant);
        let old = beside(&room, move |room| room.store(&Hosting { grant: cut_off }, 1, at(29)));
        let grant = room.lease.acquire(B, at(30), TERM).expect("A's has run out");
        let adopt = |hosting: &mut Hosting| hosting.grant = grant;
        room.slot.take_over(first(), B, adopt, |_, _| {}).expect("A owns it");
        let new = room.post(2, at(31));
        join(old);
        let stored = room.stored.lock();
        assert!(new && stored.is_sorted(), "an old host stored after a new one");
    }
}
