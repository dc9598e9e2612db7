//! What a lab shares: clock, chance, journal, network, address books. No statics: several labs
//! live side by side in one process, and on one thread.

use super::actor::{Actor, ChildExited, ChildId, ChildSpec, Exit};
use super::blow::Blow;
use super::book::Books;
use super::clock::{Clock, Sleep};
use super::host::{Birth, start};
use super::journal::{DEFAULT_JOURNAL_CAPACITY, Journal};
use super::life::Life;
use super::mailbox::{
    Addr, Control, ExitSink, Mailbox, MailboxCounters, MailboxProbe, OverflowWatch,
};
use super::network::Network;
use super::outside::{Visit, Visitors};
use super::pace::Paces;
use super::rng::Rng;
use super::timers::Timers;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use takeover_core::id::NodeId;
use takeover_core::journal::Event;
use takeover_core::time::Moment;
use tokio::sync::{Notify, mpsc};

/// Work for one of the driver's threads.
pub(super) type Job = Box<dyn FnOnce() + Send>;

/// One thread of the driver, as the world sees it.
pub(super) struct Place {
    pub(super) timers: Arc<Timers>,
    pub(super) jobs: mpsc::UnboundedSender<Job>,
}

/// The measures of a world.
#[derive(Clone, Copy, Debug)]
pub struct WorldSpec {
    /// Seed of all chance.
    pub seed: u64,
    /// How many nodes the network connects (ids 0 to `nodes` - 1).
    pub nodes: u16,
    /// How many journal entries stay in memory.
    pub journal_capacity: usize,
}

impl WorldSpec {
    /// A world of `nodes` nodes with this seed and the default journal.
    pub const fn new(seed: u64, nodes: u16) -> Self {
        Self {
            seed,
            nodes,
            journal_capacity: DEFAULT_JOURNAL_CAPACITY,
        }
    }
}

struct Inner {
    clock: Clock,
    seed: u64,
    journal: Journal,
    network: Network,
    books: Books,
    paces: Arc<Paces>,
    places: Vec<Place>,
    ids: AtomicU64,
    busy: Arc<BusyCount>,
    visitors: Visitors,
    mailboxes: Mutex<BTreeMap<ChildId, ListedMailbox>>,
    kinds: Mutex<BTreeSet<&'static str>>,
}

/// A lab's shared things. Cheap to clone, `Send + Sync`.
#[derive(Clone)]
pub struct World(Arc<Inner>);

impl World {
    pub(super) fn new(spec: WorldSpec, clock: Clock, places: Vec<Place>) -> Self {
        let journal = Journal::new(clock.clone(), spec.journal_capacity);
        // A driver has at least one place.
        let timers = places[0].timers.clone();
        let network = Network::new(spec, clock.clone(), journal.clone(), timers);
        Self(Arc::new(Inner {
            clock,
            seed: spec.seed,
            journal,
            network,
            books: Books::new(spec.nodes),
            paces: Arc::new(Paces::new(spec.nodes)),
            places,
            ids: AtomicU64::new(1),
            busy: Arc::default(),
            visitors: Visitors::default(),
            mailboxes: Mutex::default(),
            kinds: Mutex::default(),
        }))
    }

    /// The protocol time now.
    pub fn now(&self) -> Moment {
        self.0.clock.now()
    }

    /// The lab's clock.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The seed of all chance.
    pub fn seed(&self) -> u64 {
        self.0.seed
    }

    /// The named stream of chance; each call starts the stream anew, so keep it.
    pub fn rng(&self, name: &str) -> Rng {
        Rng::named(self.0.seed, name)
    }

    /// The journal.
    pub fn journal(&self) -> &Journal {
        &self.0.journal
    }

    /// The network between the nodes.
    pub fn network(&self) -> &Network {
        &self.0.network
    }

    /// Who is who on each node.
    pub fn books(&self) -> &Books {
        &self.0.books
    }

    pub(super) fn paces(&self) -> &Arc<Paces> {
        &self.0.paces
    }

    /// From now on the clock of a node gains this much, in parts per million (a negative number
    /// loses), at most [`DRIFT_LIMIT`](super::DRIFT_LIMIT) either way: timers that its actors arm
    /// run out sooner or later than they mean to. 0 is a true clock.
    pub fn set_drift(&self, node: NodeId, gains: i32) {
        self.0.paces.set_drift(node, gains);
    }

