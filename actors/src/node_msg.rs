//! What a node is told: actions on its services, faults, reports, shutdown.

use crate::node_record::{NodeRecord, RecordError};
use crate::rt::{Addr, Recipient};
use crate::service::ServiceReport;
use crate::service_table::ServiceRefused;
use crate::srm::SrmMsg;
use std::time::Duration;
use takeover_core::service::{ServiceCause, ServiceKind, ServiceState};

/// What an administrator (or SRM, for ICSA) does to a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceAction {
    /// Start it.
    Start,
    /// Stop it, and what needs it.
    Stop,
    /// Restart it, and of what needs it that which runs (SVC-2).
    Restart,
}

/// A fault injected into a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceFault {
    /// It panics with this text (SVC-3).
    Panic(String),
    /// It is ended from outside.
    Kill,
    /// It ends `Failed` with this cause.
    Fail(ServiceCause),
    /// From now on it refuses to start with this cause; `None`: no longer.
    RefuseStart(Option<ServiceCause>),
    /// From now on it takes this long to start; `None`: as long as before.
    SlowStart(Option<Duration>),
}

/// What a node is told.
pub enum NodeMsg {
    /// An administrator's (or SRM's) action on a service, and where the answer goes.
    Service {
        /// Which service.
        kind: ServiceKind,
        /// What to do.
        action: ServiceAction,
        /// Hears whether it was taken.
        reply: Recipient<Result<(), ServiceRefused>>,
    },
    /// A fault injected into a service.
    Fault {
        /// Which service.
        kind: ServiceKind,
        /// What befalls it.
        fault: ServiceFault,
    },
    /// A service reports.
    Report(ServiceReport),
    /// SRM is there: it hears every service's state now, and every change from now on.
    SrmUp(Addr<SrmMsg>),
    /// SRM: start the critical services (HA-5). The outcome comes as [`SrmMsg::Critical`].
    StartCritical,
    /// SRM: stop the critical services (HA-4).
    StopCritical,
    /// SRM has said goodbye to the peer; the shutdown goes on.
    GoodbyeSaid,
    /// Shut down in order (HA-15).
    Shutdown,
    /// Answers with the states of its services, in start order.
    States(Recipient<Vec<(ServiceKind, ServiceState)>>),
    /// The durable record of the node has been read.
    Loaded(Result<NodeRecord, RecordError>),
    /// The durable record of the node has been written, or not.
    Saved(Result<(), RecordError>),
}
