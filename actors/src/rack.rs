//! The rack: where the nodes get their power from (SVC-5).
//!
//! **For:** giving each node power, taking it in order or by cutting it, and rebooting it; noticing
//! a node that ended otherwise. A new life starts when the old one has ended. A node that panics is a
//! crashed machine: its power is off until somebody switches it on. A rack that panics is a power cut
//! of all its nodes: the next rack switches on again those that were on.
//! **Accepts:** [`RackMsg`], from whoever runs the lab.
//! **Mailbox full** ([`MAILBOX`]): the sender gets the message back.

use crate::node::{self, Node, NodeMsg};
use crate::rt::{Actor, Addr, ChildExited, ChildSpec, Ctx, Exit, MailboxSpec, Recipient};
use crate::setup::NodeSetup;
use std::collections::BTreeMap;
use std::sync::Arc;
use takeover_core::canary;
use takeover_core::id::NodeId;
use takeover_core::journal::{Event, Power};

/// The mailbox of the rack.
pub const MAILBOX: MailboxSpec = MailboxSpec::reject(4096);

/// What is done to a node's power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerAction {
    /// Switch it on.
    On,
    /// Shut it down in order, with a goodbye to its peer (HA-15).
    Off,
    /// Cut it: nothing runs any more, nothing is sent.
    Kill,
    /// Shut it down in order and switch it on again.
    Reboot,
}

/// What the rack is told.
pub enum RackMsg {
    /// Do something to a node's power.
    Power {
        /// Which node.
        node: NodeId,
        /// What to do.
        action: PowerAction,
        /// Hears whether it was taken.
        reply: Recipient<Result<(), PowerRefused>>,
    },
    /// Shut every node down in order; the rack ends when all are off.
    ShutDown,
}

/// Why an action on a node's power is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PowerRefused {
    /// The rack does not hold this node.
    #[error("there is no {0} in this lab")]
    NoSuchNode(NodeId),
    /// The node's power does not allow it.
    #[error(
        "the node is {power}: it can be switched on when off, and off, killed or rebooted when on"
    )]
    NotNow {
        /// What its power is.
        power: Power,
    },
    /// The lab is shutting down.
    #[error("the lab is shutting down")]
    ShuttingDown,
}

/// The wake-ups of the rack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RackTimer {
    /// A rebooting node gets power again.
    Boot(NodeId),
}

struct Bay {
    setup: Arc<NodeSetup>,
    power: Power,
    addr: Option<Addr<NodeMsg>>,
    /// Wanted on as soon as the old life has ended.
    on_again: bool,
}

/// Holds the nodes of a lab.
pub struct Rack {
    bays: BTreeMap<NodeId, Bay>,
    shutting_down: bool,
}

impl Rack {
    /// A rack of these nodes, all off.
    pub fn new(setups: impl IntoIterator<Item = Arc<NodeSetup>>) -> Self {
        let bay = |setup: Arc<NodeSetup>| {
            (
                setup.node,
                Bay {
                    setup,
                    power: Power::Off,
                    addr: None,
                    on_again: false,
                },
            )
        };
        Self {
            bays: setups.into_iter().map(bay).collect(),
            shutting_down: false,
        }
    }

    fn power(
        &mut self,
        node: NodeId,
        action: PowerAction,
        ctx: &mut Ctx<Self>,
    ) -> Result<(), PowerRefused> {
        if self.shutting_down {
            return Err(PowerRefused::ShuttingDown);
        }
        let bay = self
            .bays
            .get_mut(&node)
            .ok_or(PowerRefused::NoSuchNode(node))?;
        match (action, bay.power) {
            (PowerAction::On, Power::Off | Power::Killed) => {
                if bay.addr.is_some() {
                    bay.on_again = true;
                } else {
                    Self::boot(bay, ctx);
                }
            }
            (PowerAction::Off | PowerAction::Reboot, Power::On) => {
                if action == PowerAction::Reboot {
                    Self::set(bay, Power::Rebooting, ctx);
                }
                Self::shut_down(bay, ctx);
            }
            (PowerAction::Kill, Power::On | Power::Rebooting) => Self::cut(bay, ctx),
            (
                PowerAction::On | PowerAction::Off | PowerAction::Reboot | PowerAction::Kill,
                power,
            ) => {
                return Err(PowerRefused::NotNow { power });
            }
        }
        Ok(())
    }

    /// What the board says of a rack before this one: its nodes went dark with it.
    fn find_dark_nodes(&mut self, ctx: &mut Ctx<Self>) {
        for bay in self.bays.values_mut() {
            let (node, reboot) = (bay.setup.node, bay.setup.pace.reboot);
            let before = bay.setup.board.node(node).power;
            bay.power = before;
            match before {
                Power::Off | Power::Killed => {}
                Power::On | Power::Rebooting => {
                    Self::unplug(bay, ctx);
                    Self::set(bay, Power::Killed, ctx);
                    ctx.arm(RackTimer::Boot(node), reboot);
                }
            }
        }
    }

