//! The one file that knows which primitives the protocols stand on.
//!
//! | build | primitives | for |
//! | --- | --- | --- |
//! | ordinary | `std` atomics and `Arc`, `parking_lot` locks | everything that people run |
//! | `--cfg takeover_loom` | loom's | small models, every interleaving and every weak-memory outcome |
//! | `--cfg takeover_shuttle` | shuttle's | models too large for loom, random interleavings |
//!
//! The protocols take [`Arc`], [`AtomicU64`], [`Mutex`] and [`RwLock`] from here and nothing from
//! elsewhere. Locks have `parking_lot`'s signatures in every build: they do not poison.

pub use chosen::{Arc, AtomicU64, Mutex, MutexGuard, RwLock};
pub use std::sync::atomic::Ordering;

#[cfg(not(any(takeover_loom, takeover_shuttle)))]
mod chosen {
    pub use parking_lot::{Mutex, MutexGuard, RwLock};
    pub use std::sync::Arc;
    pub use std::sync::atomic::AtomicU64;
}

#[cfg(any(takeover_loom, takeover_shuttle))]
mod chosen {
    #[cfg(takeover_loom)]
    use loom::sync as modelled;
    #[cfg(all(takeover_shuttle, not(takeover_loom)))]
    use shuttle::sync as modelled;
    use std::sync::PoisonError;

    pub use modelled::atomic::AtomicU64;
    pub use modelled::{Arc, MutexGuard};

    /// The modelled mutex with `parking_lot`'s signatures.
    #[derive(Debug, Default)]
    pub struct Mutex<T>(modelled::Mutex<T>);

    impl<T> Mutex<T> {
        /// An unlocked mutex around `value`.
        pub fn new(value: T) -> Self {
            Self(modelled::Mutex::new(value))
        }

        /// Waits for the lock.
        pub fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }

        /// The lock, if nobody has it. No planted panic is inside one: what is poisoned is taken for held.
        pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            self.0.try_lock().ok()
        }
    }

    /// The modelled read-write lock with `parking_lot`'s signatures.
    #[derive(Debug, Default)]
    pub struct RwLock<T>(modelled::RwLock<T>);

    impl<T> RwLock<T> {
        /// An unlocked lock around `value`.
        pub fn new(value: T) -> Self {
            Self(modelled::RwLock::new(value))
        }

        /// Waits for shared access.
        pub fn read(&self) -> modelled::RwLockReadGuard<'_, T> {
            self.0.read().unwrap_or_else(PoisonError::into_inner)
        }

        /// Waits for exclusive access.
        pub fn write(&self) -> modelled::RwLockWriteGuard<'_, T> {
            self.0.write().unwrap_or_else(PoisonError::into_inner)
        }
    }
}

/// Marks where a model plants a bug of [`super::planted`]: `planted!(BUG)` is true where it is
/// planted, `planted!(BUG => STATEMENT)` does what the bug does.
#[cfg(any(takeover_loom, takeover_shuttle))]
macro_rules! planted {
    ($bug:ident) => {
        $crate::sync::planted::is($crate::sync::planted::Bug::$bug)
    };
    ($bug:ident => $what:stmt) => {
        if $crate::sync::planted::is($crate::sync::planted::Bug::$bug) {
            $what
        }
    };
}

/// Marks where a model plants a bug. No model runs in this build, but the fault search may: see
/// [`crate::canary`].
#[cfg(not(any(takeover_loom, takeover_shuttle)))]
macro_rules! planted {
    ($bug:ident) => {
        $crate::canary!(stringify!($bug))
    };
    ($bug:ident => $what:stmt) => {};
}

pub(super) use planted;
