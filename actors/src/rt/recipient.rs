//! A narrow address: something that takes one kind of message, whoever it is.

use super::mailbox::Refusal;
use std::fmt;
use std::sync::Arc;

type Narrow<N> = dyn Fn(N) -> Result<(), Refusal> + Send + Sync;

/// The address of *something* that takes `N`: an actor behind a mapping, or a closure in a test.
pub struct Recipient<N>(Arc<Narrow<N>>);

impl<N> Clone for Recipient<N> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<N> fmt::Debug for Recipient<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recipient")
    }
}

impl<N: 'static> Recipient<N> {
    /// A recipient that calls `f` on the sender's thread; it must not block.
    pub fn from_fn(f: impl Fn(N) -> Result<(), Refusal> + Send + Sync + 'static) -> Self {
        Self(Arc::new(f))
    }

    /// A recipient for answers that nobody waits for.
    pub fn nobody() -> Self {
        Self::from_fn(|_| Ok(()))
    }

    /// Sends.
    ///
    /// # Errors
    /// Why it was not taken; the message is gone.
    pub fn send(&self, message: N) -> Result<(), Refusal> {
        (self.0)(message)
    }
}
