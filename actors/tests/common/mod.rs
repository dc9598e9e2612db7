//! A small lab for the tests of the control plane: a rack of nodes in virtual time.
#![allow(dead_code, reason = "each test file uses its part")]

use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use takeover_actors::board::Board;
use takeover_actors::gate::Gates;
use takeover_actors::node::{self, NodeMsg, ServiceAction, ServiceFault};
use takeover_actors::node_record::MemoryRecords;
use takeover_actors::rack::{self, PowerAction, PowerRefused, Rack, RackMsg};
use takeover_actors::rt::{Addr, ChildSpec, Recipient, Root, VirtualDriver, WorldSpec};
use takeover_actors::service_table::ServiceRefused;
use takeover_actors::setup::NodeSetup;
use takeover_actors::srm::{self, SrmMsg};
use takeover_actors::user_mover::RecordingMover;
use takeover_core::ha::{Action, Refusal, State};
use takeover_core::id::NodeId;
use takeover_core::journal::{Entry, Event};
use takeover_core::service::{ServiceKind, ServiceState};

pub const A: NodeId = NodeId(0);
pub const B: NodeId = NodeId(1);

pub const FEATURES: [ServiceKind; 5] = [
    ServiceKind::SipProxy,
    ServiceKind::PresenceEngine,
    ServiceKind::XcpConnectionManager,
    ServiceKind::XcpAuthentication,
    ServiceKind::TextConference,
];

pub fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A pair of nodes (or more, in pairs) on one rack.
pub struct Pair {
    pub driver: VirtualDriver,
    pub rack: Root<RackMsg>,
    pub board: Board,
    pub gates: Gates,
    pub mover: RecordingMover,
    pub records: Vec<Arc<MemoryRecords>>,
}

/// A pair that is off; `change` may change each node's setup.
pub fn pair_with(seed: u64, change: impl Fn(&mut NodeSetup)) -> Pair {
    let driver = VirtualDriver::new(WorldSpec::new(seed, 2)).expect("a runtime");
    let (board, gates, mover) = (Board::new(2), Gates::new(2), RecordingMover::default());
    let mut records = Vec::new();
    let mut setups = Vec::new();
    for (node, peer, name) in [(A, B, "1A"), (B, A, "1B")] {
        let record = Arc::new(MemoryRecords::default());
        records.push(record.clone());
        let mut setup = NodeSetup::new(node, name, gates.clone(), board.clone());
        setup.peer = Some(peer);
        setup.ha = true;
        setup.activated = BTreeSet::from(FEATURES);
        setup.records = record;
        setup.mover = mover.recipient();
        change(&mut setup);
        setups.push(Arc::new(setup));
    }
    let rack = driver
        .world()
        .root(Rack::new(setups), ChildSpec::new("rack", rack::MAILBOX));
    Pair {
        driver,
        rack,
        board,
        gates,
        mover,
        records,
    }
}

/// A pair that is off.
pub fn pair(seed: u64) -> Pair {
    pair_with(seed, |_| {})
}

impl Pair {
    pub fn power(&mut self, node: NodeId, action: PowerAction) -> Result<(), PowerRefused> {
        let answer = Arc::new(Mutex::new(None));
        let heard = answer.clone();
        let reply = Recipient::from_fn(move |result| {
            *heard.lock() = Some(result);
            Ok(())
        });
        self.rack
            .addr()
            .send(RackMsg::Power {
                node,
                action,
                reply,
            })
            .expect("a rack that listens");
        self.driver.settle();
        let result = answer.lock().take();
        result.expect("an answer")
    }

    /// Both on, everything up.
    pub fn up(mut self) -> Self {
        for node in [A, B] {
            self.power(node, PowerAction::On)
                .expect("a node that is off");
        }
        let (board, all_up) = (self.board.clone(), |board: &Board, node| {
            FEATURES
                .iter()
                .all(|kind| board.service(node, *kind).is_up())
                && board.service(node, ServiceKind::Srm).is_up()
        });
        let up = self.driver.until(
            move || [A, B].iter().all(|n| all_up(&board, *n)),
            seconds(120),
        );
        assert!(up, "{}", self.lines());
        self
    }

