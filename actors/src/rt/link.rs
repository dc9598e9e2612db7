//! One direction of the link between two nodes: its conditions, and what is on its way.

use super::rng::Rng;
use std::any::Any;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::time::Duration;
use takeover_core::id::NodeId;
use takeover_core::time::Moment;

/// Something one node says to another.
pub trait Packet: Any + Send {
    /// Its size on the wire in bytes; matters where the link's bandwidth is limited.
    fn wire_size(&self) -> usize {
        256
    }

    /// A second copy, for datagram ports on links that duplicate; `None` where there can be none.
    fn duplicate(&self) -> Option<Box<dyn Packet>> {
        None
    }
}

/// A packet that has arrived.
pub struct Arrival {
    /// Who sent it.
    pub from: NodeId,
    /// Which life of the sender sent it.
    pub from_life: u32,
    /// Who receives it.
    pub to: NodeId,
    /// The port it was sent to.
    pub port: u16,
    /// What it is.
    pub packet: Box<dyn Packet>,
}

impl Arrival {
    /// The packet as a `T`.
    ///
    /// # Errors
    /// The arrival itself, if its packet is something else.
    pub fn open<T: Packet>(self) -> Result<T, Self> {
        let any: &dyn Any = &*self.packet;
        if !any.is::<T>() {
            return Err(self);
        }
        let any: Box<dyn Any> = self.packet;
        // Its type was looked at above; this cannot fail.
        match any.downcast::<T>() {
            Ok(packet) => Ok(*packet),
            Err(_) => unreachable!("the type was looked at"),
        }
    }
}

impl fmt::Debug for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "packet n{} to n{}:{}", self.from.0, self.to.0, self.port)
    }
}

/// Why a packet came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nobody listens on that port there.
    NobodyListens,
    /// The life of the node it was addressed to is over.
    LifeOver,
}

/// A packet of a stream port that was taken by the network but could not be delivered.
pub struct Returned {
    /// Why.
    pub why: Why,
    /// To whom it was addressed.
    pub to: NodeId,
    /// The port it was addressed to.
    pub port: u16,
    /// What it is.
    pub packet: Box<dyn Packet>,
}

/// Who listens on a port of a node. Called on whichever thread delivers; it must only hand on.
pub trait Endpoint: Send + Sync {
    /// A packet has arrived.
    fn arrived(&self, arrival: Arrival);

    /// A packet sent from here, on this port, has come back. It is lost unless this says otherwise.
    fn returned(&self, _returned: Returned) {}

    /// The node's power is cut while a packet of its, sent on this port, is on its way to `to`. It
    /// is dropped if it is given back, as it is by default; who keeps it says that it is also
    /// known elsewhere, in a store that survives the node.
    fn orphaned(&self, _to: NodeId, packet: Box<dyn Packet>) -> Option<Box<dyn Packet>> {
        Some(packet)
    }
}

impl<F: Fn(Arrival) + Send + Sync> Endpoint for F {
    fn arrived(&self, arrival: Arrival) {
        self(arrival);
    }
}

/// The conditions of one direction of a link (TOP-9). The default is a perfect one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conditions {
    /// One-way delay.
    pub delay: Duration,
    /// Bits per second; `None` is unlimited.
    pub bandwidth: Option<u64>,
    /// Probability (0 to 1) that a packet is lost: a datagram is gone, a stream sends it again
    /// after its retransmission time-out.
    pub loss: f64,
    /// Nothing gets through: datagrams are lost, streams wait.
    pub cut: bool,
    /// Everything waits, datagrams too, until released.
    pub hold: bool,
    /// Ports that a firewall blocks: connections are refused, streams already open wait.
    pub blocked: BTreeSet<u16>,
    /// Probability (0 to 1) that a datagram arrives twice.
    pub duplicate: f64,
    /// Datagrams are late by up to this, each by its own draw, so that they overtake each other.
    pub jitter: Duration,
}

impl Conditions {
    pub(super) fn is_perfect(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn passes(&self, port: u16) -> bool {
        !self.cut && !self.hold && !self.blocked.contains(&port)
    }
}

impl fmt::Display for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        if self.cut {
            words.push("cut".to_owned());
        }
        if self.hold {
            words.push("held".to_owned());
        }
        if !self.blocked.is_empty() {
            words.push(format!("ports {:?} blocked", self.blocked));
        }
        if !self.delay.is_zero() {
            words.push(format!("delay {:?}", self.delay));
        }
        if let Some(bandwidth) = self.bandwidth {
            words.push(format!("{bandwidth} bit/s"));
        }
        for (name, share) in [("loss", self.loss), ("duplicates", self.duplicate)] {
            if share > 0.0 {
                words.push(format!("{name} {share}"));
            }
        }
        if !self.jitter.is_zero() {
            words.push(format!("jitter {:?}", self.jitter));
        }
        f.write_str(&if words.is_empty() {
            "perfect".to_owned()
        } else {
            words.join(", ")
        })
    }
}

