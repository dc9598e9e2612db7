//! What is on its way: streams in order, datagrams each on its own, and what comes back.

use super::link::{Arrival, Flow, Link, OnWire, Returned, Why};
use super::network::{FLOW_CAPACITY, LinkCell, Network, NotSent, add};
use std::sync::Arc;
use takeover_core::id::NodeId;
use takeover_core::journal::Event;

impl Network {
    pub(super) fn send_datagram(
        &self,
        cell: &LinkCell,
        from: NodeId,
        to: NodeId,
        port: u16,
        wire: OnWire,
    ) {
        if let Some(sender) = self.node(from) {
            add(&sender.counts.sent, 1);
        }
        let mut guard = self.open(cell, from, to);
        let Some(link) = guard.as_mut() else { return };
        if link.conditions.hold {
            // A held datagram waits with the streams, and then arrives as they do.
            link.flows.entry(port).or_default().queue.push_back(wire);
            self.set_plain(cell, to, false);
            return;
        }
        let passes = link.conditions.passes(port);
        let dues = match passes {
            true => link.datagram_due(self.0.clock.now(), wire.packet.wire_size()),
            false => [None, None],
        };
        drop(guard);
        let [first, second] = dues;
        let copy = second.and_then(|due| Some((due, wire.packet.duplicate()?)));
        if let Some((due, packet)) = copy {
            let copy = OnWire {
                due,
                packet,
                ..wire
            };
            self.fly(from, to, port, copy);
        }
        match first {
            Some(due) => self.fly(from, to, port, OnWire { due, ..wire }),
            None => self.count_drop(to),
        }
    }

    /// A datagram on its own way. It is on the wire: its sender's end does not stop it.
    pub(super) fn fly(&self, from: NodeId, to: NodeId, port: u16, wire: OnWire) {
        let network = Arc::downgrade(&self.0);
        let OnWire {
            due,
            number,
            from_life,
            to_life,
            packet,
            ..
        } = wire;
        let fire = Box::new(move || {
            let Some(network) = network.upgrade().map(Network) else {
                return;
            };
            let passes = network.conditions(from, to).passes(port);
            if passes {
                network.note_arrived(from, to, port, number);
            }
            let listening = network.is_life(to, to_life) && passes;
            match network.endpoint(to, port) {
                Some(endpoint) if listening => {
                    network.count_delivery(to);
                    endpoint.arrived(Arrival {
                        from,
                        from_life,
                        to,
                        port,
                        packet,
                    });
                }
                _ => network.count_drop(to),
            }
        });
        self.0.timers.arm(due, fire);
    }

    pub(super) fn send_stream(
        &self,
        cell: &LinkCell,
        from: NodeId,
        to: NodeId,
        port: u16,
        mut wire: OnWire,
    ) -> Result<(), NotSent> {
        let now = self.0.clock.now();
        let mut guard = self.open(cell, from, to);
        let Some(link) = guard.as_mut() else {
            return Ok(());
        };
        let attempts = link.attempts(now, wire.packet.wire_size());
        let through = link.stream_due(attempts);
        let flow = link.flows.entry(port).or_default();
        let counts = self.node(from).map(|node| &node.counts);
        if flow.queue.len() >= FLOW_CAPACITY {
            drop(guard);
            counts.inspect(|counts| add(&counts.refused, 1));
            return Err(NotSent::FlowFull(wire.packet));
        }
        counts.inspect(|counts| add(&counts.sent, 1));
        let last = flow.queue.back().map_or(through, |last| last.due);
        (wire.attempts, wire.through) = (attempts, through);
        wire.due = through.max(last);
        flow.queue.push_back(wire);
        self.set_plain(cell, to, false);
        drop(guard);
        self.pump(from, to, port);
        Ok(())
    }

