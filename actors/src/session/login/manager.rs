//! The connection manager: takes arrivals and has them logged in.
//!
//! **For:** the work of the XCP Connection Manager. **Accepts:** [`ConnectionMsg`]. **Mailbox
//! full**: the arrival is dropped, its connection with it. Each arrival is a light child, so a
//! panic in one ends that connection alone.

use std::sync::atomic::Ordering;

use tracing::Instrument;

use super::super::manager::SessionMsg;
use super::super::settings::Site;
use super::conversation::turn_away;
use super::guard::Guard;
use super::{Established, converse};
use crate::rt::{Actor, Addr, ChildExited, Ctx, MailboxSpec, NoTimer};
use crate::wire::Arrival;

/// What a connection manager is told.
#[derive(Debug)]
pub enum ConnectionMsg {
    /// A client is at the door.
    Arrived(Arrival),
}

/// The connection manager of a node.
pub struct ConnectionManager {
    site: Site,
    sessions: Addr<SessionMsg>,
    guard: Guard,
}

impl ConnectionManager {
    /// Its mailbox.
    pub const MAILBOX: MailboxSpec = MailboxSpec::reject(65_536);

    /// A manager that hands established sessions to `sessions`.
    #[must_use]
    pub fn new(site: Site, sessions: Addr<SessionMsg>) -> Self {
        let guard = Guard::new(site.plane.world().clone());
        Self {
            site,
            sessions,
            guard,
        }
    }

    fn arrived(&mut self, arrival: Arrival, ctx: &mut Ctx<Self>) {
        let counters = &self.site.plane.node(self.site.node).counters;
        counters.connections.fetch_add(1, Ordering::Relaxed);
        let (site, label) = (self.site.clone(), arrival.label.clone());
        let span = site.span(&label);
        if ctx.children() >= self.site.settings.unauthenticated {
            let turning = async move { turn_away(&site, arrival).await };
            ctx.light("Connection", label, turning.instrument(span));
            return;
        }
        let (sessions, guard) = (self.sessions.clone(), self.guard.clone());
        let talking = async move {
            if let Some(established) = converse(&site, arrival, &guard).await {
                hand_over(&site, &sessions, established);
            }
        };
        ctx.light("Connection", label, talking.instrument(span));
    }
}

/// Gives a session to its manager; without one it has lost its connection.
fn hand_over(site: &Site, sessions: &Addr<SessionMsg>, established: Established) {
    let attached = established.attached.clone();
    if sessions
        .send(SessionMsg::Established(Box::new(established)))
        .is_err()
    {
        site.plane.lost(&attached, site.settings.resume);
    }
}

impl Actor for ConnectionManager {
    type Msg = ConnectionMsg;
    type Timer = NoTimer;
    const KIND: &'static str = "ConnectionManager";

    fn started(&mut self, ctx: &mut Ctx<Self>) {
        self.site
            .plane
            .node(self.site.node)
            .set_door(Some(ctx.addr()));
    }

    fn handle(&mut self, msg: ConnectionMsg, ctx: &mut Ctx<Self>) {
        match msg {
            ConnectionMsg::Arrived(arrival) => self.arrived(arrival, ctx),
        }
    }

    /// A connection that has ended is on the journal if it panicked; nothing depends on it.
    fn child_exited(&mut self, _exit: ChildExited, _ctx: &mut Ctx<Self>) {}
}
