//! What the models of tickets share: a parcel, and what a client and its targets do with it.

use super::common::*;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll, Wake, Waker};

/// A stanza on its way. `what` stands for its content too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parcel {
    pub ticket: Ticket,
    pub what: u64,
}

/// The client sends `what` to `target` in the session's first life.
pub fn parcel(window: &TicketWindow<Parcel>, what: u64, target: u64) -> Parcel {
    parcel_of(window, 0, what, target)
}

/// The client sends `what` to `target` in this life.
pub fn parcel_of(window: &TicketWindow<Parcel>, life: u32, what: u64, target: u64) -> Parcel {
    match window.issue(life, target, || what) {
        Issued::Ticket(ticket) => Parcel { ticket, what },
        other => panic!("of the newest life and new: {other:?}"),
    }
}

pub fn claim(window: &TicketWindow<Parcel>, parcel: Parcel) -> Claim<Parcel> {
    window.claim(parcel.ticket, parcel, |parcel| parcel.what)
}

/// The count to resume with, if nothing is in doubt.
pub fn settled(window: &TicketWindow<Parcel>, life: u32) -> Option<u64> {
    match window.poll_settled(life, &mut Context::from_waker(Waker::noop())) {
        Poll::Ready(handled) => Some(handled),
        Poll::Pending => None,
    }
}

/// Whether a task was woken.
pub struct Bell(AtomicBool);

impl Bell {
    pub fn new() -> std::sync::Arc<Self> {
        std::sync::Arc::new(Self(AtomicBool::new(false)))
    }

    pub fn has_rung(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Wake for Bell {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}
