//! What makes a deed undone.

use std::time::Duration;

use takeover_core::ha::Action;
use takeover_core::service::ServiceKind;

use crate::drill::{Deed, LinkDeed, MovesDeed, PowerDeed, ServiceDeed};
use crate::lab::{DatabaseFault, Lab, LabError};

/// Whether a deed can be undone.
pub(super) fn has_undo(deed: &Deed) -> bool {
    match deed {
        Deed::OnNode(action, _) | Deed::OnPair(action, _) => *action == Action::DisableHa,
        Deed::Service(deed, ..) => match deed {
            ServiceDeed::Start | ServiceDeed::Restart | ServiceDeed::Mend => false,
            ServiceDeed::Stop
            | ServiceDeed::Kill
            | ServiceDeed::Panic
            | ServiceDeed::Fail
            | ServiceDeed::Spoil
            | ServiceDeed::Slow(_) => true,
        },
        Deed::Power(deed, _) => matches!(deed, PowerDeed::Off | PowerDeed::Cut),
        Deed::Link(deed, ..) => !matches!(deed, LinkDeed::Heal | LinkDeed::Release),
        Deed::Moves(deed, _) => *deed != MovesDeed::Free,
        Deed::Replication(replicated, _) => !replicated,
        Deed::Database(fault, _) => match fault {
            DatabaseFault::Down(on) | DatabaseFault::Full(on) => *on,
            DatabaseFault::Slow(_) => true,
            DatabaseFault::Refuse(_) | DatabaseFault::LoseAnswers(_) => true,
            DatabaseFault::Well => false,
        },
        Deed::Dns(down, _) => *down,
        Deed::Drift(..) | Deed::Lag(..) | Deed::LogOut(_) => true,
        Deed::DropClients(_) | Deed::LogIn(_) => false,
    }
}

/// Undoes a deed: exactly what it did, so that what others have broken meanwhile stays broken.
///
/// # Errors
/// What the lab refuses, as where a service runs already.
pub(super) fn undo(deed: &Deed, lab: &mut Lab) -> Result<(), LabError> {
    let undone = match deed {
        Deed::OnNode(_, node) => Deed::OnNode(Action::EnableHa, node.clone()),
        Deed::OnPair(_, pair) => Deed::OnPair(Action::EnableHa, pair.clone()),
        Deed::Service(deed, kind, node) => return undo_service(*deed, *kind, node, lab),
        Deed::Power(_, node) => Deed::Power(PowerDeed::On, node.clone()),
        Deed::Link(deed, from, to) => return undo_link(*deed, from, to, lab),
        Deed::Moves(_, node) => Deed::Moves(MovesDeed::Free, node.clone()),
        Deed::Replication(_, node) => Deed::Replication(true, node.clone()),
        Deed::Database(fault, pair) => Deed::Database(
            match fault {
                DatabaseFault::Full(_) => DatabaseFault::Full(false),
                DatabaseFault::Slow(_) => DatabaseFault::Slow(Duration::ZERO),
                DatabaseFault::Down(_) => DatabaseFault::Down(false),
                DatabaseFault::Refuse(_) | DatabaseFault::LoseAnswers(_) | DatabaseFault::Well => {
                    DatabaseFault::Well
                }
            },
            pair.clone(),
        ),
        Deed::Dns(_, node) => Deed::Dns(false, node.clone()),
        Deed::Drift(node, _) => Deed::Drift(node.clone(), 0),
        Deed::Lag(node, _) => Deed::Lag(node.clone(), Duration::ZERO),
        Deed::LogOut(user) => Deed::LogIn(user.clone()),
        Deed::DropClients(_) | Deed::LogIn(_) => return Ok(()),
    };
    crate::drill::carry_out(&undone, lab)
}

fn undo_service(
    deed: ServiceDeed,
    kind: ServiceKind,
    node: &str,
    lab: &mut Lab,
) -> Result<(), LabError> {
    let mut node = lab.node(node)?;
    let mut service = node.service(kind);
    match deed {
        ServiceDeed::Spoil => service.refuse_start(None),
        ServiceDeed::Slow(_) => service.slow_start(None),
        ServiceDeed::Stop | ServiceDeed::Kill | ServiceDeed::Panic | ServiceDeed::Fail => {
            service.start()
        }
        ServiceDeed::Start | ServiceDeed::Restart | ServiceDeed::Mend => Ok(()),
    }
}

fn undo_link(deed: LinkDeed, from: &str, to: &str, lab: &mut Lab) -> Result<(), LabError> {
    if deed == LinkDeed::CutOneWay {
        let (from, to) = (lab.node_id(from)?, lab.node_id(to)?);
        let network = lab.world().network().clone();
        network.change(from, to, |link| link.cut = false);
        lab.settle();
        return Ok(());
    }
    let mut both = lab.link(from, to)?;
    both.change(|link| match deed {
        LinkDeed::Cut | LinkDeed::CutOneWay => link.cut = false,
        LinkDeed::Block(port) => drop(link.blocked.remove(&port)),
        LinkDeed::Delay(_) => link.delay = Duration::ZERO,
        LinkDeed::Lose(_) => link.loss = 0.0,
        LinkDeed::Double(_) => link.duplicate = 0.0,
        LinkDeed::Shuffle(_) => link.jitter = Duration::ZERO,
        LinkDeed::Hold => link.hold = false,
        LinkDeed::Heal | LinkDeed::Release => {}
    });
    Ok(())
}
