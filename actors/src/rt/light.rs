//! Futures under supervision: a panic becomes a text, a kill drops the future on the spot.

use super::host::panic_text;
use super::life::Life;
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use tokio::task::AbortHandle;

/// A spawned future that can be dropped at once from outside.
pub(super) struct Task {
    cell: Rc<dyn Cell>,
    abort: AbortHandle,
}

trait Cell {
    /// Drops the future; false if it has ended already.
    fn empty(&self) -> bool;
}

struct Slot<T>(RefCell<Option<Pin<Box<dyn Future<Output = T>>>>>);

impl<T> Cell for Slot<T> {
    fn empty(&self) -> bool {
        // Nobody kills from inside the future's own poll, which alone borrows across user code.
        let future = self
            .0
            .try_borrow_mut()
            .ok()
            .and_then(|mut slot| slot.take());
        let was_there = future.is_some();
        // A destructor that panics must not take the one who kills along.
        let _ = catch_unwind(AssertUnwindSafe(move || drop(future)));
        was_there
    }
}

impl Task {
    /// Spawns `future` on this thread; `done` hears its output or the text of its panic, once,
    /// unless it is killed or `life` ends first.
    pub(super) fn spawn<T: 'static>(
        life: Arc<Life>,
        future: impl Future<Output = T> + 'static,
        done: impl FnOnce(Result<T, String>) + 'static,
    ) -> Self {
        let slot = Rc::new(Slot(RefCell::new(Some(
            Box::pin(future) as Pin<Box<dyn Future<Output = T>>>
        ))));
        let (cell, mut done) = (slot.clone(), Some(done));
        let work = poll_fn(move |cx| {
            if life.is_dead() {
                return Poll::Ready(());
            }
            let mut held = slot.0.borrow_mut();
            let Some(future) = held.as_mut() else {
                return Poll::Ready(());
            };
            let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
            let outcome = match polled {
                Ok(Poll::Pending) => return Poll::Pending,
                Ok(Poll::Ready(output)) => Ok(output),
                Err(payload) => Err(panic_text(&*payload)),
            };
            let future = held.take();
            drop(held);
            let _ = catch_unwind(AssertUnwindSafe(move || drop(future)));
            if let Some(done) = done.take() {
                done(outcome);
            }
            Poll::Ready(())
        });
        #[expect(clippy::disallowed_methods, reason = "this is the runtime layer")]
        let abort = tokio::task::spawn_local(work).abort_handle();
        Self { cell, abort }
    }

    /// Drops the future now; false if it has ended already (and `done` was called).
    pub(super) fn kill(&self) -> bool {
        let was_running = self.cell.empty();
        self.abort.abort();
        was_running
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.kill();
    }
}
