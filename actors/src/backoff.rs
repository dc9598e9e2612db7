//! How long to wait before something that ended against its will is started again (ICP-14).

use crate::setup::Pace;
use std::time::Duration;
use takeover_core::time::Moment;

/// What ran this long starts its count of restarts anew.
const PROVEN: Duration = Duration::from_secs(120);

/// Counts the restarts of one thing: each wait doubles, until one run has proven itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Backoff {
    attempt: u32,
    up_since: Option<Moment>,
}

impl Backoff {
    /// It is up.
    pub(crate) fn up(&mut self, now: Moment) {
        self.up_since = Some(now);
    }

    /// It has ended: how long to wait.
    pub(crate) fn ended(&mut self, now: Moment, pace: &Pace) -> Duration {
        let up = self.up_since.take();
        if up.is_some_and(|up| now.saturating_since(up) >= PROVEN) {
            self.attempt = 0;
        }
        let wait = pace.restart_wait(self.attempt);
        self.attempt = self.attempt.saturating_add(1);
        wait
    }
}
