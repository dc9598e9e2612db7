//! One direction of a hand.

use parking_lot::Mutex;
use tokio::sync::Notify;

/// A queue with one reader that can wait, and an end. An empty one holds no memory.
#[derive(Debug)]
pub struct Lane<T> {
    queue: Mutex<Queue<T>>,
    wake: Notify,
}

#[derive(Debug)]
struct Queue<T> {
    waiting: Vec<T>,
    ended: bool,
}

impl<T> Default for Lane<T> {
    fn default() -> Self {
        let queue = Queue {
            waiting: Vec::new(),
            ended: false,
        };
        Self {
            queue: Mutex::new(queue),
            wake: Notify::new(),
        }
    }
}

impl<T> Lane<T> {
    /// Puts one in; false, and nothing, if the lane has ended.
    pub fn put(&self, one: T) -> bool {
        let mut queue = self.queue.lock();
        if queue.ended {
            return false;
        }
        queue.waiting.push(one);
        drop(queue);
        self.wake.notify_one();
        true
    }

    /// Takes all that waits.
    #[must_use]
    pub fn take(&self) -> Vec<T> {
        std::mem::take(&mut self.queue.lock().waiting)
    }

    /// Ends the lane; what waits can still be taken.
    pub fn end(&self) {
        self.queue.lock().ended = true;
        self.wake.notify_one();
    }

    /// Whether it has ended and nothing waits.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let queue = self.queue.lock();
        queue.ended && queue.waiting.is_empty()
    }

    /// Completes when something waits or the lane has ended.
    pub async fn filled(&self) {
        loop {
            {
                let queue = self.queue.lock();
                if queue.ended || !queue.waiting.is_empty() {
                    return;
                }
            }
            self.wake.notified().await;
        }
    }
}
