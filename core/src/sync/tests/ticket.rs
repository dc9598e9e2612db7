use super::*;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// What a client has written: its number, and whom it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Letter {
    number: u64,
    target: u64,
}

/// A letter on its road, with its ticket.
type Parcel = (Ticket, Letter);

type Window = TicketWindow<Parcel>;

/// Numbers tell letters apart as contents do.
fn content(letter: Letter) -> u64 {
    letter.number + 1_000
}

fn issue(window: &Window, life: u32, letter: Letter) -> Issued {
    window.issue(life, letter.target, || content(letter))
}

fn ticket(window: &Window, number: u64, target: u64) -> Parcel {
    let letter = Letter { number, target };
    match issue(window, window.life(), letter) {
        Issued::Ticket(ticket) => (ticket, letter),
        other => panic!("{other:?}"),
    }
}

fn claim(window: &Window, parcel: Parcel) -> Claim<Parcel> {
    window.claim(parcel.0, parcel, |(_, letter)| content(*letter))
}

fn settled(window: &Window, life: u32) -> Option<u64> {
    let mut context = Context::from_waker(Waker::noop());
    match window.poll_settled(life, &mut context) {
        Poll::Ready(handled) => Some(handled),
        Poll::Pending => None,
    }
}

/// XEP-0198 section 4: `h` counts without a gap, in whatever order the stanzas are finished.
#[test]
fn h_has_no_gaps() {
    let window = Window::new();
    let parcels = [1, 2, 3].map(|target| ticket(&window, target, target));
    for parcel in parcels {
        assert_eq!(claim(&window, parcel), Claim::Go(parcel));
    }
    assert_eq!(window.finish(parcels[2].0), None);
    assert_eq!(window.finish(parcels[1].0), None);
    assert_eq!((window.handled(), window.received()), (0, 3));
    assert_eq!(window.finish(parcels[0].0), None);
    assert_eq!((window.handled(), window.is_drained()), (3, true));
}

/// SES-3: what comes before its forerunner to the same target waits for it; what is for somebody
/// else does not.
#[test]
fn each_target_has_its_order() {
    let window = Window::new();
    let [first, second, third] = [7, 7, 7].map(|target| ticket(&window, 0, target));
    let other = ticket(&window, 1, 8);
    assert_eq!(claim(&window, third), Claim::Parked);
    assert_eq!(claim(&window, second), Claim::Parked);
    assert_eq!(claim(&window, other), Claim::Go(other));
    assert_eq!(claim(&window, first), Claim::Go(first));
    assert_eq!(window.accepted(first.0), Some(second), "the next, not all");
    assert_eq!(window.finish(first.0), None, "its follower has gone");
    assert_eq!(claim(&window, second), Claim::Go(second));
    assert_eq!(window.finish(second.0), Some(third));
}

/// XEP-0198 section 5: after a resumption the old connection's stanzas are not carried out; the
/// client sends them again and they have the same numbers.
#[test]
fn unclaimed_tickets_end_with_their_life() {
    let window = Window::new();
    let doubt = ticket(&window, 1, 1);
    assert_eq!(claim(&window, doubt), Claim::Go(doubt));
    let late = ticket(&window, 2, 2);
    let life = window.resume();
    assert_eq!(claim(&window, late), Claim::Stale(late));
    assert_eq!(issue(&window, 0, late.1), Issued::Stale, "the former life");
    assert_eq!(settled(&window, life), None, "the claimed one is in doubt");
    assert_eq!(
        issue(&window, life, late.1),
        Issued::Stale,
        "nothing is read until the count is right"
    );
    assert_eq!(window.finish(doubt.0), None);
    assert_eq!(settled(&window, life), Some(1), "the client sends it again");
    let again = ticket(&window, 2, 2);
    assert_eq!(again.0.number(), late.0.number());
    assert_eq!(window.finish(late.0), None, "a word of the former life");
    assert_eq!(window.handled(), 1);
    assert_eq!(claim(&window, late), Claim::Stale(late));
    assert_eq!(claim(&window, again), Claim::Go(again));
}

