//! The Server Recovery Manager (SRM) of a node: a thin loop around the HA machine.
//!
//! **For:** telling the machine ([`takeover_core::ha`]) what happens and carrying out what it asks
//! for, in its order: a record is durable before any later effect (HA-12). Watches ICSA and starts
//! it again (ICP-14).
//! **Accepts:** [`SrmMsg`]: the peer's messages, services' changes, completions, administrators.
//! **Mailbox full** ([`MAILBOX`]): the sender gets the message back. A peer's message lost so is
//! made good by the next one; the node never has more than its services' changes on the way.

use crate::backoff::Backoff;
use crate::icsa::{self, IcsaMsg};
use crate::node::{NodeMsg, ServiceAction};
use crate::node_record::{NodeRecord, RecordError};
use crate::plane::Switched;
use crate::rt::{Actor, Addr, ChildExited, Ctx, MailboxSpec, Recipient};
use crate::service_table::CriticalOutcome;
use crate::setup::WorkSite;
use crate::srm_msg::{PeerPacket, completion, endpoint};
pub use crate::srm_msg::{SrmMsg, SrmTimer};
use crate::srm_work::Machine;
use crate::user_mover::{UserOrder, UserReport, UserWork};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use takeover_core::ha::{
    self, Alarm, BootKind, Effect, HaNode, HaParams, HaRecord, Health, PeerMessage, ServiceSet,
};
use takeover_core::journal::Event;
use takeover_core::service::{ServiceKind, ServiceState};

/// The mailbox of SRM.
pub const MAILBOX: MailboxSpec = MailboxSpec::reject(4096);

/// The name of SRM in its node's address book.
pub const BOOK_NAME: &str = "srm";

/// How many events wait while a record is being written; a peer's message more is dropped.
const WAITING_CAPACITY: usize = 1024;

/// The wait before a record that could not be written is written again.
const RETRY: Duration = Duration::from_secs(1);

/// Who hears whether an action was taken.
type Reply = Recipient<Result<(), ha::Refusal>>;

/// An event that waits for the effects of an earlier one.
struct Waiting {
    event: ha::Event,
    reply: Option<Reply>,
}

/// One life of SRM.
pub struct Srm {
    site: WorkSite,
    boot: BootKind,
    machine: Machine,
    params: HaParams,
    /// What is known before the machine starts: it needs both.
    record: Option<NodeRecord>,
    services: Option<BTreeMap<ServiceKind, ServiceState>>,
    /// `None` until the machine has started.
    ha: Option<HaNode>,
    waiting: VecDeque<Waiting>,
    effects: VecDeque<Effect>,
    /// A record that is being written; later effects wait for it.
    persisting: Option<HaRecord>,
    reply: Option<Reply>,
    leaving: bool,
    dropped: u64,
    icsa: Option<Addr<IcsaMsg>>,
    icsa_backoff: Backoff,
}

impl Srm {
    /// SRM of this node, started so.
    pub fn new(site: WorkSite, boot: BootKind, machine: Machine) -> Self {
        let params = site.setup.ha_params();
        Self {
            site,
            boot,
            machine,
            params,
            record: None,
            services: None,
            ha: None,
            waiting: VecDeque::new(),
            effects: VecDeque::new(),
            persisting: None,
            reply: None,
            leaving: false,
            dropped: 0,
            icsa: None,
            icsa_backoff: Backoff::default(),
        }
    }

    /// Tells the machine, once it has started and its earlier effects are carried out.
    fn tell(&mut self, event: ha::Event, reply: Option<Reply>, ctx: &mut Ctx<Self>) {
        let repeated = matches!(event, ha::Event::Peer(_));
        if repeated && self.waiting.len() >= WAITING_CAPACITY {
            self.dropped += 1;
            if self.dropped.is_power_of_two() {
                let (kind, name) = (Self::KIND.to_owned(), "events waiting".to_owned());
                ctx.journal(Event::MailboxOverflow {
                    kind,
                    name,
                    total: self.dropped,
                });
            }
            return;
        }
        self.waiting.push_back(Waiting { event, reply });
        self.go_on(ctx);
    }

    fn go_on(&mut self, ctx: &mut Ctx<Self>) {
        loop {
            while self.persisting.is_none() {
                match self.effects.pop_front() {
                    Some(effect) => self.carry_out(effect, ctx),
                    None => break,
                }
            }
            if self.persisting.is_some() {
                return;
            }
            if let Some(reply) = self.reply.take() {
                // Whoever does not wait for the answer any more does not get it.
                let _ = reply.send(Ok(()));
            }
            let Some(ha) = &self.ha else { return };
            let Some(Waiting { event, reply }) = self.waiting.pop_front() else {
                return;
            };
            let (next, effects) = (self.machine.step)(ha, event, &self.params);
            if ha.enabled && !next.enabled {
                self.tell_sessions(Switched::Off);
            }
            self.site
                .setup
                .board
                .set_ha(self.site.setup.node, Some(next));
            self.ha = Some(next);
            self.effects.extend(effects);
            self.reply = reply;
        }
    }

