//! Carrying an administrator's commands out on a running lab.

use takeover_actors::node::{ServiceAction, ServiceFault};
use takeover_actors::rack::PowerAction;
use takeover_core::ha::Action;
use takeover_core::service::{ServiceCause, ServiceKind, ServiceState};

use super::command::{
    Command, FORMS, FaultCommand, HaCommand, PowerVerb, ServiceCommand, ServiceVerb,
};
use super::http::{Administrator, Answer};
use super::reply::{Refusal, Reply};
use super::{people, reports};
use crate::lab::{Control, LabError};

impl Administrator for Control {
    fn execute(&self, command: Command) -> Answer<'_> {
        Box::pin(async move {
            match command {
                Command::Help => Ok(Reply {
                    text: FORMS.join("\n"),
                    data: FORMS.as_slice().into(),
                }),
                Command::Status => Ok(reports::status(self)),
                Command::Replication => Ok(reports::replication(self)),
                Command::Counter {
                    class,
                    counter,
                    node,
                } => reports::counters(self, &class, &counter, node.as_deref()),
                Command::Ha(HaCommand::Status) => Ok(reports::ha(self)),
                Command::Ha(HaCommand::Failover { node }) => {
                    on_node(self, &node, Action::Failover).await
                }
                Command::Ha(HaCommand::Fallback { node }) => {
                    on_node(self, &node, Action::Fallback).await
                }
                Command::Ha(HaCommand::Recover { group }) => {
                    on_group(self, &group, Action::Recover).await
                }
                Command::Ha(HaCommand::Enable { group }) => {
                    on_group(self, &group, Action::EnableHa).await
                }
                Command::Ha(HaCommand::Disable { group }) => {
                    on_group(self, &group, Action::DisableHa).await
                }
                Command::Service(ServiceCommand::List { node }) => reports::services(self, &node),
                Command::Service(ServiceCommand::Act {
                    verb,
                    node,
                    service,
                }) => manage(self, verb, &node, &service).await,
                Command::Power { verb, node } => power(self, verb, &node).await,
                Command::People(people) => people::execute(self, people).await,
                Command::Chat(chat) => super::chat::execute(self, chat).await,
                Command::Fault(fault) => inject(self, fault).await,
            }
        })
    }
}

/// What was asked for has begun, or is so already.
fn begun(text: String) -> Result<Reply, Refusal> {
    let data = serde_json::json!({ "done": text });
    Ok(Reply { text, data })
}

async fn on_node(lab: &Control, node: &str, action: Action) -> Result<Reply, Refusal> {
    let taken = lab
        .administer(node, action)?
        .await
        .map_err(LabError::from)?;
    taken.map_err(LabError::Ha)?;
    begun(format!("{} of {node} has begun", action.name()))
}

/// One node that takes it is enough: the other may be out of reach.
async fn on_group(lab: &Control, group: &str, action: Action) -> Result<Reply, Refusal> {
    let id = lab.group_id(group)?;
    let (mut taken, mut forbidden) = (false, false);
    let mut refused = Vec::new();
    for node in lab.deployment().group(id).nodes.clone() {
        let name = lab.node_name(node);
        match on_node(lab, &name, action).await {
            Ok(_) => taken = true,
            Err(refusal) => {
                forbidden |= !matches!(refusal, Refusal::Unavailable(_));
                refused.push(format!("{name}: {refusal}"));
            }
        }
    }
    match (taken, forbidden) {
        (true, _) => begun(format!("{} of {group} has begun", action.name())),
        (false, true) => Err(Refusal::Forbidden(refused.join("; "))),
        // Asked again later, the same may be taken.
        (false, false) => Err(Refusal::Unavailable(refused.join("; "))),
    }
}

async fn manage(
    lab: &Control,
    verb: ServiceVerb,
    node: &str,
    service: &str,
) -> Result<Reply, Refusal> {
    let kind = service_named(service)?;
    let action = match verb {
        ServiceVerb::Start => ServiceAction::Start,
        ServiceVerb::Stop => ServiceAction::Stop,
        ServiceVerb::Restart => ServiceAction::Restart,
    };
    let before = lab.status(node).map(|status| status.services);
    let taken = lab
        .manage(node, kind, action)?
        .await
        .map_err(LabError::from)?;
    taken.map_err(LabError::Service)?;
    let service = kind.name();
    match (verb, before.as_ref().and_then(|states| states.get(&kind))) {
        (ServiceVerb::Start, Some(ServiceState::Started)) => {
            begun(format!("{service} on {node} runs already"))
        }
        (ServiceVerb::Stop, Some(ServiceState::Stopped)) => {
            begun(format!("{service} on {node} is stopped already"))
        }
        (ServiceVerb::Start | ServiceVerb::Stop | ServiceVerb::Restart, _) => {
            begun(format!("{service} on {node}: {action:?} has begun"))
        }
    }
}