/// XEP-0198 section 4: a ticket is claimed once.
#[test]
fn tickets_are_claimed_once() {
    let window = Window::new();
    let parcel = ticket(&window, 1, 1);
    assert_eq!(claim(&window, parcel), Claim::Go(parcel));
    assert_eq!(claim(&window, parcel), Claim::Stale(parcel));
    assert_eq!(window.finish(parcel.0), None);
    assert_eq!(claim(&window, parcel), Claim::Stale(parcel));
}

/// SES-4: what its target gave back is claimed where the target lives now, if its life goes on.
#[test]
fn a_claim_is_given_back() {
    let window = Window::new();
    let parcel = ticket(&window, 1, 1);
    assert!(!window.give_back(parcel.0), "nobody has claimed it");
    assert_eq!(claim(&window, parcel), Claim::Go(parcel));
    assert!(window.give_back(parcel.0));
    assert_eq!(claim(&window, parcel), Claim::Go(parcel));
    let life = window.resume();
    assert!(!window.give_back(parcel.0), "its client sends it again");
    assert_eq!(settled(&window, life), Some(0));
}

/// XEP-0198 section 5: what finished above the count is known when it is sent again, also after
/// one more resumption.
#[test]
fn repetitions_are_known() {
    let window = Window::new();
    let _lost = ticket(&window, 1, 1);
    let done = ticket(&window, 2, 2);
    assert_eq!(claim(&window, done), Claim::Go(done));
    assert_eq!(window.finish(done.0), None);
    for _ in 0..2 {
        let life = window.resume();
        assert_eq!(settled(&window, life), Some(0));
        let _lost = ticket(&window, 1, 1);
        assert_eq!(issue(&window, life, done.1), Issued::Repeated);
    }
    assert_eq!((window.handled(), window.received()), (0, 2));
}

#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// XEP-0198 section 5: everybody who waits hears when nothing is in doubt.
#[test]
fn all_who_wait_are_woken() {
    let window = Window::new();
    let parcel = ticket(&window, 1, 1);
    assert_eq!(claim(&window, parcel), Claim::Go(parcel));
    let life = window.resume();
    let bells = [(); 2].map(|()| Arc::new(Bell::default()));
    for bell in &bells {
        let waker = Waker::from(Arc::clone(bell));
        let mut context = Context::from_waker(&waker);
        assert_eq!(window.poll_settled(life, &mut context), Poll::Pending);
        assert_eq!(window.poll_drained(&mut context), Poll::Pending);
    }
    assert_eq!(window.finish(parcel.0), None);
    assert!(bells.iter().all(|bell| bell.0.load(Ordering::Relaxed) == 1));
}

/// A client with its unacknowledged letters, and the roads they travel on.
struct World {
    window: Window,
    life: u32,
    unacked: VecDeque<Letter>,
    acked: u64,
    sent: u64,
    roads: Vec<Parcel>,
    /// Accepted by a target that has not settled them.
    in_doubt: Vec<Ticket>,
    /// What took effect at each target, in order.
    effects: BTreeMap<u64, Vec<u64>>,
}

impl World {
    fn new() -> Self {
        Self {
            window: Window::new(),
            life: 0,
            unacked: VecDeque::new(),
            acked: 0,
            sent: 0,
            roads: Vec::new(),
            in_doubt: Vec::new(),
            effects: BTreeMap::new(),
        }
    }

    fn send(&mut self, target: u64) {
        let letter = Letter {
            number: self.sent,
            target,
        };
        self.sent += 1;
        self.unacked.push_back(letter);
        self.write(letter);
    }

    fn write(&mut self, letter: Letter) {
        match issue(&self.window, self.life, letter) {
            Issued::Ticket(ticket) => self.roads.push((ticket, letter)),
            Issued::Repeated => {}
            Issued::Stale => panic!("the client is the newest"),
        }
    }

