//! Users that move again and again under traffic. Too large for loom: up to seven threads and
//! some sixty critical sections.

use super::common::*;

const SENDERS: u32 = 3;
const MESSAGES: u32 = 4;

/// Sender `n`'s messages are `10 n`, `10 n + 1`, and so on.
fn send_all(slot: &UserSlot, sender: u32) -> bool {
    (0..MESSAGES).all(|n| route(slot, 10 * sender + n))
}

fn senders(slot: &Arc<UserSlot>) -> Vec<JoinHandle<bool>> {
    (1..=SENDERS)
        .map(|n| beside(slot, move |slot: &UserSlot| send_all(slot, n)))
        .collect()
}

/// Everything arrived once, and each sender's messages in its order.
fn check(slot: &UserSlot) {
    let log = log(slot);
    for sender in 1..=SENDERS {
        let mine: Vec<u32> = log.iter().copied().filter(|m| m / 10 == sender).collect();
        let sent: Vec<u32> = (0..MESSAGES).map(|n| 10 * sender + n).collect();
        assert_eq!(mine, sent, "lost, doubled or out of order");
    }
}

/// Tries to move the user to `to` from wherever it is; how often it did.
fn wander(slot: &UserSlot, to: NodeId, tries: usize) -> u64 {
    let moved = |_: &usize| migrate(slot, slot.owner(), to).is_ok();
    (0..tries).filter(moved).count() as u64
}

model! {
    /// SES-3, SES-4: three nodes want one user, three senders write to it: nothing is lost,
    /// doubled or reordered, and each move is one epoch.
    migrations_under_traffic, Schedules(40_000);
    Bug::SlotDeliverNoRecheck => "executed at another's epoch",
    Bug::SlotDeliverIgnoresFreeze => "executed",
    Bug::SlotThawOpensFirst => "out of order",
    Bug::SlotFreezesTwice => "lost";
    {
        let slot = user();
        let senders = senders(&slot);
        let movers: Vec<_> = [A, B, C]
            .into_iter()
            .map(|to| beside(&slot, move |slot: &UserSlot| wander(slot, to, 2)))
            .collect();
        let sent = senders.into_iter().map(join).filter(|sent| *sent).count();
        let moves: u64 = movers.into_iter().map(join).sum();
        check(&slot);
        assert_eq!((sent, slot.owner().epoch()), (SENDERS as usize, moves));
    }
}

/// Takes the user by force from whomever it sees; how often it did.
fn conquer(slot: &UserSlot, to: NodeId, tries: usize) -> u64 {
    let taken = |_: &usize| {
        let claimed = slot.claim(slot.owner(), to, HOLD).ok();
        // It may be taken from us before we have opened it: then the next one opens it.
        claimed.is_some_and(|mine| open(slot, mine).is_ok() || slot.owner() != mine)
    };
    (0..tries).filter(taken).count() as u64
}

model! {
    /// SES-3, SES-4: migrations that nodes believed dead carry on with, beside nodes that take
    /// the user by force: one epoch a move, and nothing is lost, doubled or reordered.
    failovers_under_traffic, Schedules(40_000);
    Bug::SlotClaimDropsHeld => "lost",
    Bug::SlotClaimNoRecheck => "one epoch a move",
    Bug::SlotPublishUnfenced => "one epoch a move",
    Bug::SlotWithNoRecheck => "executed";
    {
        let slot = user();
        let senders = senders(&slot);
        let mover = beside(&slot, |slot: &UserSlot| {
            let owner = slot.owner();
            let sent_off = send_off(slot, owner, B).ok();
            // Opened by B, if it still has it.
            sent_off.is_some_and(|mine| open(slot, mine).is_ok() || slot.owner() != mine)
        });
        let other = beside(&slot, |slot: &UserSlot| conquer(slot, C, 2));
        let mine = conquer(&slot, A, 2);
        let sent = senders.into_iter().map(join).filter(|sent| *sent).count();
        let moves = mine + join(other) + u64::from(join(mover));
        // The last one that took it may have found it opened by nobody: open what is frozen.
        let _ = open(&slot, slot.owner());
        assert_eq!(slot.owner().epoch(), moves, "one epoch a move");
        check(&slot);
        assert_eq!(sent, SENDERS as usize);
    }
}

type Users = Directory<UserSlot>;

/// Finds the user and delivers; looks again where its place was closed meanwhile.
fn route_to(users: &Users, message: u32) {
    loop {
        let slot = users.get_or_insert_with("andy", user);
        if route(&slot, message) {
            return;
        }
        thread::yield_now();
    }
}

model! {
    /// SES-3, END-1: a user's place is closed, taken out and made anew while messages come; what
    /// the closed places had and held is passed on: each message once.
    places_come_and_go, Schedules(40_000);
    Bug::SlotCloseForgetsHeld => "lost or doubled",
    Bug::DirectoryInsertsUnchecked => "lost or doubled",
    Bug::DirectoryRemovesSuccessor => "lost or doubled";
    {
        let users = Arc::new(Users::with_shards(2));
        let senders: Vec<_> = (1..=SENDERS)
            .map(|n| beside(&users, move |users: &Users| {
                (0..MESSAGES).for_each(|m| route_to(users, 10 * n + m));
            }))
            .collect();
        let janitor = move |users: &Users| {
            let mut found = Vec::new();
            for _ in 0..2 {
                let Some(slot) = users.get("andy") else { continue };
                // As a hand-over does it, so that something may be held.
                let _ = slot.freeze(first(), HOLD);
                users.remove_exact("andy", &slot);
                let closed = slot.close(first(), |place| std::mem::take(&mut place.log));
                if let Ok((log, held)) = closed {
                    found.extend(log.into_iter().chain(held));
                }
                thread::yield_now();
            }
            found
        };
        let other = beside(&users, janitor);
        let mut found = janitor(&users);
        found.extend(join(other));
        senders.into_iter().for_each(join);
        if let Some(slot) = users.get("andy") {
            found.extend(log(&slot));
            // What came after the last freeze is held for good: nobody thaws here.
            let (_, held) = slot.close(first(), |_| ()).unwrap_or_default();
            found.extend(held);
        }
        found.sort_unstable();
        let sent: Vec<u32> =
            (1..=SENDERS).flat_map(|n| (0..MESSAGES).map(move |m| 10 * n + m)).collect();
        assert_eq!(found, sent, "lost or doubled");
    }
}
