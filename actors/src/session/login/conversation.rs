//! The conversation of one arrival until it is bound or gone.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use takeover_core::time::Moment;
use takeover_protocols::jid::{BareJid, FullJid};
use takeover_protocols::sasl::{Found, Mechanism, SaslCondition};
use takeover_protocols::stanza::{Condition, ErrorType, StanzaError};
use takeover_protocols::stream::{C2sServer, Effect, StreamCondition, StreamError};

use super::super::line::{Event, Line};
use super::super::settings::Site;
use super::super::turnstile::{Crowded, Turnstile};
use super::guard::Guard;
use crate::plane::{Attached, Inactive, OpenError, Outlet, User};
use crate::wire::{Arrival, Upgrade};

/// How often a login looks whether its user has arrived.
const LOOK: Duration = Duration::from_millis(50);

/// A client with a session: what the session manager takes over.
pub struct Established {
    /// The wire and its machine.
    pub(in super::super) line: Box<Line>,
    /// The session.
    pub(in super::super) attached: Attached,
}

/// What is left of an arrival: a session, or nothing.
enum Step {
    GoOn,
    Bound(Attached),
    Over,
}

/// Talks with an arrival until it has a session; nothing if it never will.
pub(in super::super) async fn converse(
    site: &Site,
    arrival: Arrival,
    guard: &Guard,
    turnstile: &Turnstile,
) -> Option<Established> {
    let (config, layer) = site.config(&arrival);
    let (machine, first) = C2sServer::new(config, layer, site.plane.random());
    let Arrival {
        wire,
        label,
        upgrade,
        ..
    } = arrival;
    let mut login = Login {
        site,
        line: Line::new(site.plane.world().clone(), wire, machine, first),
        label,
        upgrade,
        guard,
        turnstile,
        standby: None,
        until: site.plane.world().now() + site.settings.c2s.limits.negotiation,
    };
    loop {
        while let Some(effect) = login.line.effects.pop_front() {
            match login.step(effect).await {
                Ok(Step::GoOn) => {}
                Ok(Step::Bound(attached)) => {
                    return Some(Established {
                        line: Box::new(login.line),
                        attached,
                    });
                }
                Ok(Step::Over) | Err(_) => return None,
            }
        }
        login.flush().await.ok()?;
        match login.next_event().await {
            Event::Fed | Event::Ended => {}
        }
    }
}

struct Login<'a> {
    site: &'a Site,
    line: Line,
    label: String,
    upgrade: Option<Upgrade>,
    guard: &'a Guard,
    turnstile: &'a Turnstile,
    /// It has an inactive session (SES-7).
    standby: Option<Inactive<'a>>,
    /// Until when it must have a session. The machine's own timer is not heard while the wire is
    /// busy.
    until: Moment,
}

