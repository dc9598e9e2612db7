//! Active notifications (CFG-1, CFG-2): one list of what an administrator should know and do, with the
//! restart that ends it where one does.

use takeover_core::id::NodeId;
use takeover_core::journal::{Entry, Event};
use takeover_core::service::{ServiceCause, ServiceKind, ServiceState};
use takeover_core::time::Moment;

use super::Control;

const ROUTER: ServiceKind = ServiceKind::XcpRouter;
const TC: ServiceKind = ServiceKind::TextConference;

/// How much a notification matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// A change that takes effect with the restart, or something that should not stay as it is.
    Warning,
    /// A service does not run until it is done.
    Critical,
}

impl Severity {
    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// A restart that ends a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restart {
    /// The node.
    pub node: String,
    /// The service that is to be restarted there.
    pub service: ServiceKind,
}

impl Restart {
    /// The command that does it.
    #[must_use]
    pub fn command(&self) -> String {
        let service = self.service.short_name();
        format!("utils service restart {} {service}", self.node)
    }
}

/// An active notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Since when.
    pub since: Moment,
    /// How much it matters.
    pub severity: Severity,
    /// The change, or the trouble.
    pub change: String,
    /// The restart that it asks for; `None` where a restart does not help.
    pub restart: Option<Restart>,
}

/// A notification as it was raised.
pub(super) struct Raised {
    since: Moment,
    severity: Severity,
    change: String,
    /// The node, the service, and the journal's last entry then.
    restart: Option<(NodeId, ServiceKind, u64)>,
}

impl Control {
    /// The active notifications, the newest first. One that asks for a restart is over when the
    /// service has started again on its node.
    #[must_use]
    pub fn notifications(&self) -> Vec<Notification> {
        let mut active: Vec<Notification> = {
            let raised = self.0.notifications.lock();
            let pending = raised.iter().rev().filter(|raised| !self.is_over(raised));
            pending.map(|raised| self.notification(raised)).collect()
        };
        active.extend(self.database_troubles());
        active.sort_by_key(|one| std::cmp::Reverse(one.since));
        active
    }

    /// The restarts that are asked for, the newest first.
    #[must_use]
    pub fn restarts_asked_for(&self) -> Vec<Restart> {
        let all = self.notifications().into_iter();
        all.filter_map(|one| one.restart).collect()
    }

    /// Tells an administrator something that no restart ends.
    pub(super) fn notify(&self, severity: Severity, change: String) {
        self.0.notifications.lock().push(Raised {
            since: self.now(),
            severity,
            change,
            restart: None,
        });
    }

    /// Asks for a restart of the XCP Router on these nodes.
    pub(super) fn ask_for_restart(&self, change: &str, nodes: &[NodeId]) {
        for node in nodes {
            let text = format!("{change}: restart {}", ROUTER.name());
            self.journal().record(Some(*node), Event::Alarm { text });
            self.0.notifications.lock().push(Raised {
                since: self.now(),
                severity: Severity::Warning,
                change: change.to_owned(),
                restart: Some((*node, ROUTER, self.journal().len())),
            });
        }
    }

    fn notification(&self, raised: &Raised) -> Notification {
        Notification {
            since: raised.since,
            severity: raised.severity,
            change: raised.change.clone(),
            restart: raised.restart.map(|(node, service, _)| Restart {
                node: self.node_name(node),
                service,
            }),
        }
    }

    fn is_over(&self, raised: &Raised) -> bool {
        let Some((node, service, entry)) = raised.restart else {
            return false;
        };
        let started = |seen: &Entry| {
            let again = matches!(
                seen.event,
                Event::Service {
                    kind,
                    state: ServiceState::Started,
                } if kind == service
            );
            again && seen.node == Some(node) && seen.seq > entry
        };
        !self.journal().select(started).is_empty()
    }

    /// Nodes that could not reach their database as TC started, which therefore does not run.
    fn database_troubles(&self) -> Vec<Notification> {
        let mut found = Vec::new();
        for node in self.node_names() {
            let state = self.service_state(&node, TC);
            let ServiceState::Failed(ServiceCause::ExternalDatabaseUnreachable(why)) = state else {
                continue;
            };
            let id = self.node_id(&node).ok();
            let failed = |entry: &Entry| {
                matches!(&entry.event, Event::Service { kind: TC, .. }) && entry.node == id
            };
            let last = self.journal().select(failed).pop();
            let service = ROUTER;
            found.push(Notification {
                since: last.map_or(self.now(), |entry| entry.at),
                severity: Severity::Critical,
                change: format!("group chat: the external database was not reached: {why}"),
                restart: Some(Restart { node, service }),
            });
        }
        found
    }
}
