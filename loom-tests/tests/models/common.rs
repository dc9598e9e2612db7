//! What the models share: three nodes, a user's place that knows whose it is, and the way a
//! router and a migration use it.

#[cfg(takeover_loom)]
pub use loom::thread::{self, JoinHandle};
#[cfg(all(takeover_shuttle, not(takeover_loom)))]
pub use shuttle::thread::{self, JoinHandle};
pub use std::time::Duration;
pub use takeover_core::id::{Incarnation, NodeId};
pub use takeover_core::sync::planted::{self, Bug};
pub use takeover_core::sync::shim::{Arc, AtomicU64, Mutex, Ordering};
pub use takeover_core::sync::*;
pub use takeover_core::time::Moment;
pub use takeover_loom_tests::Bound::*;
pub use takeover_loom_tests::model;

pub const A: NodeId = NodeId(1);
pub const B: NodeId = NodeId(2);
pub const C: NodeId = NodeId(3);

/// More messages than any model has on their way.
pub const HOLD: usize = 16;

/// The ownership that everything starts with.
pub fn first() -> Ownership {
    Ownership::new(A, 0)
}

pub fn at(second: u64) -> Moment {
    Moment::from_secs(second)
}

/// A user's state that knows its owner, and remembers when it was touched by another.
///
/// It does not panic on the spot: a checker that unwinds one thread while others are under way
/// may abort. [`log`] tells, when all are through.
pub struct Place {
    pub home: Ownership,
    /// The owner has emptied it to hand it over: whatever comes now would be left behind.
    pub drained: bool,
    pub log: Vec<u32>,
    fault: Option<String>,
}

impl Place {
    /// A place at A.
    pub fn new() -> Self {
        Self {
            home: first(),
            drained: false,
            log: Vec::new(),
            fault: None,
        }
    }

    pub fn accept(&mut self, seen: Ownership, message: u32) {
        if self.home != seen {
            let fault = format!("{message} executed at another's epoch: {seen:?}");
            self.fault.get_or_insert(fault);
        } else if self.drained {
            let fault = format!("{message} executed by an owner that hands over");
            self.fault.get_or_insert(fault);
        }
        self.log.push(message);
    }

    pub fn adopt(&mut self, mine: Ownership) {
        self.home = mine;
        self.drained = false;
    }
}

pub type UserSlot = Slot<Place, u32>;

pub fn user() -> Arc<UserSlot> {
    Arc::new(Slot::new(first(), Place::new()))
}

/// What the place has accepted.
///
/// Panics where it was touched by another than its owner.
pub fn log<M>(slot: &Slot<Place, M>) -> Vec<u32> {
    let (log, fault) = slot.peek(|place, _| (place.log.clone(), place.fault.clone()));
    assert!(fault.is_none(), "{}", fault.unwrap_or_default());
    log
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
pub fn send_off<M>(
    slot: &Slot<Place, M>,
    mine: Ownership,
    to: NodeId,
) -> Result<Ownership, SlotError> {
    slot.freeze(mine, HOLD)?;
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
pub fn beside<T: Send + Sync + 'static, R: Send + 'static>(
    shared: &Arc<T>,
    work: impl FnOnce(&T) -> R + Send + 'static,
) -> JoinHandle<R> {
    let shared = Arc::clone(shared);
    thread::spawn(move || work(&shared))
}

pub fn join<R>(handle: JoinHandle<R>) -> R {
    handle
        .join()
        .expect("a panic in a model's thread ends the model before")
}
