//! Futures under supervision: a panic becomes a text, a kill drops the future on the spot.

use super::host::panic_text;
use super::life::Life;
use super::planned::planned_panic;
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use tokio::task::AbortHandle;

/// A spawned future that can be dropped at once from outside.
pub(super) struct Task {
    cell: Rc<dyn Running>,
    abort: AbortHandle,
}

trait Running {
    /// Drops the future; false if it has ended already.
    fn empty(&self) -> bool;
    /// Whether it has not ended yet.
    fn is_full(&self) -> bool;
    /// Has it panic with this text, as if in its own turn.
    fn fail(&self, text: &str);
}

type Held<T> = Pin<Box<dyn Future<Output = T>>>;

struct Slot<T, D> {
    life: Arc<Life>,
    future: RefCell<Option<Held<T>>>,
    done: Cell<Option<D>>,
}

impl<T: 'static, D: FnOnce(Result<T, String>)> Slot<T, D> {
    /// The future of a life that is over: what it holds goes on the spot, for it may keep time from moving, and on a slow
    /// node its actor clears up later in protocol time. Its place stays taken till then, so that its end is told once.
    fn let_go(&self) {
        let future = match self.future.borrow_mut().as_mut() {
            Some(future) => std::mem::replace(future, Box::pin(std::future::pending())),
            None => return,
        };
        let _ = catch_unwind(AssertUnwindSafe(move || drop(future)));
    }

    /// One turn of the future: its output or the text of its panic is told, and it is dropped.
    fn turn(&self, poll: impl FnOnce(Pin<&mut dyn Future<Output = T>>) -> Poll<T>) -> Poll<()> {
        if self.life.is_dead() {
            self.let_go();
            return Poll::Ready(());
        }
        let mut held = self.future.borrow_mut();
        let Some(future) = held.as_mut() else {
            return Poll::Ready(());
        };
        let outcome = match catch_unwind(AssertUnwindSafe(|| poll(future.as_mut()))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Ok(output),
            Err(payload) => Err(panic_text(&*payload)),
        };
        let future = held.take();
        drop(held);
        let _ = catch_unwind(AssertUnwindSafe(move || drop(future)));
        if let Some(done) = self.done.take() {
            done(outcome);
        }
        Poll::Ready(())
    }
}

impl<T: 'static, D: FnOnce(Result<T, String>)> Running for Slot<T, D> {
    fn empty(&self) -> bool {
        // Nobody kills from inside the future's own poll, which alone borrows across user code.
        let future = self
            .future
            .try_borrow_mut()
            .ok()
            .and_then(|mut slot| slot.take());
        let was_there = future.is_some();
        // A destructor that panics must not take the one who kills along.
        let _ = catch_unwind(AssertUnwindSafe(move || drop(future)));
        was_there
    }

    fn is_full(&self) -> bool {
        self.future.try_borrow().is_ok_and(|held| held.is_some())
    }

    fn fail(&self, text: &str) {
        let _ = self.turn(|_| planned_panic(text));
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
        let slot = Rc::new(Slot {
            life,
            future: RefCell::new(Some(Box::pin(future) as Held<T>)),
            done: Cell::new(Some(done)),
        });
        let cell = slot.clone();
        let work = poll_fn(move |cx| slot.turn(|future| future.poll(cx)));
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

    /// Whether it has not ended yet.
    pub(super) fn is_running(&self) -> bool {
        self.cell.is_full()
    }

    /// Fault: it panics with this text now. Not to be called from inside of it.
    pub(super) fn fail(&self, text: &str) {
        self.cell.fail(text);
        self.abort.abort();
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.kill();
    }
}
