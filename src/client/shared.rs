//! What a client's session and those who watch it both see.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use parking_lot::Mutex;
use takeover_actors::rt::{ChildExited, Exit, World};
use takeover_core::time::Moment;
use takeover_protocols::jid::{BareJid, FullJid, Jid};
use takeover_protocols::stanza::Stanza;

use super::{Away, Oracle};

/// Where a client stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientState {
    /// It has not been told to log in, or has logged out.
    Idle,
    /// It opens a connection and logs in.
    Connecting {
        /// Where.
        place: String,
    },
    /// It is logged in.
    Online {
        /// Where.
        place: String,
        /// Its full JID.
        jid: FullJid,
        /// Whether its earlier session went on (XEP-0198).
        resumed: bool,
    },
    /// It has lost its node and waits.
    Waiting {
        /// Until when.
        until: Moment,
        /// What it lost its node by.
        why: String,
    },
    /// It is on a telephone, away without having left (SES-10).
    Away {
        /// In the background or suspended.
        how: Away,
    },
    /// It was turned away and stays away.
    Refused {
        /// What it was told.
        why: String,
    },
}

impl fmt::Display for ClientState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Idle => f.write_str("logged out"),
            Self::Connecting { place } => write!(f, "connecting to {place}"),
            Self::Online {
                place,
                resumed: false,
                ..
            } => write!(f, "logged in at {place}"),
            Self::Online {
                place,
                resumed: true,
                ..
            } => write!(f, "resumed at {place}"),
            Self::Away {
                how: Away::Background,
            } => f.write_str("in the background"),
            Self::Away {
                how: Away::Suspended,
            } => f.write_str("suspended"),
            Self::Waiting { until, .. } => write!(f, "waiting until {until}"),
            Self::Refused { why } => write!(f, "turned away: {why}"),
        }
    }
}

/// A message that a client received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// When it arrived.
    pub at: Moment,
    /// Who sent it; in a room, the room with the sender's nickname.
    pub from: Option<Jid>,
    /// Its id, where it has one.
    pub id: Option<String>,
    /// Its words.
    pub body: String,
    /// Whether it carries a delay (XEP-0203): from the offline store or a room's history.
    pub delayed: bool,
}

/// Something in a client's life, for timelines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// It stands elsewhere now.
    State(ClientState),
    /// The stream ended.
    StreamEnded {
        /// Why, in the words of the stream's end.
        why: String,
    },
    /// It entered a room.
    Entered {
        /// The room.
        room: BareJid,
    },
    /// It is no longer in a room.
    Left {
        /// The room.
        room: BareJid,
        /// Why, as the room's stanza said.
        why: String,
    },
    /// Something it asked for came back as an error.
    Error {
        /// What the error said.
        what: String,
    },
}

/// A note and its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// When.
    pub at: Moment,
    /// What.
    pub note: Note,
}

/// A room as a client sees it.
#[derive(Debug, Clone, Default)]
pub(super) struct RoomView {
    pub(super) nick: String,
    pub(super) inside: bool,
    pub(super) occupants: BTreeSet<String>,
}

/// How many received messages a client keeps; older ones are forgotten (the oracle knows them).
const KEPT_MESSAGES: usize = 100_000;

pub(super) struct View {
    pub(super) state: ClientState,
    pub(super) received: VecDeque<Received>,
    pub(super) notes: Vec<Noted>,
    pub(super) sent: Vec<Moment>,
    pub(super) rooms: BTreeMap<BareJid, RoomView>,
    /// The resources known to be available, by their users.
    pub(super) available: BTreeMap<BareJid, BTreeSet<Jid>>,
    pub(super) answers: BTreeMap<String, Stanza>,
    /// Where it has an inactive session (SES-7).
    pub(super) inactive_at: Option<String>,
}

pub(super) struct Shared {
    pub(super) name: String,
    pub(super) world: World,
    pub(super) oracle: Arc<Mutex<Oracle>>,
    pub(super) view: Mutex<View>,
    /// Stanzas of the present session that the server has not acknowledged.
    pub(super) unacknowledged: AtomicUsize,
}

impl Shared {
    pub(super) fn new(name: String, world: World, oracle: Arc<Mutex<Oracle>>) -> Arc<Self> {
        oracle.lock().know(&name);
        let view = View {
            state: ClientState::Idle,
            received: VecDeque::new(),
            notes: Vec::new(),
            sent: Vec::new(),
            rooms: BTreeMap::new(),
            available: BTreeMap::new(),
            answers: BTreeMap::new(),
            inactive_at: None,
        };
        Arc::new(Self {
            name,
            world,
            oracle,
            view: Mutex::new(view),
            unacknowledged: AtomicUsize::new(0),
        })
    }

    pub(super) fn now(&self) -> Moment {
        self.world.now()
    }

    pub(super) fn note(&self, note: Note) {
        let noted = Noted {
            at: self.now(),
            note,
        };
        self.view.lock().notes.push(noted);
    }

    pub(super) fn turn(&self, state: ClientState) {
        let mut view = self.view.lock();
        if view.state != state {
            view.state = state.clone();
            view.notes.push(Noted {
                at: self.now(),
                note: Note::State(state),
            });
        }
    }

    pub(super) fn receive(&self, message: Received) {
        let mut view = self.view.lock();
        if view.received.len() >= KEPT_MESSAGES {
            view.received.pop_front();
        }
        view.received.push_back(message);
    }

    /// The client's program has ended. Only a panic or a kill is worth a word.
    pub(super) fn ended(&self, exit: &ChildExited) {
        if exit.exit == Exit::Stopped {
            return;
        }
        let why = format!("the client's {} ended: {}", exit.kind, exit.exit);
        self.note(Note::Error { what: why.clone() });
        self.forget_session();
        self.turn(ClientState::Refused { why });
    }

    /// Ends the session's view of rooms and contacts.
    pub(super) fn forget_session(&self) {
        let mut view = self.view.lock();
        view.available.clear();
        for room in view.rooms.values_mut() {
            room.inside = false;
            room.occupants.clear();
        }
    }
}

impl View {
    /// The time without a session between the first login and `until`.
    pub(super) fn downtime(&self, until: Moment) -> Duration {
        let mut total = Duration::ZERO;
        let mut down_since: Option<Moment> = None;
        let mut has_been_online = false;
        for noted in &self.notes {
            let Note::State(state) = &noted.note else {
                continue;
            };
            if matches!(state, ClientState::Online { .. }) {
                has_been_online = true;
                if let Some(since) = down_since.take() {
                    total += noted.at.saturating_since(since);
                }
            } else if has_been_online && down_since.is_none() {
                down_since = Some(noted.at);
            }
        }
        total + down_since.map_or(Duration::ZERO, |since| until.saturating_since(since))
    }
}
