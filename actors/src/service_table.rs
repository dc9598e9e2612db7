//! The services of one node as a table: what each is, what is wanted, and what to do next.
//!
//! Decisions only (SVC-1, SVC-2, HA-4, HA-5): the node actor carries the [`Order`]s out and tells
//! the table what became of them. Orders follow the dependencies: a service starts when what it
//! needs has started, and stops when nothing that needs it is up.

use crate::rt::Exit;
use std::collections::{BTreeMap, BTreeSet};
use takeover_core::service::{Family, ServiceCause, ServiceKind, ServiceState};

/// What a node has to do to a service now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Start a run of it.
    Start(ServiceKind),
    /// Stop its run in order.
    Stop(ServiceKind),
}

/// Why an action on a service is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceRefused {
    /// A feature service that is not activated on this node.
    #[error("{kind} is not activated on this node")]
    NotActivated {
        /// Which.
        kind: ServiceKind,
    },
    /// Something it needs does not run (SVC-2).
    #[error("{kind} needs {needs}, which is {state}: start {needs} first")]
    DependencyDown {
        /// Which.
        kind: ServiceKind,
        /// What it needs.
        needs: ServiceKind,
        /// The state of that.
        state: ServiceState,
    },
    /// The node is shutting down, or has no power.
    #[error("the node is {power}: services can be managed while it is on")]
    NodeDown {
        /// What the node is, in words.
        power: &'static str,
    },
}

/// What became of the critical services that SRM had started or stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CriticalOutcome {
    /// All are up.
    Started,
    /// This one ended in failure.
    StartFailed(ServiceKind, ServiceCause),
    /// All are down.
    Stopped,
}

#[derive(Clone, Debug, Default)]
struct Row {
    state: ServiceState,
    wanted: bool,
    /// It must end because of this, and then is `Failed` with it.
    doomed: Option<ServiceCause>,
}

impl Row {
    fn runs(&self) -> bool {
        match self.state {
            ServiceState::Starting | ServiceState::Started | ServiceState::Stopping => true,
            ServiceState::Stopped | ServiceState::Failed(_) => false,
        }
    }

