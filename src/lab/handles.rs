//! Nodes, services, pairs and links by name, with what can be done to them.

use std::collections::BTreeSet;
use std::time::Duration;

use takeover_actors::node::{ServiceAction, ServiceFault};
use takeover_actors::rack::PowerAction;
use takeover_core::ha::{Action, Reason, State};
use takeover_core::id::{GroupId, NodeId};
use takeover_core::journal::Power;
use takeover_core::service::{ServiceCause, ServiceKind, ServiceState};

use super::{Lab, LabError, PairStates};

/// A node of a lab.
pub struct Node<'l> {
    pub(super) lab: &'l mut Lab,
    pub(super) id: NodeId,
}

impl Node<'_> {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> String {
        self.lab.node_name(self.id)
    }

    /// Its power (SVC-5).
    #[must_use]
    pub fn power(&self) -> Option<Power> {
        self.lab.power_of(&self.name())
    }

    /// Its HA state; `None` while its SRM does not run.
    #[must_use]
    pub fn state(&self) -> Option<State> {
        self.lab.state(&self.name())
    }

    /// The reason of its HA state.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        self.lab.reason(&self.name())
    }

    fn act(&mut self, action: PowerAction) -> Result<(), LabError> {
        let answer = self.lab.control().power(&self.name(), action)?;
        Ok(self.lab.wait_for(answer)??)
    }

    /// Switches it on.
    ///
    /// # Errors
    /// [`LabError::Power`] where it is on.
    pub fn power_on(&mut self) -> Result<(), LabError> {
        self.act(PowerAction::On)
    }

    /// Shuts it down in order, with a goodbye to its peer (HA-15).
    ///
    /// # Errors
    /// [`LabError::Power`] where it is not on.
    pub fn power_off(&mut self) -> Result<(), LabError> {
        self.act(PowerAction::Off)
    }

    /// Shuts it down in order and switches it on again.
    ///
    /// # Errors
    /// [`LabError::Power`] where it is not on.
    pub fn reboot(&mut self) -> Result<(), LabError> {
        self.act(PowerAction::Reboot)
    }

    /// Cuts its power: nothing runs any more, nothing is sent.
    ///
    /// # Errors
    /// [`LabError::Power`] where it is not on.
    pub fn kill(&mut self) -> Result<(), LabError> {
        self.lab
            .control()
            .record_fault(Some(self.id), format!("power of {} cut", self.name()));
        self.act(PowerAction::Kill)
    }

    /// Kills its process, as `kill -9` or the kernel's want of memory does: every service ends at once,
    /// SRM says no goodbye, and the supervisor of the machine, which has kept its power, starts all anew on
    /// the spot.
    ///
    /// # Errors
    /// [`LabError::Power`] where it is not on.
    pub fn crash(&mut self) -> Result<(), LabError> {
        self.lab
            .control()
            .record_fault(Some(self.id), format!("process of {} killed", self.name()));
        self.act(PowerAction::Kill)?;
        self.act(PowerAction::On)
    }

    /// One of its services.
    pub fn service(&mut self, kind: ServiceKind) -> Service<'_> {
        Service {
            lab: self.lab,
            node: self.id,
            kind,
        }
    }

    fn administer(&mut self, action: Action) -> Result<(), LabError> {
        let answer = self.lab.control().administer(&self.name(), action)?;
        self.lab.wait_for(answer)?.map_err(LabError::Ha)
    }

    /// Starts a manual failover of it (HA-4).
    ///
    /// # Errors
    /// [`LabError::Ha`] where the state does not allow it (HA-11).
    pub fn fail_over(&mut self) -> Result<(), LabError> {
        self.administer(Action::Failover)
    }

    /// Starts a manual fallback to it (HA-5).
    ///
    /// # Errors
    /// [`LabError::Ha`] where the state does not allow it (HA-11).
    pub fn fall_back(&mut self) -> Result<(), LabError> {
        self.administer(Action::Fallback)
    }
}

/// A service of a node.
pub struct Service<'l> {
    lab: &'l mut Lab,
    node: NodeId,
    kind: ServiceKind,
}

