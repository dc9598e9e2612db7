//! A stanza's whole way: claimed at its sender's session, accepted at its target's, finished. The
//! target moves meanwhile.

use crate::common::*;

struct World {
    sender: Mutex<TicketWindow>,
    target: UserSlot,
}

fn world() -> (Arc<World>, Issuer) {
    let mut window = TicketWindow::new();
    let issuer = window.begin();
    let target = Slot::new(first(), Place::new());
    (
        Arc::new(World {
            sender: Mutex::new(window),
            target,
        }),
        issuer,
    )
}

impl World {
    fn carry_out(&self, ticket: Ticket) -> bool {
        let claimed = self.sender.lock().claim(ticket);
        let Ok(claim) = claimed else { return false };
        if planted::is(Bug::Misuse("finished before it is accepted")) {
            self.sender.lock().finish(claim);
            return route(&self.target, ticket.number() as u32);
        }
        let accepted = route(&self.target, ticket.number() as u32);
        self.sender.lock().finish(claim);
        accepted
    }
}

model! {
    /// SES-3: acknowledged means accepted: whenever the client hears `h`, the target or its hold
    /// has that many.
    acknowledged_means_accepted, Exhaustive;
    Bug::Misuse("finished before it is accepted") => "acknowledged and not accepted";
    {
        let (world, mut issuer) = world();
        world.target.freeze(first(), 8).expect("open");
        let ticket = issuer.issue();
        let worker = beside(&world, move |world| world.carry_out(ticket));
        let h = world.sender.lock().h() as usize;
        let accepted = match world.target.gate() {
            Gate::Frozen { held, .. } => held,
            Gate::Open | Gate::Closed => 0,
        };
        let worked = join(worker);
        assert!(worked && h <= accepted, "acknowledged and not accepted");
    }
}

model! {
    /// SES-3: the sender's node dies with a stanza in doubt while the target moves: the successor
    /// does it again under its number, and the target has it once.
    done_again_by_the_successor, Exhaustive;
    Bug::Misuse("the number is not looked for") => "doubled",
    Bug::SlotDeliverNoRecheck => "executed at another's epoch";
    {
        let (world, mut issuer) = world();
        let claim = world.sender.lock().claim(issuer.issue()).expect("in turn");
        let blind = planted::is(Bug::Misuse("the number is not looked for"));
        let once = move |world: &World, number: u32| {
            let mut seen = world.target.owner();
            loop {
                let accept = |place: &mut Place, number| {
                    if blind || !place.log.contains(&number) {
                        place.accept(seen, number);
                    }
                };
                match world.target.deliver(seen, number, accept) {
                    Delivery::Stale(_, owner) => seen = owner,
                    Delivery::Delivered(()) | Delivery::Held => return,
                    Delivery::Full(_) | Delivery::Closed(_) => panic!("no limit is reached"),
                }
            }
        };
        let dying = beside(&world, move |world| {
            once(world, claim.number() as u32);
            world.sender.lock().finish(claim)
        });
        let mover = beside(&world, |world| {
            let second = first().passed_to(B);
            world.target.take_over(first(), B, |place| place.adopt(second), |_, _| {}).is_ok()
        });
        let again: Vec<u64> = world.sender.lock().in_doubt().collect();
        for number in again {
            once(&world, number as u32);
            let claim = world.sender.lock().reclaim(number);
            claim.map(|claim| world.sender.lock().finish(claim));
        }
        join(dying);
        assert!(join(mover));
        assert_eq!(log(&world.target), [1], "doubled");
        assert_eq!(world.sender.lock().settled(), Some(1));
    }
}
