//! What the models share: three nodes, a user's place that knows whose it is, and the way a
//! router and a migration use it.

pub use loom::sync::atomic::{AtomicU64, Ordering};
pub use loom::thread::{self, JoinHandle};
pub use std::time::Duration;
pub use takeover_core::id::{Incarnation, NodeId};
pub use takeover_core::sync::planted::Bug;
pub use takeover_core::sync::shim::{Arc, Mutex};
pub use takeover_core::sync::*;
pub use takeover_core::time::Moment;
pub use takeover_loom_tests::Bound::{Exhaustive, Preemptions};
pub use takeover_loom_tests::model;

pub const A: NodeId = NodeId(1);
pub const B: NodeId = NodeId(2);
pub const C: NodeId = NodeId(3);

/// The ownership that everything starts with.
pub fn first() -> Ownership {
    Ownership::new(A, 0)
}

pub fn at(second: u64) -> Moment {
    Moment::from_secs(second)
}

/// A user's state that knows its owner, and complains when it is touched by another.
pub struct Place {
    pub home: Ownership,
    /// The owner has emptied it to hand it over: whatever comes now would be left behind.
    pub drained: bool,
    pub log: Vec<u32>,
}

impl Place {
    pub fn accept(&mut self, seen: Ownership, message: u32) {
        assert_eq!(self.home, seen, "executed at another's epoch");
        assert!(!self.drained, "accepted by an owner that hands over");
        self.log.push(message);
    }

    pub fn adopt(&mut self, mine: Ownership) {
        self.home = mine;
        self.drained = false;
    }
}

pub type UserSlot = Slot<Place, u32>;

pub fn user() -> Arc<UserSlot> {
    Arc::new(Slot::new(first(), Place { home: first(), drained: false, log: Vec::new() }))
}

pub fn log(slot: &UserSlot) -> Vec<u32> {
    slot.peek(|place, _| place.log.clone())
}

/// As a router does it: look at the owner, deliver, re-route what is stale. False where the slot
/// did not take it.
pub fn route(slot: &UserSlot, message: u32) -> bool {
    route_from(slot, slot.owner(), message)
}

/// The same, with an owner that was looked up before.
pub fn route_from(slot: &UserSlot, mut seen: Ownership, message: u32) -> bool {
    loop {
        match slot.deliver(seen, message, |place, message| place.accept(seen, message)) {
            Delivery::Delivered(()) | Delivery::Held => return true,
            Delivery::Stale(_, owner) => seen = owner,
            Delivery::Full(_) | Delivery::Closed(_) => return false,
        }
    }
}

/// The new owner puts the state in order and opens.
pub fn open(slot: &UserSlot, mine: Ownership) -> Result<usize, SlotError> {
    slot.with(mine, |place| place.adopt(mine))?;
    slot.thaw(mine, |place, message| place.accept(mine, message))
}

/// Freeze, drain and publish, as the old owner does it.
pub fn send_off(slot: &UserSlot, mine: Ownership, to: NodeId) -> Result<Ownership, SlotError> {
    slot.freeze(mine, 8)?;
    slot.with(mine, |place| place.drained = true)?;
    slot.publish(mine, to)
}

/// A whole migration.
pub fn migrate(slot: &UserSlot, mine: Ownership, to: NodeId) -> Result<Ownership, SlotError> {
    let next = send_off(slot, mine, to)?;
    open(slot, next)?;
    Ok(next)
}

/// Runs `work` in a thread of its own, with a reference to `shared`.
pub fn beside<T: 'static, R: 'static>(
    shared: &Arc<T>,
    work: impl FnOnce(&T) -> R + 'static,
) -> JoinHandle<R> {
    let shared = Arc::clone(shared);
    thread::spawn(move || work(&shared))
}

pub fn join<R>(handle: JoinHandle<R>) -> R {
    handle.join().expect("a panic in a model's thread ends the model before")
}
