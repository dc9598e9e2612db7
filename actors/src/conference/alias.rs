//! A conference alias: the domain of a node's rooms, and who hosts it now (CHAT-1, CHAT-10).

use std::fmt;
use std::sync::Arc;

use takeover_core::id::NodeId;
use takeover_core::sync::{Ownership, Slot};

use crate::plane::Parcel;
type Offer = dyn Fn(Parcel) -> Result<(), Parcel> + Send + Sync;

/// Takes the parcels for the rooms of an alias, in order.
#[derive(Clone)]
pub struct Inbox(Arc<Offer>);

impl Inbox {
    /// An inbox that hands each parcel to `take`, which gives back what it cannot take.
    pub fn new(take: impl Fn(Parcel) -> Result<(), Parcel> + Send + Sync + 'static) -> Self {
        Self(Arc::new(take))
    }

    /// Puts a claimed parcel in.
    ///
    /// # Errors
    /// The parcel, where the manager is gone or has too much to do.
    pub fn offer(&self, parcel: Parcel) -> Result<(), Parcel> {
        (self.0)(parcel)
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inbox")
    }
}

/// The rooms' domain of a node. It belongs to the pair's soft state: after the node's death it is
/// found, and taken, by its peer.
#[derive(Debug)]
pub struct Alias {
    domain: String,
    home: NodeId,
    /// Who hosts the rooms, and where their stanzas go.
    pub slot: Slot<AliasState, Parcel>,
}

/// What is behind the gate of an alias.
#[derive(Debug, Default)]
pub struct AliasState {
    /// The manager that hosts the rooms; nothing while none runs.
    pub inbox: Option<Inbox>,
}

impl Alias {
    /// An alias of its home node, where no manager runs yet.
    #[must_use]
    pub fn new(domain: &str, home: NodeId) -> Self {
        let slot = Slot::new(Ownership::new(home, 0), AliasState::default());
        Self {
            domain: domain.to_owned(),
            home,
            slot,
        }
    }

    /// The domain, such as `conference-1-cluster.example.com`.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The node whose alias this is.
    #[must_use]
    pub fn home(&self) -> NodeId {
        self.home
    }
}
