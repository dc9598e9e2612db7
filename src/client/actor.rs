//! The actor that hosts a client's session.
//!
//! **For:** one in-process client. **Accepts:** nothing: commands go straight to the session.
//! **Mailbox full:** never, nobody writes to it. A client that panics is a crashed program: it has
//! lost its connection, stays away, and says why.

use std::sync::Arc;

use takeover_actors::rt::{Actor, ChildExited, Ctx, MailboxSpec, NoTimer};

use super::session::Session;
use super::shared::Shared;

pub(super) const MAILBOX: MailboxSpec = MailboxSpec::reject(1);

pub(super) struct ClientActor {
    pub(super) session: Option<Session>,
    pub(super) shared: Arc<Shared>,
}

impl Actor for ClientActor {
    type Msg = ();
    type Timer = NoTimer;
    const KIND: &'static str = "client";

    fn started(&mut self, ctx: &mut Ctx<Self>) {
        if let Some(session) = self.session.take() {
            ctx.light("client session", self.shared.name.clone(), session.live());
        }
    }

    fn handle(&mut self, (): (), _: &mut Ctx<Self>) {}

    fn child_exited(&mut self, exit: ChildExited, ctx: &mut Ctx<Self>) {
        self.shared.ended(&exit);
        ctx.stop();
    }
}
