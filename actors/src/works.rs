//! What the services of a node do on the data plane: the works that [`equip`] gives to a node.

use std::any::Any;
use std::sync::Arc;

use takeover_core::id::NodeId;
use takeover_core::service::{ServiceCause, ServiceKind};
use takeover_storage::StoreError;

use crate::conference::{TC_MAILBOX, TextConference};
use crate::plane::{Gate, Plane};
use crate::rt::{Addr, ChildSpec, Ctx, Recipient};
use crate::service::{Readiness, ServiceActor, ServiceMsg, ServiceWork};
use crate::session::{
    Caretaker, ConnectionManager, Drained, SessionManager, SessionMsg, SessionSettings, Site,
};
use crate::setup::{NodeSetup, WorkFactory};
use crate::user_mover::UserOrder;

/// Gives a node its work on the data plane: router, connection manager, presence, rooms; and `mover`,
/// the address of the lab's [`Mover`](crate::session::Mover). Its sessions feel how SRM switches HA.
pub fn equip(
    setup: &mut NodeSetup,
    plane: &Arc<Plane>,
    settings: &SessionSettings,
    mover: Recipient<UserOrder>,
) {
    let node = setup.node;
    setup.mover = mover;
    let sessions = plane.clone();
    setup.switched = Recipient::from_fn(move |how| {
        sessions.ha_switched(node, how);
        Ok(())
    });
    let gated = |gate: Gate| -> WorkFactory {
        let plane = plane.clone();
        Arc::new(move |_| {
            Box::new(GateWork {
                pass: None,
                gate,
                node,
                plane: plane.clone(),
            })
        })
    };
    setup
        .works
        .insert(ServiceKind::XcpRouter, gated(Gate::Router));
    setup
        .works
        .insert(ServiceKind::PresenceEngine, gated(Gate::Presence));
    let site = Site::new(plane.clone(), node, settings.clone());
    let connections: WorkFactory = Arc::new(move |_| {
        Box::new(ConnectionsWork {
            site: site.clone(),
            pass: None,
            sessions: None,
        })
    });
    setup
        .works
        .insert(ServiceKind::XcpConnectionManager, connections);
    let plane = plane.clone();
    let rooms: WorkFactory = Arc::new(move |_| {
        Box::new(ConferenceWork {
            plane: plane.clone(),
            node,
            pass: None,
        })
    });
    setup.works.insert(ServiceKind::TextConference, rooms);
}

/// Holds a gate open; it closes however the holder ends.
struct Pass {
    plane: Arc<Plane>,
    node: NodeId,
    gate: Gate,
}

impl Pass {
    fn open(plane: &Arc<Plane>, node: NodeId, gate: Gate) -> Self {
        plane.open(node, gate);
        Self {
            plane: plane.clone(),
            node,
            gate,
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.plane.shut(self.node, self.gate);
    }
}

/// The work of a service that is one gate: XCP Router, Presence Engine.
struct GateWork {
    pass: Option<Pass>,
    gate: Gate,
    node: NodeId,
    plane: Arc<Plane>,
}

impl ServiceWork for GateWork {
    fn start(&mut self, _ctx: &mut Ctx<ServiceActor>) -> Readiness {
        match self.gate {
            // A node that has come back from power off listens anew.
            Gate::Router => self.plane.listen_at(self.node),
            Gate::Connections | Gate::Presence | Gate::Conference => {}
        }
        Readiness::Ready
    }

    fn serving(&mut self, ctx: &mut Ctx<ServiceActor>) {
        self.pass = Some(Pass::open(&self.plane, self.node, self.gate));
        if self.gate == Gate::Router {
            let caretaker = Caretaker::new(self.plane.clone(), self.node);
            let spec = ChildSpec::new("caretaker", Caretaker::MAILBOX);
            let caretaker = ctx.child(caretaker, spec);
            self.plane.node(self.node).set_caretaker(Some(caretaker));
        }
    }

    fn stop(&mut self, _ctx: &mut Ctx<ServiceActor>) -> Readiness {
        self.pass = None;
        Readiness::Ready
    }
}

/// The work of the XCP Connection Manager: it takes arrivals and keeps sessions.
struct ConnectionsWork {
    site: Site,
    pass: Option<Pass>,
    sessions: Option<Addr<SessionMsg>>,
}

impl ServiceWork for ConnectionsWork {
    fn start(&mut self, ctx: &mut Ctx<ServiceActor>) -> Readiness {
        let spec = ChildSpec::new("sessions", SessionManager::MAILBOX);
        let sessions = ctx.child(SessionManager::new(self.site.clone()), spec);
        let manager = ConnectionManager::new(self.site.clone(), sessions.clone());
        ctx.child(
            manager,
            ChildSpec::new("connections", ConnectionManager::MAILBOX),
        );
        self.sessions = Some(sessions);
        Readiness::Ready
    }

    fn serving(&mut self, _ctx: &mut Ctx<ServiceActor>) {
        self.pass = Some(Pass::open(
            &self.site.plane,
            self.site.node,
            Gate::Connections,
        ));
    }

    /// Clients are told `system-shutdown`, and the service ends when they are gone.
    fn stop(&mut self, ctx: &mut Ctx<ServiceActor>) -> Readiness {
        self.pass = None;
        let Some(sessions) = &self.sessions else {
            return Readiness::Ready;
        };
        let drained = ctx.addr().recipient(|_: Drained| ServiceMsg::Drained);
        match sessions.send(SessionMsg::Drain(drained)) {
            Ok(()) => Readiness::Wait,
            Err(_) => Readiness::Ready,
        }
    }
}

/// The work of the Text Conference Manager: it hosts the rooms of the aliases that its node owns.
struct ConferenceWork {
    plane: Arc<Plane>,
    node: NodeId,
    pass: Option<Pass>,
}

/// The database has answered.
struct Reached(Result<(), StoreError>);

impl ServiceWork for ConferenceWork {
    /// SVC-4: without its database it does not run.
    fn start(&mut self, ctx: &mut Ctx<ServiceActor>) -> Readiness {
        let own = self.plane.alias_of(self.node);
        let Some(store) = own.and_then(|alias| alias.store()) else {
            return Readiness::Ready;
        };
        let asking = async move { store.ping().await };
        ctx.run(asking, |answer| ServiceMsg::Work(Box::new(Reached(answer))));
        Readiness::Wait
    }

    fn handle(
        &mut self,
        message: Box<dyn Any + Send>,
        ctx: &mut Ctx<ServiceActor>,
    ) -> Result<(), ServiceCause> {
        let Ok(reached) = message.downcast::<Reached>() else {
            return Ok(());
        };
        reached
            .0
            .map_err(|error| ServiceCause::ExternalDatabaseUnreachable(error.to_string()))?;
        ctx.addr()
            .send(ServiceMsg::Ready)
            .map_err(|_| ServiceCause::Other("its own mailbox is full".to_owned()))
    }

    fn serving(&mut self, ctx: &mut Ctx<ServiceActor>) {
        let aliases = self.plane.aliases().cloned().collect();
        let manager = TextConference::new(self.node, aliases, self.plane.clone());
        let manager = ctx.child(manager, ChildSpec::new("conference", TC_MAILBOX));
        self.plane.node(self.node).set_conference(Some(manager));
        self.pass = Some(Pass::open(&self.plane, self.node, Gate::Conference));
    }

    fn stop(&mut self, _ctx: &mut Ctx<ServiceActor>) -> Readiness {
        self.pass = None;
        Readiness::Ready
    }
}
