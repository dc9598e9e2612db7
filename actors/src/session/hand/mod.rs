//! Clients inside the process that hand parsed stanzas over: no octets, no XML, no SASL. From the
//! connection manager's gate down it is the same way as that of a client on a wire: the same limits,
//! the same queue at login, the same places, tickets and farewells. For the largest runs.
//!
//! Most have a task of their own. A *crowd* of them ([`CrowdHand`]) shares one hand, and its sessions at
//! a node share one task, the *line*: what a session costs is then what its place costs.

mod crowd;
mod desk;
mod lane;
mod line;
mod login;
mod seats;
mod session;

use std::sync::Arc;

use takeover_protocols::csi::ClientState;
use takeover_protocols::jid::{BareJid, FullJid};
use takeover_protocols::stanza::{Condition, Stanza};
use takeover_protocols::stream::StreamError;

pub use crowd::{CrowdArrival, CrowdHand, CrowdServer, CrowdWord, Member, crowd_hands};
use lane::Lane;
pub(super) use line::serve;
pub use login::Handed;
pub(super) use login::receive;
pub(super) use seats::Seats;
pub(super) use session::run;

/// What a client hands to its node.
#[derive(Debug)]
pub enum Word {
    /// A stanza; `from` is set for it.
    Stanza(Stanza),
    /// It has handled so many stanzas (XEP-0198).
    Acked(u32),
    /// It tells whether it is in use (XEP-0352).
    State(ClientState),
    /// It makes its inactive session its session (SES-7).
    Activate(Wish),
    /// It logs out.
    LogOut,
}

/// What a node hands to a client.
#[derive(Debug)]
pub enum Told {
    /// Its session is there.
    Bound {
        /// Its address.
        jid: FullJid,
        /// The name to resume the session by.
        previd: Arc<str>,
        /// The session is an earlier one that goes on; so many stanzas of the client were handled
        /// in it.
        resumed: Option<u32>,
    },
    /// Its inactive session is there (SES-7).
    Inactive,
    /// Stanzas, in order.
    Stanzas(Vec<Stanza>),
    /// So many stanzas of the client are handled (XEP-0198).
    Handled(u32),
    /// The session is over.
    Ended(HandEnd),
}

/// Why a node ended a client's session, or gave it none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandEnd {
    /// The user lives at the node with this address (SES-2).
    SeeOtherHost(String),
    /// The stream error that a client on a wire would have been told.
    Error(StreamError),
    /// The login was refused, with the error of the binding.
    Refused(Condition),
    /// There is no such user.
    NoSuchUser,
    /// The client has logged out.
    LoggedOut,
}

/// What a client wants of its session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// A new one.
    New,
    /// An earlier one (XEP-0198, section 5), or a new one where that cannot be resumed.
    Resume {
        /// The name of the earlier session.
        previd: Arc<str>,
        /// Stanzas that the client has handled in it.
        h: u32,
    },
}

/// A client at the door of a node, without a wire.
pub struct HandArrival {
    /// The user; taken at its word, since it lives in this process.
    pub user: BareJid,
    /// The resource that it wants.
    pub resource: String,
    /// What it wants; `None` is an inactive session (SES-7).
    pub wish: Option<Wish>,
    /// The way between the two.
    pub hand: ServerHand,
}

impl HandArrival {
    /// Tells it that there are too many.
    pub(crate) fn turn_away(self) {
        let end = HandEnd::Refused(Condition::ResourceConstraint);
        self.hand.tell(Told::Ended(end));
    }
}

/// The client's end of a hand; its drop is a lost connection.
#[derive(Debug)]
pub struct ClientHand(Arc<Lanes>);

/// The node's end of a hand; its drop is a lost connection.
#[derive(Debug)]
pub struct ServerHand(Arc<Lanes>);

#[derive(Debug, Default)]
struct Lanes {
    up: Lane<Word>,
    down: Lane<Told>,
}

/// Both ends of a hand.
#[must_use]
pub fn hands() -> (ClientHand, ServerHand) {
    let lanes = Arc::<Lanes>::default();
    (ClientHand(lanes.clone()), ServerHand(lanes))
}

impl ClientHand {
    /// Hands a word to the node; false if the connection is lost.
    pub fn say(&self, word: Word) -> bool {
        self.0.up.put(word)
    }

    /// What the node has told.
    #[must_use]
    pub fn told(&self) -> Vec<Told> {
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

impl Drop for ClientHand {
    fn drop(&mut self) {
        self.0.up.end();
        self.0.down.end();
    }
}

impl ServerHand {
    pub(super) fn tell(&self, told: Told) {
        // A client that is gone is noticed by `is_over`.
        let _ = self.0.down.put(told);
    }

    pub(super) fn words(&self) -> Vec<Word> {
        self.0.up.take()
    }

    pub(super) fn is_over(&self) -> bool {
        self.0.up.is_over()
    }

    pub(super) async fn heard(&self) {
        self.0.up.filled().await;
    }
}

impl Drop for ServerHand {
    fn drop(&mut self) {
        self.0.up.end();
        self.0.down.end();
    }
}