impl Service<'_> {
    /// Its state (SVC-1).
    #[must_use]
    pub fn state(&self) -> ServiceState {
        self.lab
            .service_state(&self.lab.node_name(self.node), self.kind)
    }

    fn manage(&mut self, action: ServiceAction) -> Result<(), LabError> {
        let name = self.lab.node_name(self.node);
        let answer = self.lab.control().manage(&name, self.kind, action)?;
        Ok(self.lab.wait_for(answer)??)
    }

    /// Starts it.
    ///
    /// # Errors
    /// [`LabError::Service`] where it cannot run, [`LabError::NotRunning`] where the node is off.
    pub fn start(&mut self) -> Result<(), LabError> {
        self.manage(ServiceAction::Start)
    }

    /// Stops it, and what needs it (SVC-2).
    ///
    /// # Errors
    /// As [`Service::start`].
    pub fn stop(&mut self) -> Result<(), LabError> {
        self.manage(ServiceAction::Stop)
    }

    /// Restarts it, and of what needs it that which runs (SVC-2).
    ///
    /// # Errors
    /// As [`Service::start`].
    pub fn restart(&mut self) -> Result<(), LabError> {
        self.manage(ServiceAction::Restart)
    }

    fn inject(&mut self, fault: ServiceFault) -> Result<(), LabError> {
        let name = self.lab.node_name(self.node);
        self.lab.control().inject(&name, self.kind, fault)?;
        self.lab.settle();
        Ok(())
    }

    /// Ends it from outside, at once.
    ///
    /// # Errors
    /// [`LabError::NotRunning`] where the node is off.
    pub fn kill(&mut self) -> Result<(), LabError> {
        self.inject(ServiceFault::Kill)
    }

    /// Makes it panic with this text (SVC-3).
    ///
    /// # Errors
    /// [`LabError::NotRunning`] where the node is off.
    pub fn panic(&mut self, text: &str) -> Result<(), LabError> {
        self.inject(ServiceFault::Panic(text.to_owned()))
    }

    /// Makes it fail with this cause.
    ///
    /// # Errors
    /// [`LabError::NotRunning`] where the node is off.
    pub fn fail(&mut self, cause: ServiceCause) -> Result<(), LabError> {
        self.inject(ServiceFault::Fail(cause))
    }

    /// From now on it refuses to start with this cause; `None`: no longer.
    ///
    /// # Errors
    /// [`LabError::NotRunning`] where the node is off.
    pub fn refuse_start(&mut self, cause: Option<ServiceCause>) -> Result<(), LabError> {
        self.inject(ServiceFault::RefuseStart(cause))
    }

    /// From now on it takes this much protocol time to start; `None`: as much as before.
    ///
    /// # Errors
    /// [`LabError::NotRunning`] where the node is off.
    pub fn slow_start(&mut self, time: Option<Duration>) -> Result<(), LabError> {
        self.inject(ServiceFault::SlowStart(time))
    }
}

/// A presence redundancy group of a lab.
pub struct Pair<'l> {
    pub(super) lab: &'l mut Lab,
    pub(super) id: GroupId,
}

