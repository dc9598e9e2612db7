//! The virtual driver: one thread, time that moves by itself when nothing is left to do.
//!
//! Time moves at quiescence only: every task has been polled since it was last woken, and nothing
//! outside is at work ([`World::busy`]). Then the clock jumps to the first deadline, and all
//! timers of that deadline fire in the order they were armed.

use super::clock::Clock;
use super::timers::Timers;
use super::world::{Job, Place, World, WorldSpec};
use futures_util::task::{ArcWake, AtomicWaker, waker_ref};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use takeover_core::time::Moment;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::LocalSet;
use tokio::task::coop::unconstrained;

/// Drives a world in virtual time from plain synchronous code, on the caller's thread.
///
/// Nothing runs between two calls. Several drivers may live on one thread.
pub struct VirtualDriver {
    // Dropped in this order: tasks first, then the runtime they may still touch.
    local: LocalSet,
    runtime: Runtime,
    world: World,
    timers: Arc<Timers>,
}

/// What the driver does when nothing is left to do.
enum Goal<'a> {
    /// Let time move, up to this moment.
    Until(Moment),
    /// Let time move up to this moment, or until the condition holds.
    Holds(Moment, &'a mut dyn FnMut() -> bool),
    /// Let time move as far as it takes.
    Unbounded,
    /// Do not let time move.
    Settle,
}

impl VirtualDriver {
    /// A world in virtual time, at its start.
    ///
    /// # Errors
    /// The system refuses what a runtime needs (memory, file handles).
    pub fn new(spec: WorldSpec) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()?;
        let (jobs, queue) = mpsc::unbounded_channel();
        let timers = Arc::new(Timers::default());
        let place = Place {
            timers: timers.clone(),
            jobs,
        };
        let world = World::new(spec, Clock::virtual_time(), vec![place]);
        let local = LocalSet::new();
        local.spawn_local(run_jobs(queue));
        Ok(Self {
            local,
            runtime,
            world,
            timers,
        })
    }

    /// The world.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Runs what is runnable now, without letting time pass.
    pub fn settle(&mut self) {
        self.drive(Goal::Settle, std::future::pending::<()>());
    }

    /// Lets this much time pass, and everything that it brings happen.
    pub fn pass(&mut self, time: Duration) {
        let until = self.world.now() + time;
        self.drive(Goal::Until(until), std::future::pending::<()>());
    }

    /// Lets time pass until the condition holds (asked whenever nothing is left to do at the
    /// present moment), for at most `limit`. Whether it holds.
    pub fn until(&mut self, mut condition: impl FnMut() -> bool, limit: Duration) -> bool {
        let limit = self.world.now() + limit;
        self.drive(
            Goal::Holds(limit, &mut condition),
            std::future::pending::<()>(),
        );
        condition()
    }

    /// Runs a future to its end inside the lab, letting time pass as needed.
    ///
    /// # Panics
    /// Where the future waits for something that nothing in the lab, and nobody outside
    /// ([`World::busy`]), will ever do: it would wait for ever.
    pub fn block_on<F: Future>(&mut self, future: F) -> F::Output {
        match self.drive(Goal::Unbounded, future) {
            Some(output) => output,
            None => panic!("deadlock in virtual time: the future waits, and no timer is armed"),
        }
    }

    /// How many timers are armed.
    pub fn timers(&self) -> usize {
        self.timers.len()
    }

    fn drive<F: Future>(&mut self, mut goal: Goal<'_>, future: F) -> Option<F::Output> {
        let Self {
            local,
            runtime,
            world,
            timers,
        } = self;
        let mut future = pin!(future);
        let flag = Arc::new(Flag::default());
        let mut mover = Mover {
            world,
            timers,
            waiting: None,
        };
        // Unconstrained: all of the run is one poll of this future, so a budget would run dry.
        runtime.block_on(unconstrained(poll_fn(|cx| {
            flag.outer.register(cx.waker());
            let waker = waker_ref(&flag);
            let mut inner = Context::from_waker(&waker);
            loop {
                flag.woken.store(false, Ordering::Release);
                let output = poll_inside(local, future.as_mut(), &mut inner);
                if let Poll::Ready(output) = output {
                    return Poll::Ready(Some(output));
                }
                let _ = Pin::new(&mut *local).poll(&mut inner);
                if flag.woken.load(Ordering::Acquire) {
                    continue;
                }
                if ready!(mover.idle(&mut goal, cx)) {
                    return Poll::Ready(None);
                }
            }
        })))
    }
}

/// Polls the caller's future where it may start local tasks of its own.
fn poll_inside<F: Future>(
    local: &LocalSet,
    future: Pin<&mut F>,
    cx: &mut Context<'_>,
) -> Poll<F::Output> {
    let _inside = local.enter();
    future.poll(cx)
}

async fn run_jobs(mut queue: mpsc::UnboundedReceiver<Job>) {
    while let Some(job) = queue.recv().await {
        job();
    }
}

/// Set by every wake-up inside the lab: while it is set, something is runnable.
#[derive(Default)]
struct Flag {
    woken: AtomicBool,
    outer: AtomicWaker,
}

impl ArcWake for Flag {
    fn wake_by_ref(flag: &Arc<Self>) {
        flag.woken.store(true, Ordering::Release);
        flag.outer.wake();
    }
}

/// Moves time.
struct Mover<'a> {
    world: &'a World,
    timers: &'a Timers,
    waiting: Option<Pin<Box<dyn Future<Output = ()> + 'a>>>,
}

impl Mover<'_> {
    /// Called when nothing is runnable. Ready(false): look again; Ready(true): the goal is met;
    /// Pending: wait for what is at work outside.
    fn idle(&mut self, goal: &mut Goal<'_>, cx: &mut Context<'_>) -> Poll<bool> {
        if self.world.busy_count().is_busy() {
            return self.wait_for_outside(cx);
        }
        self.waiting = None;
        let limit = match goal {
            Goal::Settle => return Poll::Ready(true),
            Goal::Until(limit) => Some(*limit),
            Goal::Holds(limit, condition) => {
                if condition() {
                    return Poll::Ready(true);
                }
                Some(*limit)
            }
            Goal::Unbounded => None,
        };
        match (self.timers.next_deadline(), limit) {
            (Some(deadline), None) => self.fire(deadline),
            (Some(deadline), Some(limit)) if deadline <= limit => self.fire(deadline),
            (_, Some(limit)) => {
                self.world.clock().advance_to(limit);
                return Poll::Ready(true);
            }
            (None, None) => return Poll::Ready(true),
        }
        Poll::Ready(false)
    }

    fn fire(&mut self, deadline: Moment) {
        self.world.clock().advance_to(deadline);
        let now = self.world.now();
        while let Some(fire) = self.timers.pop_due(now) {
            fire();
        }
    }

    fn wait_for_outside(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let world = self.world;
        let waiting = self
            .waiting
            .get_or_insert_with(|| Box::pin(async { world.busy_count().changed().await }));
        ready!(waiting.as_mut().poll(cx));
        self.waiting = None;
        Poll::Ready(false)
    }
}
