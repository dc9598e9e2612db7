//! One user's place: state that has one active owner and moves without losing a message.
//!
//! A migration from node A to node B is five steps, each a short critical section:
//!
//! 1. **freeze**, by A: what arrives from now on is held, in order, up to a bound;
//! 2. **drain**, by A: [`Slot::with`] empties what A still has under way for the user;
//! 3. **hand over**: nothing to copy, the state is in the slot;
//! 4. **publish**, by A: B owns the slot at the next epoch, A's epoch is worth nothing any more;
//! 5. **thaw**, by B: the held messages are delivered in order, and the slot is open.
//!
//! Where A is dead or cut off, B **claims** the slot in place of 1 to 4. Bulk moves that have
//! nothing to drain do all of it at once with [`Slot::take_over`].

use super::owner::{OwnerCell, Ownership};
use super::shim::{Mutex, MutexGuard, planted};
use crate::id::NodeId;
use std::collections::VecDeque;

/// One user's place: an owner, a gate, and the state `S` that messages `M` are delivered to.
///
/// Everything that changes the slot happens under its one lock, so it has one order that all
/// agree on; only [`Slot::owner`] reads beside it. Closures run under the lock: they must be
/// short and must not touch the same slot again. If one panics, the slot stays usable: a message
/// that was being accepted is gone with the panic, those still held stay held.
///
/// Costs 32 bytes beside `S` and allocates only while it is frozen.
#[derive(Debug)]
pub struct Slot<S, M> {
    owner: OwnerCell,
    inside: Mutex<Inside<S, M>>,
}

#[derive(Debug)]
struct Inside<S, M> {
    passage: Passage<M>,
    state: S,
}

#[derive(Debug)]
enum Passage<M> {
    Open,
    Frozen(Box<Held<M>>),
    Closed,
}

#[derive(Debug)]
struct Held<M> {
    queue: VecDeque<M>,
    limit: usize,
}

/// What became of a message given to [`Slot::deliver`].
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a message that was not delivered or held is still the sender's to look after"]
pub enum Delivery<M, R = ()> {
    /// The owner's state accepted it, with this result.
    Delivered(R),
    /// The slot is in transition: the message is kept, in order, and delivered at the thaw.
    Held,
    /// The sender's epoch is over: deliver it again to the owner named here (SES-4).
    Stale(M, Ownership),
    /// The slot is in transition and holds as many messages as it may.
    Full(M),
    /// The user is gone from this slot for good: look the user up again, or answer with an error.
    Closed(M),
}

/// How a slot stands, to look at. It may have changed by the time it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Messages go to the state.
    Open,
    /// Messages are held.
    Frozen {
        /// Messages held.
        held: usize,
        /// Messages that may be held.
        limit: usize,
    },
    /// Nothing is accepted any more.
    Closed,
}

/// Why a slot refused an owner's step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SlotError {
    /// The caller's ownership is over.
    #[error("{mine} is over: {owner} owns the slot")]
    Stale {
        /// What the caller took for the ownership.
        mine: Ownership,
        /// What it is.
        owner: Ownership,
    },
    /// A transition is under way already: wait for its end, or claim the slot.
    #[error("{owner} has the slot frozen already: only an open slot can be frozen")]
    Frozen {
        /// The owner, whose transition it is.
        owner: Ownership,
    },
    /// No transition is under way.
    #[error("{owner} has the slot open: only a frozen slot can be published or thawed")]
    Open {
        /// The owner.
        owner: Ownership,
    },
    /// The slot is closed for good.
    #[error("the slot of {owner} is closed: look the user up again")]
    Closed {
        /// The last owner.
        owner: Ownership,
    },
}

/// What a take-over in one step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakenOver {
    /// The ownership from now on.
    pub ownership: Ownership,
    /// Messages that had been held and were delivered.
    pub delivered: usize,
}

impl<S, M> Slot<S, M> {
    /// An open slot of `owner`.
    #[must_use]
    pub fn new(owner: Ownership, state: S) -> Self {
        let inside = Inside {
            passage: Passage::Open,
            state,
        };
        Self {
            owner: OwnerCell::new(owner),
            inside: Mutex::new(inside),
        }
    }

