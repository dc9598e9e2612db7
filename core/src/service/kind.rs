//! The seventeen services of a node.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A service of a node, in the order in which a node starts them (SVC-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceKind {
    /// The node's database (IDS). Its failure is the failover cause *Database Failure*.
    Database,
    /// The presence datastore, the group's soft-state store (IMDB).
    PresenceDatastore,
    /// The store of routes: who is reached through which node.
    RouteDatastore,
    /// The XCP router: all messaging and availability of the node flows through it.
    XcpRouter,
    /// Profiles and configuration for clients.
    ClientProfileAgent,
    /// Takes users from the directory; the publisher's one does the work.
    SyncAgent,
    /// Exchanges users and certificates with peer clusters (ICSA).
    InterclusterSyncAgent,
    /// The Server Recovery Manager: watches the critical services and the peer.
    Srm,
    /// The SIP proxy.
    SipProxy,
    /// Composes one presence per user from all its sources.
    PresenceEngine,
    /// Serves XMPP clients.
    XcpConnectionManager,
    /// Serves BOSH clients.
    XcpWebConnectionManager,
    /// Checks credentials of XMPP clients.
    XcpAuthentication,
    /// The Text Conference manager (TC): rooms.
    TextConference,
    /// Files sent through the server.
    XcpFileTransfer,
    /// Federation with other XMPP servers.
    XmppFederation,
    /// The AXL web service, needed for peering.
    Axl,
}

/// Which of the two families of an administrator's console (or the platform) a service belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Comes with the platform.
    Platform,
    /// Starts with the node.
    Network,
    /// Runs once it is activated.
    Feature,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Family::Platform => "platform",
            Family::Network => "network",
            Family::Feature => "feature",
        })
    }
}

/// What the failure of a service means to SRM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Criticality {
    /// Down for the critical-service delay: the node fails over (HA-2).
    Critical,
    /// Its failure is the failover cause *Database Failure* (HA-3).
    Database,
    /// It is the watcher: without it the peer sees *Peer Down*.
    Watcher,
    /// Critical only where *Enable XCP Authentication Service Monitoring* is on.
    WhereMonitored,
    /// Critical only where persistent chat is enabled (CHAT-7).
    WithPersistentChat,
    /// Its failure moves nobody.
    NotCritical,
}

use ServiceKind as K;

/// Every service with its display name and its short name, in start order.
const NAMES: [(K, &str, &str); 17] = [
    (K::Database, "Database (IDS)", "database"),
    (
        K::PresenceDatastore,
        "Presence datastore / soft-state store (IMDB)",
        "presence-datastore",
    ),
    (K::RouteDatastore, "Route datastore", "route-datastore"),
    (K::XcpRouter, "XCP Router", "xcp-router"),
    (
        K::ClientProfileAgent,
        "Client Profile Agent",
        "client-profile-agent",
    ),
    (K::SyncAgent, "Sync Agent", "sync-agent"),
    (
        K::InterclusterSyncAgent,
        "Intercluster Sync Agent (ICSA)",
        "icsa",
    ),
    (K::Srm, "Server Recovery Manager (SRM)", "srm"),
    (K::SipProxy, "SIP Proxy", "sip-proxy"),
    (K::PresenceEngine, "Presence Engine", "presence-engine"),
    (
        K::XcpConnectionManager,
        "XCP Connection Manager",
        "xcp-connection-manager",
    ),
    (
        K::XcpWebConnectionManager,
        "XCP Web Connection Manager",
        "xcp-web-connection-manager",
    ),
    (
        K::XcpAuthentication,
        "XCP Authentication Service",
        "xcp-auth",
    ),
    (K::TextConference, "XCP Text Conference Manager (TC)", "tc"),
    (
        K::XcpFileTransfer,
        "XCP File Transfer Manager",
        "xcp-file-transfer",
    ),
    (
        K::XmppFederation,
        "XCP XMPP Federation Connection Manager",
        "xmpp-federation",
    ),
    (K::Axl, "AXL Web Service", "axl"),
];

impl ServiceKind {
    /// Every service, in start order.
    pub const ALL: [ServiceKind; 17] = {
        let mut all = [K::Database; 17];
        let mut i = 0;
        while i < all.len() {
            all[i] = NAMES[i].0;
            i += 1;
        }
        all
    };