    fn carry_out(&mut self, effect: Effect, ctx: &mut Ctx<Self>) {
        match effect {
            Effect::Persist(_) if takeover_core::canary!("RecordNotKept") => {}
            Effect::Persist(record) => self.persist(record, ctx),
            Effect::Record(change) => {
                tracing::info!(node = %self.site.setup.name, %change, "ha");
                ctx.journal(Event::Ha(change));
            }
            Effect::Arm(timer, after) => {
                self.forget_expired(timer);
                ctx.arm(SrmTimer::Ha(timer), after);
            }
            Effect::Disarm(timer) => {
                self.forget_expired(timer);
                ctx.cancel(SrmTimer::Ha(timer));
            }
            Effect::SendPeer(message) => self.send_peer(message, ctx),
            Effect::StartCriticalServices => self.tell_node(NodeMsg::StartCritical),
            Effect::StopCriticalServices => self.tell_node(NodeMsg::StopCritical),
            Effect::ReleaseUsers(attempt) => self.order(UserWork::Release, attempt, ctx),
            Effect::TakeOverUsers { attempt, forced } => {
                self.order(UserWork::TakeOver { forced }, attempt, ctx);
            }
            Effect::HandBackUsers(attempt) => self.order(UserWork::HandBack, attempt, ctx),
            Effect::TakeBackUsers { attempt, forced } => {
                self.order(UserWork::TakeBack { forced }, attempt, ctx);
            }
            Effect::AbandonWork => {
                self.order(UserWork::Abandon, ha::Attempt::default(), ctx);
            }
            // The work of the service starts the next life (HA-7).
            Effect::RestartSrm => ctx.stop(),
            Effect::Raise(alarm) => {
                tracing::warn!(node = %self.site.setup.name, ?alarm, "alarm");
                ctx.journal(Event::HaAlarm(alarm));
                if alarm == Alarm::EnabledTooEarly {
                    self.tell_sessions(Switched::OnTooEarly);
                }
            }
            Effect::DropStale(staleness) => ctx.journal(Event::PeerStale(staleness)),
            Effect::Refuse(refusal) => {
                ctx.journal(Event::HaRefused(refusal.clone()));
                if let Some(reply) = self.reply.take() {
                    let _ = reply.send(Err(refusal));
                }
            }
        }
    }

    /// A timer that ran out while earlier effects were carried out, and is disarmed or armed anew
    /// by them, was never heard.
    fn forget_expired(&mut self, timer: ha::Timer) {
        self.waiting
            .retain(|waiting| waiting.event != ha::Event::Expired(timer));
    }

    /// HA-12: the record is durable before any later effect. Where it cannot be written this SRM
    /// does nothing more until it can: its peer then sees a node that does not answer.
    fn persist(&mut self, record: HaRecord, ctx: &mut Ctx<Self>) {
        self.persisting = Some(record);
        let writing = self.site.setup.records.save_ha(record);
        ctx.run_outside(writing, SrmMsg::Persisted);
    }

    fn load(&mut self, ctx: &mut Ctx<Self>) {
        let reading = self.site.setup.records.load();
        ctx.run_outside(reading, SrmMsg::Loaded);
    }

    fn record_failed(&mut self, error: &RecordError, ctx: &mut Ctx<Self>) {
        if !ctx.is_armed(SrmTimer::RetryRecord) {
            ctx.journal(Event::Alarm {
                text: format!("SRM stands still: {error}"),
            });
            ctx.arm(SrmTimer::RetryRecord, RETRY);
        }
    }

    /// Starts the machine, once the record and the services are known.
    fn begin(&mut self, ctx: &mut Ctx<Self>) {
        let (Some(record), Some(services), None) = (&self.record, &self.services, &self.ha) else {
            return;
        };
        let setup = &self.site.setup;
        let record = record
            .ha
            .unwrap_or_else(|| HaRecord::fresh(setup.ha && setup.peer.is_some()));
        let first = setup.peer.is_none_or(|peer| setup.node < peer);
        let health = self.health(services);
        let (ha, effects) = (self.machine.boot)(&record, first, self.boot, health, &self.params);
        setup.board.set_ha(setup.node, Some(ha));
        self.ha = Some(ha);
        self.effects.extend(effects);
        self.listen(ctx);
        self.go_on(ctx);
    }