    /// Both on, everything up, both `Normal`.
    pub fn normal(self) -> Self {
        let mut pair = self.up();
        pair.await_states(State::Normal, State::Normal, seconds(300));
        pair
    }

    pub fn node(&self, node: NodeId) -> Addr<NodeMsg> {
        self.driver
            .world()
            .books()
            .addr(node, node::BOOK_NAME)
            .expect("a node that is on")
    }

    pub fn act(
        &mut self,
        node: NodeId,
        kind: ServiceKind,
        action: ServiceAction,
    ) -> Result<(), ServiceRefused> {
        let answer = Arc::new(Mutex::new(None));
        let heard = answer.clone();
        let reply = Recipient::from_fn(move |result| {
            *heard.lock() = Some(result);
            Ok(())
        });
        self.node(node)
            .send(NodeMsg::Service {
                kind,
                action,
                reply,
            })
            .expect("room");
        self.driver.settle();
        let result = answer.lock().take();
        result.expect("an answer")
    }

    pub fn fault(&mut self, node: NodeId, kind: ServiceKind, fault: ServiceFault) {
        self.node(node)
            .send(NodeMsg::Fault { kind, fault })
            .expect("room");
        self.driver.settle();
    }

    pub fn admin(&mut self, node: NodeId, action: Action) -> Result<(), Refusal> {
        self.try_admin(node, action).expect("an SRM that answers")
    }

    /// `None`: there is no SRM, or it does not answer at this moment.
    pub fn try_admin(&mut self, node: NodeId, action: Action) -> Option<Result<(), Refusal>> {
        let answer = Arc::new(Mutex::new(None));
        let heard = answer.clone();
        let reply = Recipient::from_fn(move |result| {
            *heard.lock() = Some(result);
            Ok(())
        });
        let books = self.driver.world().books();
        let srm: Addr<SrmMsg> = books.addr(node, srm::BOOK_NAME)?;
        let before = Vec::new();
        srm.send(SrmMsg::Admin {
            action,
            before,
            reply,
        })
        .ok()?;
        self.driver.settle();
        answer.lock().take()
    }

    pub fn state(&self, node: NodeId) -> Option<State> {
        self.board.ha(node).map(|ha| ha.state)
    }

    pub fn service(&self, node: NodeId, kind: ServiceKind) -> ServiceState {
        self.board.service(node, kind)
    }

    pub fn await_service(&mut self, node: NodeId, kind: ServiceKind, limit: Duration) {
        let board = self.board.clone();
        let up = self
            .driver
            .until(move || board.service(node, kind).is_up(), limit);
        assert!(up, "{kind} of {node} is not up\n{}", self.lines());
    }

    pub fn await_states(&mut self, a: State, b: State, limit: Duration) {
        let board = self.board.clone();
        let state = move |node| board.ha(node).map(|ha| ha.state);
        let there = self
            .driver
            .until(|| state(A) == Some(a) && state(B) == Some(b), limit);
        let now = (self.state(A), self.state(B));
        assert!(
            there,
            "wanted {a:?}, {b:?}; there is {now:?}\n{}",
            self.lines()
        );
    }

    pub fn await_state(&mut self, node: NodeId, wanted: State, limit: Duration) {
        let board = self.board.clone();
        let state = move || board.ha(node).map(|ha| ha.state);
        let there = self.driver.until(|| state() == Some(wanted), limit);
        assert!(
            there,
            "wanted {wanted:?}, there is {:?}\n{}",
            self.state(node),
            self.lines()
        );
    }

    pub fn lines(&self) -> String {
        self.driver.world().journal().lines()
    }

    pub fn entries(&self, node: NodeId, pick: impl Fn(&Event) -> bool) -> Vec<Entry> {
        let journal = self.driver.world().journal();
        journal.select(|entry| entry.node == Some(node) && pick(&entry.event))
    }

    pub fn ha_changes(&self, node: NodeId) -> Vec<State> {
        let changes = self.entries(node, |event| matches!(event, Event::Ha(_)));
        let to = |entry: Entry| match entry.event {
            Event::Ha(change) => change.to,
            _ => unreachable!("picked above"),
        };
        changes.into_iter().map(to).collect()
    }
}