    /// The name as an administrator reads it (chapter 1).
    #[must_use]
    pub const fn name(self) -> &'static str {
        NAMES[self as usize].1
    }

    /// The short name that commands and files use, such as `tc` or `xcp-router`.
    #[must_use]
    pub const fn short_name(self) -> &'static str {
        NAMES[self as usize].2
    }

    /// The place in the start order, from 0: a bit position in a set of services.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The family the service is listed under.
    #[must_use]
    pub const fn family(self) -> Family {
        match self {
            K::Database => Family::Platform,
            K::PresenceDatastore
            | K::RouteDatastore
            | K::XcpRouter
            | K::ClientProfileAgent
            | K::SyncAgent
            | K::InterclusterSyncAgent
            | K::Srm => Family::Network,
            K::SipProxy
            | K::PresenceEngine
            | K::XcpConnectionManager
            | K::XcpWebConnectionManager
            | K::XcpAuthentication
            | K::TextConference
            | K::XcpFileTransfer
            | K::XmppFederation
            | K::Axl => Family::Feature,
        }
    }

    /// What the failure of the service means to SRM.
    #[must_use]
    pub const fn criticality(self) -> Criticality {
        match self {
            K::Database => Criticality::Database,
            K::PresenceDatastore
            | K::RouteDatastore
            | K::XcpRouter
            | K::SipProxy
            | K::PresenceEngine => Criticality::Critical,
            K::Srm => Criticality::Watcher,
            K::XcpAuthentication => Criticality::WhereMonitored,
            K::TextConference => Criticality::WithPersistentChat,
            K::ClientProfileAgent
            | K::SyncAgent
            | K::InterclusterSyncAgent
            | K::XcpConnectionManager
            | K::XcpWebConnectionManager
            | K::XcpFileTransfer
            | K::XmppFederation
            | K::Axl => Criticality::NotCritical,
        }
    }

    /// Whether SRM counts the service as critical under these two settings. The database is not among
    /// them: its failure has a cause and a way of its own (HA-3).
    #[must_use]
    pub const fn is_critical(self, persistent_chat: bool, monitor_authentication: bool) -> bool {
        match self.criticality() {
            Criticality::Critical => true,
            Criticality::WhereMonitored => monitor_authentication,
            Criticality::WithPersistentChat => persistent_chat,
            Criticality::Database | Criticality::Watcher | Criticality::NotCritical => false,
        }
    }

    /// Whether the service is one of the XCP services that live on the router: they stop with it and
    /// restart with it (SVC-2).
    #[must_use]
    pub const fn is_xcp(self) -> bool {
        match self {
            K::XcpConnectionManager
            | K::XcpWebConnectionManager
            | K::XcpAuthentication
            | K::TextConference
            | K::XcpFileTransfer
            | K::XmppFederation => true,
            K::Database
            | K::PresenceDatastore
            | K::RouteDatastore
            | K::XcpRouter
            | K::ClientProfileAgent
            | K::SyncAgent
            | K::InterclusterSyncAgent
            | K::Srm
            | K::SipProxy
            | K::PresenceEngine
            | K::Axl => false,
        }
    }

    /// What must run for this service to be started. The database is no dependency: the node goes on
    /// without it until SRM acts (HA-3).
    #[must_use]
    pub const fn dependencies(self) -> &'static [ServiceKind] {
        match self {
            K::Database
            | K::PresenceDatastore
            | K::RouteDatastore
            | K::ClientProfileAgent
            | K::SyncAgent
            | K::InterclusterSyncAgent
            | K::Srm
            | K::Axl => &[],
            K::XcpRouter => &[K::PresenceDatastore, K::RouteDatastore],
            K::SipProxy | K::PresenceEngine => &[K::PresenceDatastore],
            K::XcpConnectionManager
            | K::XcpWebConnectionManager
            | K::XcpAuthentication
            | K::TextConference
            | K::XcpFileTransfer
            | K::XmppFederation => &[K::XcpRouter],
        }
    }
}

impl fmt::Display for ServiceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// No service has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no service is called {name:?}; services are {}", short_names())]
pub struct UnknownService {
    /// What was asked for.
    pub name: String,
}

fn short_names() -> String {
    NAMES
        .iter()
        .map(|(_, _, short)| *short)
        .collect::<Vec<_>>()
        .join(", ")
}

/// What the vendor's names begin with.
const VENDOR: &str = "Cisco ";

impl FromStr for ServiceKind {
    type Err = UnknownService;

    /// Reads a short name or a display name, in any case. The vendor's own name before it, and the
    /// abbreviation in brackets behind it, may be there or not: `Cisco XCP Text Conference Manager`.
    fn from_str(text: &str) -> Result<Self, UnknownService> {
        let typed = text.trim();
        let wanted = match typed.split_at_checked(VENDOR.len()) {
            Some((vendor, rest)) if vendor.eq_ignore_ascii_case(VENDOR) => rest.trim_start(),
            Some(_) | None => typed,
        };
        let bare = |name: &'static str| name.split_once(" (").map_or(name, |(bare, _)| bare);
        NAMES
            .iter()
            .find(|(_, name, short)| {
                [name, short, bare(name)]
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(wanted))
            })
            .map(|(kind, _, _)| *kind)
            .ok_or_else(|| UnknownService {
                name: text.to_owned(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SVC-2: the start order respects what each service needs, and names lead back to services.
    #[test]
    fn start_order_respects_dependencies() {
        for (place, kind) in ServiceKind::ALL.into_iter().enumerate() {
            assert_eq!(kind.index(), place);
            assert_eq!(kind.name().parse(), Ok(kind));
            assert_eq!(kind.short_name().to_uppercase().parse(), Ok(kind));
            assert_eq!(format!("cisco {}", kind.name()).parse(), Ok(kind));
            for needed in kind.dependencies() {
                assert!(needed.index() < place, "{kind} starts before {needed}");
            }
            assert_eq!(kind.is_xcp(), kind.dependencies() == [K::XcpRouter]);
        }
    }

    /// Chapter 1, the table of services: which are critical, and when.
    #[test]
    fn critical_services_follow_the_settings() {
        let critical = |chat, auth| {
            ServiceKind::ALL
                .into_iter()
                .filter(|k| k.is_critical(chat, auth))
                .collect::<Vec<_>>()
        };
        let always = [
            K::PresenceDatastore,
            K::RouteDatastore,
            K::XcpRouter,
            K::SipProxy,
            K::PresenceEngine,
        ];
        assert_eq!(critical(false, false), always);
        assert!(critical(true, false).contains(&K::TextConference));
        assert!(!critical(true, false).contains(&K::XcpAuthentication));
        assert!(critical(false, true).contains(&K::XcpAuthentication));
    }

    #[test]
    fn an_unknown_service_is_refused_with_the_list() {
        let error = "ldap".parse::<ServiceKind>().unwrap_err().to_string();
        assert!(
            error.contains("\"ldap\"") && error.contains("xcp-router"),
            "{error}"
        );
    }
}