    fn health(&self, services: &BTreeMap<ServiceKind, ServiceState>) -> Health {
        let is_up = |kind| services.get(&kind).is_some_and(ServiceState::is_up);
        let down: ServiceSet = self
            .params
            .critical
            .iter()
            .filter(|kind| !is_up(*kind))
            .collect();
        let first_down = down.iter().next();
        Health {
            down,
            first_down,
            overdue: false,
            database_down: !is_up(ServiceKind::Database),
        }
    }

    fn listen(&self, ctx: &Ctx<Self>) {
        let setup = &self.site.setup;
        let endpoint = Arc::new(endpoint(ctx.addr()));
        ctx.world()
            .network()
            .listen(setup.node, setup.service_port, endpoint);
    }

    fn send_peer(&self, message: PeerMessage, ctx: &Ctx<Self>) {
        let setup = &self.site.setup;
        let Some(peer) = setup.peer else { return };
        ctx.journal(Event::PeerSent { to: peer, message });
        let packet = Box::new(PeerPacket(message));
        // It may be lost: the machine says it again with each keep-alive.
        let _ = ctx
            .world()
            .network()
            .send(setup.node, peer, setup.service_port, packet);
    }

    fn tell_node(&self, message: NodeMsg) {
        // A node that has ended, or is flooded, takes this SRM along.
        let _ = self.site.node.send(message);
    }

    fn tell_sessions(&self, switched: Switched) {
        // Only a lab without a data plane does not take it.
        let _ = self.site.setup.switched.send(switched);
    }

    fn order(&mut self, work: UserWork, attempt: ha::Attempt, ctx: &mut Ctx<Self>) {
        let setup = &self.site.setup;
        let Some(peer) = setup.peer else { return };
        ctx.journal(Event::MoveAsked { work, attempt });
        let order = UserOrder {
            node: setup.node,
            peer,
            life: ctx.world().network().life(setup.node),
            incarnation: self.ha.map(|ha| ha.incarnation).unwrap_or_default(),
            attempt,
            work,
            report: ctx.addr().recipient(SrmMsg::Moved),
        };
        if let Err(why) = setup.mover.send(order) {
            let outcome = Err(format!("the data plane does not take orders: {why:?}"));
            let report = UserReport {
                attempt,
                work,
                outcome,
            };
            self.moved(report, ctx);
        }
    }

    fn moved(&mut self, report: UserReport, ctx: &mut Ctx<Self>) {
        let (attempt, work, outcome) = (report.attempt, report.work, report.outcome);
        let done = outcome.is_ok();
        ctx.journal(Event::MoveEnded {
            work,
            attempt,
            outcome,
        });
        if let Some(event) = completion(work, attempt, done) {
            self.waiting.push_back(Waiting { event, reply: None });
        }
    }

    fn service(&mut self, kind: ServiceKind, state: &ServiceState, ctx: &mut Ctx<Self>) {
        if kind == ServiceKind::InterclusterSyncAgent {
            self.icsa_changed(state, ctx);
        }
        let event = match (kind, state.is_up()) {
            (ServiceKind::Database, true) => ha::Event::DatabaseUp,
            (ServiceKind::Database, false) => ha::Event::DatabaseDown,
            (kind, true) => ha::Event::ServiceUp(kind),
            (kind, false) => ha::Event::ServiceDown(kind),
        };
        self.tell(event, None, ctx);
    }

    /// ICP-14: ICSA that ended against its will is started again, later each time.
    fn icsa_changed(&mut self, state: &ServiceState, ctx: &mut Ctx<Self>) {
        match state {
            ServiceState::Started => self.icsa_backoff.up(ctx.now()),
            ServiceState::Failed(_) => {
                let wait = self.icsa_backoff.ended(ctx.now(), &self.site.setup.pace);
                ctx.arm(SrmTimer::RestartIcsa, wait);
            }
            ServiceState::Starting | ServiceState::Stopping | ServiceState::Stopped => {
                ctx.cancel(SrmTimer::RestartIcsa);
            }
        }
    }

    fn watch_icsa(&mut self, icsa: Addr<IcsaMsg>, ctx: &Ctx<Self>) {
        let known = self
            .icsa
            .as_ref()
            .is_some_and(|watched| watched.id() == icsa.id());
        if !known {
            icsa.watch(ctx.addr().recipient(SrmMsg::IcsaEnded));
            self.icsa = Some(icsa);
        }
    }

    fn icsa_ended(&mut self, exit: &ChildExited, ctx: &Ctx<Self>) {
        ctx.journal(Event::WatchedEnded {
            watcher: ServiceKind::Srm,
            watched: ServiceKind::InterclusterSyncAgent,
            exit: exit.exit.to_string(),
        });
        if self
            .icsa
            .as_ref()
            .is_some_and(|watched| watched.id() == exit.child)
        {
            self.icsa = None;
        }
    }

