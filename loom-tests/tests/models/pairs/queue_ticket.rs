//! A client's stanzas between its connection and the worker that carries them out.

use crate::common::*;
use crate::tickets::*;

struct Session {
    window: TicketWindow<Parcel>,
    inbound: BoundedQueue<Parcel>,
    done: Mutex<Vec<u64>>,
}

fn session() -> Arc<Session> {
    Arc::new(Session {
        window: TicketWindow::new(),
        inbound: BoundedQueue::new(1, Overflow::Reject),
        done: Mutex::new(Vec::new()),
    })
}

impl Session {
    fn work(&self) {
        while let Pop::Item(parcel) = self.inbound.pop() {
            let mut next = Some(parcel);
            while let Some(parcel) = next.take() {
                if let Claim::Go(parcel) = claim(&self.window, parcel) {
                    self.done.lock().push(parcel.what);
                    next = self.window.finish(parcel.ticket);
                }
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
        let session = session();
        assert!(session.inbound.push(parcel(&session.window, 1, 1)).is_ok());
        let worker = beside(&session, Session::work);
        let life = session.window.resume();
        let told = settled(&session.window, life);
        if told == Some(0) {
            let _again = parcel_of(&session.window, life, 1, 1);
        }
        join(worker);
        let done = session.done.lock().len() as u64;
        let expected = told.unwrap_or(1);
        assert_eq!(done, expected, "done and the client was told otherwise");
    }
}

model! {
    /// BOX-1: an inbound queue that is full makes the connection wait; a parcel that does not fit
    /// is offered again and nothing overtakes it, whichever of two workers takes it.
    a_full_inbound_queue, Exhaustive;
    Bug::Misuse("a parcel that does not fit is forgotten") => "a gap that never closes",
    Bug::TicketOvertakes => "out of order",
    Bug::TicketForgetsParked => "a gap that never closes";
    {
        let session = session();
        let worker = beside(&session, Session::work);
        for what in [1, 2] {
            let mut parcel = parcel(&session.window, what, 1);
            while let Err(refused) = session.inbound.push(parcel) {
                if planted::is(Bug::Misuse("a parcel that does not fit is forgotten")) {
                    break;
                }
                parcel = refused.into_item();
                thread::yield_now();
                session.work();
            }
        }
        session.work();
        join(worker);
        session.work();
        assert_eq!(session.window.handled(), 2, "a gap that never closes");
        assert_eq!(*session.done.lock(), [1, 2], "out of order");
    }
}
