//! What SRM is told, and what it tells its peer over the wire.

use crate::icsa::IcsaMsg;
use crate::node_record::{NodeRecord, RecordError};
use crate::rt::{Addr, Arrival, ChildExited, Endpoint, Packet, Recipient};
use crate::service_table::CriticalOutcome;
use crate::user_mover::{UserReport, UserWork};
use takeover_core::ha::{self, Attempt, PeerMessage};
use takeover_core::service::{ServiceKind, ServiceState};

/// The wake-ups of SRM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SrmTimer {
    /// A timer of the machine.
    Ha(ha::Timer),
    /// Time to start ICSA again.
    RestartIcsa,
    /// Time to read or write the record again.
    RetryRecord,
}

/// What SRM is told.
pub enum SrmMsg {
    /// The state of every service: SRM has just started.
    Services(Vec<(ServiceKind, ServiceState)>),
    /// A service's state has changed (SVC-1).
    Service {
        /// Which.
        kind: ServiceKind,
        /// The state it has now.
        state: ServiceState,
    },
    /// What became of the critical services.
    Critical(CriticalOutcome),
    /// A message of the peer's SRM.
    Peer(PeerMessage),
    /// An administrator's action on the group.
    Admin {
        /// What is asked for.
        action: ha::Action,
        /// What the machine must know before it (HA-9, HA-17).
        before: Vec<ha::Event>,
        /// Hears whether it was taken (HA-11).
        reply: Recipient<Result<(), ha::Refusal>>,
    },
    /// What became of an order to move users.
    Moved(UserReport),
    /// The node shuts down in order: say goodbye to the peer (HA-15).
    Leave,
    /// ICSA is there: watch it.
    IcsaUp(Addr<IcsaMsg>),
    /// The ICSA that was watched has ended.
    IcsaEnded(ChildExited),
    /// The node's record was read.
    Loaded(Result<NodeRecord, RecordError>),
    /// The record was written, or not.
    Persisted(Result<(), RecordError>),
}

/// A message of SRM to SRM, on the wire.
#[derive(Clone, Debug)]
pub(crate) struct PeerPacket(pub(crate) PeerMessage);

impl Packet for PeerPacket {
    fn wire_size(&self) -> usize {
        128
    }

    fn duplicate(&self) -> Option<Box<dyn Packet>> {
        Some(Box::new(self.clone()))
    }
}

/// Who listens on the service port for this SRM.
pub(crate) fn endpoint(srm: Addr<SrmMsg>) -> impl Endpoint {
    move |arrival: Arrival| {
        if let Ok(PeerPacket(message)) = arrival.open::<PeerPacket>() {
            // A message that finds the mailbox full is made good by the next one.
            let _ = srm.send(SrmMsg::Peer(message));
        }
    }
}

/// What the machine is told of the end of an order to move users; nothing, of the end of one that stops
/// another.
pub(crate) fn completion(work: UserWork, attempt: Attempt, done: bool) -> Option<ha::Event> {
    Some(match (work, done) {
        (UserWork::Release, true) => ha::Event::UsersReleased(attempt),
        (UserWork::Release, false) => ha::Event::UsersReleaseFailed(attempt),
        (UserWork::TakeOver { .. }, true) => ha::Event::UsersTaken(attempt),
        (UserWork::TakeOver { .. }, false) => ha::Event::UsersTakeFailed(attempt),
        (UserWork::HandBack, true) => ha::Event::UsersHandedBack(attempt),
        (UserWork::HandBack, false) => ha::Event::UsersHandBackFailed(attempt),
        (UserWork::TakeBack { .. }, true) => ha::Event::UsersTakenBack(attempt),
        (UserWork::TakeBack { .. }, false) => ha::Event::UsersTakeBackFailed(attempt),
        (UserWork::Abandon, _) => return None,
    })
}
