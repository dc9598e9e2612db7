//! A drill as it was read: who takes part, and the steps.

use std::time::Duration;

use serde::Serialize;
use takeover_core::ha::{Action, Reason, State};
use takeover_core::service::ServiceKind;

use super::reader::Reader;
use super::words::Wrong;
use crate::lab::DatabaseFault;

/// A drill.
#[derive(Clone, Debug, PartialEq)]
pub struct Drill {
    /// Its name: that of its file, without the ending.
    pub name: String,
    /// What it shows, in one line.
    pub title: String,
    /// More about it.
    pub about: Vec<String>,
    /// The rows of the state table that it must go through.
    pub shows: Vec<u8>,
    /// The seed of its chance.
    pub seed: u64,
    /// How many pairs there are: 1A/1B, 2A/2B, 3A/3B.
    pub pairs: u8,
    /// Parameters that are not at their defaults.
    pub parameters: Vec<(String, String)>,
    /// The engines that it is carried out on, one after the other.
    pub engines: Vec<Engine>,
    /// Users whose clients begin a new session wherever they log in; the others' take theirs up.
    pub forgetful: Vec<String>,
    /// What is done, in order.
    pub steps: Vec<Line>,
}

impl Drill {
    /// A drill without steps that so many pairs (1 to 3) take part in.
    pub(crate) fn cast(pairs: u8) -> Self {
        Self {
            name: String::new(),
            title: String::new(),
            about: Vec::new(),
            shows: Vec::new(),
            seed: 1,
            pairs,
            parameters: Vec::new(),
            engines: vec![Engine::Own],
            forgetful: Vec::new(),
            steps: Vec::new(),
        }
    }

    /// The deed in these words, done to those who take part.
    pub(crate) fn deed(&self, words: &[&str]) -> Result<Deed, Wrong> {
        Reader { drill: self }.deed(words)
    }

    /// The names of its pairs, each with its nodes.
    #[must_use]
    pub fn groups(&self) -> &'static [(&'static str, [&'static str; 2])] {
        const GROUPS: [(&str, [&str; 2]); 3] = [
            ("pair-1", ["1A", "1B"]),
            ("pair-2", ["2A", "2B"]),
            ("pair-3", ["3A", "3B"]),
        ];
        &GROUPS[..usize::from(self.pairs.clamp(1, 3))]
    }

    /// The names of its nodes.
    #[must_use]
    pub fn nodes(&self) -> Vec<&'static str> {
        self.groups().iter().flat_map(|(_, nodes)| *nodes).collect()
    }
}

/// Where the rooms of a drill's pairs are kept (CHAT-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// In the lab's own store.
    Own,
    /// On a PostgreSQL server, each pair in a schema of its own.
    PostgreSql,
}

impl Engine {
    /// The words for them.
    pub const NAMES: [&'static str; 2] = ["own", "postgresql"];

    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Own => "the lab's own store",
            Self::PostgreSql => "PostgreSQL",
        }
    }
}

/// Who is at home on which node in a drill.
pub const PEOPLE: [(&str, &str); 6] = [
    ("andy", "1A"),
    ("bob", "1B"),
    ("catherine", "2A"),
    ("deborah", "2B"),
    ("edward", "3A"),
    ("fiona", "3B"),
];

/// A step and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The number of its line in the file, from 1.
    pub number: usize,
    /// As it was written.
    pub text: String,
    /// What it means.
    pub step: Step,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Lets protocol time pass.
    Wait(Duration),
    /// Does something, which must be accepted.
    Do(Deed),
    /// People do something in the room of a node.
    Talk(Talk),
    /// Does something, which must be refused (HA-11).
    Refused(Deed),
    /// Something is so, now or within this time.
    Expect(Claim, Duration),
    /// The first pair is in a row, or was since the last thing that was done, or will be within this
    /// time: for rows that are passed through.
    See(u8, Duration),
    /// Something is so, and stays so for this time.
    Stay(Claim, Duration),
}

/// What people do in the room `lunch` that stands under the conference alias of a node (CHAT-1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Talk {
    /// A user enters the room of the node.
    Enter(String, String),
    /// A user says these words in the room of the node.
    Post(String, String, String),
    /// A user says something in the room of the node, and to another one, this often.
    Talk(String, String, Duration),
    /// A user falls silent.
    Hush(String),
}

