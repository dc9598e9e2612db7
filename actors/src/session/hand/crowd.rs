//! A crowd: many clients inside the process that share one hand to a node. Each word says whose it
//! is; all else is as for a client with a hand of its own.

use std::sync::Arc;

use takeover_protocols::jid::ResourcePart;

use super::lane::Lane;
use super::{HandEnd, Told, Wish, Word};

/// The number of a client in its crowd; numbers are dense, from 0.
pub type Member = u32;

/// What a client of a crowd hands to its node.
#[derive(Debug)]
pub enum CrowdWord {
    /// It comes to the door.
    LogIn {
        /// Bare address of its user; taken at its word, since it lives in this process.
        user: String,
        /// What it wants.
        wish: Wish,
    },
    /// What it says in its session.
    Say(Word),
}

/// A crowd at the door of a node.
pub struct CrowdArrival {
    /// The resource that all its clients want.
    pub resource: ResourcePart,
    /// The way between the two.
    pub hand: CrowdServer,
}

/// The crowd's end of a hand; its drop is a lost connection of all its clients.
#[derive(Debug)]
pub struct CrowdHand(Arc<Lanes>);

/// The node's end of a crowd's hand; its drop is a lost connection of all.
#[derive(Debug)]
pub struct CrowdServer(Arc<Lanes>);

#[derive(Debug, Default)]
struct Lanes {
    up: Lane<(Member, CrowdWord)>,
    down: Lane<(Member, Told)>,
}

/// Both ends of a crowd's hand.
#[must_use]
pub fn crowd_hands() -> (CrowdHand, CrowdServer) {
    let lanes = Arc::<Lanes>::default();
    (CrowdHand(lanes.clone()), CrowdServer(lanes))
}

impl CrowdHand {
    /// Hands a word of a client to the node; false if the connection is lost.
    pub fn say(&self, whose: Member, word: CrowdWord) -> bool {
        self.0.up.put((whose, word))
    }

    /// What the node has told, and whom.
    #[must_use]
    pub fn told(&self) -> Vec<(Member, Told)> {
        self.0.down.take()
    }

    /// Whether the node's end is gone and all that it told is taken.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.0.down.is_over()
    }

    /// Completes when the node has told something, or its end is gone.
    pub async fn heard(&self) {
        self.0.down.filled().await;
    }
}

impl Drop for CrowdHand {
    fn drop(&mut self) {
        self.0.up.end();
        self.0.down.end();
    }
}

impl CrowdServer {
    pub(super) fn tell(&self, whom: Member, told: Told) {
        // A crowd that is gone is noticed by `is_over`.
        let _ = self.0.down.put((whom, told));
    }

    pub(super) fn refuse(&self, whom: Member, end: HandEnd) {
        self.tell(whom, Told::Ended(end));
    }

    pub(super) fn words(&self) -> Vec<(Member, CrowdWord)> {
        self.0.up.take()
    }

    pub(super) fn is_over(&self) -> bool {
        self.0.up.is_over()
    }

    pub(super) async fn heard(&self) {
        self.0.up.filled().await;
    }
}

impl Drop for CrowdServer {
    fn drop(&mut self) {
        self.0.up.end();
        self.0.down.end();
    }
}
