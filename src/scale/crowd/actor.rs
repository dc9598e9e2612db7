//! The actor that hosts a crowd.
//!
//! **For:** the slim clients of one pair. **Accepts:** nothing: they only hear their nodes.
//! **Mailbox full:** never, nobody writes to it. A crowd that panics is a crashed program: its clients
//! have lost their connections, stay away, and whoever watches is told why.

use std::sync::Arc;

use takeover_actors::rt::{Actor, ChildExited, Ctx, Exit, MailboxSpec, NoTimer};

use super::Shared;
use super::live::Crowd;

pub(super) const MAILBOX: MailboxSpec = MailboxSpec::reject(1);

pub(super) struct CrowdActor {
    pub(super) crowd: Option<Crowd>,
    pub(super) shared: Arc<Shared>,
}

impl Actor for CrowdActor {
    type Msg = ();
    type Timer = NoTimer;
    const KIND: &'static str = "crowd";

    fn started(&mut self, ctx: &mut Ctx<Self>) {
        if let Some(crowd) = self.crowd.take() {
            ctx.light("crowd clients", ctx.name().to_owned(), crowd.live());
        }
    }

    fn handle(&mut self, (): (), _: &mut Ctx<Self>) {}

    fn child_exited(&mut self, exit: ChildExited, ctx: &mut Ctx<Self>) {
        if let Exit::Panicked(text) = exit.exit {
            *self.shared.panicked.lock() = Some(format!("{}: {text}", exit.name));
        }
        ctx.stop();
    }
}
