//! A client whose connection breaks again and again writes to a user that moves. Too large for
//! loom: many stanzas, each with four critical sections.

use super::common::*;
use super::tickets::*;
use std::collections::VecDeque;

const STANZAS: u64 = 5;

struct World {
    window: TicketWindow<Parcel>,
    inbound: BoundedQueue<Parcel>,
    target: UserSlot,
}

impl World {
    /// Takes stanzas from whichever connection brought them, and carries them out.
    fn work(&self) {
        loop {
            match self.inbound.pop() {
                Pop::Item(parcel) => self.carry_out(parcel),
                Pop::Empty => thread::yield_now(),
                Pop::Closed => return,
            }
        }
    }

    fn carry_out(&self, parcel: Parcel) {
        let mut next = Some(parcel);
        while let Some(parcel) = next.take() {
            if let Claim::Go(parcel) = claim(&self.window, parcel) {
                route(&self.target, parcel.what as u32);
                next = self.window.finish(parcel.ticket);
            }
        }
    }

    /// A client as XEP-0198 has it: sends what is not acknowledged, loses its connection after
    /// `each` stanzas, resumes, asks for `h`, and sends the rest again.
    fn client(&self, each: usize) {
        let mut unacknowledged: VecDeque<u64> = (1..=STANZAS).collect();
        let mut acknowledged = 0;
        while !unacknowledged.is_empty() {
            let life = self.window.resume();
            let h = self.resumed(life);
            while acknowledged < h {
                unacknowledged.pop_front();
                acknowledged += 1;
            }
            for stanza in unacknowledged.iter().take(each) {
                // A stanza that was carried out above the count is known and goes nowhere.
                let Issued::Ticket(ticket) = self.window.issue(life, 1, || *stanza) else {
                    continue;
                };
                let what = *stanza;
                // No room: the connection breaks here.
                if self.inbound.push(Parcel { ticket, what }).is_err() {
                    break;
                }
            }
            thread::yield_now();
        }
        self.inbound.close();
    }

    /// Waits until nothing is in doubt.
    fn resumed(&self, life: u32) -> u64 {
        loop {
            match settled(&self.window, life) {
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
            window: TicketWindow::new(),
            inbound: BoundedQueue::new(2, Overflow::Reject),
            target: Slot::new(first(), Place::new()),
        });
        let worker = beside(&world, World::work);
        let mover = beside(&world, |world: &World| {
            let second = migrate(&world.target, first(), B);
            second.and_then(|mine| migrate(&world.target, mine, A)).is_ok()
        });
        world.client(2);
        join(worker);
        let moved = join(mover);
        let stanzas: Vec<u32> = (1..=STANZAS as u32).collect();
        assert_eq!(log(&world.target), stanzas, "lost, doubled or out of order");
        assert!(moved);
    }
}
