//! What a lab does to its network: links change, power comes and goes.

use super::link::{Conditions, OnWire, Packet};
use super::network::{Network, NetworkCounters, add};
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use takeover_core::id::NodeId;
use takeover_core::journal::Event;

impl Network {
    /// Takes back, in order, all that `from` has sent to `to` on stream ports and that has not
    /// arrived: the sender gives that destination up.
    pub fn take_back(&self, from: NodeId, to: NodeId) -> Vec<(u16, Box<dyn Packet>)> {
        self.take_back_where(from, to, |_, _| true)
    }

    /// As [`Network::take_back`], for the packets that `pick` chooses by port and content; the
    /// others keep their places.
    pub fn take_back_where(
        &self,
        from: NodeId,
        to: NodeId,
        pick: impl Fn(u16, &dyn Packet) -> bool,
    ) -> Vec<(u16, Box<dyn Packet>)> {
        let taken = self.empty(from, to, |port, wire| pick(port, &*wire.packet));
        if let Some(sender) = self.node(from) {
            add(&sender.counts.returned, taken.len() as u64);
        }
        taken
            .into_iter()
            .map(|(port, wire)| (port, wire.packet))
            .collect()
    }

    fn empty(
        &self,
        from: NodeId,
        to: NodeId,
        pick: impl Fn(u16, &OnWire) -> bool,
    ) -> Vec<(u16, OnWire)> {
        let mut taken = Vec::new();
        let Some(cell) = self.cell(from, to) else {
            return taken;
        };
        let mut guard = cell.link.lock();
        let Some(link) = guard.as_mut() else {
            return taken;
        };
        for (port, flow) in &mut link.flows {
            let (gone, kept) = flow.queue.drain(..).partition(|wire| pick(*port, wire));
            flow.queue = kept;
            let gone: VecDeque<OnWire> = gone;
            taken.extend(gone.into_iter().map(|wire| (*port, wire)));
        }
        if link.is_idle() {
            self.set_plain(cell, to, true);
        }
        taken
    }

    /// Whether anything may wait on the way to `to`, from wherever: some link to it is not perfect and
    /// empty. One look instead of one at each node; who has made a change that senders look at needs a
    /// fence before it, as they do behind their sending.
    pub fn may_wait(&self, to: NodeId) -> bool {
        self.node(to)
            .is_some_and(|node| node.rough.load(Ordering::SeqCst) > 0)
    }

    /// How many packets wait on the way from `from` to `to`.
    pub fn waiting(&self, from: NodeId, to: NodeId) -> usize {
        let Some(cell) = self.cell(from, to) else {
            return 0;
        };
        let guard = cell.link.lock();
        guard.as_ref().map_or(0, |link| {
            link.flows.values().map(|flow| flow.queue.len()).sum()
        })
    }

    /// The conditions of one direction of a link.
    pub fn conditions(&self, from: NodeId, to: NodeId) -> Conditions {
        let Some(cell) = self.cell(from, to) else {
            return Conditions::default();
        };
        let guard = cell.link.lock();
        guard
            .as_ref()
            .map_or_else(Conditions::default, |link| link.conditions.clone())
    }

    /// Changes the conditions of one direction of a link; what waits goes on if it now can.
    pub fn change(&self, from: NodeId, to: NodeId, change: impl FnOnce(&mut Conditions)) {
        let Some(cell) = self.cell(from, to) else {
            return;
        };
        let mut guard = self.open(cell, from, to);
        let Some(link) = guard.as_mut() else { return };
        let before = link.conditions.clone();
        change(&mut link.conditions);
        self.set_plain(cell, to, false);
        let text = link.conditions.to_string();
        let now = self.0.clock.now();
        link.go_on(&before, now, now + link.conditions.delay);
        let ports = link.flows.keys().copied();
        let passes = ports.filter(|port| link.conditions.passes(*port));
        let passes: Vec<u16> = passes.collect();
        if link.is_idle() {
            self.set_plain(cell, to, true);
        }
        drop(guard);
        self.0.journal.record(
            Some(from),
            Event::Link {
                from,
                to,
                now: text,
            },
        );
        for port in passes {
            self.pump(from, to, port);
        }
    }