impl Pair<'_> {
    fn names(&self) -> Vec<String> {
        let nodes = self.lab.deployment().group(self.id).nodes.clone();
        nodes
            .into_iter()
            .map(|node| self.lab.node_name(node))
            .collect()
    }

    /// Its states, the first node first.
    ///
    /// # Errors
    /// Never for a group of this lab.
    pub fn states(&self) -> Result<PairStates, LabError> {
        self.lab
            .pair_states(&self.lab.deployment().group(self.id).name.to_string())
    }

    fn administer(&mut self, action: Action) -> Result<(), LabError> {
        let mut outcome = None;
        for name in self.names() {
            let taken = match self.lab.control().administer(&name, action) {
                Ok(answer) => self.lab.wait_for(answer)?.map_err(LabError::Ha),
                Err(error) => Err(error),
            };
            // One node that takes it is enough: the other may be out of reach.
            outcome = match (outcome, taken) {
                (Some(Ok(())), _) | (_, Ok(())) => Some(Ok(())),
                (_, Err(error)) => Some(Err(error)),
            };
        }
        outcome.unwrap_or(Ok(()))
    }

    /// Recovers it from failed mode (HA-7).
    ///
    /// # Errors
    /// [`LabError::Ha`] where no node's state allows it (HA-11).
    pub fn recover(&mut self) -> Result<(), LabError> {
        self.administer(Action::Recover)
    }

    /// Switches HA on (HA-9).
    ///
    /// # Errors
    /// [`LabError::Ha`] where no node's state allows it.
    pub fn enable_ha(&mut self) -> Result<(), LabError> {
        self.administer(Action::EnableHa)
    }

    /// Switches persistent-chat HA on: its rooms move with their node (CHAT-5).
    ///
    /// # Errors
    /// [`LabError::Chat`] with every precondition that is not met (CHAT-6).
    pub fn enable_chat_ha(&mut self) -> Result<(), LabError> {
        let name = self.lab.deployment().group(self.id).name.to_string();
        let answer = self.lab.control().enable_chat_ha(&name)?;
        self.lab.wait_for(answer)?
    }

    /// Switches HA off (HA-17).
    ///
    /// # Errors
    /// [`LabError::Ha`] where no node's state allows it.
    pub fn disable_ha(&mut self) -> Result<(), LabError> {
        self.administer(Action::DisableHa)
    }
}

/// The link between two nodes of a lab (TOP-9).
pub struct Link<'l> {
    pub(super) lab: &'l mut Lab,
    pub(super) from: NodeId,
    pub(super) to: NodeId,
}

impl Link<'_> {
    /// Nothing gets through any more, either way.
    pub fn cut(&mut self) {
        self.lab.world().network().cut(self.from, self.to);
        self.lab.settle();
    }

    /// Nothing gets through any more from the first node to the second.
    pub fn cut_one_way(&mut self) {
        self.lab.world().network().cut_one_way(self.from, self.to);
        self.lab.settle();
    }

    /// All is well again, either way.
    pub fn heal(&mut self) {
        self.lab.world().network().heal(self.from, self.to);
        self.lab.settle();
    }

    /// Sets the round-trip time: half of it each way. Over 80 ms inside a cluster draws an alarm
    /// (TOP-9).
    pub fn delay(&mut self, round_trip: Duration) {
        self.change(|link| link.delay = round_trip / 2);
        self.lab.warn_of_link(self.from, self.to);
    }

    /// Sets the bandwidth in bits per second; `None` is unlimited. Under 10 Mbit/s inside a cluster
    /// draws an alarm (TOP-9).
    pub fn bandwidth(&mut self, bits_per_second: Option<u64>) {
        self.change(|link| link.bandwidth = bits_per_second);
        self.lab.warn_of_link(self.from, self.to);
    }

    /// Sets the probability (0 to 1) that a packet is lost.
    pub fn loss(&mut self, probability: f64) {
        self.change(|link| link.loss = probability);
    }

    /// Sets the ports that a firewall blocks.
    pub fn block(&mut self, ports: impl IntoIterator<Item = u16>) {
        let ports: BTreeSet<u16> = ports.into_iter().collect();
        self.change(|link| link.blocked = ports.clone());
    }

    /// Sets the probability (0 to 1) that a datagram, as a heartbeat is, arrives twice.
    pub fn duplicate(&mut self, probability: f64) {
        self.change(|link| link.duplicate = probability);
    }

    /// Makes datagrams late by up to this, each by its own draw, so that they overtake each other.
    pub fn jitter(&mut self, most: Duration) {
        self.change(|link| link.jitter = most);
    }

    /// Everything waits on the way, until [`Link::release`].
    pub fn hold(&mut self) {
        self.change(|link| link.hold = true);
    }

    /// What was held arrives, and nothing is held any more.
    pub fn release(&mut self) {
        self.change(|link| link.hold = false);
    }

    /// Changes its conditions, either way.
    pub fn change(&mut self, change: impl Fn(&mut takeover_actors::rt::Conditions)) {
        self.lab
            .world()
            .network()
            .change_both(self.from, self.to, change);
        self.lab.settle();
    }
}
