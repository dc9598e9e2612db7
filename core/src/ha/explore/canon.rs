//! One form for all worlds that differ in what nothing depends on: how often something was counted.
//!
//! Incarnations are compared and nothing else: they are ranked. So are message numbers, but for gaps between
//! them, which show; of the number that a message has heard counts whether it answers a question. Epochs are
//! compared and counted on by one: they are ranked with their distances kept up to three, which no rule can
//! tell from more. Attempts only tell the present piece of work from older ones.

use std::hash::Hash;

use super::super::event::Attempt;
use super::super::node::HaNode;
use super::super::peer::{Body, Epoch};
use super::mixer::Mixer;
use super::world::{Power, Work, World};
use crate::id::Incarnation;

/// A small ordered set of numbers, without heap.
struct Ranks {
    values: [u32; 16],
    count: usize,
}

impl Ranks {
    fn new() -> Ranks {
        Ranks {
            values: [0; 16],
            count: 0,
        }
    }

    fn add(&mut self, value: u32) {
        let place = self.values[..self.count].partition_point(|known| *known < value);
        if self.values[..self.count].get(place) == Some(&value) || self.count == self.values.len() {
            return;
        }
        self.values[place..=self.count].rotate_right(1);
        self.values[place] = value;
        self.count += 1;
    }

    /// The rank of a value, with distances between neighbours kept up to `widest`.
    fn rank(&self, value: u32, widest: u32) -> u32 {
        let mut rank = 0;
        for pair in self.values[..self.count].windows(2) {
            if pair[1] > value {
                break;
            }
            rank += (pair[1] - pair[0]).min(widest);
        }
        rank
    }
}

impl World {
    /// The same world in its one form.
    pub(super) fn canonical(mut self) -> World {
        (0..2).for_each(|i| self.forget_dead(i));
        (0..2).for_each(|i| self.rank_lives(i));
        (0..2).for_each(|i| self.rank_numbers(i));
        self.rank_epochs();
        self
    }

    /// The fingerprint of a world in its one form.
    pub(super) fn fingerprint(&self) -> u128 {
        let mut mixer = Mixer::new();
        self.hash(&mut mixer);
        mixer.finish128()
    }

    /// While SRM does not run only its record counts; while it runs, only what it knows.
    fn forget_dead(&mut self, i: usize) {
        let side = &mut self.sides[i];
        if side.power == Power::Up {
            side.node.attempt = Attempt(u16::from(side.work != Work::None));
            side.record = side.node.record();
        } else {
            side.node = HaNode::dead(&side.record, i == 0);
        }
    }

    /// The lives of node `i`, wherever they are named.
    fn lives(&mut self, i: usize, mut each: impl FnMut(&mut Incarnation)) {
        let [one, two] = &mut self.sides;
        let (own, peer) = if i == 0 { (one, two) } else { (two, one) };
        each(&mut own.node.incarnation);
        each(&mut own.record.incarnation);
        each(&mut peer.node.peer.incarnation);
        each(&mut peer.record.peer_incarnation);
        self.queues[1 - i]
            .iter_mut()
            .for_each(|message| each(&mut message.from));
        self.queues[i]
            .iter_mut()
            .for_each(|message| each(&mut message.to));
    }

    fn rank_lives(&mut self, i: usize) {
        let mut ranks = Ranks::new();
        ranks.add(0);
        self.lives(i, |life| ranks.add(life.0));
        self.lives(i, |life| life.0 = ranks.rank(life.0, 1));
    }

    /// The messages from node `i` to its peer, how far the peer has heard, and the question among them: numbered
    /// from what the peer has heard, which is 1, with each gap of one or more as a gap of one.
    fn rank_numbers(&mut self, i: usize) {
        self.rank_answers(i);
        let heard = self.sides[1 - i].node.peer;
        let sender = self.sides[i].node.incarnation;
        let question = self.sides[i].node.peer.question;
        let mut life = heard.incarnation;
        let (mut before, mut rank) = (heard.seq, 1);
        let mut asked = (life == sender && before >= question).then_some(rank);
        for message in self.queues[1 - i].iter_mut() {
            if message.from != life {
                life = message.from;
                (before, rank) = (message.seq.saturating_sub(1), 0);
            }
            rank += message.seq.saturating_sub(before).min(2);
            before = message.seq;
            if life == sender && before >= question {
                asked.get_or_insert(rank);
            }
            message.seq = rank;
        }
        let sent = self.sides[i].node.sent;
        let gap = sent.saturating_sub(before).min(1);
        let node = &mut self.sides[i].node;
        node.sent = if life == sender { rank + gap } else { 0 };
        if question != 0 {
            node.peer.question = asked.unwrap_or(node.sent.max(1));
        }
        self.sides[1 - i].node.peer.seq = 1;
    }

    /// What was heard of node `i`: 1 where that answers its question, else 0.
    fn rank_answers(&mut self, i: usize) {
        let node = &self.sides[i].node;
        let (life, question) = (node.incarnation, node.peer.question);
        for message in self.queues[i].iter_mut() {
            let answers = question != 0 && message.to == life && message.heard >= question;
            message.heard = u32::from(answers);
        }
    }

    fn epochs(&mut self, mut each: impl FnMut(&mut Epoch)) {
        for side in &mut self.sides {
            each(&mut side.node.epoch);
            each(&mut side.record.epoch);
            if let Some(status) = &mut side.node.peer.status {
                each(&mut status.epoch);
            }
        }
        for queue in &mut self.queues {
            for message in queue.iter_mut() {
                if let Body::Status(status) = &mut message.body {
                    each(&mut status.epoch);
                }
            }
        }
    }

    fn rank_epochs(&mut self) {
        let mut ranks = Ranks::new();
        self.epochs(|epoch| ranks.add(epoch.0));
        self.epochs(|epoch| epoch.0 = ranks.rank(epoch.0, 3));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value that is named often takes one place, so that there is room for the others.
    #[test]
    fn values_are_ranked_however_often_they_are_named() {
        let mut ranks = Ranks::new();
        (0..20).for_each(|_| ranks.add(7));
        [3, 30, 8].into_iter().for_each(|value| ranks.add(value));
        let by = |widest| [3, 7, 8, 30].map(|value| ranks.rank(value, widest));
        assert_eq!(by(1), [0, 1, 2, 3]);
        assert_eq!(by(3), [0, 3, 4, 7]);
    }
}
