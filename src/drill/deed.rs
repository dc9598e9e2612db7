//! What a drill does to a lab.

use takeover_core::ha::Action;
use takeover_core::service::{ServiceCause, ServiceKind};

use super::script::{Deed, LinkDeed, MovesDeed, PowerDeed, ServiceDeed};
use crate::lab::{Lab, LabError, MoveFault};

/// Carries a deed out.
///
/// # Errors
/// What the lab refuses.
pub(crate) fn carry_out(deed: &Deed, lab: &mut Lab) -> Result<(), LabError> {
    match deed {
        Deed::OnNode(action, node) => on_node(*action, node, lab),
        Deed::OnPair(action, pair) => on_pair(*action, pair, lab),
        Deed::Service(deed, kind, node) => service(*deed, *kind, node, lab),
        Deed::Power(deed, node) => power(*deed, node, lab),
        Deed::Link(deed, from, to) => link(*deed, from, to, lab),
        Deed::Moves(deed, node) => {
            let fault = match deed {
                MovesDeed::Fail => Some(MoveFault::Fail("injected".to_owned())),
                MovesDeed::Hold => Some(MoveFault::Hold),
                MovesDeed::Free => None,
            };
            lab.control().disturb_moves(node, fault)
        }
        Deed::Replication(replicated, node) => lab.control().replicate(node, *replicated),
        Deed::Database(fault, pair) => lab.disturb_database(pair, *fault),
        Deed::Dns(down, node) => lab.disturb_dns(node.as_deref(), *down),
        Deed::Drift(node, gains) => lab.set_drift(node, *gains),
        Deed::Lag(node, lag) => lab.set_lag(node, *lag),
        Deed::DropClients(node) => lab.cut_clients(node).map(drop),
        Deed::LogIn(user) => {
            lab.client(user)?.log_in();
            Ok(())
        }
        Deed::LogOut(user) => {
            lab.client(user)?.log_out();
            Ok(())
        }
    }
}

fn on_node(action: Action, node: &str, lab: &mut Lab) -> Result<(), LabError> {
    let answer = lab.control().administer(node, action)?;
    lab.wait_for(answer)?.map_err(LabError::Ha)
}

fn on_pair(action: Action, pair: &str, lab: &mut Lab) -> Result<(), LabError> {
    let mut pair = lab.pair(pair)?;
    match action {
        Action::Recover => pair.recover(),
        Action::EnableHa => pair.enable_ha(),
        Action::DisableHa => pair.disable_ha(),
        // The language has these for nodes only.
        Action::Failover | Action::Fallback => Ok(()),
    }
}

fn service(
    deed: ServiceDeed,
    kind: ServiceKind,
    node: &str,
    lab: &mut Lab,
) -> Result<(), LabError> {
    let mut node = lab.node(node)?;
    let mut service = node.service(kind);
    match deed {
        ServiceDeed::Start => service.start(),
        ServiceDeed::Stop => service.stop(),
        ServiceDeed::Restart => service.restart(),
        ServiceDeed::Kill => service.kill(),
        ServiceDeed::Panic => service.panic("injected"),
        ServiceDeed::Fail => service.fail(ServiceCause::Other("injected".into())),
        ServiceDeed::Spoil => service.refuse_start(Some(ServiceCause::Other("injected".into()))),
        ServiceDeed::Mend => service.refuse_start(None),
        ServiceDeed::Slow(time) => service.slow_start(Some(time)),
    }
}

fn power(deed: PowerDeed, node: &str, lab: &mut Lab) -> Result<(), LabError> {
    let mut node = lab.node(node)?;
    match deed {
        PowerDeed::On => node.power_on(),
        PowerDeed::Off => node.power_off(),
        PowerDeed::Cut => node.kill(),
        PowerDeed::Reboot => node.reboot(),
        PowerDeed::Crash => node.crash(),
    }
}

fn link(deed: LinkDeed, from: &str, to: &str, lab: &mut Lab) -> Result<(), LabError> {
    let mut link = lab.link(from, to)?;
    match deed {
        LinkDeed::Cut => link.cut(),
        LinkDeed::CutOneWay => link.cut_one_way(),
        LinkDeed::Heal => link.heal(),
        LinkDeed::Block(port) => link.block([port]),
        LinkDeed::Delay(time) => link.delay(time),
        LinkDeed::Lose(percent) => link.loss(share(percent)),
        LinkDeed::Double(percent) => link.duplicate(share(percent)),
        LinkDeed::Shuffle(most) => link.jitter(most),
        LinkDeed::Hold => link.hold(),
        LinkDeed::Release => link.release(),
    }
    Ok(())
}

fn share(percent: u8) -> f64 {
    f64::from(percent.min(100)) / 100.0
}
