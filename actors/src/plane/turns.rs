//! Whose turn it is among sessions that have no task of their own: one task serves a whole line of
//! them, and looks only at those that something has happened to.

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;

/// The sessions of one line that are to be looked at, in the order in which they were woken.
#[derive(Debug, Default)]
pub struct Turns {
    woken: Mutex<Vec<u32>>,
    task: AtomicWaker,
}

/// One session's place in the queue, as a waker.
struct Turn {
    turns: Arc<Turns>,
    seat: u32,
}

impl Turns {
    /// The session at this seat is to be looked at.
    pub fn call(&self, seat: u32) {
        self.woken.lock().push(seat);
        self.task.wake();
    }

    /// Wakes the task that serves the line, whoever's turn it is.
    pub fn wake(&self) {
        self.task.wake();
    }

    /// Those to look at; a seat may be among them that nobody has any more.
    #[must_use]
    pub fn take(&self) -> Vec<u32> {
        std::mem::take(&mut self.woken.lock())
    }

    /// Ready when somebody is to be looked at. Asked by the task that serves the line.
    pub fn poll_called(&self, context: &Context<'_>) -> Poll<()> {
        self.task.register(context.waker());
        match self.woken.lock().is_empty() {
            true => Poll::Pending,
            false => Poll::Ready(()),
        }
    }

    /// What calls this seat when it is woken.
    #[must_use]
    pub fn waker(self: &Arc<Self>, seat: u32) -> Waker {
        let turns = self.clone();
        Waker::from(Arc::new(Turn { turns, seat }))
    }
}

impl Wake for Turn {
    fn wake(self: Arc<Self>) {
        self.turns.call(self.seat);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plane::{Close, Outlet};

    /// However often a session in a line is woken, it has one turn; once it was looked at, the next.
    #[test]
    fn one_turn_serves_all_that_a_session_was_woken_for() {
        let turns = Arc::<Turns>::default();
        let outlets = [3, 5].map(|seat| Outlet::in_line(&turns, seat));
        outlets[1].wake();
        outlets[0].wake();
        outlets[1].close(Close::Conflict);
        assert_eq!(turns.take(), [5, 3]);
        outlets[0].wake();
        assert!(turns.take().is_empty(), "it has not been looked at yet");
        outlets[0].look();
        outlets[0].wake();
        turns.waker(8).wake();
        assert_eq!(turns.take(), [3, 8]);
    }
}
