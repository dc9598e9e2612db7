//! `TicketWindow` under a lock, as it stands in a session's state: each stanza of a client is
//! carried out once, whatever becomes of its connection.

use super::common::*;

/// A session and what was carried out for it.
#[derive(Default)]
struct Session {
    window: TicketWindow,
    done: Vec<u64>,
}

type Shared = Mutex<Session>;

fn session() -> (Arc<Shared>, Issuer) {
    let mut session = Session::default();
    let issuer = session.window.begin();
    (Arc::new(Mutex::new(session)), issuer)
}

/// Claim, carry out, finish: in two steps, as where something durable lies between.
fn carry_out(session: &Shared, ticket: Ticket, what: u64) -> bool {
    let Ok(claim) = session.lock().window.claim(ticket) else {
        return false;
    };
    let mut session = session.lock();
    session.done.push(what);
    session.window.finish(claim)
}

model! {
    /// XEP-0198 section 4: `h` covers a stanza only when all up to it are carried out.
    h_covers_what_is_done, Exhaustive;
    Bug::TicketCountsHighest => "acknowledged and not done";
    {
        let (session, mut issuer) = session();
        let mut claim = || session.lock().window.claim(issuer.issue()).expect("in turn");
        let (first, second) = (claim(), claim());
        let finish = |claim: Claim| move |session: &Shared| {
            let mut session = session.lock();
            session.done.push(claim.number());
            session.window.finish(claim)
        };
        let other = beside(&session, finish(second));
        let mine = beside(&session, finish(first));
        {
            let seen = session.lock();
            let covered = (1..=u64::from(seen.window.h())).all(|n| seen.done.contains(&n));
            assert!(covered, "acknowledged and not done");
        }
        join(mine);
        join(other);
        assert_eq!(session.lock().window.settled(), Some(2));
    }
}

model! {
    /// XEP-0198 section 5: a stanza that still waits when its connection ends is carried out, or
    /// the client is told that it was not; then only what comes over the new connection counts.
    a_connection_ends, Exhaustive;
    Bug::TicketKeepsLife => "other than the client was told",
    Bug::TicketIgnoresLife => "other than the client was told",
    Bug::TicketSettlesInDoubt => "other than the client was told";
    {
        let (session, mut old) = session();
        let ticket = old.issue();
        let late = beside(&session, move |session| carry_out(session, ticket, 1));
        let mut new = session.lock().window.begin();
        let told = session.lock().window.settled();
        if told == Some(0) {
            carry_out(&session, new.issue(), 2);
        }
        join(late);
        let done = session.lock().done.clone();
        let expected = if told == Some(0) { [2] } else { [1] };
        assert_eq!(done, expected, "other than the client was told");
    }
}

model! {
    /// XEP-0198 section 4: a stanza whose ticket reaches two workers is carried out once.
    a_doubled_ticket, Exhaustive;
    Bug::TicketClaimsAgain => "carried out twice";
    {
        let (session, mut issuer) = session();
        let ticket = issuer.issue();
        let other = beside(&session, move |session| carry_out(session, ticket, 1));
        carry_out(&session, ticket, 1);
        join(other);
        assert_eq!(session.lock().done, [1], "carried out twice");
    }
}

model! {
    /// SES-3: a node that takes over settles what the dead one had in doubt, as the dead one's
    /// last word arrives: it is settled once.
    a_late_finish, Exhaustive;
    Bug::TicketFinishesAgain => "settled once";
    {
        let (session, mut issuer) = session();
        let claim = session.lock().window.claim(issuer.issue()).expect("in turn");
        let late = beside(&session, move |session| session.lock().window.finish(claim));
        let taken = session.lock().window.reclaim(1);
        let mine = taken.is_some_and(|claim| session.lock().window.finish(claim));
        assert!(mine != join(late), "settled once");
        assert_eq!(session.lock().window.settled(), Some(1));
    }
}

model! {
    /// XEP-0198 section 5: a resumption is answered only when nothing is in doubt, and then says
    /// no less than was done.
    an_answer_waits, Exhaustive;
    Bug::TicketSettlesInDoubt => "done and not covered";
    {
        let (session, mut issuer) = session();
        let claim = session.lock().window.claim(issuer.issue()).expect("in turn");
        let worker = beside(&session, move |session| {
            session.lock().done.push(claim.number());
            session.lock().window.finish(claim)
        });
        let session_now = session.lock();
        let _ = session_now.done.len();
        if let Some(h) = session_now.window.settled() {
            assert_eq!(h as usize, session_now.done.len(), "done and not covered");
        }
        drop(session_now);
        assert!(join(worker));
    }
}
