//! A hand to a node that is some way off: each word is under way for a time, and lost with the
//! connection. What a client has said and the node has not heard, or the other way round, is what
//! resumptions are about (XEP-0198, section 5).

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::Mutex;
use takeover_actors::rt::World;
use takeover_actors::session::{ClientHand, Told, Word};
use takeover_core::time::Moment;

use super::stream::until;

/// The client's end, at a distance.
pub(super) struct FarHand {
    hand: ClientHand,
    world: World,
    distance: Duration,
    under_way: Mutex<UnderWay>,
}

/// What was said and is not heard yet, with the time at which it will be.
#[derive(Default)]
struct UnderWay {
    up: VecDeque<(Moment, Word)>,
    down: VecDeque<(Moment, Told)>,
}

impl FarHand {
    /// A hand whose words take `distance` of protocol time each way.
    pub(super) fn new(hand: ClientHand, world: World, distance: Duration) -> Self {
        Self {
            hand,
            world,
            distance,
            under_way: Mutex::default(),
        }
    }

    /// Says a word; a lost connection is noticed by its reader.
    pub(super) fn say(&self, word: Word) {
        if self.distance.is_zero() {
            self.hand.say(word);
        } else {
            let due = self.world.now() + self.distance;
            self.under_way.lock().up.push_back((due, word));
        }
    }

    /// What has arrived from the node.
    pub(super) fn told(&self) -> Vec<Told> {
        if self.distance.is_zero() {
            return self.hand.told();
        }
        self.carry();
        let mut under_way = self.under_way.lock();
        arrived(&mut under_way.down, self.world.now())
    }

    /// Whether the node's end is gone and all that will arrive has done so.
    pub(super) fn is_over(&self) -> bool {
        self.hand.is_over() && self.under_way.lock().down.is_empty()
    }

    /// Completes when something has arrived, or the node's end is gone. Safe to be dropped at any
    /// point.
    pub(super) async fn heard(&self) {
        if self.distance.is_zero() {
            return self.hand.heard().await;
        }
        loop {
            self.carry();
            let (up, down) = {
                let under_way = self.under_way.lock();
                let due = |first: Option<Moment>| first.filter(|due| *due > self.world.now());
                let down = under_way.down.front().map(|(due, _)| *due);
                if down.is_some() && due(down).is_none() {
                    return;
                }
                (under_way.up.front().map(|(due, _)| *due), down)
            };
            let is_over = self.hand.is_over();
            if is_over && down.is_none() {
                return;
            }
            let next = [up, down].into_iter().flatten().min();
            tokio::select! {
                biased;
                () = self.hand.heard(), if !is_over => {}
                () = until(&self.world, next) => {}
            }
        }
    }

    /// Takes words as far as they have come by now.
    fn carry(&self) {
        let now = self.world.now();
        let mut under_way = self.under_way.lock();
        for word in arrived(&mut under_way.up, now) {
            self.hand.say(word);
        }
        let due = now + self.distance;
        let told = self.hand.told().into_iter().map(|told| (due, told));
        under_way.down.extend(told);
        let farewell = matches!(under_way.down.back(), Some((_, Told::Ended(_))));
        if self.hand.is_over() && !farewell {
            // It broke: nothing comes through any more.
            under_way.down.clear();
        }
    }

    /// Says all that is under way, for one who goes without losing its connection.
    pub(super) fn hurry(&self) {
        for (_, word) in std::mem::take(&mut self.under_way.lock().up) {
            self.hand.say(word);
        }
    }
}

fn arrived<T>(queue: &mut VecDeque<(Moment, T)>, now: Moment) -> Vec<T> {
    let count = queue.iter().take_while(|(due, _)| *due <= now).count();
    queue.drain(..count).map(|(_, what)| what).collect()
}
