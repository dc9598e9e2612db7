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
    start: tokio::time::Instant,
    foreign: bool,
    rounds: u64,
}

/// How many rounds there may be at one moment. The largest deployment there can be takes some twenty when half of it moves
/// at once (`takeover scale`), and so many take a second or two.
const ROUNDS: u64 = 100_000;

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
        let start = {
            let _inside = runtime.enter();
            #[expect(clippy::disallowed_methods, reason = "the paused clock's own start")]
            tokio::time::Instant::now()
        };
        Ok(Self {
            local,
            runtime,
            world,
            timers,
            start,
            foreign: true,
            rounds: ROUNDS,
        })
    }

    /// From now on nobody in this lab sleeps on tokio's own clock, which then stands still: a step
    /// of time costs a sixth. For the largest runs.
    pub fn without_foreign_timers(&mut self) {
        self.foreign = false;
    }

    /// How many rounds there may be at one moment, a hundred thousand where nothing is said: in a round, what was woken in
    /// the one before has its turn. One more is a livelock, and a panic.
    pub fn limit_rounds(&mut self, rounds: u64) {
        self.rounds = rounds;
    }

    /// The world.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Runs what is runnable now, timers due at this moment included, without letting time pass.
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
            None => panic!(
                "deadlock in virtual time: the future waits, and nothing is due within a year"
            ),
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
            start,
            foreign,
            rounds,
        } = self;
        let mut future = pin!(future);
        let flag = Arc::new(Flag::default());
        let mut mover = Mover {
            world,
            timers,
            start: *start,
            foreign: *foreign,
            turned: false,
            outside: None,
            ahead: None,
            rounds: 0,
            most_rounds: *rounds,
        };
        // Unconstrained: all of the run is one poll of this future, so a budget would run dry.
        runtime.block_on(unconstrained(poll_fn(|cx| {
            flag.outer.register(cx.waker());
            mover.follow();
            let waker = waker_ref(&flag);
            let mut inner = Context::from_waker(&waker);
            loop {
                if flag.woken.swap(false, Ordering::AcqRel) {
                    mover.turned = false;
                }
                mover.count_round();
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

/// How far ahead a future that waits for nothing in the lab is given to a foreign timer.
const FAR: Duration = Duration::from_secs(365 * 24 * 3_600);

/// Moves time. tokio's paused clock goes along, so that a foreign future that sleeps on it (a
/// client written for tokio) is woken in its time, to the millisecond.
struct Mover<'a> {
    world: &'a World,
    timers: &'a Timers,
    start: tokio::time::Instant,
    foreign: bool,
    /// tokio has had its turn since something was runnable last.
    turned: bool,
    outside: Option<Pin<Box<dyn Future<Output = ()> + 'a>>>,
    ahead: Option<(Moment, Pin<Box<tokio::time::Sleep>>)>,
    /// Rounds since time moved last.
    rounds: u64,
    most_rounds: u64,
}

/// What comes next when nothing is runnable.
enum Next {
    Fire(Moment),
    GoalAt(Moment),
    Nothing(Moment),
}

impl Mover<'_> {
    /// Called when nothing is runnable. Ready(false): look again; Ready(true): the goal is met;
    /// Pending: wait for what is at work outside, or for a foreign timer.
    fn idle(&mut self, goal: &mut Goal<'_>, cx: &mut Context<'_>) -> Poll<bool> {
        if self.world.busy_count().is_busy() {
            self.world.visitors().admit();
            return self.wait_for_outside(cx);
        }
        self.outside = None;
        // A task that has used up its share of a turn (128 messages read at once, say) is woken by
        // tokio when the runtime has its turn: it must have one before time moves.
        if !std::mem::replace(&mut self.turned, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let limit = match goal {
            Goal::Settle => Some(self.world.now()),
            Goal::Until(limit) => Some(*limit),
            Goal::Holds(limit, condition) => {
                if condition() {
                    return Poll::Ready(true);
                }
                Some(*limit)
            }
            Goal::Unbounded => None,
        };
        let next = match (self.timers.next_deadline(), limit) {
            (Some(deadline), None) => Next::Fire(deadline),
            (Some(deadline), Some(limit)) if deadline <= limit => Next::Fire(deadline),
            (_, Some(limit)) => Next::GoalAt(limit),
            (None, None) => Next::Nothing(self.world.now() + FAR),
        };
        match next {
            Next::Fire(deadline) => {
                ready!(self.reach(deadline, cx));
                self.fire(deadline);
                Poll::Ready(false)
            }
            Next::GoalAt(limit) => {
                ready!(self.reach(limit, cx));
                self.advance_to(limit);
                Poll::Ready(true)
            }
            Next::Nothing(far) => self.reach(far, cx).map(|()| true),
        }
    }

    fn fire(&mut self, deadline: Moment) {
        self.turned = false;
        self.advance_to(deadline);
        let now = self.world.now();
        while let Some(fire) = self.timers.pop_due(now) {
            fire();
        }
    }

    /// Brings tokio's clock to `target`; whatever sleeps on it till then is woken first.
    fn reach(&mut self, target: Moment, cx: &mut Context<'_>) -> Poll<()> {
        if !self.foreign {
            return Poll::Ready(());
        }
        let at = self.start + Duration::from_micros(target.0);
        #[expect(clippy::disallowed_methods, reason = "the paused clock follows ours")]
        if tokio::time::Instant::now() >= at {
            self.ahead = None;
            return Poll::Ready(());
        }
        if self
            .ahead
            .as_ref()
            .is_none_or(|(ahead, _)| *ahead != target)
        {
            #[expect(clippy::disallowed_methods, reason = "this is the runtime layer")]
            let sleep = Box::pin(tokio::time::sleep_until(at));
            self.ahead = Some((target, sleep));
        }
        let Some((_, sleep)) = &mut self.ahead else {
            return Poll::Ready(());
        };
        ready!(sleep.as_mut().poll(cx));
        self.ahead = None;
        Poll::Ready(())
    }

    /// After a foreign timer has moved tokio's clock: ours goes along, but not past what is next.
    fn follow(&mut self) {
        let Some((ahead, _)) = &self.ahead else {
            return;
        };
        #[expect(clippy::disallowed_methods, reason = "the paused clock is followed")]
        let passed = tokio::time::Instant::now().saturating_duration_since(self.start);
        let now = (Moment(0) + passed).min(*ahead);
        self.advance_to(now);
    }

    fn advance_to(&mut self, moment: Moment) {
        if moment > self.world.now() {
            self.rounds = 0;
        }
        self.world.clock().advance_to(moment);
    }

    /// One more round at this moment.
    fn count_round(&mut self) {
        self.rounds += 1;
        assert!(
            self.rounds <= self.most_rounds,
            "livelock in virtual time: at {} something wakes something else without end",
            self.world.now()
        );
    }

    fn wait_for_outside(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let world = self.world;
        // tokio's clock must not run on towards a moment that may never be the next one.
        self.ahead = None;
        self.rounds = 0;
        let outside = self
            .outside
            .get_or_insert_with(|| Box::pin(async { world.busy_count().changed().await }));
        ready!(outside.as_mut().poll(cx));
        self.outside = None;
        Poll::Ready(false)
    }
}