    /// The parcel at the end of road `which` arrives; a room is slow to settle it.
    fn arrive(&mut self, which: usize, slow: bool) {
        if self.roads.is_empty() {
            return;
        }
        let mut next = Some(self.roads.remove(which % self.roads.len()));
        while let Some(parcel) = next.take() {
            let Claim::Go((ticket, letter)) = claim(&self.window, parcel) else {
                return;
            };
            let effects = self.effects.entry(letter.target).or_default();
            effects.push(letter.number);
            if slow {
                next = self.window.accepted(ticket);
                self.in_doubt.push(ticket);
            } else {
                next = self.window.finish(ticket);
            }
        }
    }

    /// Its target has moved as the parcel came: it is claimed, given back and travels on.
    fn miss(&mut self, which: usize) {
        if self.roads.is_empty() {
            return;
        }
        let parcel = self.roads.remove(which % self.roads.len());
        if let Claim::Go(parcel) = claim(&self.window, parcel)
            && self.window.give_back(parcel.0)
        {
            self.roads.push(parcel);
        }
    }

    fn settle(&mut self, which: usize) {
        if !self.in_doubt.is_empty() {
            let ticket = self.in_doubt.remove(which % self.in_doubt.len());
            assert_eq!(self.window.finish(ticket), None, "its follower has gone");
        }
    }

    /// The connection is lost and the session resumed; `dies`: what travels is lost with a node.
    fn resume(&mut self, dies: bool) {
        if dies {
            self.roads.clear();
        }
        self.life = self.window.resume();
        while !self.in_doubt.is_empty() {
            assert_eq!(settled(&self.window, self.life), None);
            self.settle(0);
        }
        let handled = settled(&self.window, self.life).expect("nothing is in doubt");
        for _ in self.acked..handled {
            self.unacked
                .pop_front()
                .expect("acknowledged what was sent");
        }
        self.acked = handled;
        for letter in self.unacked.clone() {
            self.write(letter);
        }
    }

    fn conclude(mut self) {
        while !self.roads.is_empty() {
            self.arrive(0, false);
        }
        while !self.in_doubt.is_empty() {
            self.settle(0);
        }
        let mut all: Vec<u64> = Vec::new();
        for (target, effects) in &self.effects {
            assert!(effects.is_sorted(), "order at {target}: {effects:?}");
            all.extend(effects);
        }
        all.sort_unstable();
        assert_eq!(all, (0..self.sent).collect::<Vec<_>>(), "each once");
        assert!(self.window.is_drained());
        assert_eq!(self.window.handled(), self.sent);
    }
}

#[derive(Clone, Debug)]
enum Deed {
    Send(u64),
    Arrive(usize, bool),
    Miss(usize),
    Settle(usize),
    Resume(bool),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (0u64..3).prop_map(Deed::Send),
        4 => (any::<usize>(), any::<bool>()).prop_map(|(which, slow)| Deed::Arrive(which, slow)),
        1 => any::<usize>().prop_map(Deed::Miss),
        2 => any::<usize>().prop_map(Deed::Settle),
        1 => any::<bool>().prop_map(Deed::Resume),
    ]
}

proptest! {
    /// SES-3: whatever roads the parcels take, and whenever the client resumes, each stanza takes
    /// effect once, in its sender's order at each target, and is counted.
    #[test]
    fn each_once_and_in_order(deeds in prop::collection::vec(deed(), 0..80)) {
        let mut world = World::new();
        for deed in deeds {
            match deed {
                Deed::Send(target) => world.send(target),
                Deed::Arrive(which, slow) => world.arrive(which, slow),
                Deed::Miss(which) => world.miss(which),
                Deed::Settle(which) => world.settle(which),
                Deed::Resume(dies) => world.resume(dies),
            }
        }
        world.conclude();
    }
}

/// Memory that is given back takes no count along, and is not given back while a stanza is on its way.
#[test]
fn a_window_at_rest_keeps_its_count() {
    let window = Window::new();
    let first = ticket(&window, 1, 7);
    window.rest();
    assert_eq!((window.received(), window.handled()), (1, 0));
    assert!(window.finish(first.0).is_none());
    window.rest();
    assert_eq!((window.received(), window.handled()), (1, 1));
    let second = ticket(&window, 2, 7);
    assert_eq!(second.0.number(), 2);
}
