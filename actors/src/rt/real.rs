//! The real driver: threads of its own, `speed` protocol seconds per second.

use super::clock::{BEAT, Clock};
use super::timers::Timers;
use super::world::{Job, Place, World, WorldSpec};
use std::sync::Arc;
use std::sync::mpsc as std_mpsc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;

/// The driver's threads did not end in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{threads} of the lab's threads did not end within {bound:?}")]
pub struct NotStopped {
    /// How many still run.
    pub threads: usize,
    /// The bound, in wall time.
    pub bound: Duration,
}

/// Drives a world in real time on threads of its own. Dropping it tells them to end.
pub struct RealDriver {
    world: World,
    stop: watch::Sender<bool>,
    threads: Vec<(JoinHandle<()>, std_mpsc::Receiver<()>)>,
}

impl RealDriver {
    /// Starts `threads` (at least one) threads; a protocol second lasts 1/`speed` of a real one.
    ///
    /// # Errors
    /// `speed` is not a positive number, or the system refuses a thread or a runtime.
    pub fn new(spec: WorldSpec, speed: f64, threads: usize) -> std::io::Result<Self> {
        if !(speed.is_finite() && speed > 0.0) {
            let text = format!("speed {speed}: must be a positive number");
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, text));
        }
        let (places, queues): (Vec<_>, Vec<_>) = (0..threads.max(1))
            .map(|_| {
                let (jobs, queue) = mpsc::unbounded_channel();
                let timers = Arc::new(Timers::default());
                (
                    Place {
                        timers: timers.clone(),
                        jobs,
                    },
                    (queue, timers),
                )
            })
            .unzip();
        let clock = Clock::real(speed);
        let world = World::new(spec, clock.clone(), places);
        let (stop, stopped) = watch::channel(false);
        let mut driver = Self {
            world,
            stop,
            threads: Vec::new(),
        };
        for (index, (queue, timers)) in queues.into_iter().enumerate() {
            let (clock, stopped) = (clock.clone(), stopped.clone());
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let (done, ended) = std_mpsc::channel();
            let thread = std::thread::Builder::new()
                .name(format!("lab-{index}"))
                .spawn(move || {
                    run_place(&runtime, queue, &timers, &clock, stopped);
                    // Open connections' blocking look-ups must not hold the end up.
                    runtime.shutdown_background();
                    let _ = done.send(());
                })?;
            driver.threads.push((thread, ended));
        }
        Ok(driver)
    }

    /// The world.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Runs `f` on thread `place` (modulo their number) and waits for its result, which is `None`
    /// if the thread has ended. There `f` may start local tasks through actors only.
    pub fn call<T: Send + 'static>(
        &self,
        place: usize,
        f: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let (tell, told) = std_mpsc::channel();
        let place = self.world.place_of(place);
        self.world
            .run_on(place, Box::new(move || drop(tell.send(f()))));
        told.recv().ok()
    }

    /// Runs a future on the first thread and waits (blocking) for its output; `None` if the driver
    /// is told to end first, or the future panics.
    pub fn block_on<F>(&self, make: impl FnOnce() -> F + Send + 'static) -> Option<F::Output>
    where
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        let (tell, told) = std_mpsc::channel();
        let job: Job = Box::new(move || {
            let future = make();
            #[expect(clippy::disallowed_methods, reason = "this is the runtime layer")]
            tokio::task::spawn_local(async move { drop(tell.send(future.await)) });
        });
        self.world.run_on(0, job);
        told.recv().ok()
    }

    /// Waits (blocking) until the condition holds, for at most `limit` of protocol time. Whether
    /// it holds.
    pub fn until(&self, mut condition: impl FnMut() -> bool, limit: Duration) -> bool {
        let deadline = self.world.now() + limit;
        loop {
            if condition() {
                return true;
            }
            if self.world.now() >= deadline {
                return false;
            }
            #[expect(clippy::disallowed_methods, reason = "this is the runtime layer")]
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Ends the threads: whatever still runs on them is dropped.
    ///
    /// # Errors
    /// [`NotStopped`] if a thread is still at work after `bound` of wall time.
    pub fn shutdown(mut self, bound: Duration) -> Result<(), NotStopped> {
        let _ = self.stop.send(true);
        #[expect(clippy::disallowed_methods, reason = "this is the runtime layer")]
        let deadline = std::time::Instant::now() + bound;
        let mut late = 0;
        for (thread, ended) in self.threads.drain(..) {
            #[expect(clippy::disallowed_methods, reason = "this is the runtime layer")]
            let left = deadline.saturating_duration_since(std::time::Instant::now());
            match ended.recv_timeout(left) {
                Ok(()) | Err(std_mpsc::RecvTimeoutError::Disconnected) => drop(thread.join()),
                Err(std_mpsc::RecvTimeoutError::Timeout) => late += 1,
            }
        }
        if late == 0 {
            Ok(())
        } else {
            Err(NotStopped {
                threads: late,
                bound,
            })
        }
    }
}

impl Drop for RealDriver {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
    }
}

fn run_place(
    runtime: &tokio::runtime::Runtime,
    mut queue: mpsc::UnboundedReceiver<Job>,
    timers: &Arc<Timers>,
    clock: &Clock,
    mut stopped: watch::Receiver<bool>,
) {
    let local = LocalSet::new();
    let (heap, clock) = (timers.clone(), clock.clone());
    local.block_on(runtime, async move {
        #[expect(clippy::disallowed_methods, reason = "this is the runtime layer")]
        tokio::task::spawn_local(run_timers(heap, clock.clone()));
        #[expect(clippy::disallowed_methods, reason = "this is the runtime layer")]
        tokio::task::spawn_local(beat(clock));
        loop {
            tokio::select! {
                biased;
                _ = stopped.wait_for(|stop| *stop) => return,
                job = queue.recv() => match job {
                    Some(job) => job(),
                    None => return,
                },
            }
        }
    });
    let _inside = runtime.enter();
    drop(local);
}

/// Keeps the clock going for as long as this thread runs.
async fn beat(clock: Clock) {
    loop {
        clock.beat();
        #[expect(clippy::disallowed_methods, reason = "this is the runtime layer")]
        tokio::time::sleep(BEAT).await;
    }
}

async fn run_timers(timers: Arc<Timers>, clock: Clock) {
    loop {
        while let Some(fire) = timers.pop_due(clock.now()) {
            fire();
        }
        match timers.next_deadline() {
            None => timers.changed().await,
            Some(deadline) => {
                let wall = clock.wall_until(deadline);
                #[expect(clippy::disallowed_methods, reason = "this is the runtime layer")]
                let sleep = tokio::time::sleep(wall);
                tokio::select! {
                    biased;
                    () = timers.changed() => {}
                    () = sleep => {}
                }
            }
        }
    }
}
