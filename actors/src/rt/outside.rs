//! Answers from outside: let into virtual time one by one, in the order they were asked for.
//!
//! A server beyond the lab's threads answers when it pleases. So that a run with one seed is the same
//! run every time, its answers do not: each asks for a [`Visit`] when it sets out, virtual time
//! stands still while one is out, and whenever nothing else is left to do the oldest one alone is let
//! in. What it brings is done before the next.

use super::world::Busy;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Those who are out, oldest first.
#[derive(Clone, Default)]
pub(super) struct Visitors(Arc<Mutex<Queue>>);

#[derive(Default)]
struct Queue {
    next: u64,
    out: BTreeMap<u64, Gate>,
}

#[derive(Default)]
struct Gate {
    open: bool,
    waiting: Option<Waker>,
}

impl Visitors {
    /// One more sets out. In real time there is no queue: `busy` is `None`.
    pub(super) fn set_out(&self, busy: Option<Busy>) -> Visit {
        let stay = busy.map(|busy| {
            let mut queue = self.0.lock();
            let number = queue.next;
            queue.next += 1;
            queue.out.insert(number, Gate::default());
            Stay {
                visitors: self.clone(),
                number,
                _busy: busy,
            }
        });
        Visit(stay)
    }

    /// Lets the oldest one in.
    pub(super) fn admit(&self) {
        let mut queue = self.0.lock();
        let Some(mut oldest) = queue.out.first_entry() else {
            return;
        };
        let gate = oldest.get_mut();
        gate.open = true;
        let waker = gate.waiting.take();
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A question to somebody outside, on its way; await it when the answer is there. Dropped, it is
/// over.
pub struct Visit(Option<Stay>);

struct Stay {
    visitors: Visitors,
    number: u64,
    _busy: Busy,
}

impl Future for Visit {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(stay) = &self.0 {
            let mut queue = stay.visitors.0.lock();
            if let Some(gate) = queue.out.get_mut(&stay.number)
                && !gate.open
            {
                gate.waiting = Some(cx.waker().clone());
                return Poll::Pending;
            }
        }
        self.0 = None;
        Poll::Ready(())
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.visitors.0.lock().out.remove(&self.number);
    }
}

/// Lets so much real time pass, for a client of somebody outside on a thread of its own that has a
/// tokio runtime: whoever is outside lives in real time.
pub fn real_pause(time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        #[expect(clippy::disallowed_methods, reason = "this is the runtime layer")]
        tokio::time::sleep(time).await;
    })
}
