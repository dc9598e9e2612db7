//! `TicketWindow`: each stanza of a client is carried out once and in order, whatever roads it
//! takes and whatever becomes of its connection.

use super::common::*;
use super::tickets::*;
use std::task::{Context, Poll, Waker};

/// A session and what was carried out for it.
struct Session {
    window: TicketWindow<Parcel>,
    done: Mutex<Vec<u64>>,
}

fn session() -> Arc<Session> {
    Arc::new(Session {
        window: TicketWindow::new(),
        done: Mutex::new(Vec::new()),
    })
}

impl Session {
    /// Claim, carry out, finish, and so on with whom that lets go.
    fn carry_out(&self, parcel: Parcel) -> bool {
        let mut next = Some(parcel);
        let mut any = false;
        while let Some(parcel) = next.take() {
            let Claim::Go(parcel) = claim(&self.window, parcel) else {
                return any;
            };
            self.done.lock().push(parcel.what);
            next = self.window.finish(parcel.ticket);
            any = true;
        }
        any
    }

    fn done(&self) -> Vec<u64> {
        self.done.lock().clone()
    }
}

model! {
    /// XEP-0198 section 4: `h` covers a stanza only when all up to it are carried out.
    h_covers_what_is_done, Exhaustive;
    Bug::TicketCountsHighest => "acknowledged and not done";
    {
        let session = session();
        let (first, second) = (parcel(&session.window, 1, 1), parcel(&session.window, 2, 2));
        let other = beside(&session, move |session| session.carry_out(second));
        let mine = beside(&session, move |session| session.carry_out(first));
        let h = session.window.handled();
        let done = session.done();
        assert!((1..=h).all(|n| done.contains(&n)), "acknowledged and not done");
        join(mine);
        join(other);
        assert_eq!(session.window.handled(), 2);
    }
}

model! {
    /// XEP-0198 section 5: a stanza that is on its way when its connection ends is carried out, or
    /// the client is told that it was not; then only what it sends again counts.
    a_connection_ends, Exhaustive;
    Bug::TicketKeepsLife => "other than the client was told",
    Bug::TicketIgnoresLife => "other than the client was told",
    Bug::TicketSettlesInDoubt => "other than the client was told";
    {
        let session = session();
        let old = parcel(&session.window, 1, 1);
        let late = beside(&session, move |session| session.carry_out(old));
        let life = session.window.resume();
        let told = settled(&session.window, life);
        if told == Some(0) {
            session.carry_out(parcel_of(&session.window, life, 2, 1));
        }
        join(late);
        let expected = if told == Some(0) { [2] } else { [1] };
        let agree = session.done() == expected && session.window.handled() == 1;
        assert!(agree, "other than the client was told");
    }
}

model! {
    /// XEP-0198 section 4: a stanza whose ticket reaches two workers is carried out once.
    a_doubled_ticket, Exhaustive;
    Bug::TicketClaimsAgain => "carried out twice";
    {
        let session = session();
        let first = parcel(&session.window, 1, 1);
        let other = beside(&session, move |session| session.carry_out(first));
        session.carry_out(first);
        join(other);
        assert_eq!(session.done(), [1], "carried out twice");
    }
}

model! {
    /// SES-3: two stanzas for one target take different roads: they arrive in order, and neither
    /// is left behind.
    two_roads, Exhaustive;
    Bug::TicketOvertakes => "out of order or left behind",
    Bug::TicketForgetsParked => "out of order or left behind";
    {
        let session = session();
        let (first, second) = (parcel(&session.window, 1, 7), parcel(&session.window, 2, 7));
        let long = beside(&session, move |session| session.carry_out(first));
        session.carry_out(second);
        join(long);
        assert_eq!(session.done(), [1, 2], "out of order or left behind");
        assert_eq!(session.window.handled(), 2);
    }
}

model! {
    /// SES-3: a room takes a stanza before it has stored it: the next one follows at once, and
    /// both are settled whichever is stored first.
    accepted_before_it_is_stored, Exhaustive;
    Bug::TicketForgetsParked => "left behind",
    Bug::TicketCountsHighest => "acknowledged and not stored";
    {
        let session = session();
        let (first, second) = (parcel(&session.window, 1, 7), parcel(&session.window, 2, 7));
        let other = beside(&session, move |session| session.carry_out(second));
        assert_eq!(claim(&session.window, first), Claim::Go(first));
        let next = session.window.accepted(first.ticket);
        next.map(|next| session.carry_out(next));
        join(other);
        assert_eq!(session.done(), [2], "left behind");
        assert_eq!(session.window.handled(), 0, "acknowledged and not stored");
        assert_eq!(session.window.finish(first.ticket), None);
        assert_eq!(session.window.handled(), 2);
    }
}

