//! How the clients of a crowd live.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::future::Future;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use takeover_actors::plane::Plane;
use takeover_actors::rt::{Rng, World};
use takeover_actors::session::{
    CrowdArrival, CrowdHand, CrowdWord, HandEnd, Told, Wish, Word, crowd_hands,
};
use takeover_core::id::NodeId;
use takeover_core::time::Moment;
use takeover_protocols::jid::ResourcePart;
use takeover_protocols::stanza::{PresenceType, Stanza};
use takeover_protocols::stream::StreamCondition;

use super::member::{Seat, Side, Slim};
use super::talk::{Talk, hear};
use super::{CrowdSpec, Shared};
use crate::scale::ScaleSpec;
use crate::scale::spec::Pair;

/// The resource of every client.
const RESOURCE: &str = "takeover";
/// Clients of a crowd that are at a door at once: others wait, so that nothing piles up.
const AT_DOOR: u32 = 128;
/// To what a client's clock is true: the time of its login is a multiple of this.
const TICK: Duration = Duration::from_secs(1);
/// How often so many go to a door when all are to log in.
const WAVE: Duration = Duration::from_millis(10);
/// How long a client waits that no node lets in.
const RETRY: Duration = Duration::from_secs(10);
/// Redirects in a row before a client takes its node for lost.
const REDIRECTS: u8 = 5;
/// How often a sample user writes.
const TALK: Duration = Duration::from_secs(5);

/// The clients of a pair's users.
pub(super) struct Crowd {
    world: World,
    /// The plane is the lab's, which may end before its clients do.
    plane: Weak<Plane>,
    scale: ScaleSpec,
    pair: Pair,
    domain: String,
    nodes: [NodeId; 2],
    window: (Duration, Duration),
    shared: Arc<Shared>,
    rng: Rng,
    hands: [Option<CrowdHand>; 2],
    members: Vec<Slim>,
    /// Those that have not logged in yet begin here.
    fresh: u32,
    /// When the next of them go to the doors.
    next_wave: Moment,
    at_door: u32,
    /// Who logs in when.
    due: BTreeMap<Moment, Vec<u32>>,
    talk: Talk,
    next_talk: Moment,
}

impl Crowd {
    pub(super) fn new(
        plane: &Arc<Plane>,
        spec: CrowdSpec,
        name: &str,
        shared: &Arc<Shared>,
    ) -> Self {
        let world = plane.world().clone();
        let mut rng = world.rng(name);
        let members = spec.scale.members(spec.pair);
        let next_talk = world.now() + rng.between(Duration::ZERO, TALK);
        Self {
            plane: Arc::downgrade(plane),
            scale: spec.scale,
            pair: spec.pair,
            domain: plane.domains().first().cloned().unwrap_or_default(),
            nodes: spec.nodes,
            window: spec.window,
            shared: shared.clone(),
            rng,
            hands: [None, None],
            members: (0..members).map(|_| Slim::new()).collect(),
            fresh: 0,
            next_wave: world.now(),
            at_door: 0,
            due: BTreeMap::new(),
            talk: Talk::of(spec.talkers.into_iter()),
            next_talk,
            world,
        }
    }

    /// All their lives.
    pub(super) async fn live(mut self) {
        loop {
            self.hear(0);
            self.hear(1);
            self.let_in();
            self.chat();
            self.wait().await;
        }
    }

    /// Hears what a node has told its clients, and whether it is gone.
    fn hear(&mut self, side: Side) {
        let Some(hand) = &self.hands[usize::from(side)] else {
            return;
        };
        let told = hand.told();
        let over = hand.is_over();
        for (member, told) in told {
            self.told(member, side, told);
        }
        if over {
            self.hands[usize::from(side)] = None;
            for member in 0..self.fresh {
                let seat = self.members[member as usize].seat;
                if seat == Seat::In(side) || seat == Seat::Asking(side) {
                    self.left(member);
                    self.later(member);
                }
            }
        }
    }

    /// Sends to the doors whoever is to log in by now.
    fn let_in(&mut self) {
        let now = self.world.now();
        while self.at_door < AT_DOOR
            && let Some(mut first) = self.due.first_entry().filter(|first| *first.key() <= now)
        {
            match first.get_mut().pop() {
                Some(member) => self.log_in(member),
                None => drop(first.remove()),
            }
        }
        if now >= self.next_wave && self.is_fresh() {
            self.next_wave = now + WAVE;
            let room = AT_DOOR.saturating_sub(self.at_door);
            for _ in 0..room {
                if self.is_fresh() {
                    self.fresh += 1;
                    self.log_in(self.fresh - 1);
                }
            }
        }
    }