    /// From now on an actor of a node that is woken has its turn this much protocol time later: its
    /// machine is busy elsewhere. What only passes through the node is not held up; that is the
    /// links' to do. Zero is a machine with time for all.
    pub fn set_lag(&self, node: NodeId, lag: Duration) {
        self.0.paces.set_lag(node, lag);
    }

    /// How many threads the driver has.
    pub fn places(&self) -> usize {
        self.0.places.len()
    }

    /// A future that completes `after` from now. For code outside of actors; actors arm timers.
    pub fn sleep(&self, after: Duration) -> Sleep {
        let timers = self.0.places[0].timers.clone();
        Sleep::new(self.0.clock.clone(), timers, self.now() + after)
    }

    /// Lets the time pass that something slow is being played to need. None is no time: nobody gives way.
    pub async fn play(&self, slow: Duration) {
        if !slow.is_zero() {
            self.sleep(slow).await;
        }
    }

    /// Keeps virtual time from moving while held: something outside the lab's threads (a storage
    /// engine's writer, a foreign thread) is at work and will be heard from.
    pub fn busy(&self) -> Busy {
        self.0.busy.count.fetch_add(1, Ordering::AcqRel);
        Busy(self.0.busy.clone())
    }

    /// A question sets out to somebody outside of the lab whose answer takes as long as it takes, as a
    /// database server does. Await the visit when the answer is there: in virtual time, which stands
    /// still until then, it ends when nothing else is left to do and all that set out before it have
    /// come back; in real time at once.
    pub fn visit(&self) -> Visit {
        let busy = self.0.clock.is_virtual().then(|| self.busy());
        self.0.visitors.set_out(busy)
    }

    pub(super) fn visitors(&self) -> &Visitors {
        &self.0.visitors
    }

    pub(super) fn busy_count(&self) -> &BusyCount {
        &self.0.busy
    }

    /// Starts an actor that has no parent. Its end is known by [`Root::exit`].
    pub fn root<A: Actor>(&self, actor: A, spec: ChildSpec) -> Root<A::Msg> {
        let place = self.place_of(spec.place.unwrap_or(0));
        let mailbox = self.mailbox::<A>(&spec, None, spec.node);
        let exit = Arc::new(RootExit::default());
        let birth = Birth {
            actor,
            mailbox: mailbox.clone(),
            world: self.clone(),
            place,
            node: spec.node,
            parent: exit.clone(),
        };
        self.run_on(place, Box::new(move || start(birth)));
        Root {
            addr: Addr(mailbox),
            exit,
        }
    }

    pub(super) fn mailbox<A: Actor>(
        &self,
        spec: &ChildSpec,
        above: Option<&Arc<Life>>,
        node: Option<NodeId>,
    ) -> Arc<Mailbox<A::Msg>> {
        let life = above.map_or_else(Life::root, Life::below);
        let watch = Arc::new(Watch {
            journal: self.0.journal.clone(),
            node,
        });
        let (id, name): (_, Arc<str>) = (self.next_id(), spec.name.as_ref().into());
        let mailbox = Mailbox::new(id, A::KIND, name.clone(), life, spec.mailbox, watch);
        let listed = ListedMailbox {
            node,
            kind: A::KIND,
            name,
            capacity: spec.mailbox.capacity,
            probe: Addr(mailbox.clone()).probe(),
            control: Arc::downgrade(&mailbox) as Weak<dyn Control>,
        };
        self.know_kind(A::KIND);
        self.0.mailboxes.lock().insert(id, listed);
        mailbox
    }

    /// Takes an ended actor's mailbox off the list.
    pub(super) fn unlist(&self, id: ChildId) {
        self.0.mailboxes.lock().remove(&id);
    }

    /// The mailboxes of all living actors, in the order they were started: the queue depths of
    /// chapter 6, and the bound that each must keep.
    pub fn mailboxes(&self) -> Vec<MailboxReport> {
        self.mailboxes_where(|_, _| true)
    }

    /// Of the mailboxes of all living actors those that `pick` takes by their bound and counters.
    pub fn mailboxes_where(
        &self,
        pick: impl Fn(usize, &MailboxCounters) -> bool,
    ) -> Vec<MailboxReport> {
        let listed = self.0.mailboxes.lock();
        let read = |listed: &ListedMailbox| {
            let counters = listed.probe.read()?;
            pick(listed.capacity, &counters).then(|| MailboxReport {
                node: listed.node,
                kind: listed.kind,
                name: listed.name.clone(),
                capacity: listed.capacity,
                counters,
            })
        };
        listed.values().filter_map(read).collect()
    }

