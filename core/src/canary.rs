//! Bugs that the fault search must find, to show that it would.
//!
//! Each is marked in the code by [`canary!`](crate::canary!) with its name, and is what somebody could
//! have written: a fence left out, a timer that runs on, a user left behind. They exist in a build
//! with the feature `canaries`; in any other the mark is `false`, and nothing of them is left.

#[cfg(feature = "canaries")]
mod planted {
    use std::cell::Cell;

    thread_local! {
        static PLANTED: Cell<Option<&'static str>> = const { Cell::new(None) };
    }

    /// Plants the bug of this name, or none, in all that runs on this thread from now on: a lab in
    /// virtual time runs on the thread that made it.
    pub fn plant(name: Option<&'static str>) {
        PLANTED.set(name);
    }

    /// Whether the bug of this name is planted on this thread.
    #[must_use]
    pub fn is_planted(name: &str) -> bool {
        PLANTED.get() == Some(name)
    }
}

#[cfg(feature = "canaries")]
pub use planted::{is_planted, plant};

/// Marks where a bug can be planted: true where it is.
#[cfg(feature = "canaries")]
#[macro_export]
macro_rules! canary {
    ($name:expr) => {
        $crate::canary::is_planted($name)
    };
}

/// Marks where a bug can be planted. This build has none.
#[cfg(not(feature = "canaries"))]
#[macro_export]
macro_rules! canary {
    ($name:expr) => {
        false
    };
}
