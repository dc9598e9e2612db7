//! The Intercluster Sync Agent (ICSA) of a node, and its half of the mutual watch with SRM.
//!
//! **For:** noticing SRM's end and being noticed by it (ICP-14).
//! **Accepts:** [`IcsaMsg`].
//! **Mailbox full** ([`MAILBOX`]): the sender gets the message back; SRM says few things here.

use crate::rt::{Actor, Addr, ChildExited, ChildSpec, Ctx, MailboxSpec, NoTimer};
use crate::service::{Readiness, ServiceActor, ServiceWork};
use crate::setup::WorkSite;
use crate::srm::{self, SrmMsg};
use takeover_core::journal::Event;
use takeover_core::service::ServiceKind;

/// The mailbox of ICSA.
pub const MAILBOX: MailboxSpec = MailboxSpec::reject(256);

/// The name of ICSA in its node's address book.
pub const BOOK_NAME: &str = "icsa";

/// What ICSA is told.
pub enum IcsaMsg {
    /// SRM is there: watch it.
    SrmUp(Addr<SrmMsg>),
    /// The SRM that was watched has ended.
    SrmEnded(ChildExited),
}

/// ICSA.
pub struct Icsa {
    site: WorkSite,
    watched: Option<Addr<SrmMsg>>,
}

impl Icsa {
    fn watch(&mut self, srm: Addr<SrmMsg>, ctx: &Ctx<Self>) {
        let known = self
            .watched
            .as_ref()
            .is_some_and(|watched| watched.id() == srm.id());
        if !known {
            srm.watch(ctx.addr().recipient(IcsaMsg::SrmEnded));
            self.watched = Some(srm);
        }
    }
}

impl Actor for Icsa {
    type Msg = IcsaMsg;
    type Timer = NoTimer;
    const KIND: &'static str = "icsa";

    fn started(&mut self, ctx: &mut Ctx<Self>) {
        let (node, books) = (self.site.setup.node, ctx.world().books());
        books.put(node, BOOK_NAME, ctx.addr());
        if let Some(srm) = books.addr::<SrmMsg>(node, srm::BOOK_NAME) {
            // An SRM that has ended, or is about to, will look ICSA up when it is back.
            let _ = srm.send(SrmMsg::IcsaUp(ctx.addr()));
            self.watch(srm, ctx);
        }
    }

    fn handle(&mut self, msg: IcsaMsg, ctx: &mut Ctx<Self>) {
        match msg {
            IcsaMsg::SrmUp(srm) => self.watch(srm, ctx),
            IcsaMsg::SrmEnded(exit) => {
                ctx.journal(Event::WatchedEnded {
                    watcher: ServiceKind::InterclusterSyncAgent,
                    watched: ServiceKind::Srm,
                    exit: exit.exit.to_string(),
                });
                if self
                    .watched
                    .as_ref()
                    .is_some_and(|watched| watched.id() == exit.child)
                {
                    self.watched = None;
                }
            }
        }
    }
}

/// The work of the ICSA service: keeps the actor.
pub struct IcsaWork {
    site: WorkSite,
}

impl IcsaWork {
    /// For this node.
    pub fn new(site: WorkSite) -> Self {
        Self { site }
    }
}

impl ServiceWork for IcsaWork {
    fn start(&mut self, ctx: &mut Ctx<ServiceActor>) -> Readiness {
        let icsa = Icsa {
            site: self.site.clone(),
            watched: None,
        };
        ctx.child(icsa, ChildSpec::new(BOOK_NAME, MAILBOX));
        Readiness::Ready
    }
}