/// The longest that a stream waits before it sends a lost packet again (RFC 6298, section 2.5).
const LONGEST_TIMEOUT: Duration = Duration::from_secs(60);

/// The attempts to get a stream packet through. Each that is lost costs a retransmission time-out, which
/// doubles (RFC 6298: at least 1 s in theory, 200 ms in practice).
#[derive(Clone, Copy, Default)]
pub(super) struct Attempts {
    /// When the next one arrives, unless it is lost.
    next: Moment,
    timeout: Duration,
}

impl Attempts {
    fn lose(&mut self) {
        self.next += self.timeout;
        self.timeout = (self.timeout * 2).min(LONGEST_TIMEOUT);
    }
}

pub(super) struct OnWire {
    /// When it is delivered: of a stream, not before those ahead of it.
    pub(super) due: Moment,
    pub(super) attempts: Attempts,
    /// When one of its attempts gets through.
    pub(super) through: Moment,
    /// Its number in the ledger.
    pub(super) number: usize,
    pub(super) from_life: u32,
    pub(super) to_life: u32,
    pub(super) packet: Box<dyn Packet>,
}

#[derive(Default)]
pub(super) struct Flow {
    pub(super) queue: VecDeque<OnWire>,
    /// The moment a timer will look at this flow, if one is armed.
    pub(super) armed: Option<Moment>,
    /// Somebody is delivering from this flow right now.
    pub(super) delivering: bool,
}

/// One direction of a link that is not (or not yet again) perfect and empty.
pub(super) struct Link {
    pub(super) conditions: Conditions,
    pub(super) flows: BTreeMap<u16, Flow>,
    busy_until: Moment,
    rng: Rng,
}

impl Link {
    pub(super) fn new(rng: Rng) -> Self {
        let (conditions, flows) = (Conditions::default(), BTreeMap::new());
        Self {
            conditions,
            flows,
            busy_until: Moment::ZERO,
            rng,
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        let idle = |flow: &Flow| flow.queue.is_empty() && !flow.delivering;
        self.conditions.is_perfect() && self.flows.values().all(idle)
    }

    /// When a packet sent now has crossed the wire, were it neither lost nor stopped.
    fn crossing(&mut self, now: Moment, bytes: usize) -> Moment {
        let Some(bandwidth) = self.conditions.bandwidth else {
            return now + self.conditions.delay;
        };
        let micros = bytes as u128 * 8 * 1_000_000 / u128::from(bandwidth.max(1));
        let on_wire = Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
        self.busy_until = self.busy_until.max(now) + on_wire;
        self.busy_until + self.conditions.delay
    }

    /// The attempts to get a stream packet through that is sent now.
    pub(super) fn attempts(&mut self, now: Moment, bytes: usize) -> Attempts {
        Attempts {
            next: self.crossing(now, bytes),
            timeout: (self.conditions.delay * 3).max(Duration::from_millis(200)),
        }
    }

    /// When one of the attempts gets through, as the link is now.
    pub(super) fn stream_due(&mut self, attempts: Attempts) -> Moment {
        stream_due(&mut self.rng, self.conditions.loss, attempts)
    }

    /// The conditions have changed: what waits goes on from its next attempt as the link is now, in order, and
    /// what can go on at all does not arrive before `soonest`.
    pub(super) fn go_on(&mut self, before: &Conditions, now: Moment, soonest: Moment) {
        let Self {
            conditions,
            flows,
            rng,
            ..
        } = self;
        for (port, flow) in flows {
            let passes = conditions.passes(*port);
            let mut last = Moment::ZERO;
            for wire in &mut flow.queue {
                if conditions.loss != before.loss && wire.through > now {
                    while wire.attempts.next <= now {
                        wire.attempts.lose();
                    }
                    wire.through = stream_due(rng, conditions.loss, wire.attempts);
                }
                wire.due = wire.through.max(last);
                if passes {
                    wire.due = wire.due.max(soonest);
                }
                last = wire.due;
            }
        }
    }

    /// When a datagram sent now arrives (once, twice or never).
    pub(super) fn datagram_due(&mut self, now: Moment, bytes: usize) -> [Option<Moment>; 2] {
        let due = self.crossing(now, bytes);
        let conditions = self.conditions.clone();
        if conditions.loss > 0.0 && self.rng.chance(conditions.loss) {
            return [None, None];
        }
        let mut late = || match conditions.jitter.is_zero() {
            true => due,
            false => due + self.rng.between(Duration::ZERO, conditions.jitter),
        };
        let first = late();
        let second = late();
        let twice = conditions.duplicate > 0.0 && self.rng.chance(conditions.duplicate);
        [Some(first), twice.then_some(second)]
    }
}

fn stream_due(rng: &mut Rng, loss: f64, mut attempts: Attempts) -> Moment {
    let loss = loss.min(0.99);
    while loss > 0.0 && rng.chance(loss) {
        attempts.lose();
    }
    attempts.next
}