    /// Whether some have not logged in yet.
    fn is_fresh(&self) -> bool {
        (self.fresh as usize) < self.members.len()
    }

    /// At home, else at the backup, else later.
    fn log_in(&mut self, member: u32) {
        let home = (member % 2) as Side;
        if !self.knock(member, home) && !self.knock(member, 1 - home) {
            self.later(member);
        }
    }

    /// Goes to the door of a node; false where nobody opens.
    fn knock(&mut self, member: u32, side: Side) -> bool {
        if !self.reach(side) {
            return false;
        }
        let user = self.address_of(member);
        let slim = &mut self.members[member as usize];
        let wish = match &slim.previd {
            Some(previd) => Wish::Resume {
                previd: previd.clone(),
                h: slim.received,
            },
            None => Wish::New,
        };
        let Some(hand) = &self.hands[usize::from(side)] else {
            return false;
        };
        let there = hand.say(member, CrowdWord::LogIn { user, wish });
        if there {
            slim.seat = Seat::Asking(side);
            self.at_door += 1;
        }
        there
    }

    /// The bare address of a client's user.
    fn address_of(&self, member: u32) -> String {
        // In one piece: a million addresses are written when a million clients come back.
        let mut address = String::with_capacity(self.domain.len() + 16);
        // Writing to a String cannot fail.
        let _ = write!(address, "{}", self.scale.name(self.pair, member));
        address.push('@');
        address.push_str(&self.domain);
        address
    }

    /// Whether the node can be reached; a hand to it is there then.
    fn reach(&mut self, side: Side) -> bool {
        let place = usize::from(side);
        if let Some(hand) = &self.hands[place] {
            return !hand.is_over();
        }
        let (Some(plane), Ok(resource)) = (self.plane.upgrade(), ResourcePart::new(RESOURCE))
        else {
            return false;
        };
        let (near, far) = crowd_hands();
        let arrival = CrowdArrival {
            resource: resource.into_owned(),
            hand: far,
        };
        let received = plane.node(self.nodes[place]).receive_crowd(arrival).is_ok();
        if received {
            self.hands[place] = Some(near);
        }
        received
    }

    fn told(&mut self, member: u32, side: Side, told: Told) {
        match told {
            Told::Bound {
                previd, resumed, ..
            } => self.bound(member, side, previd, resumed),
            Told::Inactive => {}
            Told::Stanzas(stanzas) => {
                let slim = &mut self.members[member as usize];
                slim.received = slim.received.wrapping_add(stanzas.len() as u32);
                let received = slim.received;
                if self.talk.get(member).is_some() {
                    let mut tally = self.shared.tally.lock();
                    stanzas.iter().for_each(|stanza| hear(stanza, &mut tally));
                }
                self.say(member, side, Word::Acked(received));
            }
            Told::Handled(h) => {
                if let Some(talker) = self.talk.get(member) {
                    talker.acknowledged(h);
                }
            }
            Told::Ended(end) => self.ended(member, end),
        }
    }

    fn bound(&mut self, member: u32, side: Side, previd: Arc<str>, resumed: Option<u32>) {
        let slim = &mut self.members[member as usize];
        self.at_door -= 1;
        self.shared.online.fetch_add(1, Ordering::Relaxed);
        slim.seat = Seat::In(side);
        (slim.had_session, slim.redirects) = (true, 0);
        slim.previd = Some(previd);
        match resumed {
            None => {
                slim.received = 0;
                if let Some(talker) = self.talk.get(member) {
                    talker.begins();
                }
                self.send(member, side, Stanza::presence(PresenceType::Available));
            }
            Some(handled) => {
                self.shared.resumed.fetch_add(1, Ordering::Relaxed);
                let again = match self.talk.get(member) {
                    Some(talker) => {
                        talker.acknowledged(handled);
                        talker.again()
                    }
                    // Its presence is all that it has ever sent.
                    None if handled == 0 => vec![Stanza::presence(PresenceType::Available)],
                    None => Vec::new(),
                };
                for stanza in again {
                    self.say(member, side, Word::Stanza(stanza));
                }
            }
        }
    }