    fn set(bay: &mut Bay, power: Power, ctx: &Ctx<Self>) {
        bay.power = power;
        let (node, world) = (bay.setup.node, ctx.world());
        let mut incarnation = world.network().life(node);
        if canary!("LifeNumberStands") {
            incarnation = incarnation.min(1);
        }
        bay.setup.board.set_power(node, power, incarnation);
        world
            .journal()
            .record(Some(node), Event::Power { power, incarnation });
        tracing::info!(node = %bay.setup.name, %power, incarnation, "power");
    }

    fn boot(bay: &mut Bay, ctx: &mut Ctx<Self>) {
        let node = bay.setup.node;
        ctx.cancel(RackTimer::Boot(node));
        bay.on_again = false;
        let incarnation = ctx.world().network().power_up(node);
        Self::set(bay, Power::On, ctx);
        let life = Node::new(bay.setup.clone(), incarnation, ctx.world().seed());
        let spec = ChildSpec::new(bay.setup.name.clone(), node::MAILBOX)
            .on_node(node)
            .on_place(node.index());
        bay.addr = Some(ctx.child(life, spec));
    }

    fn shut_down(bay: &Bay, ctx: &mut Ctx<Self>) {
        let Some(addr) = &bay.addr else { return };
        if addr.send(NodeMsg::Shutdown).is_err() {
            ctx.stop_child(addr.id());
        }
    }

    /// Nothing runs any more, nothing is sent: network first, then the actors.
    fn cut(bay: &mut Bay, ctx: &mut Ctx<Self>) {
        let node = bay.setup.node;
        ctx.cancel(RackTimer::Boot(node));
        Self::unplug(bay, ctx);
        if let Some(addr) = &bay.addr {
            ctx.kill_child(addr.id());
        }
        Self::set(bay, Power::Killed, ctx);
    }

    fn unplug(bay: &Bay, ctx: &Ctx<Self>) {
        let node = bay.setup.node;
        ctx.world().network().power_down(node);
        bay.setup.gates.close_all(node);
        ctx.world().books().clear(node);
    }

    fn shut_all_down(&mut self, ctx: &mut Ctx<Self>) {
        self.shutting_down = true;
        for bay in self.bays.values_mut() {
            bay.on_again = false;
            ctx.cancel(RackTimer::Boot(bay.setup.node));
            Self::shut_down(bay, ctx);
        }
        self.end_if_dark(ctx);
    }

    fn end_if_dark(&self, ctx: &mut Ctx<Self>) {
        if self.shutting_down && self.bays.values().all(|bay| bay.addr.is_none()) {
            ctx.stop();
        }
    }
}

impl Actor for Rack {
    type Msg = RackMsg;
    type Timer = RackTimer;
    const KIND: &'static str = "rack";

    fn started(&mut self, ctx: &mut Ctx<Self>) {
        self.find_dark_nodes(ctx);
    }

    fn handle(&mut self, msg: RackMsg, ctx: &mut Ctx<Self>) {
        match msg {
            RackMsg::Power {
                node,
                action,
                reply,
            } => {
                // Whoever does not wait for the answer any more does not get it.
                let _ = reply.send(self.power(node, action, ctx));
            }
            RackMsg::ShutDown => self.shut_all_down(ctx),
        }
    }

    fn expired(&mut self, timer: RackTimer, ctx: &mut Ctx<Self>) {
        match timer {
            RackTimer::Boot(node) => {
                if let Some(bay) = self.bays.get_mut(&node) {
                    Self::boot(bay, ctx);
                }
            }
        }
    }

    fn child_exited(&mut self, exit: ChildExited, ctx: &mut Ctx<Self>) {
        let ended = |bay: &&mut Bay| {
            bay.addr
                .as_ref()
                .is_some_and(|addr| addr.id() == exit.child)
        };
        let Some(bay) = self.bays.values_mut().find(ended) else {
            return;
        };
        bay.addr = None;
        match (bay.power, &exit.exit) {
            (Power::On, Exit::Stopped) => {
                Self::unplug(bay, ctx);
                Self::set(bay, Power::Off, ctx);
            }
            (Power::On, Exit::Panicked(_) | Exit::Killed) => {
                Self::unplug(bay, ctx);
                Self::set(bay, Power::Killed, ctx);
            }
            (Power::Rebooting, _) => {
                Self::unplug(bay, ctx);
                ctx.arm(RackTimer::Boot(bay.setup.node), bay.setup.pace.reboot);
            }
            (Power::Off | Power::Killed, _) => {}
        }
        if bay.on_again {
            Self::boot(bay, ctx);
        }
        self.end_if_dark(ctx);
    }
}
