//! The runtime layer against simple models: timers, mailboxes and the network under any schedule.

use parking_lot::Mutex;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use takeover_actors::rt::{
    Actor, Arrival, ChildSpec, Ctx, Endpoint, MailboxSpec, Network, NotSent, Overflow, Packet,
    Refusal, Returned, VirtualDriver, WorldSpec,
};
use takeover_core::id::NodeId;
use takeover_core::time::Moment;

fn driver(seed: u64) -> VirtualDriver {
    VirtualDriver::new(WorldSpec::new(seed, 2)).expect("a runtime")
}

#[derive(Clone, Copy, Debug)]
enum Do {
    Arm(u8, u16),
    Cancel(u8),
    Pass(u16),
}

fn timer_work() -> impl Strategy<Value = Vec<Do>> {
    let one = prop_oneof![
        (0..6u8, 0..3_000u16).prop_map(|(key, after)| Do::Arm(key, after)),
        (0..6u8).prop_map(Do::Cancel),
        (0..2_500u16).prop_map(Do::Pass),
    ];
    proptest::collection::vec(one, 1..60)
}

type Fired = Arc<Mutex<Vec<(Moment, u8)>>>;

struct Alarm(Fired);

impl Actor for Alarm {
    type Msg = Do;
    type Timer = u8;
    const KIND: &'static str = "alarm";

    fn handle(&mut self, msg: Do, ctx: &mut Ctx<Self>) {
        match msg {
            Do::Arm(key, after) => ctx.arm(key, Duration::from_micros(after.into())),
            Do::Cancel(key) => {
                ctx.cancel(key);
            }
            Do::Pass(_) => {}
        }
    }

    fn expired(&mut self, timer: u8, ctx: &mut Ctx<Self>) {
        self.0.lock().push((ctx.now(), timer));
    }
}

/// What should have fired: by (deadline, order of arming), none early, none after its cancel.
fn timer_model(work: &[Do]) -> Vec<(Moment, u8)> {
    let (mut now, mut order, mut fired) = (0u64, 0u64, Vec::new());
    let mut armed: BTreeMap<u8, (u64, u64)> = BTreeMap::new();
    for step in work {
        let until = match step {
            Do::Arm(key, after) => {
                order += 1;
                armed.insert(*key, (now + u64::from(*after), order));
                now
            }
            Do::Cancel(key) => {
                armed.remove(key);
                now
            }
            Do::Pass(time) => now + u64::from(*time),
        };
        let mut due: Vec<(u64, u64, u8)> = armed
            .iter()
            .map(|(key, (at, order))| (*at, *order, *key))
            .collect();
        due.retain(|(at, _, _)| *at <= until);
        due.sort_unstable();
        for (at, _, key) in due {
            armed.remove(&key);
            fired.push((Moment(at), key));
        }
        now = until;
    }
    fired
}

#[derive(Default)]
struct Ends {
    arrived: Mutex<Vec<u32>>,
    returned: Mutex<Vec<u32>>,
}

struct Number(u32);

impl Packet for Number {}

struct End(Arc<Ends>);

impl Endpoint for End {
    fn arrived(&self, arrival: Arrival) {
        self.0
            .arrived
            .lock()
            .push(arrival.open::<Number>().expect("a number").0);
    }

    fn returned(&self, returned: Returned) {
        self.0.returned.lock().push(number(returned.packet));
    }
}

fn number(packet: Box<dyn Packet>) -> u32 {
    let any: Box<dyn std::any::Any> = packet;
    any.downcast::<Number>().expect("a number").0
}

#[derive(Clone, Copy, Debug)]
enum Wire {
    Send(u8),
    Delay(u16),
    Loss(u8),
    Cut(bool),
    Hold(bool),
    Power(bool),
    TakeBack,
    Pass(u16),
}

fn wire_work() -> impl Strategy<Value = Vec<Wire>> {
    let one = prop_oneof![
        4 => (1..5u8).prop_map(Wire::Send),
        1 => (0..2_000u16).prop_map(Wire::Delay),
        1 => (0..60u8).prop_map(Wire::Loss),
        1 => any::<bool>().prop_map(Wire::Cut),
        1 => any::<bool>().prop_map(Wire::Hold),
        1 => any::<bool>().prop_map(Wire::Power),
        1 => Just(Wire::TakeBack),
        2 => (0..3_000u16).prop_map(Wire::Pass),
    ];
    proptest::collection::vec(one, 1..80)
}

const A: NodeId = NodeId(0);
const B: NodeId = NodeId(1);
const PORT: u16 = 7400;

struct Line {
    driver: VirtualDriver,
    network: Network,
    sender: Arc<Ends>,
    receiver: Arc<Ends>,
    next: u32,
    refused: BTreeSet<u32>,
    taken_back: Vec<u32>,
}

impl Line {
    fn new(seed: u64) -> Self {
        let driver = driver(seed);
        let network = driver.world().network().clone();
        let (sender, receiver) = (Arc::default(), Arc::default());
        let (refused, taken_back) = (BTreeSet::new(), Vec::new());
        let line = Self {
            driver,
            network,
            sender,
            receiver,
            next: 0,
            refused,
            taken_back,
        };
        line.network.power_up(A);
        line.network
            .listen(A, PORT, Arc::new(End(line.sender.clone())));
        line.power_up();
        line
    }

    fn power_up(&self) {
        self.network.power_up(B);
        self.network
            .listen(B, PORT, Arc::new(End(self.receiver.clone())));
    }