/// Something that is done.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// An administrator's action on a node.
    OnNode(Action, String),
    /// An administrator's action on the first pair, or on the pair named.
    OnPair(Action, String),
    /// Something is done to a service of a node.
    Service(ServiceDeed, ServiceKind, String),
    /// Something is done to a node's power.
    Power(PowerDeed, String),
    /// Something is done to the link between two nodes.
    Link(LinkDeed, String, String),
    /// The moves of users that a node orders fail, hang, or go on.
    Moves(MovesDeed, String),
    /// The replication of a node's database is broken (`false`) or mended.
    Replication(bool, String),
    /// Something befalls the database of a pair's rooms.
    Database(DatabaseFault, String),
    /// The name service goes down (`true`) or comes back, for one node or for all.
    Dns(bool, Option<String>),
    /// A node's clock gains so many parts per million; a negative number loses.
    Drift(String, i32),
    /// What runs on a node has its turn this much later.
    Lag(String, Duration),
    /// The clients at a node lose their connections.
    DropClients(String),
    /// A user logs in.
    LogIn(String),
    /// A user logs out.
    LogOut(String),
}

/// What is done to a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceDeed {
    /// An administrator starts it.
    Start,
    /// An administrator stops it, and what needs it.
    Stop,
    /// An administrator restarts it.
    Restart,
    /// It is killed.
    Kill,
    /// It panics.
    Panic,
    /// It fails with a cause.
    Fail,
    /// From now on it refuses to start.
    Spoil,
    /// It starts again when asked to.
    Mend,
    /// From now on it takes this long to start.
    Slow(Duration),
}

/// What is done to a node's power (SVC-5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerDeed {
    /// It is switched on.
    On,
    /// It is shut down in order.
    Off,
    /// It is cut.
    Cut,
    /// The node is shut down in order and switched on again.
    Reboot,
    /// Its process is killed, and its supervisor starts it anew on the spot.
    Crash,
}

/// What is done to a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkDeed {
    /// Nothing gets through, either way.
    Cut,
    /// Nothing gets through from the first node to the second.
    CutOneWay,
    /// All is well again.
    Heal,
    /// A firewall blocks this port, either way.
    Block(u16),
    /// The round trip takes this long.
    Delay(Duration),
    /// So many of a hundred packets are lost; streams send them again.
    Lose(u8),
    /// So many of a hundred datagrams arrive twice.
    Double(u8),
    /// Datagrams are late by up to this, so that they overtake each other.
    Shuffle(Duration),
    /// Everything waits on the way.
    Hold,
    /// What was held arrives.
    Release,
}

/// What is done to the moves of users that a node orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MovesDeed {
    /// They fail.
    Fail,
    /// They do not begin.
    Hold,
    /// They go on.
    Free,
}

/// Something that can be so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The first pair is in this row; `pair` names the pair.
    Row {
        /// The pair.
        pair: String,
        /// The row.
        row: u8,
    },
    /// A node is in this state, for this reason if one is given.
    Node {
        /// The node.
        node: String,
        /// The state.
        state: State,
        /// The reason.
        reason: Option<Reason>,
    },
    /// The SRM of a node does not answer.
    Unreachable(String),
    /// A user is logged in, at this node if one is given.
    Online(String, Option<String>),
    /// A user is not logged in.
    Offline(String),
    /// SRM has raised this alarm since the last thing that was done.
    Alarm(String),
    /// SRM has not raised this alarm since the last thing that was done.
    NoAlarm(String),
    /// A user is in the room of a node.
    Inside(String, String),
    /// A user is in the room of a node, and never had to leave it (CHAT-8).
    Stayed(String, String),
    /// A user was told these words as they were said.
    Heard(String, String),
    /// A user was told these words out of a room's history.
    Recalled(String, String),
    /// The rooms of the first node are hosted by the second (CHAT-10).
    Hosted(String, String),
    /// Nothing acknowledged is lost, doubled or reordered; what was shown in the room of the node is
    /// stored, each once (CHAT-10).
    NothingLost(String),
}
