//! What a node knows of its own services.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::service::ServiceKind;

/// A set of services.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct ServiceSet(u32);

impl ServiceSet {
    /// No service.
    pub const EMPTY: ServiceSet = ServiceSet(0);

    /// The services that SRM counts as critical under these two settings.
    #[must_use]
    pub fn critical(persistent_chat: bool, monitor_authentication: bool) -> ServiceSet {
        ServiceKind::ALL
            .into_iter()
            .filter(|kind| kind.is_critical(persistent_chat, monitor_authentication))
            .collect()
    }

    /// Whether no service is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `kind` is in the set.
    #[must_use]
    pub const fn contains(self, kind: ServiceKind) -> bool {
        self.0 & (1 << kind.index()) != 0
    }

    /// The set with `kind`.
    #[must_use]
    pub const fn with(self, kind: ServiceKind) -> ServiceSet {
        ServiceSet(self.0 | (1 << kind.index()))
    }

    /// The set without `kind`.
    #[must_use]
    pub const fn without(self, kind: ServiceKind) -> ServiceSet {
        ServiceSet(self.0 & !(1 << kind.index()))
    }

    /// What both sets have.
    #[must_use]
    pub const fn and(self, other: ServiceSet) -> ServiceSet {
        ServiceSet(self.0 & other.0)
    }

    /// The services in the set, in start order.
    pub fn iter(self) -> impl Iterator<Item = ServiceKind> {
        ServiceKind::ALL
            .into_iter()
            .filter(move |kind| self.contains(*kind))
    }

    /// The set as bits, one for each service in start order.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }
}

impl FromIterator<ServiceKind> for ServiceSet {
    fn from_iter<T: IntoIterator<Item = ServiceKind>>(kinds: T) -> Self {
        kinds.into_iter().fold(ServiceSet::EMPTY, ServiceSet::with)
    }
}

impl fmt::Display for ServiceSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.iter().map(ServiceKind::name).collect();
        f.write_str(&names.join(", "))
    }
}

/// What a node knows of its own critical services and database.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Health {
    /// The critical services that are down.
    pub down: ServiceSet,
    /// The one that went down first: its timer counts, the rest are recorded (HA-2).
    pub first_down: Option<ServiceKind>,
    /// Whether it has been down for the whole critical-service delay.
    pub overdue: bool,
    /// Whether the database is down, or not replicated (HA-3, HA-9).
    pub database_down: bool,
}

impl Health {
    /// All services up.
    pub const GOOD: Health = Health {
        down: ServiceSet::EMPTY,
        first_down: None,
        overdue: false,
        database_down: false,
    };

    /// Whether the node could serve users now.
    #[must_use]
    pub const fn is_good(self) -> bool {
        self.down.is_empty() && !self.database_down
    }

    /// Whether the node must give its users away: the database is down, or a critical service has been
    /// down for the delay.
    #[must_use]
    pub const fn is_lost(self) -> bool {
        self.database_down || (self.overdue && !self.down.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTER: ServiceKind = ServiceKind::XcpRouter;
    const PROXY: ServiceKind = ServiceKind::SipProxy;

    /// HA-2: a set holds what was put in, once, and forgets what was taken out.
    #[test]
    fn a_set_of_services_is_a_set() {
        let both: ServiceSet = [ROUTER, PROXY].into_iter().collect();
        assert_eq!(both.with(ROUTER), both);
        assert_eq!(both.without(PROXY), ServiceSet::EMPTY.with(ROUTER));
        assert_eq!(
            both.and(ServiceSet::EMPTY.with(PROXY)),
            both.without(ROUTER)
        );
        assert_eq!(both.and(ServiceSet::EMPTY), ServiceSet::EMPTY);
        assert_eq!(both.bits(), 1 << ROUTER.index() | 1 << PROXY.index());
        assert_eq!(
            both.to_string(),
            format!("{}, {}", ROUTER.name(), PROXY.name())
        );
    }
}
