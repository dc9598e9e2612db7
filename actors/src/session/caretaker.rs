//! The caretaker: the sessions of a node that have no connection.
//!
//! **For:** gives up those whose clients have not come back in time (SES-3) and composes those of clients that are
//! away (SES-10). A child of the XCP Router, since sessions live there: they end in time also where no client can
//! come in. **Accepts:** [`CaretakerMsg`], one at a time. **Mailbox full**: a call is there already, and one is
//! enough.

use std::sync::Arc;
use std::time::Duration;

use takeover_core::id::NodeId;

use crate::plane::Plane;
use crate::rt::{Actor, Ctx, MailboxSpec};

/// What the rate of composing is counted in.
const MINUTE: Duration = Duration::from_secs(60);

/// It comes again no sooner than this: for a user who is on the move just now, or where its node's clock is fast
/// and the time has not quite come.
const SOONEST: Duration = Duration::from_secs(1);

/// What a caretaker is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaretakerMsg {
    /// There is something to do earlier than it knows.
    Look,
}

/// Its wake-ups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CaretakerTimer {
    /// The first session is given up.
    GiveUp,
    /// Compose the next session of a client that is away.
    Compose,
}

/// The caretaker of a node.
pub struct Caretaker {
    plane: Arc<Plane>,
    node: NodeId,
    /// Sessions of clients that are away are being composed.
    composing: bool,
}

impl Caretaker {
    /// Its mailbox.
    pub const MAILBOX: MailboxSpec = MailboxSpec::reject(2);

    /// The caretaker of `node`.
    #[must_use]
    pub fn new(plane: Arc<Plane>, node: NodeId) -> Self {
        Self {
            plane,
            node,
            composing: false,
        }
    }

    fn look(&mut self, ctx: &mut Ctx<Self>) {
        self.plane.node(self.node).caretaker_looks();
        self.give_up(ctx);
        if !self.composing {
            self.compose(ctx);
        }
    }

    /// Gives up whose time has come, and comes again for the next one.
    fn give_up(&self, ctx: &mut Ctx<Self>) {
        self.plane.sweep(self.node);
        if let Some(next) = self.plane.node(self.node).residents.next_due() {
            let wait = next.saturating_since(ctx.now()).max(SOONEST);
            ctx.arm(CaretakerTimer::GiveUp, wait);
        }
    }

    /// Composes the next session when the node's rate allows it (SES-10).
    fn compose(&mut self, ctx: &mut Ctx<Self>) {
        self.composing = self.plane.node(self.node).composing() > 0;
        if self.composing {
            let each = MINUTE / self.plane.composed_per_minute();
            ctx.arm(CaretakerTimer::Compose, each);
        }
    }
}

impl Actor for Caretaker {
    type Msg = CaretakerMsg;
    type Timer = CaretakerTimer;
    const KIND: &'static str = "Caretaker";

    fn started(&mut self, ctx: &mut Ctx<Self>) {
        self.look(ctx);
    }

    fn handle(&mut self, CaretakerMsg::Look: CaretakerMsg, ctx: &mut Ctx<Self>) {
        self.look(ctx);
    }

    fn expired(&mut self, timer: CaretakerTimer, ctx: &mut Ctx<Self>) {
        match timer {
            CaretakerTimer::GiveUp => self.give_up(ctx),
            CaretakerTimer::Compose => {
                self.plane.compose_next(self.node);
                self.compose(ctx);
            }
        }
    }
}
