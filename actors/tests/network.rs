//! The network between nodes (TOP-7, TOP-9) and what becomes of packets when nodes die.

use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use takeover_actors::rt::{
    Arrival, ConnectError, Endpoint, Network, NotSent, Packet, Returned, VirtualDriver, Why,
    WorldSpec,
};
use takeover_core::id::NodeId;
use takeover_core::time::Moment;

const A: NodeId = NodeId(0);
const B: NodeId = NodeId(1);
const STREAM: u16 = 7400;
const DATAGRAM: u16 = 22001;

#[derive(Clone)]
struct Number(u32);

impl Packet for Number {
    fn wire_size(&self) -> usize {
        1250
    }

    fn duplicate(&self) -> Option<Box<dyn Packet>> {
        Some(Box::new(self.clone()))
    }
}

#[derive(Default)]
struct Inbox {
    arrived: Mutex<Vec<(Moment, u32)>>,
    returned: Mutex<Vec<(u32, Why)>>,
}

struct Port(Arc<Inbox>, takeover_actors::rt::Clock);

impl Endpoint for Port {
    fn arrived(&self, arrival: Arrival) {
        let number = arrival.open::<Number>().expect("a number").0;
        self.0.arrived.lock().push((self.1.now(), number));
    }

    fn returned(&self, returned: Returned) {
        let why = returned.why;
        let any: Box<dyn std::any::Any> = returned.packet;
        let number = any.downcast::<Number>().expect("a number").0;
        self.0.returned.lock().push((number, why));
    }
}

struct Lab {
    driver: VirtualDriver,
    network: Network,
    at_a: Arc<Inbox>,
    at_b: Arc<Inbox>,
}

fn listen(driver: &VirtualDriver, node: NodeId) -> Arc<Inbox> {
    let inbox = Arc::new(Inbox::default());
    for port in [STREAM, DATAGRAM] {
        let endpoint = Port(inbox.clone(), driver.world().clock().clone());
        driver
            .world()
            .network()
            .listen(node, port, Arc::new(endpoint));
    }
    inbox
}

fn lab_seeded(seed: u64) -> Lab {
    let driver = VirtualDriver::new(WorldSpec::new(seed, 2)).expect("a runtime");
    let network = driver.world().network().clone();
    network.power_up(A);
    network.power_up(B);
    let (at_a, at_b) = (listen(&driver, A), listen(&driver, B));
    Lab {
        driver,
        network,
        at_a,
        at_b,
    }
}

fn lab() -> Lab {
    lab_seeded(1)
}

impl Lab {
    fn send(&self, port: u16, numbers: std::ops::Range<u32>) {
        for number in numbers {
            self.network
                .send(A, B, port, Box::new(Number(number)))
                .expect("taken");
        }
    }

    fn numbers(&self) -> Vec<u32> {
        self.at_b
            .arrived
            .lock()
            .iter()
            .map(|(_, number)| *number)
            .collect()
    }
}

/// TOP-9: a perfect link hands over on the spot.
#[test]
fn a_perfect_link_hands_over_at_once() {
    let lab = lab();
    lab.send(STREAM, 0..3);
    assert_eq!(lab.numbers(), [0, 1, 2]);
    assert_eq!(lab.driver.timers(), 0);
    assert_eq!(lab.network.counters(B).delivered, 3);
}

/// TOP-9: delay and bandwidth: 1250 bytes over 10 Mbit/s take 1 ms each, one after the other.
#[test]
fn delay_and_bandwidth_add_up() {
    let mut lab = lab();
    lab.network.change(A, B, |link| {
        link.delay = Duration::from_millis(40);
        link.bandwidth = Some(10_000_000);
    });
    lab.send(STREAM, 0..3);
    lab.driver.pass(Duration::from_secs(1));
    let arrived = lab.at_b.arrived.lock().clone();
    assert_eq!(
        arrived,
        [
            (Moment(41_000), 0),
            (Moment(42_000), 1),
            (Moment(43_000), 2)
        ]
    );
}

/// TOP-9: loss on a stream is delay; order is kept and nothing is lost.
#[test]
fn a_lossy_stream_keeps_order_and_loses_nothing() {
    let mut lab = lab();
    lab.network.change(A, B, |link| link.loss = 0.3);
    lab.send(STREAM, 0..200);
    lab.driver.pass(Duration::from_secs(600));
    assert_eq!(lab.numbers(), (0..200).collect::<Vec<_>>());
    assert!(
        lab.at_b.arrived.lock()[199].0 > Moment(200_000),
        "retransmissions take time"
    );
}

/// TOP-9: what a lossy link has held up goes on as the link becomes: a link that loses nothing any more brings it
/// with the next retransmission, a minute later at most (RFC 6298).
#[test]
fn a_stream_gets_through_soon_once_nothing_is_lost() {
    let mut lab = lab();
    lab.network.change(A, B, |link| link.loss = 0.99);
    lab.send(STREAM, 0..50);
    lab.driver.pass(Duration::from_secs(300));
    let early = lab.numbers().len();
    assert!(early < 50, "{early} came through at once");
    lab.network.heal(A, B);
    lab.driver.pass(Duration::from_secs(60));
    assert_eq!(lab.numbers(), (0..50).collect::<Vec<_>>());
}

