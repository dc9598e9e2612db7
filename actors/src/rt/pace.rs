//! How well each node's machine keeps time: a clock that runs fast or slow, and a processor that is
//! too busy to answer at once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use takeover_core::id::NodeId;

/// Parts per million of a clock that keeps time.
const TRUE: u64 = 1_000_000;

/// How much a node's clock may be off, in parts per million: a tenth. Real ones are off by some
/// tens; with more than this a node would miss its own limits by itself.
pub const DRIFT_LIMIT: u32 = 100_000;

#[derive(Default)]
struct Pace {
    /// Parts per million that its clock gains (positive) or loses; stored above [`TRUE`].
    rate: AtomicU64,
    /// Protocol microseconds before an actor that was woken has its turn.
    lag: AtomicU64,
}

/// The paces of all nodes.
pub(super) struct Paces(Vec<Pace>);

impl Paces {
    pub(super) fn new(nodes: u16) -> Self {
        let pace = |_| Pace {
            rate: AtomicU64::new(TRUE),
            lag: AtomicU64::new(0),
        };
        Self((0..nodes).map(pace).collect())
    }

    fn of(&self, node: Option<NodeId>) -> Option<&Pace> {
        self.0.get(usize::from(node?.0))
    }

    /// Sets what a node's clock gains, in parts per million, at most [`DRIFT_LIMIT`] either way.
    pub(super) fn set_drift(&self, node: NodeId, gains: i32) {
        let limit = DRIFT_LIMIT.cast_signed();
        let gains = gains.clamp(-limit, limit);
        if let Some(pace) = self.of(Some(node)) {
            let rate = TRUE.saturating_add_signed(gains.into());
            pace.rate.store(rate, Ordering::Relaxed);
        }
    }

    pub(super) fn set_lag(&self, node: NodeId, lag: Duration) {
        if let Some(pace) = self.of(Some(node)) {
            let micros = u64::try_from(lag.as_micros()).unwrap_or(u64::MAX);
            pace.lag.store(micros, Ordering::Relaxed);
        }
    }

    /// The protocol time that passes while the clock of `node` counts `time`.
    pub(super) fn stretch(&self, node: Option<NodeId>, time: Duration) -> Duration {
        let rate = self.of(node).map(|pace| pace.rate.load(Ordering::Relaxed));
        match rate {
            None | Some(TRUE) => time,
            Some(rate) => {
                let micros = time.as_micros() * u128::from(TRUE) / u128::from(rate.max(1));
                Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
            }
        }
    }

    pub(super) fn lag(&self, node: Option<NodeId>) -> Duration {
        let micros = self.of(node).map(|pace| pace.lag.load(Ordering::Relaxed));
        Duration::from_micros(micros.unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_clock_shortens_a_wait_and_a_slow_one_stretches_it() {
        let paces = Paces::new(2);
        let wait = Duration::from_secs(60);
        paces.set_drift(NodeId(0), 25_000);
        paces.set_drift(NodeId(1), -50_000);
        let of = |node| paces.stretch(Some(NodeId(node)), wait).as_secs_f64();
        assert!((of(0) - 60.0 / 1.025).abs() < 1e-5, "{}", of(0));
        assert!((of(1) - 60.0 / 0.95).abs() < 1e-5, "{}", of(1));
        assert_eq!(paces.stretch(None, wait), wait);
    }

    #[test]
    fn a_clock_is_off_by_a_tenth_at_most() {
        let paces = Paces::new(1);
        paces.set_drift(NodeId(0), 10_000_000);
        let wait = paces.stretch(Some(NodeId(0)), Duration::from_secs(11));
        assert_eq!(wait, Duration::from_secs(10));
        paces.set_drift(NodeId(0), 0);
        let wait = paces.stretch(Some(NodeId(0)), Duration::from_secs(11));
        assert_eq!(wait, Duration::from_secs(11));
    }
}
