//! Commands that change something.

use serde_json::json;
use takeover_actors::node::{ServiceAction, ServiceFault};
use takeover_actors::rack::PowerAction;
use takeover_core::ha::Action;
use takeover_core::service::{ServiceCause, ServiceKind};

use super::{LabAdministrator, refusal, service_named};
use crate::admin::command::{FaultCommand, HaCommand, PowerVerb, ServiceVerb};
use crate::admin::reply::{Refusal, Reply};
use crate::lab::{Answer, LabError};

fn done(text: String) -> Reply {
    let data = json!({ "done": text });
    Reply { text, data }
}

/// Waits for an answer and turns a refusal into the console's.
async fn heard<T, E>(answer: Result<Answer<Result<T, E>>, LabError>) -> Result<T, Refusal>
where
    T: Send + 'static,
    E: std::fmt::Display + Send + 'static,
{
    let answer = answer.map_err(refusal)?.await;
    let outcome = answer.map_err(|error| Refusal::Unavailable(error.to_string()))?;
    outcome.map_err(|error| Refusal::Forbidden(error.to_string()))
}

impl LabAdministrator {
    pub(super) async fn ha(&self, command: HaCommand) -> Result<Reply, Refusal> {
        match command {
            HaCommand::Failover { node } => {
                heard(self.lab.administer(&node, Action::Failover)).await?;
                Ok(done(format!("failover of {node} begins")))
            }
            HaCommand::Fallback { node } => {
                heard(self.lab.administer(&node, Action::Fallback)).await?;
                Ok(done(format!("fallback to {node} begins")))
            }
            HaCommand::Recover { group } => self.group(&group, Action::Recover).await,
            HaCommand::Enable { group } => self.group(&group, Action::EnableHa).await,
            HaCommand::Disable { group } => self.group(&group, Action::DisableHa).await,
            HaCommand::Status => self.ha_status(),
        }
    }

    /// An action on a group is given to both nodes; one that takes it is enough.
    async fn group(&self, group: &str, action: Action) -> Result<Reply, Refusal> {
        let id = self.lab.group_id(group).map_err(refusal)?;
        let nodes = self.lab.deployment().group(id).nodes.clone();
        let (mut taken, mut refused) = (Vec::new(), None);
        for node in nodes {
            let name = self.lab.node_name(node);
            match heard(self.lab.administer(&name, action)).await {
                Ok(()) => taken.push(name),
                Err(error) => refused = Some(error),
            }
        }
        match (taken.is_empty(), refused) {
            (true, Some(error)) => Err(error),
            _ => Ok(done(format!(
                "{} of {group} begins on {}",
                action.name(),
                taken.join(", ")
            ))),
        }
    }

    pub(super) async fn service(
        &self,
        verb: ServiceVerb,
        node: &str,
        service: &str,
    ) -> Result<Reply, Refusal> {
        let kind = service_named(service)?;
        let (action, word) = match verb {
            ServiceVerb::Start => (ServiceAction::Start, "starts"),
            ServiceVerb::Stop => (ServiceAction::Stop, "stops"),
            ServiceVerb::Restart => (ServiceAction::Restart, "restarts"),
        };
        heard(self.lab.manage(node, kind, action)).await?;
        Ok(done(format!("{kind} of {node} {word}")))
    }

    pub(super) async fn power(&self, verb: PowerVerb, node: &str) -> Result<Reply, Refusal> {
        let (action, word) = match verb {
            PowerVerb::Boot => (PowerAction::On, "boots"),
            PowerVerb::Shutdown => (PowerAction::Off, "shuts down"),
            PowerVerb::Restart => (PowerAction::Reboot, "reboots"),
        };
        heard(self.lab.power(node, action)).await?;
        Ok(done(format!("{node} {word}")))
    }

    pub(super) async fn fault(&self, fault: FaultCommand) -> Result<Reply, Refusal> {
        let (node, service, fault) = match fault {
            FaultCommand::KillNode { node } => {
                heard(self.lab.power(&node, PowerAction::Kill)).await?;
                return Ok(done(format!("power of {node} cut")));
            }
            FaultCommand::Cut { a, b } => return self.link(&a, &b, true),
            FaultCommand::Mend { a, b } => return self.link(&a, &b, false),
            FaultCommand::KillSrm { node } => (
                node,
                ServiceKind::Srm.short_name().to_owned(),
                ServiceFault::Kill,
            ),
            FaultCommand::FailService {
                node,
                service,
                cause,
            } => (
                node,
                service,
                ServiceFault::Fail(ServiceCause::Other(cause)),
            ),
            FaultCommand::PanicService { node, service } => (
                node,
                service,
                ServiceFault::Panic("injected by the administrator".to_owned()),
            ),
            FaultCommand::RefuseStart { node, service } => {
                let cause = ServiceCause::Other("injected by the administrator".to_owned());
                (node, service, ServiceFault::RefuseStart(Some(cause)))
            }
            FaultCommand::AllowStart { node, service } => {
                (node, service, ServiceFault::RefuseStart(None))
            }
        };
        let kind = service_named(&service)?;
        self.lab.inject(&node, kind, fault).map_err(refusal)?;
        Ok(done(format!("fault injected into {kind} of {node}")))
    }

    fn link(&self, a: &str, b: &str, cut: bool) -> Result<Reply, Refusal> {
        let from = self.lab.node_id(a).map_err(refusal)?;
        let to = self.lab.node_id(b).map_err(refusal)?;
        let network = self.lab.world().network();
        if cut {
            network.cut(from, to);
        } else {
            network.heal(from, to);
        }
        Ok(done(format!(
            "link between {a} and {b} {}",
            if cut { "cut" } else { "mended" }
        )))
    }
}
