//! Clocks that run fast or slow, machines that are busy, and a virtual clock that leaves nobody behind.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use takeover_actors::rt::{
    Actor, Addr, ChildSpec, Ctx, MailboxSpec, NoTimer, Root, VirtualDriver, WorldSpec,
};
use takeover_core::id::NodeId;
use takeover_core::time::Moment;

const SECOND: Duration = Duration::from_secs(1);

fn driver() -> VirtualDriver {
    VirtualDriver::new(WorldSpec::new(1, 2)).expect("a runtime")
}

type Heard = Arc<Mutex<Vec<Moment>>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Minute;

/// Notes when it hears a message, and when its minute is over.
struct Clerk(Heard);

impl Actor for Clerk {
    type Msg = ();
    type Timer = Minute;
    const KIND: &'static str = "clerk";

    fn handle(&mut self, (): (), ctx: &mut Ctx<Self>) {
        self.0.lock().push(ctx.now());
        ctx.arm(Minute, 60 * SECOND);
    }

    fn expired(&mut self, _: Minute, ctx: &mut Ctx<Self>) {
        self.0.lock().push(ctx.now());
    }
}

/// A node whose clock gains a hundredth hears its minute earlier, one that loses it later.
#[test]
fn a_node_counts_by_its_own_clock() {
    let mut driver = driver();
    driver.world().set_drift(NodeId(0), 10_000);
    driver.world().set_drift(NodeId(1), -10_000);
    let heard = [0, 1].map(|node| {
        let heard = Heard::default();
        let spec = ChildSpec::new("clerk", MailboxSpec::reject(8)).on_node(NodeId(node));
        let clerk = driver.world().root(Clerk(heard.clone()), spec);
        clerk.addr().send(()).expect("room");
        heard
    });
    driver.pass(120 * SECOND);
    let minute = |heard: &Heard| {
        let heard = heard.lock();
        heard[1].saturating_since(heard[0]).as_secs_f64()
    };
    assert!((minute(&heard[0]) - 60.0 / 1.01).abs() < 1e-5);
    assert!((minute(&heard[1]) - 60.0 / 0.99).abs() < 1e-5);
}

/// On a busy machine a message is heard late; once it has time again, at once.
#[test]
fn a_busy_machine_hears_late() {
    let mut driver = driver();
    let heard = Heard::default();
    let spec = ChildSpec::new("clerk", MailboxSpec::reject(8)).on_node(NodeId(0));
    let clerk = driver.world().root(Clerk(heard.clone()), spec);
    driver.settle();
    driver.world().set_lag(NodeId(0), 2 * SECOND);
    clerk.addr().send(()).expect("room");
    driver.pass(SECOND);
    assert_eq!(heard.lock().len(), 0);
    driver.pass(2 * SECOND);
    assert_eq!(*heard.lock(), [Moment::from_secs(2)]);
    driver.world().set_lag(NodeId(0), Duration::ZERO);
    clerk.addr().send(()).expect("room");
    driver.settle();
    assert_eq!(heard.lock().len(), 2);
}

/// Has itself killed, and asks somebody outside before it is.
struct Asker(Addr<()>);

impl Actor for Asker {
    type Msg = ();
    type Timer = NoTimer;
    const KIND: &'static str = "asker";

    fn handle(&mut self, (): (), ctx: &mut Ctx<Self>) {
        self.0.send(()).expect("room");
        ctx.run_outside(std::future::ready(()), |()| ());
        ctx.light("light", "child", std::future::ready(()));
    }
}

/// Kills, when it is told to.
struct Killer(Arc<Mutex<Option<Root<()>>>>);

impl Actor for Killer {
    type Msg = ();
    type Timer = NoTimer;
    const KIND: &'static str = "killer";

    fn handle(&mut self, (): (), _: &mut Ctx<Self>) {
        let victim = self.0.lock();
        victim.as_ref().expect("a victim").kill();
    }
}

/// Who is killed waits for nobody any more: time goes on, though on a busy machine the dead one is cleared up late.
#[test]
fn time_does_not_wait_for_the_dead() {
    let mut driver = driver();
    let world = driver.world().clone();
    let victim = Arc::new(Mutex::new(None));
    let spec = ChildSpec::new("killer", MailboxSpec::reject(8));
    let killer = world.root(Killer(victim.clone()), spec);
    let spec = ChildSpec::new("asker", MailboxSpec::reject(8)).on_node(NodeId(0));
    let asker = world.root(Asker(killer.addr().clone()), spec);
    let addr = asker.addr().clone();
    *victim.lock() = Some(asker);
    driver.settle();
    addr.send(()).expect("room");
    world.set_lag(NodeId(0), 2 * SECOND);
    driver.pass(60 * SECOND);
    assert_eq!(world.now(), Moment::from_secs(60));
    let victim = victim.lock();
    let exit = victim.as_ref().and_then(Root::exit);
    assert!(exit.is_some(), "its child's end is known, and its own");
}

