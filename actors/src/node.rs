//! A node, for one life of it: from power on to power off (SVC-5).
//!
//! **For:** starting, stopping and restarting its services in the order of their dependencies, and
//! telling SRM of every change (SVC-1 to SVC-3); restarting SRM when it ends against its will
//! (ICP-14); shutting down in order, with a goodbye to the peer first (HA-15).
//! **Accepts:** [`NodeMsg`], from the rack, SRM, its services, and administrators.
//! **Mailbox full** ([`MAILBOX`]): the sender gets the message back. Services report a few changes
//! a second at most; only an administrator's flood could fill it, and that is refused.
//!
//! What to do is decided in [`ServiceTable`]; here it is done.

use crate::backoff::Backoff;
use crate::database::DatabaseWork;
use crate::icsa::IcsaWork;
pub use crate::node_msg::{NodeMsg, ServiceAction, ServiceFault};
use crate::node_record::{NodeRecord, RecordError};
use crate::rt::{Actor, Addr, ChildExited, ChildId, ChildSpec, Ctx, MailboxSpec, Rng};
use crate::service::{self, Idle, ServiceActor, ServiceMsg, ServiceRun, ServiceWork};
use crate::service_table::{Order, ServiceRefused, ServiceTable};
use crate::setup::{NodeSetup, WorkSite};
use crate::srm::SrmMsg;
use crate::srm_work::SrmWork;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use takeover_core::ha::BootKind;
use takeover_core::journal::Event;
use takeover_core::service::{ServiceCause, ServiceKind, ServiceState};

/// The mailbox of a node.
pub const MAILBOX: MailboxSpec = MailboxSpec::reject(4096);

/// The name of the node actor in its own address book.
pub const BOOK_NAME: &str = "node";

/// How long SRM may take to say goodbye.
const GOODBYE_LIMIT: Duration = Duration::from_secs(1);

/// The wake-ups of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeTimer {
    /// A service has not started in time.
    StartLimit(ServiceKind),
    /// Time to start a service again that ended against its will.
    RestartDue(ServiceKind),
    /// SRM has not said goodbye in time.
    GoodbyeLimit,
    /// The shutdown takes too long.
    ShutdownLimit,
}

enum Phase {
    /// Reads its record.
    Booting,
    /// Runs.
    Up,
    /// Lets SRM say goodbye.
    Leaving,
    /// Stops its services.
    ShuttingDown,
}

struct Running {
    child: ChildId,
    addr: Addr<ServiceMsg>,
}

/// One life of a node.
pub struct Node {
    setup: Arc<NodeSetup>,
    incarnation: u32,
    phase: Phase,
    table: ServiceTable,
    running: BTreeMap<ServiceKind, Running>,
    refusing: BTreeMap<ServiceKind, ServiceCause>,
    slow: BTreeMap<ServiceKind, Duration>,
    srm: Option<Addr<SrmMsg>>,
    srm_ran: bool,
    srm_backoff: Backoff,
    rng: Rng,
}

impl Node {
    /// Life number `incarnation` of the node that `setup` describes.
    pub fn new(setup: Arc<NodeSetup>, incarnation: u32, seed: u64) -> Self {
        let rng = Rng::named(seed, &format!("node/{}/{incarnation}", setup.node.0));
        let table = Self::fresh_table(&setup, BTreeSet::new());
        Self {
            setup,
            incarnation,
            phase: Phase::Booting,
            table,
            running: BTreeMap::new(),
            refusing: BTreeMap::new(),
            slow: BTreeMap::new(),
            srm: None,
            srm_ran: false,
            srm_backoff: Backoff::default(),
            rng,
        }
    }

    fn fresh_table(setup: &NodeSetup, halted: BTreeSet<ServiceKind>) -> ServiceTable {
        ServiceTable::new(&setup.activated, |kind| setup.is_critical(kind), halted)
    }

