//! What an actor can do from inside its handlers.

use super::actor::{Actor, ChildExited, ChildId, ChildSpec, Exit};
use super::blow::Blow;
use super::clock::Clock;
use super::host::{Birth, start};
use super::light::Task;
use super::mailbox::{Addr, Control, ExitSink, Item, Mailbox};
use super::rng::Rng;
use super::timers::TimerId;
use super::world::World;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use takeover_core::canary;
use takeover_core::id::NodeId;
use takeover_core::journal::Event;
use takeover_core::time::Moment;

/// What the planted bug `TimerByChance` adds to timers: another number in each run of one process.
static STRAY: AtomicU64 = AtomicU64::new(0);

/// A child as its parent keeps it.
pub(super) enum Kept {
    Actor(Arc<dyn Control>),
    Light {
        kind: &'static str,
        name: Cow<'static, str>,
        task: Task,
    },
}

/// An actor's hold on the world: time, timers, children, futures, the journal.
pub struct Ctx<A: Actor> {
    pub(super) world: World,
    pub(super) mailbox: Arc<Mailbox<A::Msg>>,
    pub(super) place: usize,
    pub(super) node: Option<NodeId>,
    pub(super) timers: BTreeMap<A::Timer, (u64, TimerId)>,
    pub(super) slots: BTreeMap<u64, A::Timer>,
    pub(super) next_slot: u64,
    pub(super) children: BTreeMap<ChildId, Kept>,
    pub(super) runs: BTreeMap<u64, Task>,
    pub(super) next_run: u64,
    pub(super) finish: bool,
}

impl<A: Actor> Ctx<A> {
    /// The protocol time now.
    pub fn now(&self) -> Moment {
        self.world.now()
    }

    /// The lab's clock.
    pub fn clock(&self) -> &Clock {
        self.world.clock()
    }

    /// What the lab shares.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The node this actor belongs to, if it belongs to one.
    pub fn node(&self) -> Option<NodeId> {
        self.node
    }

    /// Its own address.
    pub fn addr(&self) -> Addr<A::Msg> {
        Addr(self.mailbox.clone())
    }

    /// Its own identity.
    pub fn id(&self) -> ChildId {
        self.mailbox.id
    }

    /// Its own name.
    pub fn name(&self) -> &str {
        &self.mailbox.name
    }

    /// The named stream of chance of the lab's seed; keep it, a second call starts it anew.
    pub fn rng(&self, name: &str) -> Rng {
        self.world.rng(name)
    }

    /// Records an event of this actor's node.
    pub fn journal(&self, event: Event) {
        self.world.journal().record(self.node, event);
    }

    /// Arms `timer` to run out `after` from now, as the node's own clock counts (see
    /// [`World::set_drift`]); armed already, it is armed anew.
    pub fn arm(&mut self, timer: A::Timer, after: Duration) {
        let mut after = self.world.paces().stretch(self.node, after);
        if canary!("TimerByChance") {
            after += Duration::from_micros(STRAY.fetch_add(1, Ordering::Relaxed));
        }
        self.arm_at(timer, self.now() + after);
    }

    /// Arms `timer` to run out at `deadline` (at once if that has passed).
    pub fn arm_at(&mut self, timer: A::Timer, deadline: Moment) {
        self.disarm(timer);
        self.next_slot += 1;
        let slot = self.next_slot;
        let mailbox = Arc::downgrade(&self.mailbox);
        let fire = Box::new(move || {
            if let Some(mailbox) = mailbox.upgrade() {
                mailbox.push_internal(Item::Timer { slot });
            }
        });
        let early = Duration::from_millis(u64::from(canary!("TimerEarly")));
        let due = Moment(deadline.0 - deadline.0.min(early.as_micros() as u64));
        let id = self.world.timers(self.place).arm(due, fire);
        self.timers.insert(timer, (slot, id));
        self.slots.insert(slot, timer);
        if A::records(timer) {
            self.journal(Event::TimerArmed {
                timer: format!("{timer:?}"),
                deadline,
            });
        }
    }

    /// Cancels `timer`: it will not be heard, even if it has run out and waits in the mailbox.
    /// False if it was not armed.
    pub fn cancel(&mut self, timer: A::Timer) -> bool {
        let was_armed = self.disarm(timer);
        if was_armed && A::records(timer) {
            self.journal(Event::TimerCancelled {
                timer: format!("{timer:?}"),
            });
        }
        was_armed
    }

    fn disarm(&mut self, timer: A::Timer) -> bool {
        let Some((slot, id)) = self.timers.remove(&timer) else {
            return false;
        };
        if canary!("TimerNotCancelled") {
            return true;
        }
        self.slots.remove(&slot);
        self.world.timers(self.place).cancel(id);
        true
    }

    /// Whether `timer` is armed.
    pub fn is_armed(&self, timer: A::Timer) -> bool {
        self.timers.contains_key(&timer)
    }

