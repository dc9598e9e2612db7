//! Models of the shared-memory protocols in `takeover_core::sync`, and nothing else.
//!
//! ```text
//! RUSTFLAGS="--cfg takeover_loom" cargo test -p takeover-loom-tests --release --target-dir target/loom
//! RUSTFLAGS="--cfg takeover_shuttle" cargo test -p takeover-loom-tests --release --target-dir target/shuttle
//! ```
//!
//! The first command runs the *small* models (`tests/models/`): loom tries every interleaving of
//! their threads and every value that a weak memory may show them, exhaustively for two threads,
//! with at most three preemptions for more. The second runs the *large* ones (`tests/large/`),
//! those with more steps than loom can exhaust: shuttle draws interleavings from a seed and
//! prints the one that fails. Each build compiles the protocols themselves, over the primitives
//! that `takeover_core::sync::shim` chooses; only `core` and the checker are in it. Build them in
//! a target folder of their own, or every switch of flags compiles the workspace anew.
//!
//! A checker is worth what it finds. So each model is run twice: as the code stands, where it
//! must hold, and with a bug planted at a marked place of the same code
//! (`takeover_core::sync::planted`), where the checker must find it and stop with the words that
//! the model expects. A model that cannot fail does not pass.
//!
//! Limits worth knowing: loom knows no `SeqCst` beyond acquire and release, at most four threads,
//! and shuttle knows interleavings only, no weak memory.

#[cfg(any(takeover_loom, takeover_shuttle))]
mod run;

#[cfg(any(takeover_loom, takeover_shuttle))]
pub use run::{finds, holds};

/// How far a checker goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// loom: every interleaving there is.
    Exhaustive,
    /// loom: every interleaving with at most this many preemptions.
    Preemptions(usize),
    /// shuttle: this many random interleavings.
    Schedules(usize),
}

/// A model: a name, what it claims (its doc comment), how far it is searched, the bugs that must
/// be found in it with words from the message that finding them gives, and its body.
///
/// Becomes two tests, `NAME::holds` and `NAME::finds_the_planted_bugs`.
#[macro_export]
macro_rules! model {
    (
        $(#[$claim:meta])*
        $name:ident, $bound:expr;
        $($bug:expr => $words:literal),+;
        $body:block
    ) => {
        mod $name {
            #[allow(unused_imports, reason = "each model takes what it needs")]
            use super::*;

            fn body() $body

            $(#[$claim])*
            #[test]
            fn holds() {
                $crate::holds($bound, body);
            }

            $(#[$claim])*
            ///
            /// With each of the planted bugs it does not hold, and the checker sees it.
            #[test]
            fn finds_the_planted_bugs() {
                $($crate::finds($bug, $words, $bound, body);)+
            }
        }
    };
}
