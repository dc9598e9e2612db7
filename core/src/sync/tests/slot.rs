use super::*;
use std::collections::VecDeque;

type Log = Vec<u32>;
type TestSlot = Slot<Log, u32>;

fn slot() -> TestSlot {
    Slot::new(first(), Log::new())
}

fn first() -> Ownership {
    Ownership::new(A, 0)
}

fn log(slot: &TestSlot) -> Log {
    slot.peek(|log, _| log.clone())
}

fn give(slot: &TestSlot, seen: Ownership, message: u32) -> Delivery<u32> {
    slot.deliver(seen, message, Log::push)
}

/// SES-3: freeze, drain, publish, thaw: what came meanwhile is delivered after what was there.
#[test]
fn a_migration_holds_and_delivers_in_order() {
    let slot = slot();
    assert_eq!(give(&slot, first(), 1), Delivery::Delivered(()));
    assert_eq!(slot.freeze(first(), 8), Ok(()));
    assert_eq!(give(&slot, first(), 3), Delivery::Held);
    assert_eq!(slot.with(first(), |log| log.push(2)), Ok(()), "the drain");
    let second = slot.publish(first(), B).expect("frozen by its owner");
    assert_eq!(second, Ownership::new(B, 1));
    assert_eq!(give(&slot, first(), 4), Delivery::Stale(4, second));
    assert_eq!(give(&slot, second, 4), Delivery::Held);
    assert_eq!(slot.gate(), Gate::Frozen { held: 2, limit: 8 });
    assert_eq!(slot.thaw(second, Log::push), Ok(2));
    assert_eq!(give(&slot, second, 5), Delivery::Delivered(()));
    assert_eq!(log(&slot), [1, 2, 3, 4, 5]);
}

/// SES-4: after the move the old owner can do nothing, also when the user comes back to it.
#[test]
fn an_old_epoch_is_worth_nothing() {
    let slot = slot();
    let second = slot
        .take_over(first(), B, |_| {}, Log::push)
        .expect("open")
        .ownership;
    let third = slot
        .take_over(second, A, |_| {}, Log::push)
        .expect("open")
        .ownership;
    let stale = SlotError::Stale {
        mine: first(),
        owner: third,
    };
    assert_eq!(slot.with(first(), |_| ()), Err(stale));
    assert_eq!(slot.freeze(first(), 1), Err(stale));
    assert_eq!(slot.publish(first(), C), Err(stale));
    assert_eq!(slot.thaw(first(), Log::push), Err(stale));
    assert_eq!(slot.claim(first(), C, 1), Err(stale));
    assert_eq!(slot.close(first(), |_| ()), Err(stale));
    assert_eq!(give(&slot, first(), 1), Delivery::Stale(1, third));
    assert_eq!((slot.owner(), third.epoch()), (third, 2));
}

/// SES-3: of two migrations of one user the second is refused, and the first goes on.
#[test]
fn a_second_migration_is_refused() {
    let slot = slot();
    assert_eq!(slot.freeze(first(), 8), Ok(()));
    assert_eq!(give(&slot, first(), 1), Delivery::Held);
    assert_eq!(
        slot.freeze(first(), 8),
        Err(SlotError::Frozen { owner: first() })
    );
    assert_eq!(slot.gate(), Gate::Frozen { held: 1, limit: 8 });
}

/// HA-14: a migration that is given up delivers what it held, and cannot be published any more.
#[test]
fn a_migration_can_be_given_up() {
    let slot = slot();
    assert_eq!(slot.freeze(first(), 8), Ok(()));
    assert_eq!(give(&slot, first(), 1), Delivery::Held);
    assert_eq!(slot.thaw(first(), Log::push), Ok(1));
    let open = SlotError::Open { owner: first() };
    assert_eq!(slot.publish(first(), B), Err(open));
    assert_eq!(slot.thaw(first(), Log::push), Err(open));
    assert_eq!((slot.owner(), log(&slot)), (first(), vec![1]));
}

/// SES-3: what a dead owner's migration had held is delivered by the node that takes over.
#[test]
fn a_claim_keeps_what_was_held() {
    let slot = slot();
    assert_eq!(slot.freeze(first(), 1), Ok(()));
    assert_eq!(give(&slot, first(), 1), Delivery::Held);
    assert_eq!(give(&slot, first(), 2), Delivery::Full(2));
    let second = slot.claim(first(), B, 2).expect("seen is the owner");
    assert_eq!(give(&slot, second, 2), Delivery::Held);
    assert_eq!(slot.thaw(second, Log::push), Ok(2));
    assert_eq!(log(&slot), [1, 2]);
}