    fn carry_out(&mut self, step: Wire) {
        match step {
            Wire::Send(count) => (0..count).for_each(|_| self.send()),
            Wire::Delay(micros) => {
                let delay = Duration::from_micros(micros.into());
                self.network.change(A, B, |link| link.delay = delay);
            }
            Wire::Loss(percent) => {
                self.network
                    .change(A, B, |link| link.loss = f64::from(percent) / 100.0);
            }
            Wire::Cut(cut) => self.network.change(A, B, |link| link.cut = cut),
            Wire::Hold(hold) => self.network.change(A, B, |link| link.hold = hold),
            Wire::Power(true) if !self.network.is_up(B) => self.power_up(),
            Wire::Power(false) => self.network.power_down(B),
            Wire::Power(true) => {}
            Wire::TakeBack => {
                let back = self.network.take_back(A, B);
                self.taken_back
                    .extend(back.into_iter().map(|(_, packet)| number(packet)));
            }
            Wire::Pass(millis) => self.driver.pass(Duration::from_millis(millis.into())),
        }
    }

    fn send(&mut self) {
        let refused = self.network.send(A, B, PORT, Box::new(Number(self.next)));
        if let Err(NotSent::NobodyListens(packet)) = refused {
            self.refused.insert(number(packet));
        }
        self.next += 1;
    }
}

fn run_timers(work: &[Do]) -> Vec<(Moment, u8)> {
    let mut driver = driver(1);
    let fired = Fired::default();
    let spec = ChildSpec::new("a", MailboxSpec::reject(4));
    let root = driver.world().root(Alarm(fired.clone()), spec);
    for step in work {
        root.addr().send(*step).expect("room");
        match step {
            Do::Pass(time) => driver.pass(Duration::from_micros((*time).into())),
            Do::Arm(..) | Do::Cancel(_) => driver.settle(),
        }
    }
    fired.lock().clone()
}

/// A timer of no length fires at the moment it was armed.
#[test]
fn a_timer_of_no_length_fires_at_once() {
    assert_eq!(run_timers(&[Do::Pass(7), Do::Arm(0, 0)]), [(Moment(7), 0)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// TIM-1: timers fire in (deadline, arming) order, never early, never after their cancel.
    #[test]
    fn tim_1_timers_are_as_in_the_model(work in timer_work()) {
        prop_assert_eq!(run_timers(&work), timer_model(&work));
    }

    /// MSG-2 for the network: whatever happens to link and receiver, each packet of a stream
    /// arrives once, comes back once, or was refused; those that arrive do so in order.
    #[test]
    fn a_stream_packet_ends_in_exactly_one_way(seed in any::<u64>(), work in wire_work()) {
        let mut line = Line::new(seed);
        for step in work {
            line.carry_out(step);
        }
        line.network.heal(A, B);
        line.carry_out(Wire::Power(true));
        line.driver.pass(Duration::from_secs(3_600));
        let arrived = line.receiver.arrived.lock().clone();
        prop_assert!(arrived.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", arrived);
        let mut all = arrived;
        all.extend(line.sender.returned.lock().iter());
        all.extend(&line.taken_back);
        all.extend(&line.refused);
        all.sort_unstable();
        prop_assert_eq!(all, (0..line.next).collect::<Vec<_>>());
        prop_assert_eq!(line.network.waiting(A, B), 0);
    }

    /// BOX-1: a mailbox never holds more than its capacity, and every message is handled, waits,
    /// or is counted.
    #[test]
    fn box_1_a_mailbox_keeps_its_bound(
        capacity in 1..6usize,
        rule in 0..3u8,
        bursts in proptest::collection::vec(1..12u32, 1..12),
    ) {
        let overflow = [Overflow::Reject, Overflow::DropOldest, Overflow::DropNewest][usize::from(rule)];
        let mut driver = driver(1);
        let heard = Arc::new(Mutex::new(Vec::new()));
        let mailbox = MailboxSpec { capacity, overflow };
        let root = driver.world().root(Hearer(heard.clone()), ChildSpec::new("h", mailbox));
        driver.settle();
        let (mut next, mut wanted) = (0u32, Vec::new());
        for burst in bursts {
            let mut waiting = VecDeque::new();
            for _ in 0..burst {
                let full = waiting.len() == capacity;
                let refused = root.addr().send(next).is_err_and(|r| r.why == Refusal::Full);
                prop_assert_eq!(refused, full && overflow == Overflow::Reject);
                match (full, overflow) {
                    (false, _) => waiting.push_back(next),
                    (true, Overflow::DropOldest) => {
                        waiting.pop_front();
                        waiting.push_back(next);
                    }
                    (true, Overflow::Reject | Overflow::DropNewest) => {}
                }
                next += 1;
                prop_assert!(root.addr().counters().depth <= capacity);
            }
            driver.settle();
            wanted.extend(waiting);
        }
        prop_assert_eq!(&*heard.lock(), &wanted);
        let report = driver.world().mailboxes();
        prop_assert_eq!(report.len(), 1);
        let counters = report[0].counters;
        prop_assert!(counters.peak <= report[0].capacity);
        prop_assert_eq!(counters.overflowed, u64::from(next) - wanted.len() as u64);
    }
}

struct Hearer(Arc<Mutex<Vec<u32>>>);

impl Actor for Hearer {
    type Msg = u32;
    type Timer = takeover_actors::rt::NoTimer;
    const KIND: &'static str = "hearer";

    fn handle(&mut self, msg: u32, _ctx: &mut Ctx<Self>) {
        self.0.lock().push(msg);
    }
}
