//! The lab's one clock: protocol time, virtual or real.

use super::timers::{TimerId, Timers};
use parking_lot::Mutex;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use takeover_core::time::Moment;

enum Source {
    /// Moved by the driver, at quiescence only.
    Virtual(AtomicU64),
    /// `speed` protocol seconds per second.
    Real { start: Instant, speed: f64 },
}

/// Protocol time since the lab's start. Cheap to clone; the code that holds it does not know
/// whether it is virtual or real.
#[derive(Clone)]
pub struct Clock(Arc<Source>);

impl Clock {
    pub(super) fn virtual_time() -> Self {
        Self(Arc::new(Source::Virtual(AtomicU64::new(0))))
    }

    pub(super) fn real(speed: f64) -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is the clock")]
        let start = Instant::now();
        Self(Arc::new(Source::Real { start, speed }))
    }

    /// The protocol time now. Never goes back.
    pub fn now(&self) -> Moment {
        match &*self.0 {
            Source::Virtual(now) => Moment(now.load(Ordering::Acquire)),
            Source::Real { start, speed } => {
                #[expect(clippy::disallowed_methods, reason = "this is the clock")]
                let elapsed = Instant::now().saturating_duration_since(*start);
                Moment((elapsed.as_secs_f64() * speed * 1e6) as u64)
            }
        }
    }

    /// Whether time is virtual.
    pub fn is_virtual(&self) -> bool {
        matches!(&*self.0, Source::Virtual(_))
    }

    /// Protocol seconds per second of the wall clock; `None` in virtual time.
    pub fn speed(&self) -> Option<f64> {
        match &*self.0 {
            Source::Virtual(_) => None,
            Source::Real { speed, .. } => Some(*speed),
        }
    }

    /// Moves virtual time forward; never back.
    pub(super) fn advance_to(&self, to: Moment) {
        if let Source::Virtual(now) = &*self.0 {
            now.fetch_max(to.0, Ordering::AcqRel);
        }
    }

    /// How long the wall clock takes from now until `deadline`.
    pub(super) fn wall_until(&self, deadline: Moment) -> Duration {
        match &*self.0 {
            Source::Virtual(_) => Duration::ZERO,
            Source::Real { speed, .. } => {
                let left = deadline.saturating_since(self.now());
                // One microsecond more than the quotient: a timer is never early.
                left.div_f64(*speed) + Duration::from_micros(1)
            }
        }
    }
}

/// A future that completes at a moment of the lab's clock.
pub struct Sleep {
    clock: Clock,
    timers: Arc<Timers>,
    deadline: Moment,
    armed: Option<(TimerId, Arc<Mutex<Waker>>)>,
}

impl Sleep {
    pub(super) fn new(clock: Clock, timers: Arc<Timers>, deadline: Moment) -> Self {
        Self {
            clock,
            timers,
            deadline,
            armed: None,
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.clock.now() >= self.deadline {
            return Poll::Ready(());
        }
        if let Some((_, waker)) = &self.armed {
            waker.lock().clone_from(cx.waker());
            return Poll::Pending;
        }
        let waker = Arc::new(Mutex::new(cx.waker().clone()));
        let shared = waker.clone();
        let id = self
            .timers
            .arm(self.deadline, Box::new(move || shared.lock().wake_by_ref()));
        self.armed = Some((id, waker));
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some((id, _)) = self.armed.take() {
            self.timers.cancel(id);
        }
    }
}
