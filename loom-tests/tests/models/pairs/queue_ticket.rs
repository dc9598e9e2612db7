//! A client's stanzas between its connection and the worker that carries them out.

use crate::common::*;

struct Session {
    window: Mutex<TicketWindow>,
    inbound: BoundedQueue<Ticket>,
    done: Mutex<Vec<u64>>,
}

fn session() -> (Arc<Session>, Issuer) {
    let mut window = TicketWindow::new();
    let issuer = window.begin();
    let session = Session {
        window: Mutex::new(window),
        inbound: BoundedQueue::new(1, Overflow::Reject),
        done: Mutex::new(Vec::new()),
    };
    (Arc::new(session), issuer)
}

impl Session {
    fn work(&self) {
        while let Pop::Item(ticket) = self.inbound.pop() {
            let claimed = self.window.lock().claim(ticket);
            if let Ok(claim) = claimed {
                self.done.lock().push(claim.number());
                self.window.lock().finish(claim);
            }
        }
    }
}

model! {
    /// XEP-0198 section 5: the connection ends while its stanzas wait for the worker: what the
    /// client is told and what is done agree, whatever the worker still takes from the queue.
    a_connection_ends_with_stanzas_waiting, Exhaustive;
    Bug::TicketIgnoresLife => "done and the client was told otherwise",
    Bug::TicketSettlesInDoubt => "done and the client was told otherwise";
    {
        let (session, mut issuer) = session();
        assert!(session.inbound.push(issuer.issue()).is_ok());
        let worker = beside(&session, Session::work);
        let _next = session.window.lock().begin();
        let told = session.window.lock().settled();
        join(worker);
        let done = session.done.lock().len() as u32;
        let expected = told.unwrap_or(1);
        assert_eq!(done, expected, "done and the client was told otherwise");
    }
}

model! {
    /// BOX-1: an inbound queue that is full makes the connection wait; a ticket that does not fit
    /// is offered again and nothing overtakes it.
    a_full_inbound_queue, Exhaustive;
    Bug::Misuse("a ticket that does not fit is forgotten") => "a gap that never closes";
    {
        let (session, mut issuer) = session();
        let worker = beside(&session, Session::work);
        for _ in 0..2 {
            let mut ticket = issuer.issue();
            while let Err(refused) = session.inbound.push(ticket) {
                if planted::is(Bug::Misuse("a ticket that does not fit is forgotten")) {
                    break;
                }
                ticket = refused.into_item();
                thread::yield_now();
                session.work();
            }
        }
        join(worker);
        session.work();
        let settled = session.window.lock().settled();
        assert_eq!(settled, Some(2), "a gap that never closes");
    }
}