    /// Delivers what is due of one flow, in order, and arms a timer for the rest.
    pub(super) fn pump(&self, from: NodeId, to: NodeId, port: u16) {
        let Some(cell) = self.cell(from, to) else {
            return;
        };
        let mut guard = cell.link.lock();
        match guard.as_mut().and_then(|link| link.flows.get_mut(&port)) {
            Some(flow) if !flow.delivering => flow.delivering = true,
            Some(_) | None => return,
        }
        while let Some(wire) = guard
            .as_mut()
            .and_then(|link| self.take_due(link, from, to, port))
        {
            drop(guard);
            self.deliver(from, to, port, wire);
            guard = cell.link.lock();
        }
        let Some(link) = guard.as_mut() else { return };
        let passes = link.conditions.passes(port) && self.is_up(to);
        if let Some(flow) = link.flows.get_mut(&port) {
            flow.delivering = false;
            if passes {
                self.arm(flow, from, to, port);
            }
        }
        if link.is_idle() {
            self.set_plain(cell, to, true);
        }
    }

    pub(super) fn take_due(
        &self,
        link: &mut Link,
        from: NodeId,
        to: NodeId,
        port: u16,
    ) -> Option<OnWire> {
        if !link.conditions.passes(port) || !self.is_up(to) || !self.is_up(from) {
            return None;
        }
        let flow = link.flows.get_mut(&port)?;
        flow.queue
            .pop_front_if(|wire| wire.due <= self.0.clock.now())
    }

    pub(super) fn arm(&self, flow: &mut Flow, from: NodeId, to: NodeId, port: u16) {
        let Some(head) = flow.queue.front() else {
            return;
        };
        if flow
            .armed
            .is_some_and(|armed| armed <= head.due && armed > self.0.clock.now())
        {
            return;
        }
        flow.armed = Some(head.due);
        let network = Arc::downgrade(&self.0);
        let fire = Box::new(move || {
            if let Some(network) = network.upgrade().map(Network) {
                network.pump(from, to, port);
            }
        });
        self.0.timers.arm(head.due, fire);
    }

    pub(super) fn deliver(&self, from: NodeId, to: NodeId, port: u16, wire: OnWire) {
        let OnWire {
            number,
            from_life,
            to_life,
            packet,
            ..
        } = wire;
        if !self.is_life(from, from_life) {
            self.stale(from, to, port, 1);
            return;
        }
        self.note_arrived(from, to, port, number);
        let why = match (self.is_life(to, to_life), self.endpoint(to, port)) {
            (true, Some(endpoint)) => {
                self.count_delivery(to);
                return endpoint.arrived(Arrival {
                    from,
                    from_life,
                    to,
                    port,
                    packet,
                });
            }
            (true, None) => Why::NobodyListens,
            (false, _) => Why::LifeOver,
        };
        self.give_back(
            from,
            Returned {
                why,
                to,
                port,
                packet,
            },
        );
    }

    pub(super) fn give_back(&self, from: NodeId, returned: Returned) {
        if let Some(sender) = self.node(from) {
            add(&sender.counts.returned, 1);
        }
        match self.endpoint(from, returned.port) {
            Some(endpoint) => endpoint.returned(returned),
            None => self.count_drop(returned.to),
        }
    }

    pub(super) fn stale(&self, from: NodeId, to: NodeId, port: u16, count: u64) {
        if let Some(receiver) = self.node(to) {
            add(&receiver.counts.dropped, count);
        }
        self.0.journal.record(
            Some(to),
            Event::StalePackets {
                from,
                to,
                port,
                count,
            },
        );
    }

    pub(super) fn count_drop(&self, to: NodeId) {
        if let Some(receiver) = self.node(to) {
            add(&receiver.counts.dropped, 1);
        }
    }

    pub(super) fn count_delivery(&self, to: NodeId) {
        if let Some(receiver) = self.node(to) {
            add(&receiver.counts.delivered, 1);
        }
    }

    pub(super) fn is_life(&self, node: NodeId, life: u32) -> bool {
        self.is_up(node) && self.life(node) == life
    }
}