    fn critical(&mut self, outcome: CriticalOutcome, ctx: &mut Ctx<Self>) {
        match outcome {
            CriticalOutcome::Started => self.tell(ha::Event::ServicesStarted, None, ctx),
            CriticalOutcome::StartFailed(kind, _) => {
                self.tell(ha::Event::ServicesStartFailed(Some(kind)), None, ctx);
            }
            CriticalOutcome::Stopped => {}
        }
    }

    fn leave(&mut self, ctx: &mut Ctx<Self>) {
        self.tell(ha::Event::Shutdown, None, ctx);
        self.leaving = true;
        self.tell_node(NodeMsg::GoodbyeSaid);
    }
}

impl Actor for Srm {
    type Msg = SrmMsg;
    type Timer = SrmTimer;
    const KIND: &'static str = "srm";

    fn records(timer: SrmTimer) -> bool {
        match timer {
            SrmTimer::Ha(ha::Timer::Heartbeat | ha::Timer::PeerSilence) => false,
            SrmTimer::Ha(
                ha::Timer::ServiceDelay | ha::Timer::Transition | ha::Timer::AutoFallback,
            )
            | SrmTimer::RestartIcsa
            | SrmTimer::RetryRecord => true,
        }
    }

    fn started(&mut self, ctx: &mut Ctx<Self>) {
        let (node, books) = (self.site.setup.node, ctx.world().books());
        books.put(node, BOOK_NAME, ctx.addr());
        if let Some(icsa) = books.addr::<IcsaMsg>(node, icsa::BOOK_NAME) {
            // An ICSA that has ended will look SRM up when it is back.
            let _ = icsa.send(IcsaMsg::SrmUp(ctx.addr()));
            self.watch_icsa(icsa, ctx);
        }
        self.tell_node(NodeMsg::SrmUp(ctx.addr()));
        self.load(ctx);
    }

    fn handle(&mut self, msg: SrmMsg, ctx: &mut Ctx<Self>) {
        if self.leaving {
            return;
        }
        match msg {
            SrmMsg::Services(states) => {
                let icsa = states
                    .iter()
                    .find(|(kind, _)| *kind == ServiceKind::InterclusterSyncAgent);
                if let Some((_, state)) = icsa {
                    self.icsa_changed(state, ctx);
                }
                self.services = Some(states.into_iter().collect());
                self.begin(ctx);
            }
            SrmMsg::Service { kind, state } => self.service(kind, &state, ctx),
            SrmMsg::Critical(outcome) => self.critical(outcome, ctx),
            SrmMsg::Peer(message) => self.tell(ha::Event::Peer(message), None, ctx),
            SrmMsg::Admin {
                action,
                before,
                reply,
            } => {
                for event in before {
                    self.tell(event, None, ctx);
                }
                self.tell(ha::Event::Admin(action), Some(reply), ctx);
            }
            SrmMsg::Moved(report) => {
                self.moved(report, ctx);
                self.go_on(ctx);
            }
            SrmMsg::Leave => self.leave(ctx),
            SrmMsg::IcsaUp(icsa) => self.watch_icsa(icsa, ctx),
            SrmMsg::IcsaEnded(exit) => self.icsa_ended(&exit, ctx),
            SrmMsg::Loaded(Ok(record)) => {
                self.record = Some(record);
                self.begin(ctx);
            }
            SrmMsg::Persisted(Ok(())) => {
                self.persisting = None;
                self.go_on(ctx);
            }
            SrmMsg::Loaded(Err(error)) | SrmMsg::Persisted(Err(error)) => {
                self.record_failed(&error, ctx);
            }
        }
    }

    fn expired(&mut self, timer: SrmTimer, ctx: &mut Ctx<Self>) {
        match timer {
            SrmTimer::Ha(timer) => self.tell(ha::Event::Expired(timer), None, ctx),
            SrmTimer::RestartIcsa => self.tell_node(NodeMsg::Service {
                kind: ServiceKind::InterclusterSyncAgent,
                action: ServiceAction::Start,
                reply: Recipient::nobody(),
            }),
            SrmTimer::RetryRecord => match self.persisting {
                Some(record) => self.persist(record, ctx),
                None => self.load(ctx),
            },
        }
    }

    fn stopping(&mut self, ctx: &mut Ctx<Self>) {
        let setup = &self.site.setup;
        ctx.world()
            .network()
            .unlisten(setup.node, setup.service_port);
        setup.board.set_ha(setup.node, None);
    }
}
