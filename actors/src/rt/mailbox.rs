//! Mailboxes: bounded, with a stated rule for what happens when they are full, and counters.
//!
//! The queue is ours; actix carries one wake-up token per batch. So the bound is exact, the
//! oldest message can be dropped where that is the rule, and a killed actor hears nothing more.

use super::actor::{ChildExited, ChildId};
use super::blow::Blow;
use super::life::Life;
use super::recipient::Recipient;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

/// What happens to a message that finds the mailbox full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The sender gets it back.
    Reject,
    /// The oldest waiting message is dropped (and counted); the new one is taken.
    DropOldest,
    /// The new one is dropped (and counted); the sender is told nothing.
    DropNewest,
}

/// Capacity (messages) and overflow rule of a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailboxSpec {
    /// How many messages may wait, at least 1.
    pub capacity: usize,
    /// What happens to one more.
    pub overflow: Overflow,
}

impl MailboxSpec {
    /// `capacity` messages; one more is given back to its sender.
    pub const fn reject(capacity: usize) -> Self {
        Self {
            capacity,
            overflow: Overflow::Reject,
        }
    }

    /// `capacity` messages; one more drops the oldest.
    pub const fn drop_oldest(capacity: usize) -> Self {
        Self {
            capacity,
            overflow: Overflow::DropOldest,
        }
    }

    /// `capacity` messages; one more is dropped itself.
    pub const fn drop_newest(capacity: usize) -> Self {
        Self {
            capacity,
            overflow: Overflow::DropNewest,
        }
    }
}

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The mailbox holds its capacity and rejects.
    Full,
    /// The actor has ended: the message was addressed to an old life.
    Ended,
}

/// A message that was not taken, and why.
#[derive(Clone, PartialEq, Eq)]
pub struct Refused<M> {
    /// Why.
    pub why: Refusal,
    /// The message, unharmed.
    pub message: M,
}

impl<M> fmt::Debug for Refused<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused")
            .field("why", &self.why)
            .finish_non_exhaustive()
    }
}

impl<M> fmt::Display for Refused<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.why {
            Refusal::Full => f.write_str("the mailbox is full"),
            Refusal::Ended => f.write_str("the actor has ended"),
        }
    }
}

impl<M> std::error::Error for Refused<M> {}

/// Counters of one mailbox, as of now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MailboxCounters {
    /// Messages waiting.
    pub depth: usize,
    /// The most that ever waited.
    pub peak: usize,
    /// Messages taken since the start.
    pub taken: u64,
    /// Messages rejected or dropped because it was full.
    pub overflowed: u64,
    /// Messages refused or dropped because the actor had ended.
    pub stale: u64,
}

/// What waits in a mailbox: messages, and what the runtime itself has to say.
pub(super) enum Item<M> {
    User(M),
    Ran { run: u64, message: M },
    Timer { slot: u64 },
    Exited(ChildExited),
    Crashed(String),
    Blow(Blow),
    Stop,
}

struct Queue<M> {
    items: VecDeque<Item<M>>,
    users: usize,
    peak: usize,
    scheduled: bool,
    ended: bool,
}

type ExitHearer = Box<dyn FnOnce(ChildExited) + Send>;

/// Who besides the parent hears of the end.
enum Watchers {
    Waiting(Vec<ExitHearer>),
    Told(ChildExited),
}

pub(super) type Waker = Box<dyn Fn() + Send + Sync>;

/// The shared half of an actor: queue, life, identity.
pub(super) struct Mailbox<M> {
    pub(super) id: ChildId,
    pub(super) kind: &'static str,
    pub(super) name: Arc<str>,
    pub(super) life: Arc<Life>,
    pub(super) watch: Arc<dyn OverflowWatch>,
    spec: MailboxSpec,
    queue: Mutex<Queue<M>>,
    waker: OnceLock<Waker>,
    watchers: Mutex<Watchers>,
    taken: AtomicU64,
    overflowed: AtomicU64,
    stale: AtomicU64,
}

/// Told the first time a mailbox overflows, and at each doubling after that.
pub(super) trait OverflowWatch: Send + Sync {
    fn overflowed(&self, kind: &'static str, name: &str, total: u64);
}

impl<M: Send + 'static> Mailbox<M> {
    pub(super) fn new(
        id: ChildId,
        kind: &'static str,
        name: Arc<str>,
        life: Arc<Life>,
        spec: MailboxSpec,
        watch: Arc<dyn OverflowWatch>,
    ) -> Arc<Self> {
        Arc::new(Self {
            id,
            kind,
            name,
            life,
            watch,
            spec,
            queue: Mutex::new(Queue {
                items: VecDeque::new(),
                users: 0,
                peak: 0,
                scheduled: false,
                ended: false,
            }),
            waker: OnceLock::new(),
            watchers: Mutex::new(Watchers::Waiting(Vec::new())),
            taken: AtomicU64::new(0),
            overflowed: AtomicU64::new(0),
            stale: AtomicU64::new(0),
        })
    }

