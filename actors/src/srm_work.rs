//! SRM as a service of its node: one life of SRM after the other, and the machine it drives.

use crate::rt::{ChildExited, ChildSpec, Ctx, Exit};
use crate::service::{Readiness, ServiceActor, ServiceMsg, ServiceWork, Verdict};
use crate::setup::WorkSite;
use crate::srm::{self, Srm};
use std::any::Any;
use takeover_core::ha::{self, BootKind, Effect, HaNode, HaParams, HaRecord, Health};
use takeover_core::service::ServiceCause;

/// What the machine answers: itself, and what is to be done, in order.
pub type Answer = (HaNode, Vec<Effect>);

/// The HA machine that an SRM drives; a test that plants a bug brings its own.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// Begins a life of the machine.
    pub boot: fn(&HaRecord, bool, BootKind, Health, &HaParams) -> Answer,
    /// What a node does about an event.
    pub step: fn(&HaNode, ha::Event, &HaParams) -> Answer,
}

impl Default for Machine {
    /// The machine of [`takeover_core::ha`].
    fn default() -> Self {
        Self {
            boot: HaNode::boot,
            step: ha::step,
        }
    }
}

/// The work of the SRM service: keeps the actor, and starts its next life where the machine asks
/// for one (HA-7).
pub struct SrmWork {
    site: WorkSite,
    boot: BootKind,
    machine: Machine,
    stopping: bool,
}

impl SrmWork {
    /// For this node, started so.
    pub fn new(site: WorkSite, boot: BootKind, machine: Machine) -> Self {
        Self {
            site,
            boot,
            machine,
            stopping: false,
        }
    }

    fn spawn(&self, boot: BootKind, ctx: &mut Ctx<ServiceActor>) {
        let srm = Srm::new(self.site.clone(), boot, self.machine);
        ctx.child(srm, ChildSpec::new(srm::BOOK_NAME, srm::MAILBOX));
    }
}

/// Time for the next life of SRM.
struct StartSrm;

impl ServiceWork for SrmWork {
    fn start(&mut self, ctx: &mut Ctx<ServiceActor>) -> Readiness {
        self.spawn(self.boot, ctx);
        Readiness::Ready
    }

    fn handle(
        &mut self,
        message: Box<dyn Any + Send>,
        ctx: &mut Ctx<ServiceActor>,
    ) -> Result<(), ServiceCause> {
        if message.is::<StartSrm>() && !self.stopping {
            self.spawn(BootKind::SrmRestart, ctx);
        }
        Ok(())
    }

    fn stop(&mut self, _ctx: &mut Ctx<ServiceActor>) -> Readiness {
        self.stopping = true;
        Readiness::Ready
    }

    fn child_exited(&mut self, exit: &ChildExited, ctx: &mut Ctx<ServiceActor>) -> Verdict {
        match &exit.exit {
            Exit::Stopped if self.stopping => Verdict::GoOn,
            Exit::Stopped => {
                // It takes the time a start takes, or two that restart each other would never end.
                let wait = ctx.world().sleep(self.site.setup.pace.srm_restart);
                ctx.run(wait, |()| ServiceMsg::Work(Box::new(StartSrm)));
                Verdict::GoOn
            }
            Exit::Panicked(text) => Verdict::Fail(ServiceCause::Panicked(text.clone())),
            Exit::Killed => Verdict::Fail(ServiceCause::Killed),
        }
    }
}
