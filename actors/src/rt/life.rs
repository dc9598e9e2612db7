//! Life and death of whole subtrees: killing an actor silences everything below it at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// One actor's life. It is dead as soon as it, or anything above it, was killed: the check walks
/// up, so a power cut of a node is one store, and nothing below it runs after that.
#[derive(Debug)]
pub(super) struct Life {
    killed: AtomicBool,
    above: Option<Arc<Life>>,
}

impl Life {
    pub(super) fn root() -> Arc<Self> {
        Arc::new(Self {
            killed: AtomicBool::new(false),
            above: None,
        })
    }

    pub(super) fn below(above: &Arc<Self>) -> Arc<Self> {
        Arc::new(Self {
            killed: AtomicBool::new(false),
            above: Some(above.clone()),
        })
    }

    pub(super) fn kill(&self) {
        self.killed.store(true, Ordering::Release);
    }

    pub(super) fn is_dead(&self) -> bool {
        let mut life = self;
        loop {
            if life.killed.load(Ordering::Acquire) {
                return true;
            }
            match &life.above {
                Some(above) => life = above,
                None => return false,
            }
        }
    }
}
