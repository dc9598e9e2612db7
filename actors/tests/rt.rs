//! The runtime layer: actors, timers, supervision, virtual time.

use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use takeover_actors::rt::{
    Actor, Addr, ChildExited, ChildId, ChildSpec, Ctx, Exit, MailboxSpec, Refusal, VirtualDriver,
    WorldSpec,
};
use takeover_core::id::NodeId;
use takeover_core::journal::Event;
use takeover_core::time::Moment;

const BOX: MailboxSpec = MailboxSpec::reject(8);

fn driver() -> VirtualDriver {
    VirtualDriver::new(WorldSpec::new(7, 4)).expect("a runtime")
}

type Log = Arc<Mutex<Vec<(Moment, String)>>>;

#[derive(Debug)]
enum ToChild {
    Say(&'static str),
    Panic(&'static str),
    Stop,
    PanicLater,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Tick {
    A,
    B,
}

struct Child(Log);

impl Actor for Child {
    type Msg = ToChild;
    type Timer = Tick;
    const KIND: &'static str = "child";

    fn handle(&mut self, msg: ToChild, ctx: &mut Ctx<Self>) {
        match msg {
            ToChild::Say(text) => self.0.lock().push((ctx.now(), text.to_owned())),
            ToChild::Panic(text) => panic!("{text}"),
            ToChild::Stop => ctx.stop(),
            ToChild::PanicLater => {
                let sleep = ctx.world().sleep(Duration::from_secs(1));
                ctx.run(
                    async move {
                        sleep.await;
                        panic!("later");
                    },
                    |()| ToChild::Stop,
                );
            }
        }
    }

    fn stopping(&mut self, ctx: &mut Ctx<Self>) {
        self.0.lock().push((ctx.now(), "stopping".to_owned()));
    }
}

struct Parent {
    log: Log,
    exits: Arc<Mutex<Vec<ChildExited>>>,
    children: Arc<Mutex<Vec<Addr<ToChild>>>>,
}

enum ToParent {
    Kill(ChildId),
    Light(&'static str),
    Panic,
}

impl Actor for Parent {
    type Msg = ToParent;
    type Timer = Tick;
    const KIND: &'static str = "parent";

    fn started(&mut self, ctx: &mut Ctx<Self>) {
        for name in ["one", "two"] {
            let child = ctx.child(Child(self.log.clone()), ChildSpec::new(name, BOX));
            self.children.lock().push(child);
        }
        ctx.arm(Tick::B, Duration::from_micros(1_500));
        ctx.arm(Tick::A, Duration::from_micros(1_200));
    }

    fn handle(&mut self, msg: ToParent, ctx: &mut Ctx<Self>) {
        match msg {
            ToParent::Kill(child) => assert!(ctx.kill_child(child)),
            ToParent::Light(text) => {
                ctx.light("light", text, async move { panic!("light {text}") });
            }
            ToParent::Panic => panic!("parent"),
        }
    }

    fn expired(&mut self, timer: Tick, ctx: &mut Ctx<Self>) {
        self.log.lock().push((ctx.now(), format!("{timer:?}")));
    }

    fn child_exited(&mut self, exit: ChildExited, _ctx: &mut Ctx<Self>) {
        self.exits.lock().push(exit);
    }
}

struct Family {
    driver: VirtualDriver,
    root: takeover_actors::rt::Root<ToParent>,
    log: Log,
    exits: Arc<Mutex<Vec<ChildExited>>>,
    children: Vec<Addr<ToChild>>,
}

fn family() -> Family {
    let mut driver = driver();
    let (log, exits, children) = (Log::default(), Arc::default(), Arc::default());
    let parent = Parent {
        log: log.clone(),
        exits: Arc::clone(&exits),
        children: Arc::clone(&children),
    };
    let root = driver
        .world()
        .root(parent, ChildSpec::new("p", BOX).on_node(NodeId(1)));
    driver.settle();
    let children = children.lock().clone();
    Family {
        driver,
        root,
        log,
        exits,
        children,
    }
}

/// SVC-3: a panic reaches the parent with its text, is on the journal, and harms no sibling.
#[test]
fn a_panic_reaches_the_parent_and_harms_no_sibling() {
    let mut family = family();
    family.children[0].send(ToChild::Panic("boom")).unwrap();
    family.children[1].send(ToChild::Say("alive")).unwrap();
    family.driver.settle();
    let exits = family.exits.lock().clone();
    assert_eq!(exits.len(), 1);
    assert_eq!(exits[0].exit, Exit::Panicked("boom".to_owned()));
    assert_eq!((exits[0].name.as_str(), exits[0].kind), ("one", "child"));
    assert_eq!(family.log.lock().last().unwrap().1, "alive");
    let recorded = family.driver.world().journal().select(|entry| {
        entry.node == Some(NodeId(1))
            && matches!(&entry.event, Event::ActorExited { exit, .. } if exit == "panicked: boom")
    });
    assert_eq!(recorded.len(), 1);
    let refused = family.children[0].send(ToChild::Say("late")).unwrap_err();
    assert_eq!(refused.why, Refusal::Ended);
}

/// TIM-1: timers below a millisecond fire in the order of their deadlines, and never early.
#[test]
fn timers_fire_in_the_order_of_their_deadlines() {
    let mut family = family();
    family.driver.pass(Duration::from_millis(1));
    assert!(family.log.lock().is_empty());
    family.driver.pass(Duration::from_millis(1));
    let log = family.log.lock().clone();
    assert_eq!(
        log,
        [
            (Moment(1_200), "A".to_owned()),
            (Moment(1_500), "B".to_owned())
        ]
    );
    assert_eq!(family.driver.world().now(), Moment(2_000));
}

/// SVC-3: a panic in a future that an actor runs is that actor's panic.
#[test]
fn a_panic_in_a_future_ends_its_actor() {
    let mut family = family();
    family.children[0].send(ToChild::PanicLater).unwrap();
    family.driver.pass(Duration::from_secs(2));
    assert_eq!(
        family.exits.lock()[0].exit,
        Exit::Panicked("later".to_owned())
    );
}

/// SVC-3: a light child's panic is heard and recorded like an actor's.
#[test]
fn a_light_child_ends_with_its_text() {
    let mut family = family();
    family.root.addr().send(ToParent::Light("weight")).unwrap();
    family.driver.settle();
    assert_eq!(
        family.exits.lock()[0].exit,
        Exit::Panicked("light weight".to_owned())
    );
    assert!(
        family
            .driver
            .world()
            .journal()
            .lines()
            .contains("light weight panicked: light weight")
    );
}

/// Each end is told once and as what it was; a killed actor handles nothing more.
#[test]
fn stopped_and_killed_are_told_apart() {
    let mut family = family();
    family.children[0].send(ToChild::Stop).unwrap();
    let second = family.children[1].id();
    family.root.addr().send(ToParent::Kill(second)).unwrap();
    family.driver.settle();
    family.children[1].send(ToChild::Say("late")).unwrap_err();
    let exits: Vec<Exit> = family
        .exits
        .lock()
        .iter()
        .map(|exit| exit.exit.clone())
        .collect();
    assert_eq!(exits, [Exit::Stopped, Exit::Killed]);
    assert_eq!(family.log.lock().last().unwrap().1, "stopping");
}

/// A parent's end is told after everything below it has ended.
#[test]
fn an_end_takes_the_subtree_along_first() {
    let mut family = family();
    family.root.addr().send(ToParent::Panic).unwrap();
    family.driver.settle();
    assert_eq!(
        family.root.exit(),
        Some(Exit::Panicked("parent".to_owned()))
    );
    let lines = family.driver.world().journal().lines();
    let order: Vec<&str> = lines
        .lines()
        .map(|line| line.split_whitespace().nth(3).unwrap())
        .collect();
    assert_eq!(order, ["child", "child", "parent"]);
}

/// A killed subtree runs nothing any more: waiting messages and timers die with it.
#[test]
fn a_killed_subtree_is_silent_at_once() {
    let mut family = family();
    family.children[0].send(ToChild::Say("never")).unwrap();
    family.root.kill();
    family.driver.pass(Duration::from_secs(1));
    assert!(family.log.lock().is_empty());
    assert_eq!(family.root.exit(), Some(Exit::Killed));
    assert_eq!(family.driver.timers(), 0);
}

/// A full mailbox follows its rule, and says so on the journal.
#[test]
fn a_full_mailbox_rejects() {
    let family = family();
    for _ in 0..8 {
        family.children[0].send(ToChild::Say("x")).unwrap();
    }
    assert_eq!(
        family.children[0].send(ToChild::Say("x")).unwrap_err().why,
        Refusal::Full
    );
    let counters = family.children[0].counters();
    assert_eq!((counters.depth, counters.overflowed), (8, 1));
    assert!(
        family
            .driver
            .world()
            .journal()
            .lines()
            .contains("mailbox of child one full")
    );
}

/// Several drivers live side by side on one thread.
#[test]
fn drivers_do_not_disturb_each_other() {
    let (mut a, mut b) = (family(), family());
    a.driver.pass(Duration::from_millis(3));
    assert_eq!(b.driver.world().now(), Moment(0));
    b.driver.pass(Duration::from_millis(2));
    assert_eq!(*a.log.lock(), *b.log.lock());
    assert_eq!(
        a.driver.world().journal().digest(),
        b.driver.world().journal().digest()
    );
}

/// A foreign future that sleeps on tokio's clock is woken in virtual time, beside the lab's timers.
#[test]
fn a_foreign_sleeper_is_woken_in_virtual_time() {
    let mut family = family();
    let world = family.driver.world().clone();
    #[allow(clippy::disallowed_methods, reason = "a client that knows tokio alone")]
    let (woken, waited) = family.driver.block_on(async move {
        let start = tokio::time::Instant::now();
        tokio::time::sleep(Duration::from_secs(90)).await;
        (world.now(), start.elapsed())
    });
    assert_eq!(waited, Duration::from_secs(90));
    assert_eq!(woken, Moment(90_000_000));
    assert_eq!(
        family.log.lock().len(),
        2,
        "the lab's own timers fired on the way"
    );
    #[allow(clippy::disallowed_methods, reason = "a client that knows tokio alone")]
    let timely = family.driver.block_on(async {
        tokio::time::timeout(Duration::from_secs(1), std::future::pending::<()>()).await
    });
    assert!(timely.is_err());
}

/// Time stands still while somebody outside of the lab is at work.
#[test]
fn time_waits_for_work_outside() {
    let mut family = family();
    let world = family.driver.world().clone();
    let (tell, told) = tokio::sync::oneshot::channel();
    let busy = world.busy();
    #[allow(clippy::disallowed_methods, reason = "a storage engine's thread")]
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(30));
        tell.send(()).unwrap();
        drop(busy);
    });
    let heard = family.driver.block_on(async move {
        told.await.unwrap();
        world.now()
    });
    assert_eq!(heard, Moment(0), "no timer fired meanwhile");
    thread.join().unwrap();
    family.driver.pass(Duration::from_millis(2));
    assert_eq!(family.log.lock().len(), 2);
}

/// Answers from outside come in the order of their questions, and each is done with before the next,
/// however fast they were: a run with one seed is the same run.
#[test]
fn answers_from_outside_keep_their_order() {
    let mut driver = driver();
    let world = driver.world().clone();
    let log = Arc::new(Mutex::new(Vec::new()));
    let answers: Vec<_> = (0..4)
        .map(|number| {
            let (tell, told) = tokio::sync::oneshot::channel();
            let (visit, log, world) = (world.visit(), log.clone(), world.clone());
            let answer = async move {
                let number: u32 = told.await.unwrap();
                visit.await;
                log.lock().push(number);
                // What comes of it takes its time, but no virtual time passes meanwhile.
                let mut turns = 3;
                std::future::poll_fn(|cx| match turns {
                    0 => std::task::Poll::Ready(()),
                    _ => {
                        turns -= 1;
                        cx.waker().wake_by_ref();
                        std::task::Poll::Pending
                    }
                })
                .await;
                log.lock().push(number);
                assert_eq!(world.now(), Moment(0));
            };
            (number, tell, answer)
        })
        .collect();
    let (mut tells, mut futures) = (Vec::new(), Vec::new());
    for (number, tell, answer) in answers {
        tells.push((number, tell));
        futures.push(answer);
    }
    #[allow(clippy::disallowed_methods, reason = "a server's own threads")]
    let server = std::thread::spawn(move || {
        for (number, tell) in tells.into_iter().rev() {
            tell.send(number).unwrap();
            std::thread::sleep(Duration::from_millis(2));
        }
    });
    driver.block_on(futures_util::future::join_all(futures));
    server.join().unwrap();
    assert_eq!(*log.lock(), [0, 0, 1, 1, 2, 2, 3, 3]);
}

/// A future that can never complete is a deadlock, and said to be one.
#[test]
#[should_panic(expected = "deadlock in virtual time")]
fn a_deadlock_is_said() {
    driver().block_on(std::future::pending::<()>());
}