/// SES-3: a claim of an open slot freezes it, until the new owner has put the state in order.
#[test]
fn a_claim_freezes() {
    let slot = slot();
    let second = slot.claim(first(), B, 2).expect("seen is the owner");
    assert_eq!(give(&slot, second, 1), Delivery::Held);
    assert_eq!(slot.with(second, |log| log.push(0)), Ok(()));
    assert_eq!(slot.thaw(second, Log::push), Ok(1));
    assert_eq!(log(&slot), [0, 1]);
}

/// SES-3: a take-over in one step adopts the state first and delivers what was held after it.
#[test]
fn a_take_over_is_one_step() {
    let slot = slot();
    assert_eq!(slot.freeze(first(), 1), Ok(()));
    assert_eq!(give(&slot, first(), 2), Delivery::Held);
    let taken = slot
        .take_over(first(), B, |log| log.push(1), Log::push)
        .expect("seen owns");
    assert_eq!(
        taken,
        TakenOver {
            ownership: Ownership::new(B, 1),
            delivered: 1
        }
    );
    assert_eq!((slot.gate(), log(&slot)), (Gate::Open, vec![1, 2]));
}

/// END-1: a close hands back what was held, and nothing is accepted after it.
#[test]
fn a_close_reports_every_message() {
    let slot = slot();
    assert_eq!(slot.freeze(first(), 2), Ok(()));
    assert_eq!(give(&slot, first(), 1), Delivery::Held);
    assert_eq!(
        slot.close(first(), |log| log.len()),
        Ok((0, VecDeque::from([1])))
    );
    let closed = SlotError::Closed { owner: first() };
    assert_eq!(give(&slot, first(), 2), Delivery::Closed(2));
    assert_eq!(slot.with(first(), |_| ()), Err(closed));
    assert_eq!(slot.freeze(first(), 2), Err(closed));
    assert_eq!(slot.claim(first(), B, 2), Err(closed));
    assert_eq!(slot.close(first(), |_| ()), Err(closed));
    assert_eq!(slot.gate(), Gate::Closed);
}

/// SVC-3: a panic while held messages are delivered loses none of those behind it.
#[test]
fn a_panic_leaves_the_rest_held() {
    let slot = slot();
    assert_eq!(slot.freeze(first(), 3), Ok(()));
    for message in 1..=3 {
        assert_eq!(give(&slot, first(), message), Delivery::Held);
    }
    let thaw = std::panic::AssertUnwindSafe(|| {
        slot.thaw(first(), |log, message| {
            assert_ne!(message, 2, "a bad stanza");
            log.push(message);
        })
    });
    assert!(std::panic::catch_unwind(thaw).is_err());
    assert_eq!(slot.gate(), Gate::Frozen { held: 1, limit: 3 });
    assert_eq!(slot.thaw(first(), Log::push), Ok(1));
    assert_eq!(log(&slot), [1, 3]);
}

/// Memory per user matters at two million of them.
#[test]
fn the_overhead_is_small() {
    let overhead = size_of::<Slot<[u64; 4], String>>() - size_of::<[u64; 4]>();
    assert_eq!(overhead, 32);
}

#[derive(Debug, Clone)]
enum Step {
    Deliver,
    With,
    Freeze(usize),
    Publish(u16),
    Thaw,
    Claim(u16, usize),
    TakeOver(u16),
    Close,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => Just(Step::Deliver),
        2 => Just(Step::With),
        3 => (0..4usize).prop_map(Step::Freeze),
        3 => (0..3u16).prop_map(Step::Publish),
        3 => Just(Step::Thaw),
        2 => (0..3u16, 0..4usize).prop_map(|(node, limit)| Step::Claim(node, limit)),
        1 => (0..3u16).prop_map(Step::TakeOver),
        1 => Just(Step::Close),
    ]
}

/// The slot as one would tell it: no lock, no atomics, everything in the open.
struct Model {
    owner: Ownership,
    held: Option<(VecDeque<u32>, usize)>,
    closed: bool,
    log: Log,
}

impl Model {
    fn refusal(&self, mine: Ownership) -> Option<SlotError> {
        if mine != self.owner {
            Some(SlotError::Stale {
                mine,
                owner: self.owner,
            })
        } else {
            self.closed.then_some(SlotError::Closed { owner: mine })
        }
    }

    fn open(&mut self) -> usize {
        let (held, _) = self.held.take().unwrap_or_default();
        self.log.extend(&held);
        held.len()
    }

