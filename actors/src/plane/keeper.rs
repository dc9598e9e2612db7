//! The keeper finishes what must be finished whichever node dies: writes to a store whose answer
//! settles somebody's ticket. It belongs to the lab, as the database server does, to no node.

use std::future::Future;
use std::pin::Pin;

use crate::rt::{Actor, Ctx, MailboxSpec, NoTimer, Standing};

/// A piece of work.
pub type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The actor that runs such work. Each piece is a light child: if one panics, it alone ends, and so
/// does all of it if the keeper does. Either way the promises that the work held are broken visibly.
/// A full mailbox gives the work back to whoever asks.
#[derive(Debug, Default)]
pub struct Keeper {
    _private: (),
}

impl Keeper {
    /// How many pieces of work may wait to be begun.
    pub const MAILBOX: MailboxSpec = MailboxSpec::reject(1 << 20);

    /// A keeper with nothing to do.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Actor for Keeper {
    type Msg = Work;
    type Timer = NoTimer;
    const KIND: &'static str = "Keeper";

    fn handle(&mut self, work: Work, ctx: &mut Ctx<Self>) {
        ctx.light("Write", "write", work);
    }
}

/// Runs `work` to its end: at once if it need not wait, else by the keeper.
pub(super) fn run(keeper: &Standing<Work>, work: impl Future<Output = ()> + Send + 'static) {
    let mut work: Work = Box::pin(work);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    if work.as_mut().poll(&mut context).is_pending() {
        // Refused only by a keeper that is gone, with the lab, or behind a million others; then
        // the ticket stays open and the client is never told that it was handled.
        let _ = keeper.send(work);
    }
}