    /// Carries out what the table orders, and tells what has changed.
    fn advance(&mut self, ctx: &mut Ctx<Self>) {
        loop {
            let orders = self.table.orders();
            self.announce(ctx);
            if orders.is_empty() {
                break;
            }
            for order in orders {
                match order {
                    Order::Start(kind) => self.start_service(kind, ctx),
                    Order::Stop(kind) => self.stop_service(kind, ctx),
                }
            }
        }
        if let Some(outcome) = self.table.take_outcome() {
            self.tell_srm(SrmMsg::Critical(outcome));
        }
        if matches!(self.phase, Phase::ShuttingDown) && self.table.all_down() {
            ctx.stop();
        }
    }

    /// SVC-1: every change is on record, and SRM hears it.
    fn announce(&mut self, ctx: &mut Ctx<Self>) {
        for (kind, state) in self.table.take_changes() {
            if !matches!(state, ServiceState::Starting) {
                ctx.cancel(NodeTimer::StartLimit(kind));
            }
            if let ServiceState::Failed(cause @ ServiceCause::ExternalDatabaseUnreachable(_)) =
                &state
            {
                ctx.journal(Event::Alarm {
                    text: format!("{kind} does not run: {cause}"),
                });
            }
            self.setup
                .board
                .set_service(self.setup.node, kind, state.clone());
            ctx.journal(Event::Service {
                kind,
                state: state.clone(),
            });
            tracing::info!(node = %self.setup.name, service = kind.short_name(), %state, "service");
            if kind == ServiceKind::Srm {
                self.srm_changed(&state, ctx);
            } else {
                self.tell_srm(SrmMsg::Service { kind, state });
            }
        }
    }

    fn tell_srm(&mut self, message: SrmMsg) {
        // An SRM that has ended will be told everything when it is back.
        if self
            .srm
            .as_ref()
            .is_some_and(|srm| srm.send(message).is_err())
        {
            self.srm = None;
        }
    }

    fn start_service(&mut self, kind: ServiceKind, ctx: &mut Ctx<Self>) {
        let pace = &self.setup.pace;
        let span = pace.start_of.get(&kind).copied().unwrap_or(pace.start);
        let start = span.draw(&mut self.rng);
        let stop = pace.stop.draw(&mut self.rng);
        ctx.arm(NodeTimer::StartLimit(kind), pace.start_limit);
        let run = ServiceRun {
            kind,
            node: self.setup.node,
            start: self.slow.get(&kind).copied().unwrap_or(start),
            stop,
            refuse: self.refusing.get(&kind).cloned(),
            work: self.work(kind, ctx),
            gates: self.setup.gates.clone(),
            report: ctx.addr().recipient(NodeMsg::Report),
        };
        let spec = ChildSpec::new(kind.short_name(), service::MAILBOX);
        let addr = ctx.child(ServiceActor::new(run), spec);
        self.running.insert(
            kind,
            Running {
                child: addr.id(),
                addr,
            },
        );
    }

    fn work(&mut self, kind: ServiceKind, ctx: &Ctx<Self>) -> Box<dyn ServiceWork> {
        let site = WorkSite {
            setup: self.setup.clone(),
            node: ctx.addr(),
            incarnation: self.incarnation,
        };
        if let Some(factory) = self.setup.works.get(&kind) {
            return factory(&site);
        }
        match kind {
            ServiceKind::Database => Box::new(DatabaseWork::new(self.setup.records.clone())),
            ServiceKind::Srm => {
                let boot = if self.srm_ran {
                    BootKind::SrmRestart
                } else {
                    BootKind::NodeBoot
                };
                self.srm_ran = true;
                Box::new(SrmWork::new(site, boot, self.setup.machine))
            }
            ServiceKind::InterclusterSyncAgent => Box::new(IcsaWork::new(site)),
            ServiceKind::PresenceDatastore
            | ServiceKind::RouteDatastore
            | ServiceKind::XcpRouter
            | ServiceKind::ClientProfileAgent
            | ServiceKind::SyncAgent
            | ServiceKind::SipProxy
            | ServiceKind::PresenceEngine
            | ServiceKind::XcpConnectionManager
            | ServiceKind::XcpWebConnectionManager
            | ServiceKind::XcpAuthentication
            | ServiceKind::TextConference
            | ServiceKind::XcpFileTransfer
            | ServiceKind::XmppFederation
            | ServiceKind::Axl => Box::new(Idle),
        }
    }