    fn deliver(&mut self, seen: Ownership, message: u32) -> Delivery<u32> {
        match (&mut self.held, self.closed) {
            _ if seen != self.owner => Delivery::Stale(message, self.owner),
            (_, true) => Delivery::Closed(message),
            (Some((held, limit)), false) if held.len() < *limit => {
                held.push_back(message);
                Delivery::Held
            }
            (Some(_), false) => Delivery::Full(message),
            (None, false) => {
                self.log.push(message);
                Delivery::Delivered(())
            }
        }
    }

    fn step(&mut self, step: &Step, mine: Ownership, message: u32) -> Result<usize, SlotError> {
        if let Some(refusal) = self.refusal(mine) {
            return Err(refusal);
        }
        let frozen = self.held.is_some();
        match *step {
            Step::Deliver | Step::With => self.log.push(message),
            Step::Freeze(_) if frozen => return Err(SlotError::Frozen { owner: mine }),
            Step::Freeze(limit) => self.held = Some((VecDeque::new(), limit)),
            Step::Publish(_) | Step::Thaw if !frozen => {
                return Err(SlotError::Open { owner: mine });
            }
            Step::Publish(node) => self.owner = mine.passed_to(NodeId(node)),
            Step::Thaw => return Ok(self.open()),
            Step::Claim(node, limit) => {
                self.owner = mine.passed_to(NodeId(node));
                self.held.get_or_insert_default().1 = limit;
            }
            Step::TakeOver(node) => {
                self.owner = mine.passed_to(NodeId(node));
                return Ok(self.open());
            }
            Step::Close => {
                self.closed = true;
                return Ok(self.held.take().unwrap_or_default().0.len());
            }
        }
        Ok(0)
    }
}

fn real(slot: &TestSlot, step: &Step, mine: Ownership, message: u32) -> Result<usize, SlotError> {
    match *step {
        Step::Deliver | Step::With => slot.with(mine, |log| log.push(message)).map(|()| 0),
        Step::Freeze(limit) => slot.freeze(mine, limit).map(|()| 0),
        Step::Publish(node) => slot.publish(mine, NodeId(node)).map(|_| 0),
        Step::Thaw => slot.thaw(mine, Log::push),
        Step::Claim(node, limit) => slot.claim(mine, NodeId(node), limit).map(|_| 0),
        Step::TakeOver(node) => slot
            .take_over(mine, NodeId(node), |_| {}, Log::push)
            .map(|taken| taken.delivered),
        Step::Close => slot.close(mine, |_| ()).map(|((), held)| held.len()),
    }
}

proptest! {
    /// SES-3, SES-4: over any steps, by present and by former owners, the slot does what the
    /// plain model does, refusals included.
    #[test]
    fn it_follows_a_plain_model(steps in prop::collection::vec((step(), 0..3usize), 0..60)) {
        let slot = slot();
        let mut model = Model { owner: first(), held: None, closed: false, log: Log::new() };
        let mut owners = vec![first()];
        for (message, (step, back)) in (0..).zip(steps) {
            // Mostly the owner acts, sometimes one of the two before it.
            let mine = owners[owners.len().saturating_sub(1 + back)];
            if matches!(step, Step::Deliver) {
                prop_assert_eq!(give(&slot, mine, message), model.deliver(mine, message));
            } else {
                let done = real(&slot, &step, mine, message);
                prop_assert_eq!(done, model.step(&step, mine, message));
            }
            prop_assert_eq!(slot.owner(), model.owner);
            if owners.last() != Some(&model.owner) {
                owners.push(model.owner);
            }
        }
        prop_assert_eq!(log(&slot), model.log);
    }
}

/// SES-3: an offer is taken where nothing has to be held, by the owner that it was meant for.
#[test]
fn an_offer_is_taken_by_an_open_slot() {
    let slot = slot();
    let offer = |seen, message| slot.offer(seen, |log| log.push(message));
    assert_eq!(offer(first(), 1), Some(()));
    assert_eq!(offer(Ownership::new(A, 1), 2), None, "another epoch");
    assert_eq!(slot.freeze(first(), 8), Ok(()));
    assert_eq!(offer(first(), 2), None, "it would have to be held");
    assert_eq!(slot.thaw(first(), Log::push), Ok(0));
    assert_eq!(offer(first(), 2), Some(()));
    assert!(slot.close(first(), |_| ()).is_ok());
    assert_eq!(offer(first(), 3), None, "closed");
    assert_eq!(log(&slot), [1, 2]);
}