    /// Changes both directions of a link.
    pub fn change_both(&self, a: NodeId, b: NodeId, change: impl Fn(&mut Conditions)) {
        self.change(a, b, &change);
        self.change(b, a, &change);
    }

    /// Cuts a link both ways.
    pub fn cut(&self, a: NodeId, b: NodeId) {
        self.change_both(a, b, |conditions| conditions.cut = true);
    }

    /// Cuts one direction of a link.
    pub fn cut_one_way(&self, from: NodeId, to: NodeId) {
        self.change(from, to, |conditions| conditions.cut = true);
    }

    /// Makes a link perfect again, both ways; what was held arrives.
    pub fn heal(&self, a: NodeId, b: NodeId) {
        self.change_both(a, b, |conditions| *conditions = Conditions::default());
    }

    /// Gives a node power: its next life begins, whose number (from 1) is returned.
    pub fn power_up(&self, node: NodeId) -> u32 {
        let Some(state) = self.node(node) else {
            return 0;
        };
        let life = state.life.fetch_add(1, Ordering::AcqRel) + 1;
        state.up.store(true, Ordering::Release);
        for other in self.all() {
            self.pump_all(other, node);
        }
        life
    }

    /// Cuts a node's power: nothing leaves or reaches it, nobody listens there, and what it had
    /// sent on stream ports without it having arrived is dropped. What others have sent it waits
    /// for them to take it back, and comes back to them when it gets power again.
    pub fn power_down(&self, node: NodeId) {
        let Some(state) = self.node(node) else { return };
        state.up.store(false, Ordering::Release);
        let ports = std::mem::take(&mut *state.ports.write());
        for to in self.all() {
            let mut stale: BTreeMap<u16, u64> = BTreeMap::new();
            for (port, wire) in self.empty(node, to, |_, _| true) {
                let endpoint = ports.iter().find(|(listened, _)| *listened == port);
                let dropped = match endpoint {
                    Some((_, endpoint)) => endpoint.orphaned(to, wire.packet),
                    None => Some(wire.packet),
                };
                *stale.entry(port).or_default() += u64::from(dropped.is_some());
            }
            stale.retain(|_, count| *count > 0);
            for (port, count) in stale {
                self.stale(node, to, port, count);
            }
        }
    }

    fn pump_all(&self, from: NodeId, to: NodeId) {
        let Some(cell) = self.cell(from, to) else {
            return;
        };
        let ports: Vec<u16> = match cell.link.lock().as_ref() {
            Some(link) => link.flows.keys().copied().collect(),
            None => return,
        };
        for port in ports {
            self.pump(from, to, port);
        }
    }

    fn all(&self) -> impl Iterator<Item = NodeId> + use<> {
        let count = u16::try_from(self.0.nodes.len()).unwrap_or(u16::MAX);
        (0..count).map(NodeId)
    }

    /// Whether a node has power.
    pub fn is_up(&self, node: NodeId) -> bool {
        self.node(node)
            .is_some_and(|node| node.up.load(Ordering::Acquire))
    }

    /// Which life of a node this is; 0 before the first.
    pub fn life(&self, node: NodeId) -> u32 {
        self.node(node)
            .map_or(0, |node| node.life.load(Ordering::Acquire))
    }

    /// A node's counters.
    pub fn counters(&self, node: NodeId) -> NetworkCounters {
        let Some(node) = self.node(node) else {
            return NetworkCounters::default();
        };
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        NetworkCounters {
            sent: read(&node.counts.sent),
            delivered: read(&node.counts.delivered),
            dropped: read(&node.counts.dropped),
            returned: read(&node.counts.returned),
            refused: read(&node.counts.refused),
        }
    }
}