    fn stop_service(&mut self, kind: ServiceKind, ctx: &mut Ctx<Self>) {
        let Some(running) = self.running.get(&kind) else {
            return;
        };
        if running.addr.send(ServiceMsg::Stop).is_err() {
            // Its mailbox is full, or it is ending: end it from here.
            ctx.kill_child(running.child);
        }
    }

    fn service_action(
        &mut self,
        kind: ServiceKind,
        action: ServiceAction,
    ) -> Result<(), ServiceRefused> {
        match self.phase {
            Phase::Up => {}
            Phase::Booting => return Err(ServiceRefused::NodeDown { power: "booting" }),
            Phase::Leaving | Phase::ShuttingDown => {
                return Err(ServiceRefused::NodeDown {
                    power: "shutting down",
                });
            }
        }
        match action {
            ServiceAction::Start => self.table.start(kind),
            ServiceAction::Stop => self.table.stop(kind),
            ServiceAction::Restart => self.table.restart(kind),
        }
    }

    fn fault(&mut self, kind: ServiceKind, fault: ServiceFault, ctx: &mut Ctx<Self>) {
        ctx.journal(Event::Fault {
            what: format!("{kind}: {fault:?}"),
        });
        let running = self.running.get(&kind);
        // A service that does not run cannot be hurt; one whose mailbox is full is killed instead.
        let hurt = |message| running.is_some_and(|running| running.addr.send(message).is_err());
        let kill = match fault {
            ServiceFault::Panic(text) => hurt(ServiceMsg::Panic(text)),
            ServiceFault::Fail(cause) => hurt(ServiceMsg::Fail(cause)),
            ServiceFault::Kill => true,
            ServiceFault::RefuseStart(cause) => {
                match cause {
                    Some(cause) => self.refusing.insert(kind, cause),
                    None => self.refusing.remove(&kind),
                };
                false
            }
            ServiceFault::SlowStart(time) => {
                match time {
                    Some(time) => self.slow.insert(kind, time),
                    None => self.slow.remove(&kind),
                };
                false
            }
        };
        if let (true, Some(child)) = (kill, running.map(|running| running.child)) {
            ctx.kill_child(child);
        }
    }

    /// ICP-14: SRM that ended against its will is started again, later each time.
    fn srm_changed(&mut self, state: &ServiceState, ctx: &mut Ctx<Self>) {
        match state {
            ServiceState::Started => self.srm_backoff.up(ctx.now()),
            ServiceState::Failed(_) => {
                self.forget_srm();
                let wait = self.srm_backoff.ended(ctx.now(), &self.setup.pace);
                ctx.arm(NodeTimer::RestartDue(ServiceKind::Srm), wait);
            }
            ServiceState::Stopped => self.forget_srm(),
            ServiceState::Starting | ServiceState::Stopping => {
                ctx.cancel(NodeTimer::RestartDue(ServiceKind::Srm));
            }
        }
    }

    fn forget_srm(&mut self) {
        self.srm = None;
        self.setup.board.set_ha(self.setup.node, None);
    }

    fn begin_shutdown(&mut self, ctx: &mut Ctx<Self>) {
        match self.phase {
            Phase::Booting | Phase::Up => {}
            Phase::Leaving | Phase::ShuttingDown => return,
        }
        self.phase = Phase::Leaving;
        ctx.arm(NodeTimer::ShutdownLimit, self.setup.pace.shutdown_limit);
        if self.srm.is_none() {
            return self.stop_services(ctx);
        }
        ctx.arm(NodeTimer::GoodbyeLimit, GOODBYE_LIMIT);
        self.tell_srm(SrmMsg::Leave);
    }

    fn stop_services(&mut self, ctx: &mut Ctx<Self>) {
        if !matches!(self.phase, Phase::Leaving) {
            return;
        }
        self.phase = Phase::ShuttingDown;
        ctx.cancel(NodeTimer::GoodbyeLimit);
        ctx.cancel(NodeTimer::RestartDue(ServiceKind::Srm));
        self.table.want_none();
        self.advance(ctx);
    }

