//! The kinds of faults, for counting.

use serde::Serialize;

use crate::drill::{Deed, LinkDeed, MovesDeed, PowerDeed, ServiceDeed};
use crate::lab::DatabaseFault;
use takeover_core::service::ServiceKind;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// A node's power is cut.
    PowerCut,
    /// A node is shut down, with a goodbye to its peer.
    PowerOff,
    /// A node is shut down and started again.
    Reboot,
    /// A node's process is killed, and started anew.
    ProcessKill,
    /// SRM ends or is restarted.
    SrmRestart,
    /// An administrator stops or restarts a service.
    ServiceStop,
    /// A service is killed, or fails with a cause.
    ServiceFail,
    /// A service panics.
    ServicePanic,
    /// A service refuses to start, or takes its time.
    ServiceRefuses,
    /// A node's own database ends.
    NodeDatabase,
    /// The database of a pair's rooms is down, or refuses writes.
    DatabaseDown,
    /// It is slow.
    DatabaseSlow,
    /// Its disk is full.
    DatabaseFull,
    /// It carries out writes and loses the answers.
    DatabaseForgets,
    /// A link is cut both ways.
    Cut,
    /// A link is cut one way.
    CutOneWay,
    /// A link is slow.
    Delay,
    /// Packets are lost.
    Loss,
    /// Datagrams arrive twice.
    Duplicate,
    /// Datagrams overtake each other.
    Reorder,
    /// Everything on a link waits, and then arrives.
    Hold,
    /// A port is blocked.
    Block,
    /// The name service is down.
    Dns,
    /// A node is slow.
    SlowNode,
    /// A node's clock runs fast or slow.
    Clock,
    /// Moves of users fail or hang.
    Moves,
    /// The replication of a node's database is broken.
    Replication,
    /// Clients lose their connections.
    Clients,
    /// An administrator acts on the pair.
    Admin,
    /// Something is made well.
    Mending,
}

impl FaultKind {
    /// Every kind that a plan can have, in the order of the tables.
    pub const ALL: [FaultKind; 29] = [
        FaultKind::PowerCut,
        FaultKind::PowerOff,
        FaultKind::Reboot,
        FaultKind::ProcessKill,
        FaultKind::SrmRestart,
        FaultKind::ServiceStop,
        FaultKind::ServiceFail,
        FaultKind::ServicePanic,
        FaultKind::ServiceRefuses,
        FaultKind::NodeDatabase,
        FaultKind::DatabaseDown,
        FaultKind::DatabaseSlow,
        FaultKind::DatabaseFull,
        FaultKind::DatabaseForgets,
        FaultKind::Cut,
        FaultKind::CutOneWay,
        FaultKind::Delay,
        FaultKind::Loss,
        FaultKind::Duplicate,
        FaultKind::Reorder,
        FaultKind::Hold,
        FaultKind::Block,
        FaultKind::Dns,
        FaultKind::SlowNode,
        FaultKind::Clock,
        FaultKind::Moves,
        FaultKind::Replication,
        FaultKind::Clients,
        FaultKind::Admin,
    ];

