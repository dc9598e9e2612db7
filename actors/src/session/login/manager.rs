//! The connection manager: takes arrivals and has them logged in.
//!
//! **For:** the work of the XCP Connection Manager. **Accepts:** [`ConnectionMsg`]. **Mailbox
//! full**: the arrival is dropped, its connection with it. Each arrival is a light child, so a
//! panic in one ends that connection alone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::Mutex;
use takeover_core::time::Moment;
use takeover_protocols::jid::BareJid;

use super::super::manager::SessionMsg;
use super::super::settings::Site;
use super::conversation::turn_away;
use super::{Established, converse};
use crate::rt::{Actor, Addr, ChildExited, Ctx, MailboxSpec, NoTimer, World};
use crate::wire::Arrival;

/// Failed logins of one address, or of one user, after which more are refused for a while.
const FAILURES: u32 = 20;

/// For how long they are counted, and refused.
const WHILE: Duration = Duration::from_secs(60);

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
        if ctx.children() >= self.site.settings.unauthenticated {
            ctx.light("Connection", label, async move {
                turn_away(&site, arrival).await
            });
            return;
        }
        let (sessions, guard) = (self.sessions.clone(), self.guard.clone());
        ctx.light("Connection", label, async move {
            if let Some(established) = converse(&site, arrival, &guard).await {
                hand_over(&site, &sessions, established);
            }
        });
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

/// Counts failed logins per address and per user (XMPP-3).
#[derive(Clone)]
pub(in super::super) struct Guard {
    world: World,
    failures: Arc<Mutex<BTreeMap<String, (u32, Moment)>>>,
}

impl Guard {
    fn new(world: World) -> Self {
        Self {
            world,
            failures: Arc::default(),
        }
    }

    /// A login from `label` as `user` has failed.
    pub(super) fn failed(&self, label: &str, user: Option<&str>) {
        let now = self.world.now();
        let mut failures = self.failures.lock();
        failures.retain(|_, (_, until)| *until > now);
        let keys = [
            Some(host(label).to_owned()),
            user.map(|user| format!("user {user}")),
        ];
        for key in keys.into_iter().flatten() {
            let entry = failures.entry(key).or_insert((0, now));
            *entry = (entry.0 + 1, now + WHILE);
        }
    }

    /// The user has logged in: its failures are forgotten, those of the address are not.
    pub(super) fn succeeded(&self, user: &BareJid) {
        self.failures.lock().remove(&format!("user {user}"));
    }

    /// Whether one more attempt is refused without looking at it.
    pub(super) fn is_barred(&self, label: &str, user: &BareJid) -> bool {
        let now = self.world.now();
        let failures = self.failures.lock();
        let over = |key: &str| {
            failures
                .get(key)
                .is_some_and(|(n, until)| *n >= FAILURES && *until > now)
        };
        over(host(label)) || over(&format!("user {user}"))
    }
}

/// The address without its port.
fn host(label: &str) -> &str {
    label.rsplit_once(':').map_or(label, |(host, _)| host)
}
