//! A client whose connection breaks again and again writes to a user that moves. Too large for
//! loom: many stanzas, each with four critical sections.

use super::common::*;
use std::collections::VecDeque;

const STANZAS: u32 = 5;

struct World {
    window: Mutex<TicketWindow>,
    inbound: BoundedQueue<(Ticket, u32)>,
    target: UserSlot,
    over: AtomicU64,
}

impl World {
    /// Takes stanzas from whichever connection brought them, and carries them out.
    fn work(&self) {
        loop {
            match self.inbound.pop() {
                Pop::Item((ticket, stanza)) => self.carry_out(ticket, stanza),
                Pop::Empty => thread::yield_now(),
                Pop::Closed => return,
            }
        }
    }

    fn carry_out(&self, ticket: Ticket, stanza: u32) {
        let claimed = self.window.lock().claim(ticket);
        if let Ok(claim) = claimed {
            route(&self.target, stanza);
            self.window.lock().finish(claim);
        }
    }

    /// A client as XEP-0198 has it: sends what is not acknowledged, loses its connection after
    /// `each` stanzas, resumes, asks for `h`, and sends the rest again.
    fn client(&self, each: usize) {
        let mut unacknowledged: VecDeque<u32> = (1..=STANZAS).collect();
        let mut acknowledged = 0;
        while !unacknowledged.is_empty() {
            let mut issuer = self.window.lock().begin();
            let h = self.resumed();
            while acknowledged < h {
                unacknowledged.pop_front();
                acknowledged += 1;
            }
            for stanza in unacknowledged.iter().take(each) {
                // No room: the connection breaks here.
                if self.inbound.push((issuer.issue(), *stanza)).is_err() {
                    break;
                }
            }
            thread::yield_now();
        }
        self.inbound.close();
        self.over.store(1, Ordering::Release);
    }

    /// Waits until nothing is in doubt.
    fn resumed(&self) -> u32 {
        loop {
            let settled = self.window.lock().settled();
            match settled {
                Some(h) => return h,
                None => thread::yield_now(),
            }
        }
    }
}

model! {
    /// SES-3 with XEP-0198: however often the connection breaks and the target moves, each stanza
    /// arrives once and in order.
    a_client_that_comes_and_goes, Schedules(40_000);
    Bug::TicketSettlesInDoubt => "lost, doubled or out of order",
    Bug::SlotThawOpensFirst => "lost, doubled or out of order",
    Bug::SlotDeliverNoRecheck => "executed at another's epoch";
    {
        let world = Arc::new(World {
            window: Mutex::new(TicketWindow::new()),
            inbound: BoundedQueue::new(2, Overflow::Reject),
            target: Slot::new(first(), Place::new()),
            over: AtomicU64::new(0),
        });
        let worker = beside(&world, World::work);
        let mover = beside(&world, |world: &World| {
            let second = migrate(&world.target, first(), B);
            second.and_then(|mine| migrate(&world.target, mine, A)).is_ok()
        });
        world.client(2);
        join(worker);
        let moved = join(mover);
        let stanzas: Vec<u32> = (1..=STANZAS).collect();
        assert_eq!(log(&world.target), stanzas, "lost, doubled or out of order");
        assert!(moved);
    }
}