model! {
    /// XEP-0198 section 5: a stanza finishes above the count as the connection ends. Sent again it
    /// is known, and not carried out twice.
    done_above_the_count, Exhaustive;
    Bug::TicketForgetsRepeats => "each once";
    {
        let session = session();
        let (_lost, second) = (parcel(&session.window, 1, 1), parcel(&session.window, 2, 2));
        let worker = beside(&session, move |session| session.carry_out(second));
        let life = session.window.resume();
        let mut told = settled(&session.window, life);
        join(worker);
        told = told.or_else(|| settled(&session.window, life));
        assert_eq!(told, Some(0));
        for what in [1, 2] {
            match session.window.issue(life, what, || what) {
                Issued::Ticket(ticket) => {
                    session.carry_out(Parcel { ticket, what });
                }
                Issued::Repeated => {}
                Issued::Stale => panic!("this is the newest life"),
            }
        }
        let mut done = session.done();
        done.sort_unstable();
        assert_eq!(done, [1, 2], "each once");
        assert_eq!(session.window.handled(), 2);
    }
}

model! {
    /// XEP-0198 section 5: what needs no target is finished without a claim. As the connection ends
    /// meanwhile, that word counts for nothing in the next life, which has the number again.
    a_late_finish, Exhaustive;
    Bug::TicketIgnoresLife => "acknowledged and not done";
    {
        let session = session();
        let old = parcel(&session.window, 1, 1);
        let late = beside(&session, move |session| session.window.finish(old.ticket));
        let life = session.window.resume();
        let told = settled(&session.window, life).expect("nobody claims");
        if told == 0 {
            let _again = parcel_of(&session.window, life, 1, 1);
        }
        assert_eq!(join(late), None);
        assert_eq!(session.window.handled(), told, "acknowledged and not done");
    }
}

model! {
    /// SES-4: a target that has moved gives a stanza back as its connection ends: it is carried out
    /// at the new place, or the client sends it again.
    given_back_as_the_connection_ends, Exhaustive;
    Bug::TicketIgnoresLife => "each once",
    Bug::TicketSettlesInDoubt => "each once";
    {
        let session = session();
        let old = parcel(&session.window, 1, 1);
        let mover = beside(&session, move |session| {
            let Claim::Go(parcel) = claim(&session.window, old) else { return false };
            session.window.give_back(parcel.ticket) && session.carry_out(parcel)
        });
        let life = session.window.resume();
        let mut told = settled(&session.window, life);
        let carried = told.is_none().then(|| join(mover));
        told = told.or_else(|| settled(&session.window, life));
        if told == Some(0) {
            session.carry_out(parcel_of(&session.window, life, 1, 1));
        }
        assert_ne!((told, carried), (None, None), "it settles");
        assert_eq!(session.done(), [1], "each once");
    }
}

model! {
    /// XEP-0198 section 5: a resumption is answered only when nothing is in doubt, and then says
    /// no less than was done.
    an_answer_waits, Exhaustive;
    Bug::TicketSettlesInDoubt => "done and not covered";
    {
        let session = session();
        let first = parcel(&session.window, 1, 1);
        assert_eq!(claim(&session.window, first), Claim::Go(first));
        let worker = beside(&session, move |session| {
            session.done.lock().push(first.what);
            session.window.finish(first.ticket)
        });
        let life = session.window.resume();
        if let Some(h) = settled(&session.window, life) {
            assert_eq!(h as usize, session.done().len(), "done and not covered");
        }
        assert_eq!(join(worker), None);
    }
}

model! {
    /// XEP-0198 section 5: who waits for the last stanza in doubt is woken by its end, also where
    /// another waits.
    nobody_sleeps_through_the_end, Exhaustive;
    Bug::TicketWaitsInTwoSteps => "slept through it",
    Bug::TicketWakesOne => "slept through it";
    {
        let session = session();
        let first = parcel(&session.window, 1, 1);
        assert_eq!(claim(&session.window, first), Claim::Go(first));
        let life = session.window.resume();
        let (other, mine) = (Bell::new(), Bell::new());
        let poll = |bell: &std::sync::Arc<Bell>| {
            let waker = Waker::from(std::sync::Arc::clone(bell));
            session.window.poll_settled(life, &mut Context::from_waker(&waker))
        };
        let asleep = |first: Poll<u64>, bell: &Bell| first.is_pending() && !bell.has_rung();
        let others = poll(&other);
        let holder = beside(&session, move |session| session.window.finish(first.ticket));
        let mines = poll(&mine);
        assert_eq!(join(holder), None);
        let slept = asleep(others, &other) || asleep(mines, &mine);
        assert!(!slept, "slept through it");
        assert_eq!(poll(&mine), Poll::Ready(1));
    }
}
