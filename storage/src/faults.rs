//! Faults of a database, injected: down, slow, full, failing, losing its answers.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use parking_lot::Mutex;

use crate::{EngineKind, StoreError};

/// One injected failure of a single request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailOnce {
    /// Refused before anything is done.
    Before,
    /// Carried out, but the answer is lost: the caller cannot know.
    AfterCommit,
}

/// A handle on the faults of one database instance; clones share them. Without faults it costs one
/// uncontended lock a request.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    down: bool,
    full: bool,
    free: Option<u64>,
    latency: Duration,
    next: VecDeque<FailOnce>,
    refused: u64,
}

impl Faults {
    /// No faults.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Takes the database down (every request is [`StoreError::Unreachable`]) or up again.
    pub fn set_down(&self, down: bool) {
        self.0.lock().down = down;
    }

    /// Fills the disk (every write is [`StoreError::DiskFull`], reads work) or frees it again.
    pub fn set_disk_full(&self, full: bool) {
        self.0.lock().full = full;
    }

    /// Says that there is room for so many bytes of records more (see [`crate::Means::free`]);
    /// `None`: as much as the engine finds.
    pub fn set_free(&self, bytes: Option<u64>) {
        self.0.lock().free = bytes;
    }

    /// The room that was set.
    #[must_use]
    pub fn free(&self) -> Option<u64> {
        self.0.lock().free
    }

    /// Protocol time from every question to its answer; applied by the caller (see [`crate::Store::latency`]).
    pub fn set_latency(&self, latency: Duration) {
        self.0.lock().latency = latency;
    }

    /// Protocol time that every answer takes.
    #[must_use]
    pub fn latency(&self) -> Duration {
        self.0.lock().latency
    }

    /// Lets the next `count` writes fail in this way.
    pub fn fail_next(&self, how: FailOnce, count: usize) {
        self.0.lock().next.extend(std::iter::repeat_n(how, count));
    }

    /// Removes every fault.
    pub fn heal(&self) {
        let mut state = self.0.lock();
        *state = State {
            refused: state.refused,
            ..State::default()
        };
    }

    /// How many requests were refused, or lost their answer, by a fault.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.0.lock().refused
    }

    pub(crate) fn read(&self, engine: EngineKind) -> Result<(), StoreError> {
        let mut state = self.0.lock();
        if state.down {
            Err(state.refuse(unreachable(engine)))
        } else {
            Ok(())
        }
    }

    /// Asked before a write; the answer says whether its result is to be lost afterwards.
    pub(crate) fn write(&self, engine: EngineKind) -> Result<Option<StoreError>, StoreError> {
        let mut state = self.0.lock();
        if state.down {
            return Err(state.refuse(unreachable(engine)));
        }
        if state.full {
            return Err(state.refuse(StoreError::DiskFull { engine }));
        }
        match state.next.pop_front() {
            None => Ok(None),
            Some(FailOnce::Before) => Err(state.refuse(unreachable(engine))),
            Some(FailOnce::AfterCommit) => {
                let reason = "injected: connection cut after the commit".into();
                Ok(Some(
                    state.refuse(StoreError::AnswerLost { engine, reason }),
                ))
            }
        }
    }
}

impl State {
    fn refuse(&mut self, error: StoreError) -> StoreError {
        self.refused += 1;
        error
    }
}

fn unreachable(engine: EngineKind) -> StoreError {
    StoreError::Unreachable {
        engine,
        reason: "injected fault".into(),
    }
}
