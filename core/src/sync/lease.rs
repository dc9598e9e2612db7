//! A lease: one holder per epoch, for a time, with an epoch that fences the old ones.

use super::owner::Ownership;
use super::shim::{Mutex, planted};
use crate::id::NodeId;
use crate::time::Moment;
use std::time::Duration;

/// The right of one node to host a room (CHAT-10), until it expires or is given back.
///
/// Each grant has an epoch one higher than the grant before. Who writes as a holder does it
/// through [`Lease::fenced`], or hands the epoch to a store that checks it on every write; so a
/// holder that was cut off and comes back cannot write to what it has lost.
#[derive(Debug, Default)]
pub struct Lease(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    /// Epochs granted so far: the newest grant's epoch.
    epoch: u64,
    /// The newest grant, unless it was given back.
    grant: Option<Grant>,
}

/// What a holder has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// The holder and its fencing epoch; the first grant's epoch is 1.
    pub ownership: Ownership,
    /// The first moment at which it no longer holds.
    pub until: Moment,
}

impl Grant {
    /// Whether it has run out at `now`.
    #[must_use]
    pub fn has_expired(&self, now: Moment) -> bool {
        now >= self.until
    }
}

/// Why a lease was not granted, renewed, released or written under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LeaseError {
    /// Another node holds it, and its time is not over.
    #[error("{} holds the lease until {}: it can be had then, or when it is released",
        .0.ownership, .0.until)]
    Held(Grant),
    /// The grant is over: released, or followed by a newer one.
    #[error("the lease of {mine} is over: epoch {newest} is the newest")]
    Lost {
        /// What the caller took for its grant.
        mine: Ownership,
        /// The newest epoch granted.
        newest: u64,
    },
    /// The grant has run out, though nobody else has the lease yet.
    #[error("the lease of {mine} ran out at {until}: renew it before writing")]
    Expired {
        /// The caller's grant.
        mine: Ownership,
        /// When it ran out.
        until: Moment,
    },
}

impl Lease {
    /// A lease that nobody holds.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Grants the lease to `node` for `term` from `now`, if nobody else holds it.
    ///
    /// A node that holds it already gets a new grant, which ends its old one: this is how a
    /// service that was restarted fences its own former life.
    ///
    /// # Errors
    /// [`LeaseError::Held`] while another node's grant runs.
    pub fn acquire(&self, node: NodeId, now: Moment, term: Duration) -> Result<Grant, LeaseError> {
        planted!(LeaseAcquiresInTwoSteps => self.0.lock().free_for(node, now)?);
        let mut book = self.0.lock();
        if !planted!(LeaseAcquiresInTwoSteps) {
            book.free_for(node, now)?;
        }
        if !planted!(LeaseKeepsEpoch) {
            book.epoch += 1;
        }
        let grant = Grant {
            ownership: Ownership::new(node, book.epoch),
            until: now + term,
        };
        book.grant = Some(grant);
        Ok(grant)
    }

    /// Extends `mine` to `term` from `now`; never shortens it.
    ///
    /// A grant that has run out can still be renewed if nobody else was granted one meanwhile:
    /// then nobody has written in between.
    ///
    /// # Errors
    /// [`LeaseError::Lost`] after a release or a newer grant.
    pub fn renew(&self, mine: &Grant, now: Moment, term: Duration) -> Result<Grant, LeaseError> {
        let mut book = self.0.lock();
        let mut grant = if planted!(LeaseRenewsBlindly) {
            *mine
        } else {
            book.check(mine)?
        };
        grant.until = grant.until.max(now + term);
        book.grant = Some(grant);
        Ok(grant)
    }

    /// Gives `mine` back before its time: the next one need not wait for it to run out.
    ///
    /// # Errors
    /// [`LeaseError::Lost`] after a release or a newer grant; nothing changes then.
    pub fn release(&self, mine: &Grant) -> Result<(), LeaseError> {
        let mut book = self.0.lock();
        if !planted!(LeaseReleasesBlindly) {
            book.check(mine)?;
        }
        book.grant = None;
        Ok(())
    }

    /// Does `work` as the holder: no other grant is made while it runs. It must be short.
    ///
    /// # Errors
    /// [`LeaseError::Lost`], [`LeaseError::Expired`]; `work` has not run then.
    pub fn fenced<R>(
        &self,
        mine: &Grant,
        now: Moment,
        work: impl FnOnce() -> R,
    ) -> Result<R, LeaseError> {
        let book = self.0.lock();
        let grant = if planted!(LeaseNotFenced) {
            *mine
        } else {
            book.check(mine)?
        };
        if grant.has_expired(now) {
            return Err(LeaseError::Expired {
                mine: mine.ownership,
                until: grant.until,
            });
        }
        planted!(LeaseWritesUnlocked => drop(book));
        Ok(work())
    }

    /// The newest grant, if it was not given back; it may have run out.
    #[must_use]
    pub fn grant(&self) -> Option<Grant> {
        self.0.lock().grant
    }

    /// The newest epoch granted; 0 if there was none.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.0.lock().epoch
    }
}

impl Book {
    fn free_for(&self, node: NodeId, now: Moment) -> Result<(), LeaseError> {
        match self.grant {
            Some(held) if held.ownership.node() != node && !held.has_expired(now) => {
                Err(LeaseError::Held(held))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The newest grant, if it is `mine`.
    fn check(&self, mine: &Grant) -> Result<Grant, LeaseError> {
        match self.grant {
            Some(grant) if grant.ownership == mine.ownership => Ok(grant),
            Some(_) | None => Err(LeaseError::Lost {
                mine: mine.ownership,
                newest: self.epoch,
            }),
        }
    }
}