    pub(super) fn know_kind(&self, kind: &'static str) {
        self.0.kinds.lock().insert(kind);
    }

    /// Every kind of actor and of light child that was started so far.
    pub fn kinds(&self) -> BTreeSet<&'static str> {
        self.0.kinds.lock().clone()
    }

    /// Fault: the living actor or light child of this kind and name panics with this text at its
    /// next turn. `node` says whose it is; `None`: the lab's own.
    pub fn panic_in(&self, node: Option<NodeId>, kind: &str, name: &str, text: &str) -> Blow {
        let blow = Blow::new(kind, name, text);
        let here = |listed: &&ListedMailbox| listed.node == node;
        let all: Vec<_> = {
            let listed = self.0.mailboxes.lock();
            let living = listed.values().filter(here);
            living.filter_map(|one| one.control.upgrade()).collect()
        };
        for one in all {
            one.strike(blow.clone());
        }
        blow
    }

    pub(super) fn next_id(&self) -> ChildId {
        ChildId(self.0.ids.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn place_of(&self, place: usize) -> usize {
        place % self.0.places.len()
    }

    pub(super) fn timers(&self, place: usize) -> &Arc<Timers> {
        &self.0.places[place].timers
    }

    /// Runs a job on a thread of the driver. After the driver is gone the job is dropped.
    pub(super) fn run_on(&self, place: usize, job: Job) {
        // The error means that the driver is gone, and with it whoever would care.
        let _ = self.0.places[place].jobs.send(job);
    }
}

struct ListedMailbox {
    node: Option<NodeId>,
    kind: &'static str,
    name: Arc<str>,
    capacity: usize,
    probe: MailboxProbe,
    control: Weak<dyn Control>,
}

/// One living actor's mailbox, as of now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxReport {
    /// The node the actor belongs to.
    pub node: Option<NodeId>,
    /// The actor's kind.
    pub kind: &'static str,
    /// Its name.
    pub name: Arc<str>,
    /// How many messages may wait.
    pub capacity: usize,
    /// How many do and did.
    pub counters: MailboxCounters,
}

struct Watch {
    journal: Journal,
    node: Option<NodeId>,
}

impl OverflowWatch for Watch {
    fn overflowed(&self, kind: &'static str, name: &str, total: u64) {
        let event = Event::MailboxOverflow {
            kind: kind.to_owned(),
            name: name.to_owned(),
            total,
        };
        self.journal.record(self.node, event);
    }
}

/// An actor without a parent.
pub struct Root<M> {
    addr: Addr<M>,
    exit: Arc<RootExit>,
}

impl<M: Send + 'static> Root<M> {
    /// Its address.
    pub fn addr(&self) -> &Addr<M> {
        &self.addr
    }

    /// How it ended, once it (and all below it) has.
    pub fn exit(&self) -> Option<Exit> {
        self.exit.0.lock().as_ref().map(|exit| exit.exit.clone())
    }

    /// Completes when it has ended.
    pub async fn ended(&self) -> Exit {
        loop {
            if let Some(exit) = self.exit() {
                return exit;
            }
            self.exit.1.notified().await;
        }
    }

    /// Ends it and everything below at once.
    pub fn kill(&self) {
        self.addr.0.kill();
    }

    /// Asks it to stop in order, after what it has in its mailbox.
    pub fn stop(&self) {
        self.addr.0.stop();
    }
}

#[derive(Default)]
struct RootExit(Mutex<Option<ChildExited>>, Notify);

impl ExitSink for RootExit {
    fn exited(&self, exit: ChildExited) {
        *self.0.lock() = Some(exit);
        self.1.notify_one();
    }
}

/// How much is at work outside.
#[derive(Default)]
pub(super) struct BusyCount {
    count: AtomicUsize,
    idle: Notify,
}

impl BusyCount {
    pub(super) fn is_busy(&self) -> bool {
        self.count.load(Ordering::Acquire) > 0
    }

    pub(super) async fn changed(&self) {
        self.idle.notified().await;
    }
}

/// Something outside is at work; virtual time stands still until this is dropped.
pub struct Busy(Arc<BusyCount>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::AcqRel);
        self.0.idle.notify_one();
    }
}
