//! The session manager: the sessions that are attached at a node.
//!
//! **For:** one light child per attached session, or per line of them. **Accepts:** [`SessionMsg`]. **Mailbox full**:
//! the session is left as after a lost connection. A panic in one session ends that connection
//! alone, one in a line those of the line; the session itself is in its user's place and waits for its
//! client.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tracing::Instrument;

use super::hand::{self, CrowdArrival, Handed, Seats};
use super::login::Established;
use super::roll::Roll;
use super::settings::Site;
use super::task;
use super::turnstile::Turnstile;
use crate::plane::{Attached, Close, Counters};
use crate::rt::{Actor, ChildExited, ChildId, Ctx, Exit, MailboxSpec, Recipient};

/// How often it looks after clients at most.
const ROUND: Duration = Duration::from_secs(10);

/// What a session manager is told.
pub enum SessionMsg {
    /// A client has a session.
    Established(Box<Established>),
    /// A client that hands its stanzas over has a session.
    Handed(Box<Handed>),
    /// A crowd of clients that hand their stanzas over is there; they log in through this turnstile.
    Crowd(Box<CrowdArrival>, Turnstile),
    /// The service stops: all clients are told `system-shutdown`; who asked hears when they are
    /// gone.
    Drain(Recipient<Drained>),
}

/// All clients of a session manager are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained;

/// Its wake-ups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SessionTimer {
    /// Look for clients that have fallen silent.
    LookAfter,
    /// The service stops, and who has not gone by now is not waited for.
    Drained,
}

/// The session manager of a node.
pub struct SessionManager {
    site: Site,
    roll: Roll,
    /// Lines of sessions that are served together.
    lines: BTreeMap<ChildId, Arc<Seats>>,
    draining: Option<Recipient<Drained>>,
    /// It is to look for clients that have fallen silent.
    looking: bool,
}

impl SessionManager {
    /// Its mailbox.
    pub const MAILBOX: MailboxSpec = MailboxSpec::reject(65_536);

    /// A manager without sessions.
    #[must_use]
    pub fn new(site: Site) -> Self {
        Self {
            site,
            roll: Roll::default(),
            lines: BTreeMap::new(),
            draining: None,
            looking: false,
        }
    }

    fn established(
        &mut self,
        attached: Attached,
        task: impl Future<Output = ()> + 'static,
        ctx: &mut Ctx<Self>,
    ) {
        if self.draining.is_some() {
            attached.outlet.close(Close::Shutdown);
        }
        attached.outlet.heard(ctx.now());
        let name = attached.jid.to_string();
        let task = task.instrument(self.site.span(&name));
        let child = ctx.light("UserSession", name, task);
        self.roll.enter(child, attached, self.site.settings.idle);
        if !self.looking {
            self.look_again(Duration::ZERO, ctx);
        }
        self.counters().attached.fetch_add(1, Ordering::Relaxed);
    }

    fn crowd(&mut self, arrival: CrowdArrival, turnstile: Turnstile, ctx: &mut Ctx<Self>) {
        let seats = Arc::<Seats>::default();
        if self.draining.is_some() {
            seats.drain();
        }
        let line = hand::serve(self.site.clone(), arrival, turnstile, seats.clone());
        let line = line.instrument(self.site.span("a line"));
        let child = ctx.light("SessionLine", "line", line);
        self.lines.insert(child, seats);
    }

    /// Looks after clients again when the first of them may have fallen silent, but not sooner than this.
    fn look_again(&mut self, soonest: Duration, ctx: &mut Ctx<Self>) {
        let next = self.roll.next_look();
        self.looking = next.is_some();
        if let Some(next) = next {
            let wait = next.saturating_since(ctx.now()).max(soonest);
            ctx.arm(SessionTimer::LookAfter, wait);
        }
    }

    fn counters(&self) -> &Counters {
        &self.site.plane.node(self.site.node).counters
    }

    fn tell_if_drained(&mut self) {
        if self.roll.is_empty()
            && self.lines.is_empty()
            && let Some(whom) = self.draining.take()
        {
            // Who asked and is gone needs no answer.
            let _ = whom.send(Drained);
        }
    }
}

impl Actor for SessionManager {
    type Msg = SessionMsg;
    type Timer = SessionTimer;
    const KIND: &'static str = "SessionManager";

    fn started(&mut self, ctx: &mut Ctx<Self>) {
        let until = ctx.now() + self.site.settings.relogin;
        self.site.plane.detach_leftovers(self.site.node, until);
        self.counters().attached.store(0, Ordering::Relaxed);
    }

    fn handle(&mut self, msg: SessionMsg, ctx: &mut Ctx<Self>) {
        match msg {
            SessionMsg::Established(established) => {
                let attached = established.attached.clone();
                let task = task::run(self.site.clone(), *established);
                self.established(attached, task, ctx);
            }
            SessionMsg::Handed(handed) => {
                let attached = handed.attached.clone();
                let task = hand::run(self.site.clone(), *handed);
                self.established(attached, task, ctx);
            }
            SessionMsg::Crowd(arrival, turnstile) => self.crowd(*arrival, turnstile, ctx),
            SessionMsg::Drain(whom) => {
                self.draining = Some(whom);
                for seats in self.lines.values() {
                    seats.drain();
                }
                for attached in self.roll.attached() {
                    attached.outlet.close(Close::Shutdown);
                }
                if let Some(drain) = self.site.settings.drain {
                    ctx.arm(SessionTimer::Drained, drain);
                }
                self.tell_if_drained();
            }
        }
    }

    fn expired(&mut self, timer: SessionTimer, ctx: &mut Ctx<Self>) {
        match timer {
            SessionTimer::LookAfter => {
                self.roll.look_after(ctx.now(), self.site.settings.idle);
                self.look_again(ROUND, ctx);
            }
            SessionTimer::Drained => {
                for child in self.roll.children() {
                    ctx.kill_child(child);
                }
            }
        }
    }

    fn child_exited(&mut self, exit: ChildExited, _ctx: &mut Ctx<Self>) {
        if let Some(seats) = self.lines.remove(&exit.child) {
            seats.lose(&self.site);
            return self.tell_if_drained();
        }
        let Some(attached) = self.roll.strike(exit.child) else {
            return;
        };
        match exit.exit {
            Exit::Stopped => {}
            // It was told to go and did not: at the latest now its session waits for it elsewhere.
            Exit::Killed if self.draining.is_some() => {
                let Site {
                    plane, settings, ..
                } = &self.site;
                if plane.is_attached(&attached) {
                    plane.detach(&attached, settings.relogin);
                }
            }
            Exit::Panicked(_) | Exit::Killed => {
                let told = self.site.span(&exit.name);
                told.in_scope(|| tracing::warn!(exit = %exit.exit, "the session's task ended"));
                self.site.plane.lost(&attached, self.site.settings.resume);
            }
        }
        self.counters().attached.fetch_sub(1, Ordering::Relaxed);
        self.tell_if_drained();
    }
}
