//! A service of a node, for one run of it: it starts, serves, stops or fails (SVC-1).
//!
//! **For:** all seventeen services. What a service does besides being there is its
//! [`ServiceWork`], which keeps children of its own (a session manager, a conference manager).
//! **Accepts:** [`ServiceMsg`]: stop, faults, and what its work sends itself.
//! **Mailbox full** ([`MAILBOX`]): the sender gets the message back; the node, which alone sends
//! orders, never has more than a few on the way.
//!
//! Its end is the end of the run: the node hears `ChildExited` and decides (SVC-3).

use crate::gate::{Gates, Pass};
use crate::rt::{Actor, ChildExited, Ctx, Exit, MailboxSpec, Recipient, planned_panic};
use std::any::Any;
use std::time::Duration;
use takeover_core::id::NodeId;
use takeover_core::service::{ServiceCause, ServiceKind, ServiceState};

/// The mailbox of a service.
pub const MAILBOX: MailboxSpec = MailboxSpec::reject(1024);

/// What a service is told.
pub enum ServiceMsg {
    /// Stop in order.
    Stop,
    /// The work's start is complete (after [`Readiness::Wait`]).
    Ready,
    /// The work's stop is complete (after [`Readiness::Wait`]).
    Drained,
    /// Ends `Failed` with this cause.
    Fail(ServiceCause),
    /// Fault: panics with this text.
    Panic(String),
    /// For the work: it alone knows what it is.
    Work(Box<dyn Any + Send>),
}

/// What a service tells its node; a failure is its last word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceReport {
    /// Who.
    pub kind: ServiceKind,
    /// The state it has now.
    pub state: ServiceState,
}

/// Whether a step of a work is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Complete.
    Ready,
    /// Under way; [`ServiceMsg::Ready`] or [`ServiceMsg::Drained`] will follow.
    Wait,
    /// It cannot be done: the service ends `Failed` (SVC-4).
    Refuse(ServiceCause),
}

/// What the end of a work's child means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The service goes on.
    GoOn,
    /// The service fails with this cause.
    Fail(ServiceCause),
}

/// What a service does. All default methods: nothing.
///
/// The context is the service actor's own: children started here end with the service, futures run
/// here come back as [`ServiceMsg::Work`].
pub trait ServiceWork: Send + 'static {
    /// The service starts; it serves when this is complete and its starting time is over.
    fn start(&mut self, _ctx: &mut Ctx<ServiceActor>) -> Readiness {
        Readiness::Ready
    }

    /// It serves from now on; its gate is open.
    fn serving(&mut self, _ctx: &mut Ctx<ServiceActor>) {}

    /// A [`ServiceMsg::Work`] has come. A failure ends the service.
    ///
    /// # Errors
    /// The cause the service ends with.
    fn handle(
        &mut self,
        _message: Box<dyn Any + Send>,
        _ctx: &mut Ctx<ServiceActor>,
    ) -> Result<(), ServiceCause> {
        Ok(())
    }

    /// The service stops: its gate is closed; finish what is under way. When this is complete the
    /// children are stopped in order, and then the service.
    fn stop(&mut self, _ctx: &mut Ctx<ServiceActor>) -> Readiness {
        Readiness::Ready
    }

    /// A child of the work has ended. By default a panic or a kill fails the service.
    fn child_exited(&mut self, exit: &ChildExited, _ctx: &mut Ctx<ServiceActor>) -> Verdict {
        match &exit.exit {
            Exit::Stopped => Verdict::GoOn,
            Exit::Panicked(text) => Verdict::Fail(ServiceCause::Panicked(text.clone())),
            Exit::Killed => Verdict::Fail(ServiceCause::Killed),
        }
    }
}

/// The work of a service whose protocol work is elsewhere: it runs, stops, fails and depends.
#[derive(Clone, Copy, Debug, Default)]
pub struct Idle;

impl ServiceWork for Idle {}

/// How one run of a service goes.
pub struct ServiceRun {
    /// Which service.
    pub kind: ServiceKind,
    /// Of which node.
    pub node: NodeId,
    /// How long it takes to start, at least.
    pub start: Duration,
    /// How long it takes to stop, at least.
    pub stop: Duration,
    /// Fault: it refuses to start, with this cause.
    pub refuse: Option<ServiceCause>,
    /// What it does.
    pub work: Box<dyn ServiceWork>,
    /// The lab's gates.
    pub gates: Gates,
    /// Where it reports.
    pub report: Recipient<ServiceReport>,
}

/// The wake-ups of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServiceTimer {
    /// Its starting time is over.
    StartOver,
    /// Its stopping time is over.
    StopOver,
}

