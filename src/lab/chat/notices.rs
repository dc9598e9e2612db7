//! Restart notifications (CFG-1, CFG-2): which service of which node is to be restarted, and why.

use takeover_core::id::NodeId;
use takeover_core::journal::Event;
use takeover_core::service::{ServiceCause, ServiceKind, ServiceState};
use takeover_core::time::Moment;

use super::TC;
use crate::lab::Control;

/// How much a notification matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// A change that takes effect with the restart.
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

/// A restart that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestartNotice {
    /// The change, or the trouble.
    pub change: String,
    /// The node.
    pub node: String,
    /// The service that is to be restarted there.
    pub service: ServiceKind,
    /// How much it matters.
    pub severity: Severity,
    /// Since when.
    pub since: Moment,
}

impl RestartNotice {
    /// The command that does it.
    #[must_use]
    pub fn command(&self) -> String {
        let service = self.service.short_name();
        format!("utils service restart {} {service}", self.node)
    }
}

/// A notification as it was raised.
pub(super) struct Raised {
    change: String,
    node: NodeId,
    since: Moment,
    /// The journal's last entry then.
    entry: u64,
}

const ROUTER: ServiceKind = ServiceKind::XcpRouter;

impl Control {
    /// Asks for a restart of the XCP Router on these nodes.
    pub(super) fn ask_for_restart(&self, change: &str, nodes: &[NodeId]) {
        for node in nodes {
            let text = format!("{change}: restart {}", ROUTER.name());
            self.journal().record(Some(*node), Event::Alarm { text });
            self.0.chat.state.lock().notices.push(Raised {
                change: change.to_owned(),
                node: *node,
                since: self.now(),
                entry: self.journal().len(),
            });
        }
    }

    /// The active restart notifications, newest first. One is over when its service has started
    /// again on its node.
    #[must_use]
    pub fn restart_notices(&self) -> Vec<RestartNotice> {
        let mut active = self.database_troubles();
        let state = self.0.chat.state.lock();
        let raised = state.notices.iter().rev();
        let pending = raised.filter(|raised| !self.restarted(raised));
        active.extend(pending.map(|raised| RestartNotice {
            change: raised.change.clone(),
            node: self.node_name(raised.node),
            service: ROUTER,
            severity: Severity::Warning,
            since: raised.since,
        }));
        active.sort_by_key(|notice| std::cmp::Reverse(notice.since));
        active
    }

    fn restarted(&self, raised: &Raised) -> bool {
        let started = |entry: &takeover_core::journal::Entry| {
            let again = matches!(
                entry.event,
                Event::Service {
                    kind: ROUTER,
                    state: ServiceState::Started,
                }
            );
            again && entry.node == Some(raised.node) && entry.seq > raised.entry
        };
        !self.journal().select(started).is_empty()
    }

    /// Nodes that could not reach their database as TC started, which therefore does not run.
    fn database_troubles(&self) -> Vec<RestartNotice> {
        let mut found = Vec::new();
        for name in self.node_names() {
            let state = self.service_state(&name, TC);
            let ServiceState::Failed(ServiceCause::ExternalDatabaseUnreachable(why)) = state else {
                continue;
            };
            let id = self.node_id(&name).ok();
            let failed = |entry: &takeover_core::journal::Entry| {
                matches!(&entry.event, Event::Service { kind: TC, .. }) && entry.node == id
            };
            let last = self.journal().select(failed).pop();
            found.push(RestartNotice {
                change: format!("group chat: the external database was not reached: {why}"),
                node: name,
                service: ROUTER,
                severity: Severity::Critical,
                since: last.map_or(self.now(), |entry| entry.at),
            });
        }
        found
    }
}