    /// Lets the host be woken, and wakes it once: something may wait, or it may be dead already.
    pub(super) fn attach(&self, waker: Waker) {
        self.queue.lock().scheduled = true;
        self.waker.get_or_init(|| waker)();
    }

    fn push(&self, message: M) -> Result<(), Refused<M>> {
        let mut queue = self.queue.lock();
        if queue.ended || self.life.is_dead() {
            self.stale.fetch_add(1, Ordering::Relaxed);
            return Err(Refused {
                why: Refusal::Ended,
                message,
            });
        }
        let mut dropped = None;
        if queue.users >= self.spec.capacity.max(1) {
            match self.spec.overflow {
                Overflow::Reject => {
                    drop(queue);
                    self.count_overflow();
                    return Err(Refused {
                        why: Refusal::Full,
                        message,
                    });
                }
                Overflow::DropNewest => {
                    drop(queue);
                    self.count_overflow();
                    return Ok(());
                }
                Overflow::DropOldest => {
                    let oldest = queue.items.iter().position(|i| matches!(i, Item::User(_)));
                    dropped = oldest.and_then(|at| queue.items.remove(at));
                    queue.users -= usize::from(dropped.is_some());
                }
            }
        }
        queue.users += 1;
        queue.peak = queue.peak.max(queue.users);
        self.taken.fetch_add(1, Ordering::Relaxed);
        self.put(queue, Item::User(message));
        if dropped.is_some() {
            self.count_overflow();
        }
        Ok(())
    }

    /// Queues what the runtime has to say: never refused for lack of room (its number is bounded
    /// by the timers armed, children and futures of the actor itself).
    pub(super) fn push_internal(&self, item: Item<M>) {
        let queue = self.queue.lock();
        if queue.ended {
            return;
        }
        self.put(queue, item);
    }

    fn put(&self, mut queue: parking_lot::MutexGuard<'_, Queue<M>>, item: Item<M>) {
        queue.items.push_back(item);
        self.schedule(queue);
    }

    fn schedule(&self, mut queue: parking_lot::MutexGuard<'_, Queue<M>>) {
        if queue.scheduled {
            return;
        }
        let Some(waker) = self.waker.get() else {
            return;
        };
        queue.scheduled = true;
        drop(queue);
        waker();
    }

    /// Wakes the host although nothing new waits (its life has changed).
    pub(super) fn nudge(&self) {
        self.schedule(self.queue.lock());
    }

    /// Takes the next item; with none left, the next push wakes the host again.
    pub(super) fn pop(&self) -> Option<Item<M>> {
        let mut queue = self.queue.lock();
        let item = queue.items.pop_front();
        match &item {
            None => queue.scheduled = false,
            Some(Item::User(_)) => queue.users -= 1,
            Some(
                Item::Ran { .. }
                | Item::Timer { .. }
                | Item::Exited(_)
                | Item::Crashed(_)
                | Item::Blow(_)
                | Item::Stop,
            ) => {}
        }
        item
    }

    /// Wakes the host again for the rest of its queue.
    pub(super) fn again(&self) {
        if let Some(waker) = self.waker.get() {
            waker();
        }
    }

    /// Closes the mailbox for messages and says how many were dropped with it. What children have
    /// to say is still taken.
    pub(super) fn close(&self) -> usize {
        let mut dropped = Vec::new();
        let mut queue = self.queue.lock();
        queue.ended = true;
        let mut kept = VecDeque::new();
        for item in queue.items.drain(..) {
            match item {
                Item::User(message) | Item::Ran { message, .. } => dropped.push(message),
                Item::Exited(exit) => kept.push_back(Item::Exited(exit)),
                Item::Timer { .. } | Item::Crashed(_) | Item::Blow(_) | Item::Stop => {}
            }
        }
        queue.items = kept;
        queue.users = 0;
        drop(queue);
        let count = dropped.len();
        self.stale.fetch_add(count as u64, Ordering::Relaxed);
        count
    }

    /// Queues a child's end, also into a closed mailbox: the end of the parent waits for it.
    pub(super) fn push_exit(&self, exit: ChildExited) {
        self.put(self.queue.lock(), Item::Exited(exit));
    }

