//! The real driver: the same actors on threads and the wall clock, at high speed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use takeover_actors::board::Board;
use takeover_actors::gate::Gates;
use takeover_actors::node::{self, NodeMsg, ServiceFault};
use takeover_actors::rack::{self, PowerAction, Rack, RackMsg};
use takeover_actors::rt::{
    Actor, Addr, ChildSpec, Ctx, Exit, MailboxSpec, RealDriver, Recipient, WorldSpec,
};
use takeover_actors::setup::NodeSetup;
use takeover_core::ha::State;
use takeover_core::id::NodeId;
use takeover_core::service::ServiceKind;

struct Ticker {
    ticks: Arc<AtomicU64>,
    early: Arc<AtomicU64>,
    due: takeover_core::time::Moment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Tick;

impl Actor for Ticker {
    type Msg = ();
    type Timer = Tick;
    const KIND: &'static str = "ticker";

    fn started(&mut self, ctx: &mut Ctx<Self>) {
        self.due = ctx.now() + Duration::from_secs(15);
        ctx.arm_at(Tick, self.due);
    }

    fn handle(&mut self, (): (), _ctx: &mut Ctx<Self>) {}

    fn expired(&mut self, _timer: Tick, ctx: &mut Ctx<Self>) {
        self.early
            .fetch_add(u64::from(ctx.now() < self.due), Ordering::Relaxed);
        self.ticks.fetch_add(1, Ordering::Relaxed);
        self.started(ctx);
    }
}

/// Timers on the wall clock at speed 1000: none early, on several threads.
#[test]
fn timers_are_never_early_on_threads() {
    let driver = RealDriver::new(WorldSpec::new(1, 2), 1000.0, 2).expect("threads");
    let (ticks, early) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
    for place in 0..2 {
        let due = takeover_core::time::Moment(0);
        let ticker = Ticker {
            ticks: ticks.clone(),
            early: early.clone(),
            due,
        };
        let spec = ChildSpec::new("t", MailboxSpec::reject(1)).on_place(place);
        driver.world().root(ticker, spec);
    }
    let counted = ticks.clone();
    assert!(driver.until(
        || counted.load(Ordering::Relaxed) >= 10,
        Duration::from_secs(3_600)
    ));
    assert_eq!(early.load(Ordering::Relaxed), 0);
    assert_eq!(driver.call(1, || 41 + 1), Some(42));
    assert_eq!(driver.block_on(|| async { 7 }), Some(7));
    driver
        .shutdown(Duration::from_secs(5))
        .expect("an orderly end");
}

/// A speed that is none is refused with the value.
#[test]
fn a_speed_must_be_positive() {
    let refused = RealDriver::new(WorldSpec::new(1, 1), 0.0, 1);
    assert!(refused.is_err_and(|error| error.to_string().contains("speed 0")));
}

/// HA-2 on the wall clock: two nodes on two threads at 300 times life; the router of one dies, and
/// the pair fails over; then the lab ends in order.
#[test]
fn ha_2_a_pair_fails_over_on_threads() {
    const A: NodeId = NodeId(0);
    const B: NodeId = NodeId(1);
    let driver = RealDriver::new(WorldSpec::new(1, 2), 300.0, 2).expect("threads");
    let (board, gates) = (Board::new(2), Gates::new(2));
    let setups = [(A, B, "1A"), (B, A, "1B")].map(|(node, peer, name)| {
        let mut setup = NodeSetup::new(node, name, gates.clone(), board.clone());
        (setup.peer, setup.ha) = (Some(peer), true);
        setup.activated = BTreeSet::from([ServiceKind::PresenceEngine, ServiceKind::SipProxy]);
        Arc::new(setup)
    });
    let world = driver.world();
    let rack = world.root(Rack::new(setups), ChildSpec::new("rack", rack::MAILBOX));
    for node in [A, B] {
        let (action, reply) = (PowerAction::On, Recipient::nobody());
        rack.addr()
            .send(RackMsg::Power {
                node,
                action,
                reply,
            })
            .unwrap();
    }
    let state = |node| board.ha(node).map(|ha| ha.state);
    let both = |a, b| move || (state(A), state(B)) == (Some(a), Some(b));
    let hour = Duration::from_secs(3_600);
    assert!(
        driver.until(both(State::Normal, State::Normal), hour),
        "{}",
        world.journal().lines()
    );
    let addr: Addr<NodeMsg> = world.books().addr(A, node::BOOK_NAME).unwrap();
    let fault = ServiceFault::Panic("router".to_owned());
    addr.send(NodeMsg::Fault {
        kind: ServiceKind::XcpRouter,
        fault,
    })
    .unwrap();
    let over = both(State::FailedOverDown, State::Backup);
    assert!(driver.until(over, hour), "{}", world.journal().lines());
    rack.addr().send(RackMsg::ShutDown).unwrap();
    assert!(driver.until(|| rack.exit().is_some(), hour));
    assert_eq!(rack.exit(), Some(Exit::Stopped));
    driver
        .shutdown(Duration::from_secs(5))
        .expect("an orderly end");
}
