//! The connection manager: takes arrivals and has them logged in.
//!
//! **For:** the work of the XCP Connection Manager. **Accepts:** [`ConnectionMsg`]. **Mailbox
//! full**: the arrival is dropped, its connection with it. Each arrival is a light child, so a
//! panic in one ends that connection alone.

use std::sync::atomic::Ordering;

use tracing::Instrument;

use super::super::hand::{self, CrowdArrival, HandArrival};
use super::super::manager::SessionMsg;
use super::super::settings::Site;
use super::super::turnstile::Turnstile;
use super::conversation::turn_away;
use super::converse;
use super::guard::Guard;
use crate::plane::Attached;
use crate::rt::{Actor, Addr, ChildExited, Ctx, MailboxSpec, NoTimer};
use crate::wire::Arrival;

/// What a connection manager is told.
pub enum ConnectionMsg {
    /// A client is at the door.
    Arrived(Arrival),
    /// A client that hands its stanzas over is at the door.
    Handed(HandArrival),
    /// A crowd of such clients is at the door.
    Crowd(CrowdArrival),
}

/// The connection manager of a node.
pub struct ConnectionManager {
    site: Site,
    sessions: Addr<SessionMsg>,
    guard: Guard,
    turnstile: Turnstile,
}

impl ConnectionManager {
    /// Its mailbox.
    pub const MAILBOX: MailboxSpec = MailboxSpec::reject(65_536);

    /// A manager that hands established sessions to `sessions`.
    #[must_use]
    pub fn new(site: Site, sessions: Addr<SessionMsg>) -> Self {
        let guard = Guard::new(site.plane.world().clone());
        let turnstile = Turnstile::new(site.settings.logins_per_second);
        Self {
            site,
            sessions,
            guard,
            turnstile,
        }
    }

    /// Connections that are at login; those with an inactive session have done with it (SES-7).
    fn at_login(&self, ctx: &Ctx<Self>) -> usize {
        let counters = &self.site.plane.node(self.site.node).counters;
        let inactive = counters.inactive.load(Ordering::Relaxed);
        let inactive = usize::try_from(inactive).unwrap_or(usize::MAX);
        ctx.children().saturating_sub(inactive)
    }

    fn arrived(&mut self, arrival: Arrival, ctx: &mut Ctx<Self>) {
        let counters = &self.site.plane.node(self.site.node).counters;
        counters.connections.fetch_add(1, Ordering::Relaxed);
        let (site, label) = (self.site.clone(), arrival.label.clone());
        let span = site.span(&label);
        if self.at_login(ctx) >= self.site.settings.unauthenticated {
            let turning = async move { turn_away(&site, arrival).await };
            ctx.light("Connection", label, turning.instrument(span));
            return;
        }
        let (sessions, guard) = (self.sessions.clone(), self.guard.clone());
        let turnstile = self.turnstile.clone();
        let talking = async move {
            if let Some(established) = converse(&site, arrival, &guard, &turnstile).await {
                let attached = established.attached.clone();
                let message = SessionMsg::Established(Box::new(established));
                hand_over(&site, &sessions, &attached, message);
            }
        };
        ctx.light("Connection", label, talking.instrument(span));
    }

    fn handed(&mut self, arrival: HandArrival, ctx: &mut Ctx<Self>) {
        let counters = &self.site.plane.node(self.site.node).counters;
        counters.connections.fetch_add(1, Ordering::Relaxed);
        if self.at_login(ctx) >= self.site.settings.unauthenticated {
            return arrival.turn_away();
        }
        let (site, sessions) = (self.site.clone(), self.sessions.clone());
        let (turnstile, label) = (self.turnstile.clone(), arrival.user.to_string());
        let span = site.span(&label);
        let receiving = async move {
            if let Some(handed) = hand::receive(&site, arrival, &turnstile).await {
                let attached = handed.attached.clone();
                let message = SessionMsg::Handed(Box::new(handed));
                hand_over(&site, &sessions, &attached, message);
            }
        };
        ctx.light("Connection", label, receiving.instrument(span));
    }
}

/// Gives a session to its manager; without one it has lost its connection.
fn hand_over(site: &Site, sessions: &Addr<SessionMsg>, attached: &Attached, message: SessionMsg) {
    let counters = &site.plane.node(site.node).counters;
    counters.logins.fetch_add(1, Ordering::Relaxed);
    if sessions.send(message).is_err() {
        site.plane.lost(attached, site.settings.resume);
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
            ConnectionMsg::Handed(arrival) => self.handed(arrival, ctx),
            ConnectionMsg::Crowd(arrival) => {
                let message = SessionMsg::Crowd(Box::new(arrival), self.turnstile.clone());
                // One that is not taken has lost its connection.
                let _ = self.sessions.send(message);
            }
        }
    }

    /// A connection that has ended is on the journal if it panicked; nothing depends on it.
    fn child_exited(&mut self, _exit: ChildExited, _ctx: &mut Ctx<Self>) {}
}
