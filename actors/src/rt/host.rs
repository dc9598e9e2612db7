//! The actix actor that hosts ours: one wake-up token in, one batch of the mailbox handled.
//!
//! A handler's panic is caught here, an end is told to the parent here, and nowhere else. An actor
//! has ended when its state is dropped, its futures and timers are gone, and all its children have
//! ended: so an old life is over before a new one can start.

use super::actor::{Actor, ChildExited, ChildId, Exit};
use super::blow::Blow;
use super::ctx::{Ctx, Kept};
use super::mailbox::{ExitSink, Item, Mailbox, Waker};
use super::planned::planned_panic;
use super::world::World;
use actix::ActorContext;
use std::any::Any;
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;
use takeover_core::id::NodeId;
use takeover_core::journal::Event;

/// How many messages an actor handles before others get their turn.
const BATCH: usize = 32;

/// Everything needed to start an actor, movable to its thread.
pub(super) struct Birth<A: Actor> {
    pub(super) actor: A,
    pub(super) mailbox: Arc<Mailbox<A::Msg>>,
    pub(super) world: World,
    pub(super) place: usize,
    pub(super) node: Option<NodeId>,
    pub(super) parent: Arc<dyn ExitSink>,
}

/// Starts an actor on the present thread, which must be its place's.
pub(super) fn start<A: Actor>(birth: Birth<A>) {
    let Birth {
        actor,
        mailbox,
        world,
        place,
        node,
        parent,
    } = birth;
    let ctx = Ctx {
        world,
        mailbox,
        place,
        node,
        timers: BTreeMap::new(),
        slots: BTreeMap::new(),
        next_slot: 0,
        children: BTreeMap::new(),
        runs: BTreeMap::new(),
        next_run: 0,
        finish: false,
    };
    actix::Actor::start(Host {
        actor: Some(actor),
        ctx,
        parent,
        ending: None,
    });
}

/// "There is something in your mailbox."
#[derive(Clone, Copy)]
struct Wake;

impl actix::Message for Wake {
    type Result = ();
}

struct Host<A: Actor> {
    /// `None` once it has ended.
    actor: Option<A>,
    ctx: Ctx<A>,
    parent: Arc<dyn ExitSink>,
    /// How it ended; told when the last child is gone.
    ending: Option<Exit>,
}

// The host is never pinned by anything of its own.
impl<A: Actor> Unpin for Host<A> {}

impl<A: Actor> actix::Actor for Host<A> {
    type Context = actix::Context<Self>;

    fn started(&mut self, actix_ctx: &mut Self::Context) {
        if self.ctx.mailbox.life.is_dead() {
            self.end(Exit::Killed);
        } else {
            self.guard(|actor, ctx| actor.started(ctx));
        }
        self.ctx.mailbox.attach(self.waker(actix_ctx));
        self.settle(actix_ctx);
    }
}

impl<A: Actor> actix::Handler<Wake> for Host<A> {
    type Result = ();

    fn handle(&mut self, _: Wake, actix_ctx: &mut Self::Context) {
        for _ in 0..BATCH {
            if self.actor.is_some() && self.ctx.mailbox.life.is_dead() {
                self.end(Exit::Killed);
            }
            match self.ctx.mailbox.pop() {
                Some(item) => self.take(item),
                None => return self.settle(actix_ctx),
            }
        }
        self.settle(actix_ctx);
        // Without it actix would take the next token at once, and others would wait until nothing is left here.
        actix::AsyncContext::wait(actix_ctx, actix::fut::wrap_future(others_first()));
        self.ctx.mailbox.again();
    }
}

