//! The way out of a session: how the task that owns its wire is woken and told to close.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;

use takeover_core::id::NodeId;
use takeover_core::time::Moment;

use super::loan::{Borrowed, LentWire};
use super::turns::Turns;
use super::user::Out;

/// Why the server ends a stream by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// The user lives at another node now: stream error `see-other-host` with its address
    /// (RFC 6120, section 4.9.3.19; SES-2).
    MovedTo(NodeId),
    /// The service stops: `system-shutdown` (RFC 6120, section 4.9.3.20).
    Shutdown,
    /// Another session took the resource, or resumed this one: `conflict` (4.9.3.3).
    Conflict,
    /// Nothing has come from the client for too long, not even an answer:
    /// `connection-timeout` (4.9.3.4).
    Silent,
    /// Its queue is full because the client does not read: `policy-violation` (4.9.3.14).
    Overrun,
    /// The session manager met a fault: `internal-server-error` (4.9.3.6).
    Fault,
}

/// Who writes what is queued.
#[derive(Debug)]
enum Server {
    /// A task of the session's own: nobody else waits for work.
    Task(AtomicWaker),
    /// The task of a line of sessions, of which this one has a seat.
    Line(Arc<Turns>, u32),
}

impl Default for Server {
    fn default() -> Self {
        Self::Task(AtomicWaker::new())
    }
}

/// Shared by a session's place and by the task that owns the wire.
#[derive(Debug, Default)]
pub struct Outlet {
    server: Server,
    /// The wire, where it can be lent.
    wire: Option<Arc<LentWire>>,
    woken: AtomicBool,
    close: OnceLock<Close>,
    ended: AtomicBool,
    end: Notify,
    /// Protocol time of the last octets of the client, in microseconds.
    heard: AtomicU64,
    /// The client is to be asked whether it is there.
    asked: AtomicBool,
}

impl Outlet {
    /// A new way out.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The way out by this wire, which the session's task lends while it waits.
    #[must_use]
    pub fn over(wire: Arc<LentWire>) -> Self {
        Self {
            wire: Some(wire),
            ..Self::default()
        }
    }

    /// The way out of a session that has this seat in a line.
    #[must_use]
    pub fn in_line(turns: &Arc<Turns>, seat: u32) -> Self {
        Self {
            server: Server::Line(turns.clone(), seat),
            ..Self::default()
        }
    }

    /// There is something to write.
    pub fn wake(&self) {
        match &self.server {
            Server::Task(task) => {
                self.woken.store(true, Ordering::Release);
                task.wake();
            }
            // One turn serves all that it was woken for before.
            Server::Line(turns, seat) => {
                if !self.woken.swap(true, Ordering::AcqRel) {
                    turns.call(*seat);
                }
            }
        }
    }

    /// Writes a stanza past the task, if the task waits and has lent its wire; `octets` is where it is
    /// composed. To be called when everything that came before is written, and nothing else can come
    /// meanwhile. False where nothing has happened.
    pub(super) fn write(&self, out: &Out, octets: &mut Vec<u8>) -> bool {
        let Some(wire) = self.wire.as_ref().filter(|_| self.close.get().is_none()) else {
            return false;
        };
        match wire.write(octets, |octets| out.write_into(octets)) {
            Borrowed::Written => true,
            Borrowed::Begun => {
                self.wake();
                true
            }
            Borrowed::Refused => false,
        }
    }

    /// The line is called by itself; only a task of the session's own waits here.
    fn register(&self, context: &Context<'_>) {
        if let Server::Task(task) = &self.server {
            task.register(context.waker());
        }
    }

    /// Asks the task to write what is queued, to close for this reason, and to end. The first
    /// reason given stands.
    pub fn close(&self, why: Close) {
        let _ = self.close.set(why);
        self.wake();
    }

    /// Ready, with the reason, when somebody has asked to close. Asked by the task that owns the wire.
    pub fn poll_closing(&self, context: &Context<'_>) -> Poll<Close> {
        self.register(context);
        self.closing().map_or(Poll::Pending, Poll::Ready)
    }

    /// Why to close, once somebody asked.
    #[must_use]
    pub fn closing(&self) -> Option<Close> {
        self.close.get().copied()
    }

    /// Octets of the client have come.
    pub fn heard(&self, now: Moment) {
        self.heard.store(now.0, Ordering::Relaxed);
    }

    /// When octets of the client came last.
    #[must_use]
    pub fn last_heard(&self) -> Moment {
        Moment(self.heard.load(Ordering::Relaxed))
    }

    /// Has the client asked whether it is there.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
        self.wake();
    }

    /// Whether the client is to be asked, once.
    #[must_use]
    pub fn take_ask(&self) -> bool {
        self.asked.load(Ordering::Relaxed) && self.asked.swap(false, Ordering::Relaxed)
    }

    /// The task has ended: nothing is written any more. Said by a guard that the task owns.
    pub fn set_ended(&self) {
        self.ended.store(true, Ordering::Release);
        self.end.notify_waiters();
    }

    /// Completes when the task has ended.
    pub async fn ended(&self) {
        loop {
            let end = self.end.notified();
            if self.ended.load(Ordering::Acquire) {
                return;
            }
            end.await;
        }
    }

    /// The task looks after everything that it was woken for until now.
    pub fn look(&self) {
        if self.woken.load(Ordering::Relaxed) {
            self.woken.swap(false, Ordering::AcqRel);
        }
    }

    /// Ready if the task was woken since it has looked last. Asked by the task that owns the wire.
    pub fn poll_woken(&self, context: &Context<'_>) -> Poll<()> {
        self.register(context);
        match self.woken.load(Ordering::Acquire) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}