    /// Sends a stanza that was not sent before.
    fn send(&mut self, member: u32, side: Side, stanza: Stanza) {
        if let Some(talker) = self.talk.get(member) {
            talker.sent(&stanza);
        }
        self.say(member, side, Word::Stanza(stanza));
    }

    fn say(&self, member: u32, side: Side, word: Word) {
        if let Some(hand) = &self.hands[usize::from(side)] {
            // A hand that is over is noticed when it is heard.
            let _ = hand.say(member, CrowdWord::Say(word));
        }
    }

    /// A node has ended a session, or refused one.
    fn ended(&mut self, member: u32, end: HandEnd) {
        self.left(member);
        let slim = &mut self.members[member as usize];
        match end {
            HandEnd::SeeOtherHost(to) if slim.redirects < REDIRECTS => {
                slim.redirects += 1;
                slim.had_session = false;
                let there = (0..2).find(|side| self.address(*side).as_ref() == Some(&to));
                if !there.is_some_and(|side| self.knock(member, side)) {
                    self.later(member);
                }
            }
            HandEnd::SeeOtherHost(_) => {
                (slim.redirects, slim.had_session) = (0, true);
                self.later(member);
            }
            HandEnd::Error(error) if error.condition == StreamCondition::Conflict => {
                slim.seat = Seat::Refused;
            }
            HandEnd::NoSuchUser => slim.seat = Seat::Refused,
            HandEnd::Error(_) | HandEnd::Refused(_) | HandEnd::LoggedOut => self.later(member),
        }
    }

    fn address(&self, side: Side) -> Option<String> {
        let plane = self.plane.upgrade()?;
        Some(plane.node(self.nodes[usize::from(side)]).address())
    }

    /// It is at no door and in no session any more.
    fn left(&mut self, member: u32) {
        let slim = &mut self.members[member as usize];
        match std::mem::replace(&mut slim.seat, Seat::Out) {
            Seat::Asking(_) => self.at_door -= 1,
            Seat::In(_) => drop(self.shared.online.fetch_sub(1, Ordering::Relaxed)),
            Seat::Out | Seat::Waiting | Seat::Refused => {}
        }
    }

    /// SES-5: who has lost its session waits a random time of the window; who was not let in tries
    /// again after a while.
    fn later(&mut self, member: u32) {
        let slim = &mut self.members[member as usize];
        let after = match std::mem::take(&mut slim.had_session) {
            true => self.rng.between(self.window.0, self.window.1),
            false => RETRY,
        };
        slim.seat = Seat::Waiting;
        let due = (self.world.now() + after).0;
        let tick = TICK.as_micros() as u64;
        let due = Moment(due.next_multiple_of(tick));
        self.due.entry(due).or_default().push(member);
    }

    /// Sample users write when it is time.
    fn chat(&mut self) {
        let now = self.world.now();
        if now < self.next_talk || !self.shared.is_talking() {
            return;
        }
        self.next_talk = now + TALK;
        for member in self.talk.members() {
            let Seat::In(side) = self.members[member as usize].seat else {
                continue;
            };
            let next = self.talk.get(member);
            let stanza = next.map(|talker| talker.next(&mut self.shared.tally.lock()));
            if let Some(stanza) = stanza {
                self.send(member, side, stanza);
            }
        }
    }

    /// When the crowd has something to do by itself.
    fn next(&self) -> Option<Moment> {
        let due = self.due.keys().next().copied();
        let due = due.filter(|_| self.at_door < AT_DOOR);
        let talk = self.shared.is_talking().then_some(self.next_talk);
        let wave = self.is_fresh().then_some(self.next_wave);
        due.into_iter().chain(talk).chain(wave).min()
    }

    async fn wait(&self) {
        let heard = |side: usize| async move {
            match &self.hands[side] {
                Some(hand) => hand.heard().await,
                None => std::future::pending().await,
            }
        };
        let next = self.next();
        tokio::select! {
            biased;
            () = heard(0) => {}
            () = heard(1) => {}
            () = self.shared.changed() => {}
            () = until(&self.world, next) => {}
        }
    }
}

fn until(world: &World, when: Option<Moment>) -> impl Future<Output = ()> {
    let sleep = when.map(|when| world.sleep(when.saturating_since(world.now())));
    async move {
        match sleep {
            Some(sleep) => sleep.await,
            None => std::future::pending().await,
        }
    }
}