    /// The owner now. Wait-free: this is what a router reads before it delivers.
    #[inline]
    #[must_use]
    pub fn owner(&self) -> Ownership {
        self.owner.load()
    }

    /// Delivers `message` to the state if `seen` still owns it, holds it while in transition.
    ///
    /// A sender that gives its next message only after the one before was delivered or held, and
    /// that re-routes stale ones at once, has its messages accepted in its own order.
    #[inline]
    pub fn deliver<R>(
        &self,
        seen: Ownership,
        message: M,
        accept: impl FnOnce(&mut S, M) -> R,
    ) -> Delivery<M, R> {
        // Epochs only grow: what is stale already need not wait for the lock.
        let early = self.owner.load();
        if early != seen {
            return Delivery::Stale(message, early);
        }
        let mut inside = self.inside.lock();
        let owner = self.owner.load();
        let current = if planted!(SlotComparesNodeOnly) {
            owner.node() == seen.node()
        } else {
            owner == seen || planted!(SlotDeliverNoRecheck)
        };
        if !current {
            return Delivery::Stale(message, owner);
        }
        let Inside { passage, state } = &mut *inside;
        match passage {
            Passage::Open => Delivery::Delivered(accept(state, message)),
            Passage::Frozen(_) if planted!(SlotDeliverIgnoresFreeze) => {
                Delivery::Delivered(accept(state, message))
            }
            Passage::Frozen(held) => held.keep(message),
            Passage::Closed => Delivery::Closed(message),
        }
    }

    /// As [`Slot::deliver`], for a message that is not made yet: `accept` runs only if `seen` owns the
    /// state and nothing is held. `None` where that is not so and nothing has happened: make the
    /// message and deliver it.
    ///
    /// A sender that does so keeps its order: what it offers goes behind what it has delivered.
    #[inline]
    pub fn offer<R>(&self, seen: Ownership, accept: impl FnOnce(&mut S) -> R) -> Option<R> {
        if self.owner.load() != seen {
            return None;
        }
        let mut inside = self.inside.lock();
        if self.owner.load() != seen && !planted!(SlotOfferNoRecheck) {
            return None;
        }
        let Inside { passage, state } = &mut *inside;
        match passage {
            Passage::Open => Some(accept(state)),
            Passage::Frozen(_) if planted!(SlotOfferIgnoresFreeze) => Some(accept(state)),
            Passage::Frozen(_) | Passage::Closed => None,
        }
    }

    /// Works on the state as its owner, open or frozen. This is also how a migration drains.
    ///
    /// # Errors
    /// [`SlotError::Stale`] where `mine` is over, [`SlotError::Closed`]; `work` has not run then.
    #[inline]
    pub fn with<R>(&self, mine: Ownership, work: impl FnOnce(&mut S) -> R) -> Result<R, SlotError> {
        planted!(SlotWithNoRecheck => return self.with_unchecked_lock(mine, work));
        let mut inside = self.lock_as(mine)?;
        Ok(work(&mut inside.state))
    }

    /// Looks at the state, whoever owns it.
    pub fn peek<R>(&self, look: impl FnOnce(&S, Ownership) -> R) -> R {
        let inside = self.inside.lock();
        look(&inside.state, self.owner.load())
    }

    /// How the slot stands.
    #[must_use]
    pub fn gate(&self) -> Gate {
        match &self.inside.lock().passage {
            Passage::Open => Gate::Open,
            Passage::Frozen(held) => Gate::Frozen {
                held: held.queue.len(),
                limit: held.limit,
            },
            Passage::Closed => Gate::Closed,
        }
    }

