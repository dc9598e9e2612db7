//! Tickets against a model: a client, roads of different lengths, resumptions at any moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use takeover_protocols::jid;
use takeover_protocols::stanza::{MessageType, Stanza};

use super::super::parcel::{Origin, content_key, target_key};
use super::*;

fn stanza(number: usize, target: u8) -> Stanza {
    let to = jid::parse(&format!("user{target}@example.com")).expect("a good address");
    Stanza::message(MessageType::Chat)
        .with_to(to)
        .with_id(number.to_string())
}

/// A client with its unacknowledged stanzas, and the roads its parcels travel on.
struct World {
    tickets: Arc<Tickets>,
    incarnation: u32,
    unacked: VecDeque<Stanza>,
    acked: u64,
    sent: usize,
    roads: Vec<Parcel>,
    /// Accepted by a target that has not settled them.
    in_doubt: Vec<Origin>,
    /// What took effect at each target, in order.
    effects: BTreeMap<String, Vec<usize>>,
}

impl World {
    fn new() -> Self {
        Self {
            tickets: Arc::new(Tickets::new(SessionId(1))),
            incarnation: 0,
            unacked: VecDeque::new(),
            acked: 0,
            sent: 0,
            roads: Vec::new(),
            in_doubt: Vec::new(),
            effects: BTreeMap::new(),
        }
    }

    fn send(&mut self, target: u8) {
        let stanza = stanza(self.sent, target);
        self.sent += 1;
        self.unacked.push_back(stanza.clone());
        self.write(stanza);
    }

    fn write(&mut self, stanza: Stanza) {
        let content = || content_key(&stanza);
        match self
            .tickets
            .issue(self.incarnation, target_key(&stanza), content)
        {
            Issue::Ticket(number) => {
                let tickets = self.tickets.clone();
                let origin = Origin {
                    tickets,
                    incarnation: self.incarnation,
                    number,
                };
                self.roads.push(Parcel {
                    stanza,
                    origin: Some(origin),
                });
            }
            Issue::Repeated => {}
            Issue::Stale => panic!("the client is the newest"),
        }
    }

    /// The parcel at the end of road `which` arrives; a room is slow to settle it.
    fn arrive(&mut self, which: usize, slow: bool) {
        if self.roads.is_empty() {
            return;
        }
        let mut next = Some(self.roads.remove(which % self.roads.len()));
        while let Some(parcel) = next.take() {
            let Claim::Go(parcel) = parcel.claim() else {
                return;
            };
            let number = parcel.stanza.id.as_ref().and_then(|id| id.parse().ok());
            let target = parcel.stanza.to.as_ref().expect("a target").to_string();
            self.effects
                .entry(target)
                .or_default()
                .push(number.expect("a number"));
            let origin = parcel.origin.expect("a ticket");
            next = match slow {
                true => origin.accepted(),
                false => origin.finish(),
            };
            if slow {
                self.in_doubt.push(origin);
            }
        }
    }

    fn settle(&mut self, which: usize) {
        if !self.in_doubt.is_empty() {
            let origin = self.in_doubt.remove(which % self.in_doubt.len());
            assert!(
                origin.finish().is_none(),
                "its follower was let go when it was accepted"
            );
        }
    }

    /// The connection is lost and the session resumed; `dies`: what travels is lost with a node.
    fn resume(&mut self, dies: bool) {
        if dies {
            self.roads.clear();
        }
        self.incarnation = self.tickets.resume();
        while !self.in_doubt.is_empty() {
            self.settle(0);
        }
        let mut context = std::task::Context::from_waker(Waker::noop());
        let tickets = self.tickets.clone();
        let mut settled = std::pin::pin!(tickets.settled(self.incarnation));
        let Poll::Ready(handled) = settled.as_mut().poll(&mut context) else {
            panic!("nothing is in doubt");
        };
        for _ in self.acked..handled {
            self.unacked
                .pop_front()
                .expect("acknowledged what was sent");
        }
        self.acked = handled;
        for stanza in self.unacked.clone() {
            self.write(stanza);
        }
    }

    fn conclude(mut self) {
        while !self.roads.is_empty() {
            self.arrive(0, false);
        }
        while !self.in_doubt.is_empty() {
            self.settle(0);
        }
        let mut all: Vec<usize> = Vec::new();
        for (target, effects) in &self.effects {
            assert!(effects.is_sorted(), "order at {target}: {effects:?}");
            all.extend(effects);
        }
        all.sort_unstable();
        assert_eq!(all, (0..self.sent).collect::<Vec<_>>(), "each once");
        assert!(self.tickets.is_drained());
        assert_eq!(self.tickets.handled(), self.sent as u64);
    }
}

#[derive(Clone, Debug)]
enum Deed {
    Send(u8),
    Arrive(usize, bool),
    Settle(usize),
    Resume(bool),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (0u8..3).prop_map(Deed::Send),
        4 => (any::<usize>(), any::<bool>()).prop_map(|(which, slow)| Deed::Arrive(which, slow)),
        2 => any::<usize>().prop_map(Deed::Settle),
        1 => any::<bool>().prop_map(Deed::Resume),
    ]
}

proptest! {
    /// SES-3: whatever roads the parcels take, and whenever the client resumes, each stanza takes
    /// effect once, in its sender's order at each target, and is counted.
    #[test]
    fn each_once_and_in_order(deeds in proptest::collection::vec(deed(), 0..80)) {
        let mut world = World::new();
        for deed in deeds {
            match deed {
                Deed::Send(target) => world.send(target),
                Deed::Arrive(which, slow) => world.arrive(which, slow),
                Deed::Settle(which) => world.settle(which),
                Deed::Resume(dies) => world.resume(dies),
            }
        }
        world.conclude();
    }
}

/// A ticket of an earlier life cannot be claimed: its stanza is sent again by its client.
#[test]
fn a_former_life_is_over() {
    let mut world = World::new();
    world.send(1);
    let late = Parcel {
        stanza: stanza(0, 1),
        origin: world.roads[0].origin.clone(),
    };
    world.resume(true);
    assert!(matches!(late.claim(), Claim::Stale(_)));
    world.conclude();
}
