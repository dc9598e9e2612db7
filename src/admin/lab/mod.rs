//! A lab as its administrator has it: every command of the console carried out on a running lab.

mod acts;
mod shows;

use takeover_core::service::ServiceKind;

use super::command::{Command, FORMS, HaCommand, ServiceCommand};
use super::http::{Administrator, Answer};
use super::reply::{Refusal, Reply};
use crate::lab::{Control, LabError};

/// Carries commands out on a lab.
pub struct LabAdministrator {
    lab: Control,
}

impl LabAdministrator {
    /// The administrator of a lab.
    #[must_use]
    pub fn new(lab: Control) -> Self {
        Self { lab }
    }

    async fn carry_out(&self, command: Command) -> Result<Reply, Refusal> {
        match command {
            Command::Ha(HaCommand::Status) => self.ha_status(),
            Command::Ha(command) => self.ha(command).await,
            Command::Service(ServiceCommand::List { node }) => self.services(&node),
            Command::Service(ServiceCommand::Act {
                verb,
                node,
                service,
            }) => self.service(verb, &node, &service).await,
            Command::Power { verb, node } => self.power(verb, &node).await,
            Command::Replication => self.replication(),
            Command::Status => self.status(),
            Command::Counter {
                class,
                counter,
                node,
            } => self.counter(&class, &counter, node.as_deref()),
            Command::Fault(fault) => self.fault(fault).await,
            Command::Help => Ok(Reply {
                text: FORMS.join("\n"),
                data: serde_json::json!({ "forms": FORMS }),
            }),
        }
    }
}

impl Administrator for LabAdministrator {
    fn execute(&self, command: Command) -> Answer<'_> {
        Box::pin(self.carry_out(command))
    }
}

/// A lab's error as a refusal of the console.
fn refusal(error: LabError) -> Refusal {
    match error {
        LabError::NoSuch { what, name, known } => Refusal::NoSuch { what, name, known },
        LabError::NoAnswer(_) | LabError::Busy { .. } => Refusal::Unavailable(error.to_string()),
        other => Refusal::Forbidden(other.to_string()),
    }
}

/// The service of this name: short, or as displayed, with the vendor's *Cisco* before it or not.
fn service_named(name: &str) -> Result<ServiceKind, Refusal> {
    let bare = name.strip_prefix("Cisco ").unwrap_or(name);
    bare.parse().map_err(|_| Refusal::NoSuch {
        what: "service",
        name: name.to_owned(),
        known: ServiceKind::ALL
            .iter()
            .map(|kind| kind.short_name().to_owned())
            .collect(),
    })
}

#[cfg(test)]
mod tests;
