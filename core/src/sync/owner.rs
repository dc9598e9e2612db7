//! Who owns a user, and at which epoch, in one word.

use super::shim::{AtomicU64, Ordering, planted};
use crate::id::NodeId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A node's ownership of something, at one epoch (SES-4).
///
/// Epochs start at 0 and grow by one with every move, so that within one cell no two ownerships
/// are equal, also when the same node owns it again. Ordered by epoch first: of two ownerships of
/// one cell the greater one is the newer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "Spelled", into = "Spelled")]
pub struct Ownership(u64);

/// [`Ownership`] as it is written down.
#[derive(Serialize, Deserialize)]
struct Spelled {
    node: NodeId,
    epoch: u64,
}

impl Ownership {
    /// The largest epoch: 48 bits, a million moves a second for nearly nine years.
    pub const MAX_EPOCH: u64 = (1 << 48) - 1;

    /// The ownership of `node` at `epoch`; an epoch above [`Self::MAX_EPOCH`] counts as that.
    #[must_use]
    pub fn new(node: NodeId, epoch: u64) -> Self {
        Self((epoch.min(Self::MAX_EPOCH) << 16) | u64::from(node.0))
    }

    /// The node that owns.
    #[inline]
    #[must_use]
    pub fn node(self) -> NodeId {
        // The cut is meant: the low 16 bits are the node.
        NodeId(self.0 as u16)
    }

    /// How often the ownership had changed when this one began.
    #[inline]
    #[must_use]
    pub fn epoch(self) -> u64 {
        self.0 >> 16
    }

    /// What this ownership becomes when it passes to `to`: that node, one epoch later.
    #[inline]
    #[must_use]
    pub fn passed_to(self, to: NodeId) -> Self {
        debug_assert!(
            self.epoch() < Self::MAX_EPOCH,
            "no epoch is left after {self}"
        );
        let epoch = if planted!(EpochNotAdvanced) {
            self.epoch()
        } else {
            self.epoch() + 1
        };
        Self::new(to, epoch)
    }
}

impl From<Spelled> for Ownership {
    fn from(Spelled { node, epoch }: Spelled) -> Self {
        Self::new(node, epoch)
    }
}

impl From<Ownership> for Spelled {
    fn from(ownership: Ownership) -> Self {
        Self {
            node: ownership.node(),
            epoch: ownership.epoch(),
        }
    }
}

impl fmt::Display for Ownership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at epoch {}", self.node(), self.epoch())
    }
}

impl fmt::Debug for Ownership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.node().0, self.epoch())
    }
}

/// The arbiter of an ownership: read without waiting, changed by compare-and-set only.
///
/// Of any number of claims that start from one ownership exactly one succeeds. What the winner
/// wrote before its claim is visible to whoever loads the new ownership.
#[derive(Debug)]
pub struct OwnerCell(AtomicU64);

impl OwnerCell {
    /// A cell that starts with `first`.
    #[must_use]
    pub fn new(first: Ownership) -> Self {
        Self(AtomicU64::new(first.0))
    }

    /// The ownership now. Wait-free.
    #[inline]
    #[must_use]
    pub fn load(&self) -> Ownership {
        let order = if planted!(OwnerLoadRelaxed) {
            Ordering::Relaxed
        } else {
            Ordering::Acquire
        };
        Ownership(self.0.load(order))
    }

    /// Passes the ownership from `seen` to `to`, one epoch later, and returns the new one.
    ///
    /// # Errors
    /// The ownership as it is, where it is no longer `seen`; nothing has changed then.
    pub fn claim(&self, seen: Ownership, to: NodeId) -> Result<Ownership, Ownership> {
        let next = seen.passed_to(to);
        planted!(OwnerClaimBlind => return self.claim_blindly(seen, next));
        let order = if planted!(OwnerClaimRelaxed) {
            Ordering::Relaxed
        } else {
            Ordering::AcqRel
        };
        match self
            .0
            .compare_exchange(seen.0, next.0, order, Ordering::Acquire)
        {
            Ok(_) => Ok(next),
            Err(now) => Err(Ownership(now)),
        }
    }

    /// Sets the ownership. For a holder of the lock under which alone the cell changes.
    #[inline]
    pub(super) fn set(&self, next: Ownership) {
        let order = if planted!(OwnerSetRelaxed) {
            Ordering::Relaxed
        } else {
            Ordering::Release
        };
        self.0.store(next.0, order);
    }

    /// The planted bug: looks, then sets.
    #[cfg(any(takeover_loom, takeover_shuttle))]
    fn claim_blindly(&self, seen: Ownership, next: Ownership) -> Result<Ownership, Ownership> {
        let now = self.load();
        if now != seen {
            return Err(now);
        }
        self.set(next);
        Ok(next)
    }
}

#[cfg(all(test, not(any(takeover_loom, takeover_shuttle))))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn node(n: u16) -> NodeId {
        NodeId(n)
    }

    proptest! {
        /// SES-4: node and epoch survive the packing, whatever their bits.
        #[test]
        fn packing_keeps_node_and_epoch(n: u16, epoch in 0..=Ownership::MAX_EPOCH) {
            let ownership = Ownership::new(node(n), epoch);
            prop_assert_eq!((ownership.node(), ownership.epoch()), (node(n), epoch));
        }

        /// SES-4: the newer of two ownerships is the greater one, whichever nodes they name.
        #[test]
        fn a_newer_ownership_is_greater(a: u16, b: u16, epoch in 0..Ownership::MAX_EPOCH) {
            let old = Ownership::new(node(a), epoch);
            prop_assert!(old < old.passed_to(node(b)));
        }
    }

    /// SES-4: a claim from an ownership that has passed is refused, also when the node is the same.
    #[test]
    fn a_claim_needs_the_newest_ownership() {
        let first = Ownership::new(node(1), 0);
        let cell = OwnerCell::new(first);
        let second = cell.claim(first, node(2)).expect("the first claim");
        assert_eq!(second, Ownership::new(node(2), 1));
        let third = cell.claim(second, node(1)).expect("the move back");
        assert_eq!(
            cell.claim(first, node(3)),
            Err(third),
            "node 1 again, but two epochs later"
        );
        assert_eq!(cell.load(), third);
    }

    /// SES-4: an epoch past the 48th bit is cut to the largest one and never reaches the node.
    #[test]
    fn an_epoch_too_large_does_not_touch_the_node() {
        let ownership = Ownership::new(node(7), u64::MAX);
        assert_eq!(
            (ownership.node(), ownership.epoch()),
            (node(7), Ownership::MAX_EPOCH)
        );
    }
}