/// Takes a thousand words out of a channel in one go.
struct Reader(Arc<Mutex<u32>>);

impl Actor for Reader {
    type Msg = ();
    type Timer = NoTimer;
    const KIND: &'static str = "reader";

    fn handle(&mut self, (): (), ctx: &mut Ctx<Self>) {
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        (0..1000).for_each(|word| sender.send(word).expect("a reader"));
        let count = self.0.clone();
        ctx.light("reading", "words", async move {
            while receiver.recv().await.is_some() {
                *count.lock() += 1;
            }
        });
        drop(sender);
    }
}

/// tokio lets a task read so many messages in one turn; the rest of them is read before time moves,
/// whether foreign timers are served or not.
#[test]
fn nobody_is_left_behind_by_virtual_time() {
    for foreign in [true, false] {
        let mut driver = driver();
        if !foreign {
            driver.without_foreign_timers();
        }
        let count = Arc::new(Mutex::new(0));
        let spec = ChildSpec::new("reader", MailboxSpec::reject(8));
        let reader = driver.world().root(Reader(count.clone()), spec);
        reader.addr().send(()).expect("room");
        driver.settle();
        assert_eq!(*count.lock(), 1000, "foreign timers: {foreign}");
    }
}

/// Sends itself messages, until another actor has had its turn.
struct Busybody {
    other: Heard,
    turns: Arc<Mutex<u32>>,
}

impl Actor for Busybody {
    type Msg = ();
    type Timer = NoTimer;
    const KIND: &'static str = "busybody";

    fn handle(&mut self, (): (), ctx: &mut Ctx<Self>) {
        let mut turns = self.turns.lock();
        *turns += 1;
        if self.other.lock().is_empty() && *turns < 10_000 {
            ctx.addr().send(()).expect("room");
        }
    }
}

/// Who always has something to do lets others on its thread have their turn all the same.
#[test]
fn a_busy_actor_lets_others_have_their_turn() {
    let mut driver = driver();
    let spec = |name| ChildSpec::new(name, MailboxSpec::reject(8));
    let (other, turns) = (Heard::default(), Arc::<Mutex<u32>>::default());
    let busybody = Busybody {
        other: other.clone(),
        turns: turns.clone(),
    };
    let busybody = driver.world().root(busybody, spec("busybody"));
    let clerk = driver.world().root(Clerk(other.clone()), spec("clerk"));
    driver.settle();
    busybody.addr().send(()).expect("room");
    clerk.addr().send(()).expect("room");
    driver.settle();
    assert_eq!(other.lock().len(), 1);
    let turns = *turns.lock();
    assert!(turns <= 64, "{turns} turns before the other had one");
}

/// Sends back what it is sent.
struct Echo;

impl Actor for Echo {
    type Msg = Addr<Ball>;
    type Timer = NoTimer;
    const KIND: &'static str = "echo";

    fn handle(&mut self, from: Addr<Ball>, ctx: &mut Ctx<Self>) {
        from.send(Ball(ctx.addr())).expect("room");
    }
}

struct Ball(Addr<Addr<Ball>>);

/// Sends what it is sent to the other side.
struct Player;

impl Actor for Player {
    type Msg = Ball;
    type Timer = NoTimer;
    const KIND: &'static str = "player";

    fn handle(&mut self, Ball(to): Ball, ctx: &mut Ctx<Self>) {
        to.send(ctx.addr()).expect("room");
    }
}

/// RUN-1: two who answer each other without end are found out, instead of a lab that hangs.
#[test]
#[should_panic = "livelock in virtual time"]
fn two_who_never_rest_are_found_out() {
    let mut driver = driver();
    driver.limit_rounds(10_000);
    let spec = |name| ChildSpec::new(name, MailboxSpec::reject(8));
    let echo = driver.world().root(Echo, spec("echo"));
    let player = driver.world().root(Player, spec("player"));
    player.addr().send(Ball(echo.addr().clone())).expect("room");
    driver.settle();
}