    /// Tells everybody who watches, and whoever will, of the end.
    pub(super) fn tell_watchers(&self, exit: &ChildExited) {
        let before = std::mem::replace(&mut *self.watchers.lock(), Watchers::Told(exit.clone()));
        if let Watchers::Waiting(hearers) = before {
            hearers.into_iter().for_each(|hear| hear(exit.clone()));
        }
    }

    fn watch(&self, hear: ExitHearer) {
        let mut watchers = self.watchers.lock();
        match &mut *watchers {
            Watchers::Waiting(hearers) => hearers.push(hear),
            Watchers::Told(exit) => {
                let exit = exit.clone();
                drop(watchers);
                hear(exit);
            }
        }
    }

    fn count_overflow(&self) {
        let total = self.overflowed.fetch_add(1, Ordering::Relaxed) + 1;
        if total.is_power_of_two() {
            self.watch.overflowed(self.kind, &self.name, total);
        }
    }

    pub(super) fn counters(&self) -> MailboxCounters {
        let queue = self.queue.lock();
        MailboxCounters {
            depth: queue.users,
            peak: queue.peak,
            taken: self.taken.load(Ordering::Relaxed),
            overflowed: self.overflowed.load(Ordering::Relaxed),
            stale: self.stale.load(Ordering::Relaxed),
        }
    }
}

/// What a parent holds of a child, whatever its messages are.
pub(super) trait Control: Send + Sync {
    fn kill(&self);
    fn stop(&self);
    fn strike(&self, blow: Blow);
}

impl<M: Send + 'static> Control for Mailbox<M> {
    fn kill(&self) {
        self.life.kill();
        self.nudge();
    }

    fn stop(&self) {
        self.push_internal(Item::Stop);
    }

    fn strike(&self, blow: Blow) {
        self.push_internal(Item::Blow(blow));
    }
}

/// Where a child reports its end.
pub(super) trait ExitSink: Send + Sync {
    fn exited(&self, exit: ChildExited);
}

impl<M: Send + 'static> ExitSink for Mailbox<M> {
    fn exited(&self, exit: ChildExited) {
        self.push_exit(exit);
    }
}

/// Reads a mailbox's counters without knowing its messages; for counters of a node.
#[derive(Clone)]
pub struct MailboxProbe(Weak<dyn Probe>);

trait Probe: Send + Sync {
    fn read(&self) -> MailboxCounters;
}

impl<M: Send + 'static> Probe for Mailbox<M> {
    fn read(&self) -> MailboxCounters {
        self.counters()
    }
}

impl MailboxProbe {
    /// The counters now; `None` when the actor is gone.
    pub fn read(&self) -> Option<MailboxCounters> {
        self.0.upgrade().map(|mailbox| mailbox.read())
    }
}

/// The address of one life of an actor. It outlives the actor; sending then is refused.
pub struct Addr<M>(pub(super) Arc<Mailbox<M>>);

impl<M> Clone for Addr<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<M> fmt::Debug for Addr<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} #{}", self.0.kind, self.0.name, self.0.id.0)
    }
}

impl<M: Send + 'static> Addr<M> {
    /// Puts a message into the mailbox, by its overflow rule.
    ///
    /// # Errors
    /// [`Refused`] gives the message back: the mailbox is full and rejects, or the actor has ended.
    pub fn send(&self, message: M) -> Result<(), Refused<M>> {
        self.0.push(message)
    }

    /// Who this is.
    pub fn id(&self) -> ChildId {
        self.0.id
    }

    /// The name it was started with.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether it (still) takes messages.
    pub fn is_alive(&self) -> bool {
        !self.0.life.is_dead() && !self.0.queue.lock().ended
    }

    /// The mailbox's counters, as of now.
    pub fn counters(&self) -> MailboxCounters {
        self.0.counters()
    }

    /// A reader of the counters that does not keep the mailbox.
    pub fn probe(&self) -> MailboxProbe {
        let mailbox: Arc<dyn Probe> = self.0.clone();
        MailboxProbe(Arc::downgrade(&mailbox))
    }

    /// Has `to` told of this actor's end, once, besides its parent; at once if it has ended already.
    /// A recipient that refuses is not told again.
    pub fn watch(&self, to: Recipient<ChildExited>) {
        self.0.watch(Box::new(move |exit| {
            let _ = to.send(exit);
        }));
    }

    /// A narrower address: takes `N`, sends what `map` makes of it.
    pub fn recipient<N: 'static>(
        &self,
        map: impl Fn(N) -> M + Send + Sync + 'static,
    ) -> Recipient<N> {
        let addr = self.clone();
        Recipient::from_fn(move |message| addr.send(map(message)).map_err(|refused| refused.why))
    }
}