    /// Begins a transition: up to `limit` messages are held from now on.
    ///
    /// Whose freeze succeeds has the transition, and ends it by [`Slot::publish`] or
    /// [`Slot::thaw`]; of two migrations of one user the second is refused here.
    ///
    /// # Errors
    /// [`SlotError::Stale`], [`SlotError::Frozen`], [`SlotError::Closed`].
    pub fn freeze(&self, mine: Ownership, limit: usize) -> Result<(), SlotError> {
        let mut inside = self.lock_as(mine)?;
        match inside.passage {
            Passage::Frozen(_) if planted!(SlotFreezesTwice) => {}
            Passage::Frozen(_) => return Err(SlotError::Frozen { owner: mine }),
            Passage::Open | Passage::Closed => {}
        }
        inside.passage = Passage::frozen(limit);
        Ok(())
    }

    /// Passes the frozen slot to `to`, one epoch later. It stays frozen until `to` thaws it.
    ///
    /// # Errors
    /// [`SlotError::Stale`], [`SlotError::Open`] (the transition was given up meanwhile),
    /// [`SlotError::Closed`].
    pub fn publish(&self, mine: Ownership, to: NodeId) -> Result<Ownership, SlotError> {
        let inside = if planted!(SlotPublishUnfenced) {
            self.inside.lock()
        } else {
            self.lock_as(mine)?
        };
        match inside.passage {
            Passage::Open if planted!(SlotPublishWhileOpen) => {}
            Passage::Open => return Err(SlotError::Open { owner: mine }),
            Passage::Frozen(_) | Passage::Closed => {}
        }
        let next = mine.passed_to(to);
        self.owner.set(next);
        Ok(next)
    }

    /// Ends a transition: delivers what was held, in order, and opens the slot.
    ///
    /// By the new owner after [`Slot::publish`] or [`Slot::claim`], or by the old one to give the
    /// migration up. Returns how many messages were held.
    ///
    /// # Errors
    /// [`SlotError::Stale`], [`SlotError::Open`] (thawed already), [`SlotError::Closed`].
    pub fn thaw(
        &self,
        mine: Ownership,
        mut accept: impl FnMut(&mut S, M),
    ) -> Result<usize, SlotError> {
        planted!(SlotThawOpensFirst => return self.thaw_opening_first(mine, accept));
        let mut inside = if planted!(SlotThawUnfenced) {
            self.inside.lock()
        } else {
            self.lock_as(mine)?
        };
        match inside.passage {
            Passage::Open => Err(SlotError::Open { owner: mine }),
            Passage::Frozen(_) | Passage::Closed => Ok(inside.open(&mut accept)),
        }
    }

    /// Takes the slot from an owner that is dead or cut off, one epoch later.
    ///
    /// The slot is frozen afterwards with room for `limit` messages; what the old owner's
    /// transition had held stays held, in order. The new owner puts the state in order by
    /// [`Slot::with`] and then thaws.
    ///
    /// # Errors
    /// [`SlotError::Stale`] where the owner is no longer `seen`: somebody else was first.
    /// [`SlotError::Closed`].
    pub fn claim(&self, seen: Ownership, to: NodeId, limit: usize) -> Result<Ownership, SlotError> {
        planted!(SlotClaimNoRecheck => self.check(seen)?);
        let mut inside = if planted!(SlotClaimNoRecheck) {
            self.inside.lock()
        } else {
            self.lock_as(seen)?
        };
        match &mut inside.passage {
            Passage::Frozen(held) if !planted!(SlotClaimDropsHeld) => held.limit = limit,
            Passage::Open | Passage::Frozen(_) | Passage::Closed => {
                inside.passage = Passage::frozen(limit);
            }
        }
        let next = seen.passed_to(to);
        self.owner.set(next);
        Ok(next)
    }

    /// Moves the slot from `seen` to `to` in one step: next epoch, `adopt` puts the state in
    /// order for the new owner, what was held is delivered, the slot is open.
    ///
    /// For a forced take-over, and for planned moves that have nothing to drain: one critical
    /// section instead of four.
    ///
    /// # Errors
    /// [`SlotError::Stale`] where the owner is no longer `seen`; [`SlotError::Closed`].
    pub fn take_over(
        &self,
        seen: Ownership,
        to: NodeId,
        adopt: impl FnOnce(&mut S),
        mut accept: impl FnMut(&mut S, M),
    ) -> Result<TakenOver, SlotError> {
        let mut inside = self.lock_as(seen)?;
        let ownership = seen.passed_to(to);
        self.owner.set(ownership);
        adopt(&mut inside.state);
        Ok(TakenOver {
            ownership,
            delivered: inside.open(&mut accept),
        })
    }

