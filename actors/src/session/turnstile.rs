//! The queue at a node's door: no more than so many logins a second are served (SES-6).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use takeover_core::time::Moment;

use crate::plane::Counters;
use crate::rt::World;

/// Logins are let through one after the other, at the rate that the node's machine stands; the
/// others wait in the order in which they came.
#[derive(Clone, Debug)]
pub struct Turnstile(Option<Arc<Pace>>);

#[derive(Debug)]
struct Pace {
    /// Time that one login takes.
    each: Duration,
    /// When the next login can be let through.
    next: Mutex<Moment>,
}

/// The queue is so long that the login would take too long; so long, to be exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("logins wait {wait:?} at this node, longer than a login may take; try again later")]
pub struct Crowded {
    /// How long it would have had to wait.
    pub wait: Duration,
}

/// Somebody waits; no longer, once this is dropped.
struct Waiting<'a>(&'a AtomicU64);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Turnstile {
    /// Lets `logins_per_second` through; `None` is all that come.
    #[must_use]
    pub fn new(logins_per_second: Option<f64>) -> Self {
        let pace = logins_per_second.filter(|rate| *rate > 0.0).map(|rate| {
            Arc::new(Pace {
                each: Duration::from_secs_f64(rate.recip()),
                next: Mutex::new(Moment::ZERO),
            })
        });
        Self(pace)
    }

    /// Waits for its turn; the node counts those who do, and those who do not.
    ///
    /// # Errors
    /// [`Crowded`] where that would take longer than `limit`: it does not join the queue then.
    pub async fn pass(
        &self,
        world: &World,
        limit: Duration,
        counters: &Counters,
    ) -> Result<(), Crowded> {
        let Some(pace) = &self.0 else { return Ok(()) };
        let now = world.now();
        let turn = {
            let mut next = pace.next.lock();
            let turn = now.max(*next);
            let wait = turn.saturating_since(now);
            if wait > limit {
                counters.crowded_out.fetch_add(1, Ordering::Relaxed);
                return Err(Crowded { wait });
            }
            *next = turn + pace.each;
            turn
        };
        if turn > now {
            counters.logins_waiting.fetch_add(1, Ordering::Relaxed);
            let _waiting = Waiting(&counters.logins_waiting);
            world.sleep(turn.saturating_since(now)).await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rt::{VirtualDriver, WorldSpec};

    /// SES-6: logins pass at the rate of the node, in the order in which they came; who would wait
    /// too long is told at once, and takes nobody's turn.
    #[test]
    fn logins_pass_at_the_nodes_rate() {
        let mut driver = VirtualDriver::new(WorldSpec::new(1, 1)).expect("a runtime");
        let world = driver.world().clone();
        let turnstile = Turnstile::new(Some(2.0));
        let (limit, counters) = (Duration::from_secs(2), Counters::default());
        let passed: Vec<Option<u64>> = driver.block_on(async {
            let logins = (0..7).map(|_| async {
                let passed = turnstile.pass(&world, limit, &counters).await;
                passed.is_ok().then(|| world.now().0 / 1000)
            });
            futures_util::future::join_all(logins).await
        });
        let turns = [0, 500, 1000, 1500, 2000].map(Some);
        assert_eq!(passed[..5], turns);
        assert_eq!(passed[5..], [None, None]);
        assert_eq!(counters.logins_waiting.into_inner(), 0);
        assert_eq!(counters.crowded_out.into_inner(), 2);
    }

    /// Without a rate nobody waits.
    #[test]
    fn without_a_rate_all_pass_at_once() {
        let mut driver = VirtualDriver::new(WorldSpec::new(1, 1)).expect("a runtime");
        let world = driver.world().clone();
        let turnstile = Turnstile::new(None);
        let counters = Counters::default();
        let pass = turnstile.pass(&world, Duration::ZERO, &counters);
        let passed = driver.block_on(pass);
        assert_eq!(passed, Ok(()));
    }
}