    fn loaded(&mut self, record: Result<NodeRecord, RecordError>, ctx: &mut Ctx<Self>) {
        let record = record.unwrap_or_else(|error| {
            ctx.journal(Event::Alarm {
                text: format!("the node's record cannot be read: {error}"),
            });
            NodeRecord::default()
        });
        if !matches!(self.phase, Phase::Booting) {
            return;
        }
        self.phase = Phase::Up;
        self.table = Self::fresh_table(&self.setup, record.halted);
        for (kind, state) in self.table.states() {
            self.setup.board.set_service(self.setup.node, kind, state);
        }
        self.table.want_all();
        self.advance(ctx);
    }

    /// Keeps what SRM holds down for the next life (HA-4: it stays down until a manual fallback).
    fn save(&mut self, ctx: &mut Ctx<Self>) {
        let writing = self.setup.records.save_halted(self.table.halted().clone());
        ctx.run_outside(writing, NodeMsg::Saved);
    }
}

impl Actor for Node {
    type Msg = NodeMsg;
    type Timer = NodeTimer;
    const KIND: &'static str = "node";

    fn started(&mut self, ctx: &mut Ctx<Self>) {
        ctx.world()
            .books()
            .put(self.setup.node, BOOK_NAME, ctx.addr());
        let reading = self.setup.records.load();
        ctx.run_outside(reading, NodeMsg::Loaded);
    }

    fn handle(&mut self, msg: NodeMsg, ctx: &mut Ctx<Self>) {
        match msg {
            NodeMsg::Service {
                kind,
                action,
                reply,
            } => {
                // Whoever does not wait for the answer any more does not get it.
                let _ = reply.send(self.service_action(kind, action));
            }
            NodeMsg::Fault { kind, fault } => self.fault(kind, fault, ctx),
            NodeMsg::Report(report) => self.table.reported(report.kind, report.state),
            NodeMsg::SrmUp(srm) => {
                self.srm = Some(srm);
                let states = self.table.states();
                self.tell_srm(SrmMsg::Services(states));
            }
            NodeMsg::StartCritical => {
                self.table.resume();
                self.save(ctx);
            }
            NodeMsg::StopCritical => {
                self.table.halt();
                self.save(ctx);
            }
            NodeMsg::GoodbyeSaid => self.stop_services(ctx),
            NodeMsg::Shutdown => self.begin_shutdown(ctx),
            NodeMsg::States(reply) => {
                let _ = reply.send(self.table.states());
            }
            NodeMsg::Loaded(record) => self.loaded(record, ctx),
            NodeMsg::Saved(Ok(())) => {}
            NodeMsg::Saved(Err(error)) => {
                let text = format!("the node's record cannot be written: {error}");
                ctx.journal(Event::Alarm { text });
            }
        }
        self.advance(ctx);
    }

    fn expired(&mut self, timer: NodeTimer, ctx: &mut Ctx<Self>) {
        match timer {
            NodeTimer::StartLimit(kind) => {
                self.table.doom(kind, ServiceCause::StartTimedOut);
                if let Some(running) = self.running.get(&kind) {
                    ctx.kill_child(running.child);
                }
            }
            NodeTimer::RestartDue(kind) => {
                // Refused only if it was stopped on purpose meanwhile, or is up already.
                let _ = self.service_action(kind, ServiceAction::Start);
            }
            NodeTimer::GoodbyeLimit => self.stop_services(ctx),
            NodeTimer::ShutdownLimit => return ctx.stop(),
        }
        self.advance(ctx);
    }

    fn child_exited(&mut self, exit: ChildExited, ctx: &mut Ctx<Self>) {
        let ended = self
            .running
            .iter()
            .find(|(_, running)| running.child == exit.child);
        let Some(kind) = ended.map(|(kind, _)| *kind) else {
            return;
        };
        self.running.remove(&kind);
        self.table.ended(kind, &exit.exit);
        self.advance(ctx);
    }

    fn stopping(&mut self, ctx: &mut Ctx<Self>) {
        ctx.world().books().clear(self.setup.node);
    }
}
