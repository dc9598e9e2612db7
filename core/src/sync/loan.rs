//! A thing that its owner lends while it waits.

use super::shim::{Mutex, planted};

/// Something that one owner uses, and that others may use in its place while the owner waits.
///
/// Nobody waits for it: who cannot have it now leaves what it has to the owner. So that there is one
/// order whoever does the work, the owner takes the thing back *before* it takes its next work, and who
/// borrows it has seen under the lock of that work that there is none.
#[derive(Debug)]
pub struct Loan<T>(Mutex<Inside<T>>);

#[derive(Debug)]
struct Inside<T> {
    thing: T,
    lent: bool,
}

/// Whether a loan goes on when a borrower is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// The next one may borrow it.
    GoesOn,
    /// The owner has something to finish first.
    IsOver,
}

impl<T> Loan<T> {
    /// A thing that is not lent.
    pub fn new(thing: T) -> Self {
        let lent = false;
        Self(Mutex::new(Inside { thing, lent }))
    }

    /// Lends it until it is taken back. Only by its owner, which has nothing left to do with it.
    pub fn lend(&self) {
        self.0.lock().lent = true;
    }

    /// Takes it back. When this returns, nobody else uses it.
    pub fn take_back(&self) {
        self.0.lock().lent = false;
    }

    /// Uses it as its owner.
    pub fn own<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        work(&mut self.0.lock().thing)
    }

    /// Uses it in the owner's place, if it is lent and nobody else uses it right now; waits for nobody.
    pub fn borrow<R>(&self, work: impl FnOnce(&mut T) -> (R, After)) -> Option<R> {
        #[allow(unused_mut, reason = "a planted bug lets go of it")]
        let mut inside = self.0.try_lock()?;
        if !inside.lent && !planted!(LoanIgnoresLent) {
            return None;
        }
        planted!(LoanBorrowsInTwoSteps => {
            drop(inside);
            inside = self.0.lock();
        });
        let (result, after) = work(&mut inside.thing);
        if after == After::IsOver && !planted!(LoanGoesOnUnfinished) {
            inside.lent = false;
        }
        Some(result)
    }
}