/// TOP-9: datagrams are lost, doubled and overtake each other, by the seed alone.
#[test]
fn datagrams_are_lost_doubled_and_reordered() {
    let run = |seed| {
        let mut lab = lab_seeded(seed);
        lab.network.change(A, B, |link| {
            link.loss = 0.2;
            link.duplicate = 0.2;
            link.jitter = Duration::from_millis(50);
        });
        lab.send(DATAGRAM, 0..200);
        lab.driver.pass(Duration::from_secs(1));
        lab.numbers()
    };
    let numbers = run(1);
    let mut sorted = numbers.clone();
    sorted.sort_unstable();
    assert_ne!(numbers, sorted, "some have overtaken others");
    assert!(
        sorted.windows(2).any(|pair| pair[0] == pair[1]),
        "some came twice"
    );
    sorted.dedup();
    assert!(sorted.len() < 190, "some were lost");
    assert_eq!(numbers, run(1));
    assert_ne!(numbers, run(2));
}

/// TOP-9: a cut stream waits and then arrives in order, also what is sent in between.
#[test]
fn a_cut_holds_a_stream_and_loses_datagrams() {
    let mut lab = lab();
    lab.network.cut(A, B);
    lab.send(STREAM, 0..3);
    lab.send(DATAGRAM, 10..13);
    lab.driver.pass(Duration::from_secs(100));
    assert!(lab.numbers().is_empty());
    assert_eq!(lab.network.waiting(A, B), 3);
    lab.network.heal(A, B);
    lab.send(STREAM, 3..5);
    lab.driver.pass(Duration::from_secs(1));
    assert_eq!(lab.numbers(), [0, 1, 2, 3, 4]);
}

/// TOP-9: a one-way cut lets the other direction through.
#[test]
fn a_one_way_cut_is_one_way() {
    let lab = lab();
    lab.network.cut_one_way(A, B);
    lab.send(STREAM, 0..1);
    lab.network.send(B, A, STREAM, Box::new(Number(7))).unwrap();
    assert!(lab.numbers().is_empty());
    assert_eq!(lab.at_a.arrived.lock().len(), 1);
}

/// TOP-9: a firewall blocks one port of a link.
#[test]
fn a_blocked_port_blocks_that_port_only() {
    let mut lab = lab();
    lab.network.change_both(A, B, |link| {
        link.blocked.insert(DATAGRAM);
    });
    lab.send(DATAGRAM, 0..1);
    lab.send(STREAM, 1..2);
    lab.driver.settle();
    assert_eq!(lab.numbers(), [1]);
}

/// What is held can be released, datagrams too, in the order they were sent.
#[test]
fn hold_and_release() {
    let mut lab = lab();
    lab.network.change(A, B, |link| link.hold = true);
    lab.send(DATAGRAM, 0..3);
    lab.driver.pass(Duration::from_secs(5));
    assert!(lab.numbers().is_empty());
    lab.network.change(A, B, |link| link.hold = false);
    lab.driver.settle();
    assert_eq!(lab.numbers(), [0, 1, 2]);
}

/// The sender that gives a destination up gets back, in order, what has not arrived.
#[test]
fn what_has_not_arrived_can_be_taken_back() {
    let mut lab = lab();
    lab.send(STREAM, 0..1);
    lab.network.power_down(B);
    lab.send(STREAM, 1..4);
    let back = lab.network.take_back(A, B);
    assert_eq!(back.len(), 3);
    lab.network.power_up(B);
    let _inbox = listen(&lab.driver, B);
    lab.driver.pass(Duration::from_secs(1));
    assert_eq!(lab.numbers(), [0]);
    assert!(lab.at_a.returned.lock().is_empty());
}

/// What was addressed to an old life comes back to its sender when the next life begins.
#[test]
fn packets_for_an_old_life_come_back() {
    let mut lab = lab();
    lab.network.power_down(B);
    lab.send(STREAM, 0..2);
    lab.network.power_up(B);
    let fresh = listen(&lab.driver, B);
    lab.driver.settle();
    assert_eq!(
        *lab.at_a.returned.lock(),
        [(0, Why::LifeOver), (1, Why::LifeOver)]
    );
    assert!(fresh.arrived.lock().is_empty());
}

/// SVC-5: a dead node sends nothing; what it had not got through is dropped, on the record.
#[test]
fn a_dead_node_sends_nothing() {
    let mut lab = lab();
    lab.network.cut(A, B);
    lab.send(STREAM, 0..2);
    lab.network.power_down(A);
    let error = lab
        .network
        .send(A, B, STREAM, Box::new(Number(9)))
        .unwrap_err();
    assert!(matches!(error, NotSent::SenderDown(_)));
    lab.network.heal(A, B);
    lab.driver.pass(Duration::from_secs(10));
    assert!(lab.numbers().is_empty());
    let lines = lab.driver.world().journal().lines();
    assert!(
        lines.contains("2 packets n0 to n1:7400 of an old life dropped"),
        "{lines}"
    );
}

/// TOP-7, ICP-13: names go through DNS, addresses do not.
#[test]
fn names_need_dns_and_addresses_do_not() {
    let lab = lab();
    lab.network.name("imp-1b.example.com", B);
    lab.network.name("10.0.0.2", B);
    assert_eq!(lab.network.connect(A, "IMP-1B.example.com", STREAM), Ok(B));
    lab.network.dns_unreachable_from(A, true);
    let blind = lab.network.connect(A, "imp-1b.example.com", STREAM);
    assert!(matches!(blind, Err(ConnectError::DnsUnreachable(_))));
    assert_eq!(lab.network.connect(A, "10.0.0.2", STREAM), Ok(B));
    let unknown = lab.network.connect(A, "10.0.0.9", STREAM);
    assert_eq!(
        unknown,
        Err(ConnectError::UnknownName("10.0.0.9".to_owned()))
    );
    lab.network.cut(A, B);
    let cut = lab.network.connect(A, "10.0.0.2", STREAM);
    assert!(matches!(cut, Err(ConnectError::Unreachable { .. })));
}
