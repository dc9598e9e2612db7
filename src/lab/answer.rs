//! The answer to something that was asked of the lab.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use takeover_actors::rt::{Recipient, Refusal};
use thiserror::Error;
use tokio::sync::oneshot;

/// Whoever was asked ended before it answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("whoever was asked ended before it answered")]
pub struct NoAnswer;

/// An answer on its way. Await it in an async program; in plain code [`Lab`](super::Lab) does.
#[must_use = "the question has been asked, the answer is on its way"]
pub struct Answer<T>(oneshot::Receiver<T>);

impl<T: Send + 'static> Answer<T> {
    /// Where the answer goes, and the answer.
    pub(super) fn channel() -> (Recipient<T>, Self) {
        let (sender, receiver) = oneshot::channel();
        let sender = Mutex::new(Some(sender));
        let recipient = Recipient::from_fn(move |answer| -> Result<(), Refusal> {
            if let Some(sender) = sender.lock().take() {
                // Whoever asked may not care any more.
                let _ = sender.send(answer);
            }
            Ok(())
        });
        (recipient, Self(receiver))
    }

    /// The answer, if it has come.
    ///
    /// # Errors
    /// [`NoAnswer`] when none will come.
    pub fn try_take(&mut self) -> Result<Option<T>, NoAnswer> {
        match self.0.try_recv() {
            Ok(answer) => Ok(Some(answer)),
            Err(oneshot::error::TryRecvError::Empty) => Ok(None),
            Err(oneshot::error::TryRecvError::Closed) => Err(NoAnswer),
        }
    }
}

impl<T> Future for Answer<T> {
    type Output = Result<T, NoAnswer>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map_err(|_| NoAnswer)
    }
}