async fn power(lab: &Control, verb: PowerVerb, node: &str) -> Result<Reply, Refusal> {
    let (action, text) = match verb {
        PowerVerb::Boot => (PowerAction::On, "is switched on"),
        PowerVerb::Shutdown => (PowerAction::Off, "shuts down"),
        PowerVerb::Restart => (PowerAction::Reboot, "restarts"),
    };
    lab.power(node, action)?
        .await
        .map_err(LabError::from)?
        .map_err(LabError::Power)?;
    begun(format!("{node} {text}"))
}

async fn inject(lab: &Control, fault: FaultCommand) -> Result<Reply, Refusal> {
    let cause = ServiceCause::Other;
    match fault {
        FaultCommand::KillNode { node } => {
            let killed = lab
                .power(&node, PowerAction::Kill)?
                .await
                .map_err(LabError::from)?;
            killed.map_err(LabError::Power)?;
            begun(format!("{node} has no power any more"))
        }
        FaultCommand::KillSrm { node } => strike(lab, &node, ServiceKind::Srm, ServiceFault::Kill),
        FaultCommand::FailService {
            node,
            service,
            cause: text,
        } => strike(
            lab,
            &node,
            service_named(&service)?,
            ServiceFault::Fail(cause(text)),
        ),
        FaultCommand::PanicService { node, service } => {
            let panic = ServiceFault::Panic("injected".to_owned());
            strike(lab, &node, service_named(&service)?, panic)
        }
        FaultCommand::RefuseStart { node, service } => {
            let refuse = ServiceFault::RefuseStart(Some(cause("injected".to_owned())));
            strike(lab, &node, service_named(&service)?, refuse)
        }
        FaultCommand::AllowStart { node, service } => strike(
            lab,
            &node,
            service_named(&service)?,
            ServiceFault::RefuseStart(None),
        ),
        FaultCommand::Cut { a, b } => {
            let (from, to) = lab.ends_of_link(&a, &b)?;
            lab.world().network().cut(from, to);
            begun(format!("the link between {a} and {b} is cut"))
        }
        FaultCommand::Mend { a, b } => {
            let (from, to) = lab.ends_of_link(&a, &b)?;
            lab.world().network().heal(from, to);
            begun(format!("the link between {a} and {b} is whole"))
        }
    }
}

fn strike(
    lab: &Control,
    node: &str,
    kind: ServiceKind,
    fault: ServiceFault,
) -> Result<Reply, Refusal> {
    lab.inject(node, kind, fault)?;
    begun(format!("the fault has struck {} on {node}", kind.name()))
}

/// A service by its short name (`tc`) or the vendor's (`Cisco XCP Text Conference Manager`).
fn service_named(name: &str) -> Result<ServiceKind, Refusal> {
    name.parse().map_err(|_| Refusal::NoSuch {
        what: "service",
        name: name.to_owned(),
        known: ServiceKind::ALL
            .iter()
            .map(|kind| kind.short_name().to_owned())
            .collect(),
    })
}

impl From<LabError> for Refusal {
    fn from(error: LabError) -> Self {
        match error {
            LabError::NoSuch { what, name, known } => Self::NoSuch { what, name, known },
            LabError::Power(_)
            | LabError::Service(_)
            | LabError::Ha(_)
            | LabError::FailedOver(_)
            | LabError::Profile(_)
            | LabError::Chat { .. }
            | LabError::Merge(_) => Self::Forbidden(error.to_string()),
            LabError::NotRunning { .. }
            | LabError::Busy { .. }
            | LabError::NoAnswer(_)
            | LabError::NotUp { .. }
            | LabError::NotStopped(_) => Self::Unavailable(error.to_string()),
            LabError::Config(_)
            | LabError::Topology(_)
            | LabError::Name { .. }
            | LabError::Tls(_)
            | LabError::Open(_)
            | LabError::Store { .. }
            | LabError::System { .. }
            | LabError::User(_)
            | LabError::Parameter(_) => Self::NotUnderstood(error.to_string()),
        }
    }
}
