//! What the clients of a node may do.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use takeover_core::id::NodeId;
use takeover_protocols::stream::{C2sConfig, Layer, Tls};

use crate::plane::{Plane, User};
use crate::wire::{Arrival, Security};

/// Limits and times of a node's clients.
#[derive(Clone, Debug)]
pub struct SessionSettings {
    /// How streams are negotiated; what protects a wire is decided for each arrival.
    pub c2s: C2sConfig,
    /// Connections that may be at login at once.
    pub unauthenticated: usize,
    /// How long a session with stream management waits for its client after a lost connection,
    /// in protocol time (XEP-0198, `max`).
    pub resume: Duration,
    /// How long sessions wait after their node was lost: above *Client re-login upper limit*
    /// (SES-5).
    pub relogin: Duration,
    /// How long a client that is told to go has to take what is queued for it.
    pub farewell: Duration,
    /// How long a connection manager that stops waits for clients that do not go when they are told to; `None`:
    /// as long as they are given anyway, to take what is queued for them and to end their streams.
    pub drain: Option<Duration>,
    /// How long a login waits for a user who is between two nodes.
    pub moving: Duration,
    /// After so long without an octet a client is asked whether it is there, and given as long
    /// again to answer: connections that are open on one side only come to an end.
    pub idle: Duration,
    /// Stanzas that are taken from one client in a second; what comes faster waits.
    pub rate: u32,
    /// Whether clients are offered inactive sessions (SES-7).
    pub dual: Dual,
    /// Logins that a node serves in a second (SES-6); more of them wait, for as long as a login may
    /// take. `None`: as many as come.
    pub logins_per_second: Option<f64>,
}

impl SessionSettings {
    /// The defaults: 20 000 logins at once, 5 min to resume, 10 min to log in again.
    #[must_use]
    pub fn new(c2s: C2sConfig) -> Self {
        Self {
            c2s,
            unauthenticated: 20_000,
            resume: Duration::from_secs(300),
            relogin: Duration::from_secs(600),
            farewell: Duration::from_secs(5),
            drain: None,
            moving: Duration::from_secs(10),
            idle: Duration::from_secs(300),
            rate: 100_000,
            dual: Dual::off(),
            logins_per_second: None,
        }
    }
}

/// Whether the clients of a node are offered inactive sessions (SES-7). Asked each time, since high
/// availability can be switched on and off.
#[derive(Clone)]
pub struct Dual(Option<Arc<dyn Fn(NodeId) -> bool + Send + Sync>>);

impl Dual {
    /// Nowhere.
    #[must_use]
    pub fn off() -> Self {
        Self(None)
    }

    /// At the nodes that `offered` says.
    #[must_use]
    pub fn at(offered: impl Fn(NodeId) -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(offered)))
    }

    /// Whether it is offered at this node now.
    #[must_use]
    pub fn is_offered(&self, node: NodeId) -> bool {
        self.0.as_ref().is_some_and(|offered| offered(node))
    }
}

impl fmt::Debug for Dual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Dual").field(&self.0.is_some()).finish()
    }
}

/// Where the actors of this module work: a node of a plane, and its settings.
#[derive(Clone)]
pub struct Site {
    /// The data plane.
    pub plane: Arc<Plane>,
    /// The node.
    pub node: NodeId,
    /// What its clients may do.
    pub settings: Arc<SessionSettings>,
    configs: [Arc<C2sConfig>; 3],
}

impl Site {
    /// A site.
    #[must_use]
    pub fn new(plane: Arc<Plane>, node: NodeId, settings: SessionSettings) -> Self {
        let variant = |tls, allow_plaintext| {
            Arc::new(C2sConfig {
                tls,
                allow_plaintext,
                ..settings.c2s.clone()
            })
        };
        let configs = [
            variant(Tls::Absent, settings.c2s.allow_plaintext),
            variant(Tls::Required, false),
            variant(Tls::Optional, true),
        ];
        Self {
            plane,
            node,
            settings: Arc::new(settings),
            configs,
        }
    }

    /// Whether inactive sessions are offered here now (SES-7).
    pub(super) fn is_dual(&self) -> bool {
        self.settings.dual.is_offered(self.node)
    }

    /// Whether clients of this user may have inactive sessions here now (SES-7).
    pub(super) fn stands_by(&self, user: &User) -> bool {
        self.is_dual() && self.plane.stands_by(self.node, user)
    }

    /// What every log line of a connection carries: the node, and the session, which is the full JID
    /// of a client that is bound, and before that where it comes from.
    pub(super) fn span(&self, session: &str) -> tracing::Span {
        let node = &self.plane.node(self.node).spec.name;
        tracing::info_span!("session", %node, %session)
    }

    /// How the stream of an arrival is negotiated.
    pub(super) fn config(&self, arrival: &Arrival) -> (Arc<C2sConfig>, Layer) {
        let [absent, required, optional] = &self.configs;
        match (arrival.security, arrival.upgrade.is_some()) {
            (Security::Tls, _) => (absent.clone(), Layer::Secure),
            (Security::Plain, true) => (required.clone(), Layer::Plain),
            (Security::PlainAllowed, true) => (optional.clone(), Layer::Plain),
            (Security::Plain, false) => (absent.clone(), Layer::Plain),
            (Security::PlainAllowed, false) => {
                let open = C2sConfig {
                    allow_plaintext: true,
                    ..C2sConfig::clone(absent)
                };
                (Arc::new(open), Layer::Plain)
            }
        }
    }
}
