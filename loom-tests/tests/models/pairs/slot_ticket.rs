//! A stanza's whole way, as a router takes it: claimed under the lock of its target's place,
//! accepted there, finished. The target moves meanwhile.

use crate::common::*;
use crate::tickets::*;

const FINISHED_EARLY: Bug = Bug::Misuse("finished before it is accepted");

struct World {
    sender: TicketWindow<Parcel>,
    target: Slot<Place, Parcel>,
}

fn world() -> Arc<World> {
    Arc::new(World {
        sender: TicketWindow::new(),
        target: Slot::new(first(), Place::new()),
    })
}

impl World {
    /// What the place does with a parcel, under its lock. Answers who is next.
    fn accept(&self, place: &mut Place, seen: Ownership, parcel: Parcel) -> Option<Parcel> {
        let Claim::Go(parcel) = claim(&self.sender, parcel) else {
            return None;
        };
        place.accept(seen, parcel.what as u32);
        self.sender.finish(parcel.ticket)
    }

    fn route(&self, parcel: Parcel) {
        if planted::is(FINISHED_EARLY) {
            let _ = claim(&self.sender, parcel);
            let _ = self.sender.finish(parcel.ticket);
        }
        let mut next = Some(parcel);
        let mut seen = self.target.owner();
        while let Some(parcel) = next.take() {
            let accept = |place: &mut Place, parcel| self.accept(place, seen, parcel);
            match self.target.deliver(seen, parcel, accept) {
                Delivery::Delivered(follower) => next = follower,
                Delivery::Held => return,
                Delivery::Stale(parcel, owner) => (seen, next) = (owner, Some(parcel)),
                Delivery::Full(_) | Delivery::Closed(_) => panic!("no limit is reached"),
            }
        }
    }

    /// The target is handed to B, with what is held for it.
    fn move_target(&self) {
        let next = send_off(&self.target, first(), B).expect("nobody else moves it");
        self.target
            .with(next, |place| place.adopt(next))
            .expect("its owner");
        let mut left = Vec::new();
        self.target
            .thaw(next, |place, parcel| {
                left.extend(self.accept(place, next, parcel));
            })
            .expect("its owner");
        for parcel in left {
            self.route(parcel);
        }
    }

    fn log(&self) -> Vec<u32> {
        log(&self.target)
    }
}

model! {
    /// SES-3: acknowledged means accepted: whenever the client hears `h`, the target has that many.
    acknowledged_means_accepted, Exhaustive;
    FINISHED_EARLY => "acknowledged and not accepted";
    {
        let world = world();
        let first = parcel(&world.sender, 1, 1);
        let worker = beside(&world, move |world| world.route(first));
        let h = world.sender.handled() as usize;
        let accepted = world.log().len();
        join(worker);
        assert!(h <= accepted, "acknowledged and not accepted");
    }
}

model! {
    /// SES-3: two stanzas of one sender, brought by two roads, and a target that moves: each comes
    /// once and in order, and what was parked or held goes on.
    two_roads_and_a_move, Preemptions(3);
    Bug::TicketOvertakes => "lost, doubled or out of order",
    Bug::TicketForgetsParked => "lost, doubled or out of order",
    Bug::SlotDeliverNoRecheck => "executed at another's epoch";
    {
        let world = world();
        let (first, second) = (parcel(&world.sender, 1, 1), parcel(&world.sender, 2, 1));
        let long = beside(&world, move |world| world.route(first));
        let mover = beside(&world, World::move_target);
        world.route(second);
        join(long);
        join(mover);
        assert_eq!(world.log(), [1, 2], "lost, doubled or out of order");
        assert!(world.sender.is_drained());
    }
}

model! {
    /// SES-3 with XEP-0198: the connection ends while its stanza travels to a target that moves:
    /// the target has it once, under the old ticket or under the one it is sent again with.
    a_connection_ends_and_the_target_moves, Preemptions(3);
    Bug::TicketSettlesInDoubt => "lost or doubled",
    Bug::TicketIgnoresLife => "lost or doubled";
    {
        let world = world();
        let old = parcel(&world.sender, 1, 1);
        let late = beside(&world, move |world| world.route(old));
        let mover = beside(&world, World::move_target);
        let life = world.sender.resume();
        if settled(&world.sender, life) == Some(0) {
            world.route(parcel_of(&world.sender, life, 2, 1));
            join(late);
            join(mover);
            assert_eq!(world.log(), [2], "lost or doubled");
        } else {
            join(late);
            join(mover);
            assert_eq!(world.log(), [1], "lost or doubled");
        }
        assert!(world.sender.handled() == 1, "lost or doubled");
    }
}