impl Login<'_> {
    async fn step(&mut self, effect: Effect) -> io::Result<Step> {
        match effect {
            Effect::Send(octets) => self.line.out.extend_from_slice(&octets),
            Effect::Arm(timer, after) => self.line.arm(timer, after),
            Effect::Disarm(timer) => self.line.disarm(timer),
            Effect::StartTls => self.start_tls().await?,
            Effect::LookUp { user, mechanism } => {
                let found = self.look_up(&user, mechanism).await;
                let effects = self.line.machine.found(found);
                self.line.then(effects);
            }
            Effect::Authenticated { user, .. } => self.authenticated(&user),
            Effect::AuthenticationFailed { condition, user } => {
                tracing::info!(user, ?condition, "authentication failed");
                // Who was not looked at, for its own failures or ours, is not counted again.
                if condition != SaslCondition::TemporaryAuthFailure {
                    self.guard.failed(&self.label);
                }
            }
            Effect::Inactive { user } => self.stand_by(&user),
            Effect::Bind { wanted, .. } => return Ok(self.bind(wanted).await),
            Effect::Resume { user, previd, h } => return Ok(self.resume(&user, &previd, h).await),
            Effect::Close(cause) => {
                tracing::debug!(?cause, "over before login");
                self.line.part(self.site.settings.c2s.limits.closing).await;
                return Ok(Step::Over);
            }
            // Only a bound client has these, and then the session has the line.
            Effect::Enable { .. }
            | Effect::Acked { .. }
            | Effect::ClientState(_)
            | Effect::AckRequested
            | Effect::Stanza(_)
            | Effect::RefusedStanza { .. } => {}
        }
        Ok(Step::GoOn)
    }

    /// What may last as long as the client likes, within the time that is left.
    async fn in_time<T>(&self, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
        let world = self.site.plane.world();
        let left = self.until.saturating_since(world.now());
        tokio::select! {
            biased;
            done = work => done,
            () = world.sleep(left) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        let world = self.site.plane.world();
        let left = self.until.saturating_since(world.now());
        tokio::select! {
            biased;
            done = self.line.flush() => done,
            () = world.sleep(left) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    async fn start_tls(&mut self) -> io::Result<()> {
        self.flush().await?;
        let effects = match self.upgrade.take().zip(self.line.take_wire()) {
            Some((upgrade, wire)) => {
                let wire = self.in_time(upgrade(wire)).await?;
                self.line.put_wire(wire);
                self.line.machine.tls_established()
            }
            None => self.line.machine.input_ended(),
        };
        self.line.then(effects);
        Ok(())
    }

    async fn look_up(&self, user: &BareJid, mechanism: Mechanism) -> Found {
        if !self.guard.admits(&self.label, user) {
            return Found::Refused(SaslCondition::TemporaryAuthFailure);
        }
        let Some(known) = self.site.plane.user(user.as_str()) else {
            return Found::Nobody;
        };
        let store = self.site.plane.node(known.home()).spec.users.clone();
        let found = store.credential(user.as_str(), mechanism).await;
        found.unwrap_or(Found::Refused(SaslCondition::TemporaryAuthFailure))
    }

    /// SES-2: who lives elsewhere is sent there before anything else.
    fn authenticated(&mut self, user: &BareJid) {
        self.guard.succeeded(user);
        let Some(known) = self.site.plane.user(user.as_str()) else {
            return;
        };
        let owner = known.slot.owner().node();
        // Who may have an inactive session here says only later what it wants.
        if owner != self.site.node && !self.site.stands_by(&known) {
            let address = self.site.plane.node(owner).address();
            let effects = self.line.machine.fail(StreamError::see_other_host(address));
            self.line.then(effects);
        }
    }

    /// The user, loaded; nothing if it is unknown or the store does not answer.
    async fn user(&self, jid: &BareJid) -> Option<Arc<User>> {
        let user = self.site.plane.user(jid.as_str())?;
        self.site.plane.load(&user).await.ok()?;
        Some(user)
    }

    async fn bind(&mut self, wanted: FullJid) -> Step {
        if let Err(crowded) = self.wait_its_turn().await {
            let effects = self.line.machine.bind_refused(&refusal(&crowded));
            self.line.then(effects);
            return Step::GoOn;
        }
        let Some(user) = self.user(&wanted.to_bare()).await else {
            let error = StanzaError::new(Condition::InternalServerError);
            let effects = self.line.machine.bind_refused(&error);
            self.line.then(effects);
            return Step::GoOn;
        };
        self.wait_for_user(&user).await;
        let (site, wire) = (self.site, self.line.wire());
        let open = || {
            let outlet = Outlet::over(wire.clone());
            site.plane
                .open_session(site.node, &user, wanted.clone(), outlet)
        };
        match when_settled(site, open).await {
            Ok(attached) => {
                tracing::debug!(jid = %attached.jid, "logged in");
                let effects = self.line.machine.bound(attached.jid.clone());
                self.line.then(effects);
                Step::Bound(attached)
            }
            Err(OpenError::Elsewhere(node)) => self.send_away(node),
            Err(error) => {
                // SES-1; RFC 6120, section 7.7.2.1.
                let effects = self.line.machine.bind_refused(&refusal(&error));
                self.line.then(effects);
                Step::GoOn
            }
        }
    }

    async fn resume(&mut self, user: &BareJid, previd: &str, h: u32) -> Step {
        if let Err(crowded) = self.wait_its_turn().await {
            let error = StreamError::new(StreamCondition::ResourceConstraint);
            let effects = self.line.machine.fail(error.with_text(crowded.to_string()));
            self.line.then(effects);
            return Step::GoOn;
        }
        let Some(user) = self.user(user).await else {
            let effects = self
                .line
                .machine
                .resume_failed(Condition::InternalServerError, None);
            self.line.then(effects);
            return Step::GoOn;
        };
        self.wait_for_user(&user).await;
        let (site, wire) = (self.site, self.line.wire());
        let resume = || {
            let outlet = Outlet::over(wire.clone());
            site.plane.resume(site.node, &user, previd, h, outlet)
        };
        match when_settled(site, resume).await {
            Ok(attached) => {
                // Until then nothing of the client is read: the machine waits for the answer.
                let handled = attached.settled().await;
                tracing::debug!(jid = %attached.jid, handled, "resumed");
                let effects = self.line.machine.resumed(attached.jid.clone(), handled);
                self.line.then(effects);
                Step::Bound(attached)
            }
            Err(OpenError::Elsewhere(node)) => self.send_away(node),
            Err(OpenError::Ack(error)) => {
                let effects = self.line.machine.fail(StreamError::from(&error));
                self.line.then(effects);
                Step::GoOn
            }
            Err(_) => {
                let effects = self
                    .line
                    .machine
                    .resume_failed(Condition::ItemNotFound, None);
                self.line.then(effects);
                Step::GoOn
            }
        }
    }

    /// SES-7: the client keeps this stream for the case that its node fails.
    fn stand_by(&mut self, user: &BareJid) {
        let known = self.site.plane.user(user.as_str());
        let effects = if known.is_some_and(|known| self.site.stands_by(&known)) {
            self.standby = Some(self.site.plane.node(self.site.node).inactive());
            self.line.machine.inactive_granted()
        } else {
            let why = "this node does not stand by for you";
            self.line.machine.inactive_refused(why)
        };
        self.line.then(effects);
    }

    /// What comes next on the line. While the client has nothing to say it is seen that it is there:
    /// a blank is no word of XMPP (RFC 6120, section 4.6.1).
    async fn next_event(&mut self) -> Event {
        if self.standby.is_none() {
            return self.line.event().await;
        }
        loop {
            let idle = self.line.world().sleep(self.site.settings.idle);
            tokio::select! {
                biased;
                event = self.line.event() => return event,
                () = idle => {}
            }
            self.line.out.push(b' ');
            if self.line.flush().await.is_err() || !self.site.is_dual() {
                let effects = self.line.machine.close();
                self.line.then(effects);
                return Event::Fed;
            }
        }
    }

    /// SES-7: an inactive session was activated; its user may still be on the way.
    async fn wait_for_user(&mut self, user: &User) {
        if self.standby.is_some() {
            self.site.plane.hosted_at(self.site.node, user).await;
        }
    }

    /// SES-6: a node serves so many logins a second. An inactive session has logged in already.
    async fn wait_its_turn(&self) -> Result<(), Crowded> {
        if self.standby.is_some() {
            return Ok(());
        }
        let world = self.site.plane.world();
        let counters = &self.site.plane.node(self.site.node).counters;
        let limit = self.until.saturating_since(world.now());
        let turn = self.turnstile.pass(world, limit, counters);
        turn.await
    }

    fn send_away(&mut self, node: takeover_core::id::NodeId) -> Step {
        let address = self.site.plane.node(node).address();
        let effects = self.line.machine.fail(StreamError::see_other_host(address));
        self.line.then(effects);
        Step::GoOn
    }
}

/// The error of a binding that may be tried again later.
fn refusal(why: &impl ToString) -> StanzaError {
    StanzaError::new(Condition::ResourceConstraint)
        .with_type(ErrorType::Wait)
        .with_text(why.to_string())
}

/// Tries again while the user is between two nodes.
pub(in super::super) async fn when_settled<T>(
    site: &Site,
    attempt: impl Fn() -> Result<T, OpenError>,
) -> Result<T, OpenError> {
    let world = site.plane.world();
    let limit = world.now() + site.settings.moving;
    loop {
        match attempt() {
            Err(OpenError::Moving) if world.now() < limit => world.sleep(LOOK).await,
            result => return result,
        }
    }
}

/// Tells an arrival that there are too many, and closes.
pub(super) async fn turn_away(site: &Site, arrival: Arrival) {
    let (config, layer) = site.config(&arrival);
    let (mut machine, _) = C2sServer::new(config, layer, site.plane.random());
    tracing::debug!("turned away: too many connections are at login");
    let error = StreamError::new(StreamCondition::ResourceConstraint)
        .with_text("too many connections are at login");
    let effects = machine.fail(error);
    let mut line = Line::new(site.plane.world().clone(), arrival.wire, machine, effects);
    while let Some(effect) = line.effects.pop_front() {
        if let Effect::Send(octets) = effect {
            line.out.extend_from_slice(&octets);
        }
    }
    // Who does not read its refusal is dropped all the same.
    line.part(site.settings.c2s.limits.closing).await;
}