enum Phase {
    Starting { time_over: bool, ready: bool },
    Started,
    Stopping { time_over: bool, drained: bool },
}

/// One run of a service.
pub struct ServiceActor {
    run: ServiceRun,
    phase: Phase,
    pass: Option<Pass>,
}

impl ServiceActor {
    /// A run about to start.
    pub fn new(run: ServiceRun) -> Self {
        Self {
            run,
            phase: Phase::Starting {
                time_over: false,
                ready: false,
            },
            pass: None,
        }
    }

    /// Which service it is.
    pub fn kind(&self) -> ServiceKind {
        self.run.kind
    }

    /// Of which node.
    pub fn node(&self) -> NodeId {
        self.run.node
    }

    fn report(&self, state: ServiceState) {
        // A node that takes no reports has ended, and this service with it.
        let _ = self.run.report.send(ServiceReport {
            kind: self.run.kind,
            state,
        });
    }

    fn fail(&mut self, cause: ServiceCause, ctx: &mut Ctx<Self>) {
        self.pass = None;
        self.report(ServiceState::Failed(cause));
        ctx.stop();
    }

    fn advance(&mut self, ctx: &mut Ctx<Self>) {
        match self.phase {
            Phase::Starting {
                time_over: true,
                ready: true,
            } => {
                self.phase = Phase::Started;
                self.pass = Some(self.run.gates.open(self.run.node, self.run.kind));
                self.run.work.serving(ctx);
                self.report(ServiceState::Started);
            }
            Phase::Stopping {
                time_over: true,
                drained: true,
            } if ctx.children() == 0 => ctx.stop(),
            Phase::Starting { .. } | Phase::Started | Phase::Stopping { .. } => {}
        }
    }

    fn begin_stop(&mut self, ctx: &mut Ctx<Self>) {
        if matches!(self.phase, Phase::Stopping { .. }) {
            return;
        }
        self.pass = None;
        self.report(ServiceState::Stopping);
        ctx.cancel(ServiceTimer::StartOver);
        ctx.arm(ServiceTimer::StopOver, self.run.stop);
        let drained = match self.run.work.stop(ctx) {
            Readiness::Ready | Readiness::Refuse(_) => true,
            Readiness::Wait => false,
        };
        self.phase = Phase::Stopping {
            time_over: false,
            drained,
        };
        if drained {
            ctx.stop_children();
        }
    }
}

impl Actor for ServiceActor {
    type Msg = ServiceMsg;
    type Timer = ServiceTimer;
    const KIND: &'static str = "service";

    fn started(&mut self, ctx: &mut Ctx<Self>) {
        if let Some(cause) = self.run.refuse.take() {
            return self.fail(cause, ctx);
        }
        ctx.arm(ServiceTimer::StartOver, self.run.start);
        let ready = match self.run.work.start(ctx) {
            Readiness::Ready => true,
            Readiness::Wait => false,
            Readiness::Refuse(cause) => return self.fail(cause, ctx),
        };
        self.phase = Phase::Starting {
            time_over: false,
            ready,
        };
    }

    fn handle(&mut self, msg: ServiceMsg, ctx: &mut Ctx<Self>) {
        match msg {
            ServiceMsg::Stop => self.begin_stop(ctx),
            ServiceMsg::Ready => {
                if let Phase::Starting { ready, .. } = &mut self.phase {
                    *ready = true;
                }
                self.advance(ctx);
            }
            ServiceMsg::Drained => {
                if let Phase::Stopping { drained, .. } = &mut self.phase {
                    *drained = true;
                    ctx.stop_children();
                }
                self.advance(ctx);
            }
            ServiceMsg::Fail(cause) => self.fail(cause, ctx),
            ServiceMsg::Panic(text) => planned_panic(&text),
            ServiceMsg::Work(message) => {
                if let Err(cause) = self.run.work.handle(message, ctx) {
                    self.fail(cause, ctx);
                }
            }
        }
    }

    fn expired(&mut self, timer: ServiceTimer, ctx: &mut Ctx<Self>) {
        match (timer, &mut self.phase) {
            (ServiceTimer::StartOver, Phase::Starting { time_over, .. })
            | (ServiceTimer::StopOver, Phase::Stopping { time_over, .. }) => *time_over = true,
            (ServiceTimer::StartOver, Phase::Started | Phase::Stopping { .. })
            | (ServiceTimer::StopOver, Phase::Starting { .. } | Phase::Started) => {}
        }
        self.advance(ctx);
    }

    fn child_exited(&mut self, exit: ChildExited, ctx: &mut Ctx<Self>) {
        match self.run.work.child_exited(&exit, ctx) {
            Verdict::GoOn => self.advance(ctx),
            Verdict::Fail(cause) => self.fail(cause, ctx),
        }
    }
}