    /// Starts a child actor. Its end is heard by [`Actor::child_exited`].
    pub fn child<C: Actor>(&mut self, actor: C, spec: ChildSpec) -> Addr<C::Msg> {
        let place = spec
            .place
            .map_or(self.place, |place| self.world.place_of(place));
        let parent: Arc<dyn ExitSink> = self.mailbox.clone();
        let node = spec.node.or(self.node);
        let mailbox = self
            .world
            .mailbox::<C>(&spec, Some(&self.mailbox.life), node);
        let control: Arc<dyn Control> = mailbox.clone();
        self.children.insert(mailbox.id, Kept::Actor(control));
        let birth = Birth {
            actor,
            mailbox: mailbox.clone(),
            world: self.world.clone(),
            place,
            node,
            parent,
        };
        if place == self.place {
            start(birth);
        } else {
            self.world.run_on(place, Box::new(move || start(birth)));
        }
        Addr(mailbox)
    }

    /// Starts a light child: a future on this thread, for the likes of a connection. It has no
    /// mailbox and no timers of its own; its end is heard by [`Actor::child_exited`].
    pub fn light(
        &mut self,
        kind: &'static str,
        name: impl Into<Cow<'static, str>>,
        future: impl Future<Output = ()> + 'static,
    ) -> ChildId {
        let (id, name) = (self.world.next_id(), name.into());
        self.world.know_kind(kind);
        let parent = Arc::downgrade(&self.mailbox);
        let told = name.clone();
        let task = Task::spawn(self.mailbox.life.clone(), future, move |outcome| {
            let exit = match outcome {
                Ok(()) => Exit::Stopped,
                Err(text) => Exit::Panicked(text),
            };
            if let Some(parent) = parent.upgrade() {
                parent.push_exit(ChildExited {
                    child: id,
                    kind,
                    name: told.into_owned(),
                    exit,
                });
            }
        });
        self.children.insert(id, Kept::Light { kind, name, task });
        id
    }

    /// Runs a future on this thread; `message` makes a message of its output. Dropped when this
    /// actor ends; a panic in it is this actor's panic.
    pub fn run<T: 'static>(
        &mut self,
        future: impl Future<Output = T> + 'static,
        message: impl FnOnce(T) -> A::Msg + 'static,
    ) {
        self.next_run += 1;
        let run = self.next_run;
        let mailbox = Arc::downgrade(&self.mailbox);
        let task = Task::spawn(self.mailbox.life.clone(), future, move |outcome| {
            let Some(mailbox) = mailbox.upgrade() else {
                return;
            };
            mailbox.push_internal(match outcome {
                Ok(output) => Item::Ran {
                    run,
                    message: message(output),
                },
                Err(text) => Item::Crashed(text),
            });
        });
        self.runs.insert(run, task);
    }

    /// As [`Ctx::run`], for a future that waits for somebody outside of the lab's threads (a storage
    /// engine): virtual time stands still until it is complete.
    pub fn run_outside<T: 'static>(
        &mut self,
        future: impl Future<Output = T> + 'static,
        message: impl FnOnce(T) -> A::Msg + 'static,
    ) {
        let busy = self.world.busy();
        let work = async move {
            let output = future.await;
            drop(busy);
            output
        };
        self.run(work, message);
    }

    /// How many messages wait in the mailbox behind the one that is handled.
    pub fn waiting(&self) -> usize {
        self.mailbox.counters().depth
    }

    /// How many futures given to [`Ctx::run`] have not come back yet.
    pub fn running(&self) -> usize {
        self.runs.len()
    }

    /// Ends this actor in order once the present handler returns. Its children are killed, and the
    /// parent hears of the end when they are gone; stop them first for an orderly end below.
    pub fn stop(&mut self) {
        self.finish = true;
    }

    /// Asks a child to stop in order, after what it has in its mailbox. A light child is killed:
    /// it knows no order. False if there is no such child.
    pub fn stop_child(&mut self, child: ChildId) -> bool {
        match self.children.get(&child) {
            Some(Kept::Actor(control)) => control.stop(),
            Some(Kept::Light { .. }) => return self.kill_child(child),
            None => return false,
        }
        true
    }

    /// Asks all children to stop in order, as [`Ctx::stop_child`] does.
    pub fn stop_children(&mut self) {
        let children: Vec<ChildId> = self.children.keys().copied().collect();
        for child in children {
            self.stop_child(child);
        }
    }

    /// Ends a child and everything below it at once: none of it runs another handler. Its end is
    /// still heard. False if there is no such child.
    pub fn kill_child(&mut self, child: ChildId) -> bool {
        match self.children.get(&child) {
            Some(Kept::Actor(control)) => control.kill(),
            Some(Kept::Light { kind, name, task }) => {
                if task.kill() {
                    let (kind, name) = (*kind, name.clone().into_owned());
                    self.mailbox.push_exit(ChildExited {
                        child,
                        kind,
                        name,
                        exit: Exit::Killed,
                    });
                }
            }
            None => return false,
        }
        true
    }

    /// Lets a blow fall on the light child it is meant for, if it is one of these.
    pub(super) fn strike_children(&self, blow: &Blow) {
        for child in self.children.values() {
            if let Kept::Light { kind, name, task } = child
                && task.is_running()
                && let Some(text) = blow.take(kind, name)
            {
                return task.fail(text);
            }
        }
    }

    /// How many children have not ended yet.
    pub fn children(&self) -> usize {
        self.children.len()
    }
}
