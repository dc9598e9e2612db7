//! The push gateway of a lab: what stands for the push services of the makers of telephones. It belongs
//! to no node, and remembers what it was told.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::Mutex;
use takeover_core::id::NodeId;
use takeover_core::sync::Claim;
use takeover_core::time::Moment;
use takeover_protocols::jid::{FullJid, Jid};
use takeover_protocols::push::{self, Content, Summary};
use takeover_protocols::stanza::{Condition, StanzaKind};

use super::Plane;
use super::parcel::Parcel;
use super::route::{Left, finished};

/// Pushes that are remembered; of more, the oldest are forgotten.
const KEPT: usize = 100_000;

/// What is done for clients that are away (SES-10).
#[derive(Clone, Copy, Debug)]
pub struct PushRules {
    /// How long their sessions wait for them.
    pub keep: Duration,
    /// What a push tells.
    pub content: Content,
    /// Sessions that a node composes in a minute, after their users have come to it.
    pub composed_per_minute: u32,
}

impl Default for PushRules {
    /// A week; only how many messages there are; 15 000 sessions in a quarter of an hour.
    fn default() -> Self {
        Self {
            keep: Duration::from_secs(7 * 24 * 3600),
            content: Content::Count,
            composed_per_minute: 1000,
        }
    }
}

/// A push that has reached the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// When.
    pub at: Moment,
    /// Which node sent it.
    pub by: NodeId,
    /// For whom: the user's bare address.
    pub user: Jid,
    /// The device, as its client has named it.
    pub device: String,
    /// What it says.
    pub summary: Summary,
}

/// A message that was lost unread with the node that kept it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadLost {
    /// For whom it was.
    pub jid: FullJid,
    /// Its id; empty where it had none.
    pub id: String,
}

/// The gateway, and the account of what never came to be read.
#[derive(Debug)]
pub(super) struct Gateway {
    address: String,
    pushed: Mutex<VecDeque<Pushed>>,
    lost: Mutex<Vec<UnreadLost>>,
}

impl Gateway {
    /// The gateway of a deployment with these domains.
    pub(super) fn of(domains: &[String]) -> Self {
        let domain = domains.first().map_or("", String::as_str);
        Self {
            address: format!("push.{domain}"),
            pushed: Mutex::default(),
            lost: Mutex::default(),
        }
    }

    /// Where it is reached.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Writes down what was lost.
    pub(super) fn lose(&self, jid: &FullJid, ids: &[String]) {
        let lost = ids.iter().map(|id| UnreadLost {
            jid: jid.clone(),
            id: id.clone(),
        });
        self.lost.lock().extend(lost);
    }
}

impl Plane {
    /// The address of the push gateway (XEP-0357).
    #[must_use]
    pub fn push_gateway(&self) -> &str {
        self.gateway.address()
    }

    /// What the push gateway was told, oldest first.
    #[must_use]
    pub fn pushed(&self) -> Vec<Pushed> {
        self.gateway.pushed.lock().iter().cloned().collect()
    }

    /// The messages that were lost unread with the node that kept them (SES-10), after the first
    /// `known`.
    #[must_use]
    pub fn unread_lost(&self, known: usize) -> Vec<UnreadLost> {
        let lost = self.gateway.lost.lock();
        lost.get(known..).unwrap_or_default().to_vec()
    }

    /// A parcel for the gateway.
    pub(super) fn at_gateway(&self, at: NodeId, parcel: Parcel) -> Left {
        let parcel = match parcel.claim() {
            Claim::Go(parcel) => parcel,
            Claim::Parked | Claim::Stale(_) => return Left::new(),
        };
        let told = push::read(&parcel.stanza).zip(parcel.stanza.from.clone());
        let Some(((device, summary), user)) = told else {
            return match parcel.stanza.kind {
                StanzaKind::Iq(_) | StanzaKind::Message(_) => {
                    self.bounce(parcel, Condition::ServiceUnavailable)
                }
                StanzaKind::Presence(_) => finished(parcel.origin),
            };
        };
        let mut pushed = self.gateway.pushed.lock();
        if pushed.len() >= KEPT {
            pushed.pop_front();
        }
        pushed.push_back(Pushed {
            at: self.world.now(),
            by: at,
            user,
            device,
            summary,
        });
        drop(pushed);
        let mut left = finished(parcel.origin);
        left.push(Parcel::of(parcel.stanza.result()));
        left
    }
}