/// Lets whatever else is runnable on this thread have its turn.
fn others_first() -> impl Future<Output = ()> {
    let mut asked = false;
    poll_fn(move |cx| {
        if std::mem::replace(&mut asked, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}

impl<A: Actor> Host<A> {
    /// Wakes this host: at once, or, on a machine that is busy elsewhere, when it has time.
    fn waker(&self, actix_ctx: &actix::Context<Self>) -> Waker {
        use actix::AsyncContext;
        let me = actix_ctx.address();
        let (world, node) = (&self.ctx.world, self.ctx.node);
        let paces = world.paces().clone();
        let (clock, timers) = (world.clock().clone(), world.timers(self.ctx.place).clone());
        Box::new(move || {
            let lag = paces.lag(node);
            if lag.is_zero() {
                return me.do_send(Wake);
            }
            let me = me.clone();
            timers.arm(clock.now() + lag, Box::new(move || me.do_send(Wake)));
        })
    }

    fn take(&mut self, item: Item<A::Msg>) {
        match item {
            Item::User(message) => self.guard(|actor, ctx| actor.handle(message, ctx)),
            Item::Ran { run, message } => {
                self.ctx.runs.remove(&run);
                self.guard(|actor, ctx| actor.handle(message, ctx));
            }
            Item::Timer { slot } => self.fire(slot),
            Item::Exited(exit) => self.bury(exit),
            Item::Crashed(text) => self.end(Exit::Panicked(text)),
            Item::Blow(blow) => self.struck(&blow),
            Item::Stop => self.end_in_order(),
        }
    }

    /// Runs a handler: its panic ends the actor, its wish to stop is fulfilled.
    fn guard(&mut self, handler: impl FnOnce(&mut A, &mut Ctx<A>)) {
        let (Some(actor), ctx) = (self.actor.as_mut(), &mut self.ctx) else {
            return;
        };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| handler(actor, ctx))) {
            self.end(Exit::Panicked(panic_text(&*payload)));
        } else if self.ctx.finish {
            self.end_in_order();
        }
    }

    /// A blow that is meant for this actor, for a child of its, or for neither.
    fn struck(&mut self, blow: &Blow) {
        match blow.take(A::KIND, &self.ctx.mailbox.name) {
            Some(text) => self.guard(|_, _| planned_panic(text)),
            None => self.ctx.strike_children(blow),
        }
    }

    fn fire(&mut self, slot: u64) {
        // A timer cancelled or armed anew while it waited in the mailbox has lost its slot.
        let Some(timer) = self.ctx.slots.remove(&slot) else {
            return;
        };
        self.ctx.timers.remove(&timer);
        if A::records(timer) {
            self.ctx.journal(Event::TimerFired {
                timer: format!("{timer:?}"),
            });
        }
        self.guard(|actor, ctx| actor.expired(timer, ctx));
    }

    fn bury(&mut self, exit: ChildExited) {
        let Some(kept) = self.ctx.children.remove(&exit.child) else {
            return;
        };
        if matches!((&kept, &exit.exit), (Kept::Light { .. }, Exit::Panicked(_))) {
            record_exit(&self.ctx.world, self.ctx.node, &exit);
        }
        self.guard(|actor, ctx| actor.child_exited(exit, ctx));
    }

    fn end_in_order(&mut self) {
        let (Some(actor), ctx) = (self.actor.as_mut(), &mut self.ctx) else {
            return;
        };
        match catch_unwind(AssertUnwindSafe(|| actor.stopping(ctx))) {
            Ok(()) => self.end(Exit::Stopped),
            Err(payload) => self.end(Exit::Panicked(panic_text(&*payload))),
        }
    }

    /// Ends the actor: its state, timers, futures and waiting messages go now, its children next.
    fn end(&mut self, exit: Exit) {
        let Some(actor) = self.actor.take() else {
            return;
        };
        self.ctx.mailbox.life.kill();
        let ctx = &mut self.ctx;
        for (_, id) in std::mem::take(&mut ctx.timers).into_values() {
            ctx.world.timers(ctx.place).cancel(id);
        }
        ctx.slots.clear();
        ctx.runs.clear();
        let unheard = ctx.mailbox.close();
        let dropped = catch_unwind(AssertUnwindSafe(move || drop(actor)));
        if unheard > 0 {
            let (kind, name) = (A::KIND.to_owned(), ctx.mailbox.name.to_string());
            ctx.journal(Event::MessagesUnheard {
                kind,
                name,
                count: unheard as u64,
            });
        }
        let children: Vec<ChildId> = ctx.children.keys().copied().collect();
        for child in children {
            ctx.kill_child(child);
        }
        self.ending = Some(match (exit, dropped) {
            (Exit::Stopped, Err(payload)) => Exit::Panicked(panic_text(&*payload)),
            (exit, _) => exit,
        });
    }

    /// Tells the parent of the end once nothing is left below.
    fn settle(&mut self, actix_ctx: &mut actix::Context<Self>) {
        if self.actor.is_some() || !self.ctx.children.is_empty() {
            return;
        }
        let Some(exit) = self.ending.take() else {
            return;
        };
        let mailbox = &self.ctx.mailbox;
        let (child, name) = (mailbox.id, mailbox.name.to_string());
        let exit = ChildExited {
            child,
            kind: A::KIND,
            name,
            exit,
        };
        record_exit(&self.ctx.world, self.ctx.node, &exit);
        self.ctx.world.unlist(exit.child);
        self.ctx.mailbox.tell_watchers(&exit);
        self.parent.exited(exit);
        actix_ctx.stop();
    }
}

fn record_exit(world: &World, node: Option<NodeId>, exit: &ChildExited) {
    let (kind, name) = (exit.kind.to_owned(), exit.name.clone());
    world.journal().record(
        node,
        Event::ActorExited {
            kind,
            name,
            exit: exit.exit.to_string(),
        },
    );
}

/// The text of a panic: what `panic!` was given.
pub fn panic_text(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "(a panic without a text)".to_owned())
}