    /// Closes the slot for good and hands back what was held, for whoever answers the senders.
    ///
    /// Take the slot out of the directory first, so that who is told [`Delivery::Closed`] and
    /// looks again does not find it.
    ///
    /// # Errors
    /// [`SlotError::Stale`], [`SlotError::Closed`] (closed already).
    pub fn close<R>(
        &self,
        mine: Ownership,
        farewell: impl FnOnce(&mut S) -> R,
    ) -> Result<(R, VecDeque<M>), SlotError> {
        let mut inside = self.lock_as(mine)?;
        let result = farewell(&mut inside.state);
        match std::mem::replace(&mut inside.passage, Passage::Closed) {
            Passage::Frozen(_) if planted!(SlotCloseForgetsHeld) => Ok((result, VecDeque::new())),
            Passage::Frozen(held) => Ok((result, held.queue)),
            Passage::Open | Passage::Closed => Ok((result, VecDeque::new())),
        }
    }

    /// The lock, if `mine` owns the slot and it is not closed. The check is made under the lock.
    #[inline]
    fn lock_as(&self, mine: Ownership) -> Result<MutexGuard<'_, Inside<S, M>>, SlotError> {
        let inside = self.inside.lock();
        self.check(mine)?;
        match inside.passage {
            Passage::Open | Passage::Frozen(_) => Ok(inside),
            Passage::Closed => Err(SlotError::Closed { owner: mine }),
        }
    }

    #[inline]
    fn check(&self, mine: Ownership) -> Result<(), SlotError> {
        let owner = self.owner.load();
        if owner == mine {
            Ok(())
        } else {
            Err(SlotError::Stale { mine, owner })
        }
    }

    /// The planted bug: the check is made before the lock is taken.
    #[cfg(any(takeover_loom, takeover_shuttle))]
    fn with_unchecked_lock<R>(
        &self,
        mine: Ownership,
        work: impl FnOnce(&mut S) -> R,
    ) -> Result<R, SlotError> {
        self.check(mine)?;
        Ok(work(&mut self.inside.lock().state))
    }

    /// The planted bug: the gate opens before the held messages are through it.
    #[cfg(any(takeover_loom, takeover_shuttle))]
    fn thaw_opening_first(
        &self,
        mine: Ownership,
        mut accept: impl FnMut(&mut S, M),
    ) -> Result<usize, SlotError> {
        let passage = std::mem::replace(&mut self.lock_as(mine)?.passage, Passage::Open);
        let Passage::Frozen(held) = passage else {
            return Err(SlotError::Open { owner: mine });
        };
        let count = held.queue.len();
        for message in held.queue {
            accept(&mut self.inside.lock().state, message);
        }
        Ok(count)
    }
}

impl<S, M> Inside<S, M> {
    /// Delivers what is held, in order, and opens. Returns how many were held.
    fn open(&mut self, accept: &mut impl FnMut(&mut S, M)) -> usize {
        let mut count = 0;
        if let Passage::Frozen(held) = &mut self.passage {
            while let Some(message) = held.queue.pop_front() {
                accept(&mut self.state, message);
                count += 1;
            }
        }
        self.passage = Passage::Open;
        count
    }
}

impl<M> Passage<M> {
    fn frozen(limit: usize) -> Self {
        Self::Frozen(Box::new(Held {
            queue: VecDeque::new(),
            limit,
        }))
    }
}

impl<M> Held<M> {
    fn keep<R>(&mut self, message: M) -> Delivery<M, R> {
        if self.queue.len() < self.limit {
            self.queue.push_back(message);
            Delivery::Held
        } else if planted!(SlotDropsWhenFull) {
            Delivery::Held
        } else {
            Delivery::Full(message)
        }
    }
}