    fn must_stop(&self) -> bool {
        let may_stop = match self.state {
            ServiceState::Starting | ServiceState::Started => true,
            ServiceState::Stopping | ServiceState::Stopped | ServiceState::Failed(_) => false,
        };
        may_stop && (!self.wanted || self.doomed.is_some())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Errand {
    Start,
    Stop,
}

/// The table.
#[derive(Clone, Debug)]
pub struct ServiceTable {
    rows: BTreeMap<ServiceKind, Row>,
    critical: BTreeSet<ServiceKind>,
    /// What SRM has stopped, and will start again (HA-4, HA-5).
    halted: BTreeSet<ServiceKind>,
    restarts: Vec<BTreeSet<ServiceKind>>,
    errand: Option<Errand>,
    changes: Vec<(ServiceKind, ServiceState)>,
}

impl ServiceTable {
    /// The platform's and network services and these feature services, all stopped. `halted` are
    /// those that SRM had stopped in an earlier life of the node: they stay stopped.
    pub fn new(
        activated: &BTreeSet<ServiceKind>,
        critical: impl Fn(ServiceKind) -> bool,
        halted: BTreeSet<ServiceKind>,
    ) -> Self {
        let installed = |kind: &ServiceKind| match kind.family() {
            Family::Platform | Family::Network => true,
            Family::Feature => activated.contains(kind),
        };
        let kinds: BTreeSet<_> = ServiceKind::ALL.into_iter().filter(installed).collect();
        Self {
            critical: kinds
                .iter()
                .copied()
                .filter(|kind| critical(*kind))
                .collect(),
            rows: kinds
                .into_iter()
                .map(|kind| (kind, Row::default()))
                .collect(),
            halted,
            restarts: Vec::new(),
            errand: None,
            changes: Vec::new(),
        }
    }

    /// Wants everything up, as when the node starts, but for what SRM holds down.
    pub fn want_all(&mut self) {
        for (kind, row) in &mut self.rows {
            row.wanted = !self.halted.contains(kind);
        }
    }

    /// Wants everything down, as when the node is shut down.
    pub fn want_none(&mut self) {
        self.restarts.clear();
        for row in self.rows.values_mut() {
            row.wanted = false;
        }
    }

    /// The state of a service; one that is not activated is `Stopped`.
    pub fn state(&self, kind: ServiceKind) -> ServiceState {
        self.rows
            .get(&kind)
            .map_or(ServiceState::Stopped, |row| row.state.clone())
    }

    /// The states of all services of this node, in start order.
    pub fn states(&self) -> Vec<(ServiceKind, ServiceState)> {
        self.rows
            .iter()
            .map(|(kind, row)| (*kind, row.state.clone()))
            .collect()
    }

    /// Whether every service is down.
    pub fn all_down(&self) -> bool {
        self.rows.values().all(|row| !row.runs())
    }

    /// What SRM holds down.
    pub fn halted(&self) -> &BTreeSet<ServiceKind> {
        &self.halted
    }

    /// Changes of state since the last call, in order, to be announced (SVC-1).
    pub fn take_changes(&mut self) -> Vec<(ServiceKind, ServiceState)> {
        std::mem::take(&mut self.changes)
    }

    /// An administrator, or SRM for ICSA, starts a service. One that runs already goes on.
    ///
    /// # Errors
    /// It is not activated, or something it needs is neither up nor starting.
    pub fn start(&mut self, kind: ServiceKind) -> Result<(), ServiceRefused> {
        if !self.rows.contains_key(&kind) {
            return Err(ServiceRefused::NotActivated { kind });
        }
        for needs in kind.dependencies().iter().copied() {
            let coming = self.rows.get(&needs).is_some_and(|row| {
                let failed = matches!(row.state, ServiceState::Failed(_));
                row.wanted && !failed && row.doomed.is_none()
            });
            if !coming {
                let state = self.state(needs);
                return Err(ServiceRefused::DependencyDown { kind, needs, state });
            }
        }
        self.revive(kind);
        Ok(())
    }

    /// Stops a service and what needs it (SVC-2).
    ///
    /// # Errors
    /// It is not activated.
    pub fn stop(&mut self, kind: ServiceKind) -> Result<(), ServiceRefused> {
        if !self.rows.contains_key(&kind) {
            return Err(ServiceRefused::NotActivated { kind });
        }
        for kind in self.with_dependents(kind) {
            self.unwant(kind);
        }
        Ok(())
    }

    /// Restarts a service, and what needs it of that which was running (SVC-2), or would have been
    /// with its database there: a restart of the router is what helps then (SVC-4, row 5 of the
    /// restart notifications).
    ///
    /// # Errors
    /// It is not activated, or something it needs is not up.
    pub fn restart(&mut self, kind: ServiceKind) -> Result<(), ServiceRefused> {
        if !self.rows.contains_key(&kind) {
            return Err(ServiceRefused::NotActivated { kind });
        }
        for needs in kind.dependencies().iter().copied() {
            let state = self.state(needs);
            if !state.is_up() {
                return Err(ServiceRefused::DependencyDown { kind, needs, state });
            }
        }
        let was_running = |row: &Row| match &row.state {
            ServiceState::Failed(
                ServiceCause::Dependency(_) | ServiceCause::ExternalDatabaseUnreachable(_),
            ) => true,
            ServiceState::Starting | ServiceState::Started => row.wanted,
            ServiceState::Stopping | ServiceState::Stopped | ServiceState::Failed(_) => false,
        };
        let again: BTreeSet<_> = self
            .with_dependents(kind)
            .into_iter()
            .filter(|other| *other == kind || self.rows.get(other).is_some_and(was_running))
            .collect();
        for kind in &again {
            self.unwant(*kind);
        }
        self.restarts.push(again);
        Ok(())
    }

    /// SRM stops the critical services, and with them what needs them (HA-4).
    pub fn halt(&mut self) {
        let all: BTreeSet<_> = self
            .critical
            .iter()
            .flat_map(|kind| self.with_dependents(*kind))
            .collect();
        for kind in all {
            if self.rows.get(&kind).is_some_and(|row| row.wanted) {
                self.halted.insert(kind);
            }
            self.unwant(kind);
        }
        self.errand = Some(Errand::Stop);
    }

    /// SRM starts the critical services, and what it had stopped with them or what fell with them
    /// (HA-5).
    pub fn resume(&mut self) {
        let fell =
            |row: &Row| matches!(row.state, ServiceState::Failed(ServiceCause::Dependency(_)));
        let mut wanted = std::mem::take(&mut self.halted);
        wanted.extend(&self.critical);
        wanted.extend(
            self.rows
                .iter()
                .filter(|(_, row)| fell(row))
                .map(|(kind, _)| *kind),
        );
        for kind in wanted {
            self.revive(kind);
        }
        self.errand = Some(Errand::Start);
    }

    /// A run reports its state.
    pub fn reported(&mut self, kind: ServiceKind, state: ServiceState) {
        let Some(row) = self.rows.get(&kind) else {
            return;
        };
        let failed = matches!(state, ServiceState::Failed(_));
        if !row.runs() && !failed {
            return;
        }
        // A run that has been told to stop may say only now that it has started.
        let late = row.state == ServiceState::Stopping
            && matches!(state, ServiceState::Starting | ServiceState::Started);
        let known = row.state == state;
        if !known && !late {
            self.set(kind, state);
        }
        if failed {
            self.doom_dependents(kind);
        }
    }

    /// A run has ended.
    pub fn ended(&mut self, kind: ServiceKind, exit: &Exit) {
        let Some(row) = self.rows.get_mut(&kind) else {
            return;
        };
        let doomed = row.doomed.take();
        let state = match (exit, doomed) {
            (Exit::Panicked(text), _) => ServiceState::Failed(ServiceCause::Panicked(text.clone())),
            (Exit::Killed, None) => ServiceState::Failed(ServiceCause::Killed),
            (Exit::Stopped | Exit::Killed, Some(cause)) => ServiceState::Failed(cause),
            (Exit::Stopped, None) if matches!(row.state, ServiceState::Failed(_)) => return,
            (Exit::Stopped, None) => ServiceState::Stopped,
        };
        let failed = matches!(state, ServiceState::Failed(_));
        self.set(kind, state);
        if failed {
            self.doom_dependents(kind);
        }
    }

    /// A run is about to be ended from outside, and then is `Failed` with this cause.
    pub fn doom(&mut self, kind: ServiceKind, cause: ServiceCause) {
        if let Some(row) = self.rows.get_mut(&kind).filter(|row| row.runs()) {
            row.doomed = Some(cause);
        }
    }

    /// What to do now; the table takes it as done.
    pub fn orders(&mut self) -> Vec<Order> {
        let mut orders = Vec::new();
        self.finish_restarts();
        let kinds: Vec<_> = self.rows.keys().copied().collect();
        for kind in kinds.iter().rev().copied() {
            let needed = self.dependents(kind).any(|other| self.rows[&other].runs());
            if self.rows[&kind].must_stop() && !needed {
                self.set(kind, ServiceState::Stopping);
                orders.push(Order::Stop(kind));
            }
        }
        for kind in kinds {
            let row = &self.rows[&kind];
            let first = kind == ServiceKind::Database;
            if !row.wanted || row.state != ServiceState::Stopped {
                continue;
            }
            if !first && self.database_is_coming() {
                break;
            }
            let needs = || kind.dependencies().iter().copied();
            if let Some(failed) =
                needs().find(|needs| matches!(self.state(*needs), ServiceState::Failed(_)))
            {
                self.set(kind, ServiceState::Failed(ServiceCause::Dependency(failed)));
            } else if needs().all(|needs| self.stays_up(needs)) {
                self.set(kind, ServiceState::Starting);
                orders.push(Order::Start(kind));
            }
        }
        orders
    }

    /// Whether a service is up and is to stay so: what started on one that is to stop would keep it from stopping.
    fn stays_up(&self, kind: ServiceKind) -> bool {
        let stays = |row: &Row| row.state.is_up() && row.wanted && row.doomed.is_none();
        self.rows.get(&kind).is_some_and(stays)
    }

    /// The database comes before everything, or SRM would see a node without one (HA-3). One that
    /// has failed is waited for no longer.
    fn database_is_coming(&self) -> bool {
        self.rows
            .get(&ServiceKind::Database)
            .is_some_and(|row| match row.state {
                ServiceState::Starting | ServiceState::Stopped => row.wanted,
                ServiceState::Started | ServiceState::Stopping | ServiceState::Failed(_) => false,
            })
    }

    /// The end of SRM's errand, once.
    pub fn take_outcome(&mut self) -> Option<CriticalOutcome> {
        let states = || self.critical.iter().map(|kind| (*kind, self.state(*kind)));
        let outcome = match self.errand? {
            Errand::Stop => {
                let down = states().all(|(kind, _)| !self.rows[&kind].runs());
                down.then_some(CriticalOutcome::Stopped)
            }
            Errand::Start => {
                let failed = states().find_map(|(kind, state)| match state {
                    ServiceState::Failed(cause) => Some((kind, cause)),
                    ServiceState::Starting
                    | ServiceState::Started
                    | ServiceState::Stopping
                    | ServiceState::Stopped => None,
                });
                let up = states().all(|(_, state)| state.is_up());
                match failed {
                    Some((kind, cause)) => Some(CriticalOutcome::StartFailed(kind, cause)),
                    None => up.then_some(CriticalOutcome::Started),
                }
            }
        };
        outcome.inspect(|_| self.errand = None)
    }

    fn set(&mut self, kind: ServiceKind, state: ServiceState) {
        if let Some(row) = self.rows.get_mut(&kind) {
            row.state = state.clone();
            self.changes.push((kind, state));
        }
    }

    fn revive(&mut self, kind: ServiceKind) {
        let Some(row) = self.rows.get_mut(&kind) else {
            return;
        };
        row.wanted = true;
        if matches!(row.state, ServiceState::Failed(_)) {
            // Not announced: the next change, to Starting, is.
            row.state = ServiceState::Stopped;
        }
    }

    fn unwant(&mut self, kind: ServiceKind) {
        for restart in &mut self.restarts {
            restart.remove(&kind);
        }
        if let Some(row) = self.rows.get_mut(&kind) {
            row.wanted = false;
        }
    }

    fn doom_dependents(&mut self, kind: ServiceKind) {
        for other in self.with_dependents(kind) {
            if let Some(row) = self
                .rows
                .get_mut(&other)
                .filter(|row| other != kind && row.runs())
            {
                row.doomed.get_or_insert(ServiceCause::Dependency(kind));
            }
        }
    }

    fn finish_restarts(&mut self) {
        let restarts = std::mem::take(&mut self.restarts);
        for restart in restarts {
            if restart
                .iter()
                .all(|kind| self.rows.get(kind).is_none_or(|row| !row.runs()))
            {
                restart.into_iter().for_each(|kind| self.revive(kind));
            } else {
                self.restarts.push(restart);
            }
        }
    }

    fn dependents(&self, kind: ServiceKind) -> impl Iterator<Item = ServiceKind> {
        self.rows
            .keys()
            .copied()
            .filter(move |other| other.dependencies().contains(&kind))
    }

    /// A service and all that needs it, directly or not.
    fn with_dependents(&self, kind: ServiceKind) -> BTreeSet<ServiceKind> {
        let mut all = BTreeSet::from([kind]);
        // Start order: whoever needs a service comes after it.
        for other in self.rows.keys().copied() {
            if other.dependencies().iter().any(|needs| all.contains(needs)) {
                all.insert(other);
            }
        }
        all
    }
}
