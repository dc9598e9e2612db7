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
    /// `speed` protocol seconds per second in which the lab runs.
    Real {
        start: Instant,
        speed: f64,
        running: Running,
    },
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
        let running = Running::default();
        Self(Arc::new(Source::Real {
            start,
            speed,
            running,
        }))
    }

    /// The protocol time now. Never goes back.
    pub fn now(&self) -> Moment {
        match &*self.0 {
            Source::Virtual(now) => Moment(now.load(Ordering::Acquire)),
            Source::Real {
                start,
                speed,
                running,
            } => {
                let ran = Duration::from_nanos(running.at(since(*start)));
                Moment((ran.as_secs_f64() * speed * 1e6) as u64)
            }
        }
    }

    /// Says that the lab runs. In real time its drivers do so every [`BEAT`]; where they cannot,
    /// because the process is stopped or starved, protocol time stands still as well: nobody is to
    /// take a suspended machine for a silent peer.
    pub(super) fn beat(&self) {
        if let Source::Real { start, running, .. } = &*self.0 {
            running.beat(since(*start));
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

/// Nanoseconds of the wall clock since then.
fn since(start: Instant) -> u64 {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    let elapsed = Instant::now().saturating_duration_since(start);
    u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
}

/// How often the drivers of a lab in real time say that they run, in wall time.
pub(super) const BEAT: Duration = Duration::from_millis(20);

/// How long after a beat time goes on without another one: ten beats, in nanoseconds.
const GRACE: u64 = 10 * BEAT.as_nanos() as u64;

/// How much of the wall clock's time a lab has run, in nanoseconds. Read without a lock.
struct Running {
    /// What has passed while the lab stood still.
    stood: AtomicU64,
    /// Running time that is not passed before the next beat.
    ceiling: AtomicU64,
    beating: Mutex<()>,
}

impl Default for Running {
    fn default() -> Self {
        Self {
            stood: AtomicU64::new(0),
            ceiling: AtomicU64::new(GRACE),
            beating: Mutex::new(()),
        }
    }
}

impl Running {
    /// The running time at this time of the wall clock. Never goes back: who sees a new ceiling sees
    /// what had been stood still before it was raised.
    fn at(&self, wall: u64) -> u64 {
        let ceiling = self.ceiling.load(Ordering::Acquire);
        let stood = self.stood.load(Ordering::Relaxed);
        wall.saturating_sub(stood).min(ceiling)
    }

    /// The lab runs at this time of the wall clock: what is beyond the ceiling was a standstill.
    fn beat(&self, wall: u64) {
        let _alone = self.beating.lock();
        let stood = self.stood.load(Ordering::Relaxed);
        let ceiling = self.ceiling.load(Ordering::Relaxed);
        let ran = wall.saturating_sub(stood);
        self.stood
            .store(stood + ran.saturating_sub(ceiling), Ordering::Relaxed);
        let raised = ran.min(ceiling) + GRACE;
        self.ceiling.store(raised.max(ceiling), Ordering::Release);
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

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// While beats come the lab's time is that of the wall clock.
    #[test]
    fn with_beats_it_runs_as_the_wall_clock() {
        let running = Running::default();
        for wall in (0..SECOND).step_by(GRACE as usize / 2) {
            running.beat(wall);
            assert_eq!(running.at(wall), wall);
        }
    }

    /// HA-1: silence counts while the lab runs. After a standstill time goes on from where it stopped,
    /// whoever looks first.
    #[test]
    fn a_standstill_is_left_out() {
        let running = Running::default();
        running.beat(SECOND / 10);
        let stopped = SECOND / 10 + GRACE;
        assert_eq!(running.at(100 * SECOND), stopped, "no later than this");
        running.beat(100 * SECOND);
        assert_eq!(running.at(100 * SECOND), stopped);
        assert_eq!(running.at(100 * SECOND + 5), stopped + 5);
        running.beat(100 * SECOND + 7);
        assert_eq!(running.at(100 * SECOND + 7), stopped + 7);
    }
}
