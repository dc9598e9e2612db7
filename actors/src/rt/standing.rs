//! Actors that belong to the lab itself: no actor is above them that could start them again, so
//! the world does.
//!
//! One rule for all of them: what panics is started again, the first time at once, then later each
//! time; what stops or is killed stays ended.

use super::actor::{Actor, ChildExited, ChildSpec, Exit};
use super::host::{Birth, start};
use super::mailbox::{Addr, Control, ExitSink, Refused};
use super::recipient::Recipient;
use super::world::{Job, World};
use parking_lot::Mutex;
use std::sync::{Arc, Weak};
use std::time::Duration;
use takeover_core::journal::Event;
use takeover_core::time::Moment;

/// The wait before the second life after a panic that follows another, doubled up to the last.
const WAIT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// What has run this long counts its panics anew.
const PROVEN: Duration = Duration::from_secs(120);

type Begin<M> = Box<dyn Fn(Arc<dyn ExitSink>) -> (Addr<M>, Job) + Send + Sync>;

/// An actor without a parent that is started again when it panics. Cheap to clone; when the last
/// handle is gone, nobody starts it again.
pub struct Standing<M>(Arc<Inner<M>>);

impl<M> Clone for Standing<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

struct Inner<M> {
    world: World,
    place: usize,
    begin: Begin<M>,
    state: Mutex<State<M>>,
}

struct State<M> {
    addr: Addr<M>,
    since: Moment,
    /// Panics in a row, none of whose lives has proven itself.
    panics: u32,
    last: Option<ChildExited>,
    retired: bool,
    over: bool,
}

struct Sink<M>(Weak<Inner<M>>);

impl<M: Send + 'static> ExitSink for Sink<M> {
    fn exited(&self, exit: ChildExited) {
        if let Some(inner) = self.0.upgrade() {
            Inner::hear(&inner, exit);
        }
    }
}

impl World {
    /// Starts an actor that belongs to the lab; `make` makes each life of it. A panic of it is told
    /// to the operator, and the next life has a mailbox of its own: what waited in the old one is
    /// gone.
    pub fn standing<A: Actor>(
        &self,
        make: impl Fn() -> A + Send + Sync + 'static,
        spec: ChildSpec,
    ) -> Standing<A::Msg> {
        let place = self.place_of(spec.place.unwrap_or(0));
        let world = self.clone();
        let begin: Begin<A::Msg> = Box::new(move |parent| {
            let mailbox = world.mailbox::<A>(&spec, None, spec.node);
            let birth = Birth {
                actor: make(),
                mailbox: mailbox.clone(),
                world: world.clone(),
                place,
                node: spec.node,
                parent,
            };
            (Addr(mailbox), Box::new(move || start(birth)))
        });
        let mut first = None;
        let inner = Arc::new_cyclic(|me: &Weak<Inner<A::Msg>>| {
            let (addr, job) = begin(Arc::new(Sink(me.clone())));
            first = Some(job);
            let state = State {
                addr,
                since: self.now(),
                panics: 0,
                last: None,
                retired: false,
                over: false,
            };
            Inner {
                world: self.clone(),
                place,
                begin,
                state: Mutex::new(state),
            }
        });
        if let Some(job) = first {
            self.run_on(place, job);
        }
        Standing(inner)
    }
}

impl<M: Send + 'static> Inner<M> {
    fn hear(me: &Arc<Self>, exit: ChildExited) {
        let now = me.world.now();
        let mut state = me.state.lock();
        let panicked = matches!(exit.exit, Exit::Panicked(_));
        let told = format!("{} {}: {}", exit.kind, exit.name, exit.exit);
        state.last = Some(exit);
        if state.retired || !panicked {
            state.over = true;
            return;
        }
        if now.saturating_since(state.since) >= PROVEN {
            state.panics = 0;
        }
        let wait = wait_after(state.panics);
        state.panics = state.panics.saturating_add(1);
        drop(state);
        let text = format!("{told}; it is started again in {} s", wait.as_secs());
        me.world.journal().record(None, Event::Alarm { text });
        let again = Arc::downgrade(me);
        let fire = Box::new(move || {
            if let Some(inner) = again.upgrade() {
                Self::again(&inner);
            }
        });
        me.world.timers(me.place).arm(now + wait, fire);
    }

    fn again(me: &Arc<Self>) {
        if me.state.lock().retired {
            return;
        }
        let (addr, job) = (me.begin)(Arc::new(Sink(Arc::downgrade(me))));
        let mut state = me.state.lock();
        (state.addr, state.since) = (addr, me.world.now());
        drop(state);
        me.world.run_on(me.place, job);
    }
}

fn wait_after(panics: u32) -> Duration {
    match panics.checked_sub(1) {
        None => Duration::ZERO,
        Some(doubled) => WAIT.0.saturating_mul(1 << doubled.min(6)).min(WAIT.1),
    }
}

impl<M: Send + 'static> Standing<M> {
    /// The address of its present life; between two lives, of the last one.
    pub fn addr(&self) -> Addr<M> {
        self.0.state.lock().addr.clone()
    }

    /// Sends to its present life.
    ///
    /// # Errors
    /// [`Refused`] gives the message back: the mailbox is full and rejects, or it has ended and is
    /// not yet started again.
    pub fn send(&self, message: M) -> Result<(), Refused<M>> {
        self.addr().send(message)
    }

    /// A narrower address, of whatever life is the present one.
    pub fn recipient<N: 'static>(
        &self,
        map: impl Fn(N) -> M + Send + Sync + 'static,
    ) -> Recipient<N> {
        let standing = self.clone();
        Recipient::from_fn(move |what| standing.send(map(what)).map_err(|refused| refused.why))
    }

    /// How its last life ended, if one has.
    pub fn last_exit(&self) -> Option<Exit> {
        let state = self.0.state.lock();
        state.last.as_ref().map(|exit| exit.exit.clone())
    }

    /// Whether it has ended and will not be started again.
    pub fn is_over(&self) -> bool {
        self.0.state.lock().over
    }

    /// From now on it is not started again.
    pub fn retire(&self) {
        let mut state = self.0.state.lock();
        state.retired = true;
        // Between two lives: the next one will not come.
        state.over |= !state.addr.is_alive() && state.last.is_some();
    }

    /// Ends it for good, and everything below it, at once.
    pub fn kill(&self) {
        self.retire();
        self.addr().0.kill();
    }
}
