//! `Loan`: a session's wire that others write to while its task waits, in one order with the task.

use super::common::*;

/// A session: what waits for its task, and its wire with what was written.
struct Session {
    queue: Mutex<Vec<u32>>,
    wire: Loan<Wire>,
}

/// What was written, and what somebody has begun and the task is to finish.
#[derive(Default)]
struct Wire {
    written: Vec<u32>,
    begun: Option<u32>,
}

fn session() -> Arc<Session> {
    let (queue, wire) = (Mutex::new(Vec::new()), Loan::new(Wire::default()));
    Arc::new(Session { queue, wire })
}

impl Session {
    /// What a router does: writes where nothing is to be written before it, and queues otherwise.
    fn tell(&self, number: u32, use_it: fn(&mut Wire, u32) -> After) {
        let mut queue = self.queue.lock();
        let write = |wire: &mut Wire| ((), use_it(wire, number));
        if !queue.is_empty() || self.wire.borrow(write).is_none() {
            queue.push(number);
        }
    }

    /// A turn of the session's task: it takes its wire back, finishes what was begun, writes what
    /// waits, and lends the wire.
    fn turn(&self) {
        let late = planted::is(LATE);
        if !late {
            self.wire.take_back();
        }
        let waiting = std::mem::take(&mut *self.queue.lock());
        self.wire.own(|wire| wire.written.extend(wire.begun.take()));
        for number in waiting {
            self.wire.own(|wire| wire.written.push(number));
        }
        if late {
            self.wire.take_back();
        }
        self.wire.lend();
    }
}

const LATE: Bug = Bug::Misuse("the task takes its work, and then its wire back");

fn whole(wire: &mut Wire, number: u32) -> After {
    wire.written.push(number);
    After::GoesOn
}

fn in_part(wire: &mut Wire, number: u32) -> After {
    assert!(
        wire.begun.replace(number).is_none(),
        "written behind a part"
    );
    After::IsOver
}

model! {
    /// MSG-2: what a router writes past the task and what the task writes is in the router's order, once.
    a_router_beside_the_task, Exhaustive;
    LATE => "in order",
    Bug::LoanIgnoresLent => "in order";
    {
        let session = session();
        session.queue.lock().push(1);
        session.wire.lend();
        let router = beside(&session, |session| {
            session.tell(2, whole);
            session.tell(3, whole);
        });
        session.turn();
        join(router);
        session.turn();
        session.wire.own(|wire| assert_eq!(wire.written, [1, 2, 3], "in order"));
    }
}

model! {
    /// Once the owner has taken the thing back, nobody else uses it.
    what_is_taken_back_is_the_owners, Exhaustive;
    Bug::LoanIgnoresLent => "used by another",
    Bug::LoanBorrowsInTwoSteps => "used by another";
    {
        let session = session();
        session.wire.lend();
        let router = beside(&session, |session| {
            session.wire.borrow(|wire| ((), whole(wire, 1))).is_some()
        });
        session.wire.take_back();
        let written = || session.wire.own(|wire| wire.written.len());
        let (before, after) = (written(), written());
        assert_eq!(before, after, "used by another");
        assert_eq!(usize::from(join(router)), written(), "borrowed or not at all");
    }
}

model! {
    /// MSG-2: what a wire takes in part is finished by the task before anything else is written.
    what_is_begun_is_finished_first, Exhaustive;
    Bug::LoanGoesOnUnfinished => "written behind a part";
    {
        let session = session();
        session.wire.lend();
        let router = beside(&session, |session| {
            session.tell(1, in_part);
            session.tell(2, in_part);
        });
        session.turn();
        join(router);
        session.turn();
        session.turn();
        session.wire.own(|wire| assert_eq!(wire.written, [1, 2], "in order"));
    }
}

model! {
    /// MSG-2: two routers, each of them in its order.
    two_routers_beside_the_task, Preemptions(3);
    LATE => "each in order",
    Bug::LoanIgnoresLent => "each in order";
    {
        let session = session();
        session.queue.lock().push(1);
        session.wire.lend();
        let other = beside(&session, |session| session.tell(2, whole));
        let another = beside(&session, |session| session.tell(3, whole));
        session.turn();
        join(other);
        join(another);
        session.turn();
        session.wire.own(|wire| {
            assert_eq!(wire.written.first(), Some(&1), "each in order");
            wire.written.sort_unstable();
            assert_eq!(wire.written, [1, 2, 3], "each once");
        });
    }
}