    /// Its name in tables and in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PowerCut => "power-cut",
            Self::PowerOff => "power-off",
            Self::Reboot => "reboot",
            Self::ProcessKill => "process-kill",
            Self::SrmRestart => "srm-restart",
            Self::ServiceStop => "service-stop",
            Self::ServiceFail => "service-fail",
            Self::ServicePanic => "service-panic",
            Self::ServiceRefuses => "service-refuses",
            Self::NodeDatabase => "node-database",
            Self::DatabaseDown => "database-down",
            Self::DatabaseSlow => "database-slow",
            Self::DatabaseFull => "database-full",
            Self::DatabaseForgets => "database-forgets",
            Self::Cut => "cut",
            Self::CutOneWay => "cut-one-way",
            Self::Delay => "delay",
            Self::Loss => "loss",
            Self::Duplicate => "duplicate",
            Self::Reorder => "reorder",
            Self::Hold => "hold",
            Self::Block => "block",
            Self::Dns => "dns",
            Self::SlowNode => "slow-node",
            Self::Clock => "clock",
            Self::Moves => "moves",
            Self::Replication => "replication",
            Self::Clients => "clients",
            Self::Admin => "admin",
            Self::Mending => "mending",
        }
    }

    /// The kind of a deed.
    #[must_use]
    pub fn of(deed: &Deed) -> Self {
        match deed {
            Deed::OnNode(..) | Deed::OnPair(..) => Self::Admin,
            Deed::Service(deed, kind, _) => of_service(*deed, *kind),
            Deed::Power(deed, _) => match deed {
                PowerDeed::On => Self::Mending,
                PowerDeed::Off => Self::PowerOff,
                PowerDeed::Cut => Self::PowerCut,
                PowerDeed::Reboot => Self::Reboot,
                PowerDeed::Crash => Self::ProcessKill,
            },
            Deed::Link(deed, ..) => of_link(*deed),
            Deed::Moves(MovesDeed::Fail | MovesDeed::Hold, _) => Self::Moves,
            Deed::Replication(false, _) => Self::Replication,
            Deed::Moves(MovesDeed::Free, _) | Deed::Replication(true, _) => Self::Mending,
            Deed::Database(fault, _) => of_database(*fault),
            Deed::Dns(true, _) => Self::Dns,
            Deed::Dns(false, _) => Self::Mending,
            Deed::Drift(..) => Self::Clock,
            Deed::Lag(..) => Self::SlowNode,
            Deed::DropClients(_) | Deed::LogIn(_) | Deed::LogOut(_) => Self::Clients,
        }
    }
}

fn of_service(deed: ServiceDeed, kind: ServiceKind) -> FaultKind {
    match (deed, kind) {
        (ServiceDeed::Start | ServiceDeed::Mend, _) => FaultKind::Mending,
        (ServiceDeed::Spoil | ServiceDeed::Slow(_), _) => FaultKind::ServiceRefuses,
        (_, ServiceKind::Srm) => FaultKind::SrmRestart,
        (_, ServiceKind::Database) => FaultKind::NodeDatabase,
        (ServiceDeed::Stop | ServiceDeed::Restart, _) => FaultKind::ServiceStop,
        (ServiceDeed::Kill | ServiceDeed::Fail, _) => FaultKind::ServiceFail,
        (ServiceDeed::Panic, _) => FaultKind::ServicePanic,
    }
}

fn of_link(deed: LinkDeed) -> FaultKind {
    match deed {
        LinkDeed::Cut => FaultKind::Cut,
        LinkDeed::CutOneWay => FaultKind::CutOneWay,
        LinkDeed::Heal | LinkDeed::Release => FaultKind::Mending,
        LinkDeed::Block(_) => FaultKind::Block,
        LinkDeed::Delay(_) => FaultKind::Delay,
        LinkDeed::Lose(_) => FaultKind::Loss,
        LinkDeed::Double(_) => FaultKind::Duplicate,
        LinkDeed::Shuffle(_) => FaultKind::Reorder,
        LinkDeed::Hold => FaultKind::Hold,
    }
}

fn of_database(fault: DatabaseFault) -> FaultKind {
    match fault {
        DatabaseFault::Down(true) | DatabaseFault::Refuse(_) => FaultKind::DatabaseDown,
        DatabaseFault::Slow(_) => FaultKind::DatabaseSlow,
        DatabaseFault::Full(true) => FaultKind::DatabaseFull,
        DatabaseFault::LoseAnswers(_) => FaultKind::DatabaseForgets,
        DatabaseFault::Down(false) | DatabaseFault::Full(false) | DatabaseFault::Well => {
            FaultKind::Mending
        }
    }
}
