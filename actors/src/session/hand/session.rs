//! The task of a session whose client hands its stanzas over.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use super::super::settings::Site;
use super::desk::{Desk, Over, settled};
use super::{Handed, ServerHand};
use crate::plane::{Close, Fenced};

/// Runs a session until its client is gone, and leaves its place in order.
pub(in super::super) async fn run(site: Site, handed: Handed) {
    let Handed { hand, attached } = handed;
    let mut task = Task {
        site: &site,
        hand,
        desk: Desk::new(attached, None),
    };
    let over = task.live().await;
    task.desk.leave(&site, &over);
}

struct Task<'a> {
    site: &'a Site,
    hand: ServerHand,
    desk: Desk,
}

impl Task<'_> {
    async fn live(&mut self) -> Over {
        loop {
            match self.serve() {
                Ok(Some(over)) => return over,
                Ok(None) => {}
                Err(Fenced(why)) => return self.farewell(why).await,
            }
            if self.hand.is_over() {
                return Over::Lost;
            }
            self.wait().await;
        }
    }

    /// Hears the client, and hands on.
    fn serve(&mut self) -> Result<Option<Over>, Fenced> {
        let mut words = self.hand.words().into_iter();
        while let Some(word) = words.next() {
            let tell = |told| self.hand.tell(told);
            match self.desk.hear(self.site, word, tell) {
                Ok(None) => {}
                Ok(Some(over)) => return Ok(Some(over)),
                Err(fenced) => {
                    words.for_each(|word| self.desk.hear_last(self.site, &word));
                    return Err(fenced);
                }
            }
        }
        let tell = |told| self.hand.tell(told);
        self.desk.turn(self.site, tell)?;
        Ok(None)
    }

    /// Waits until there is something to hear, to hand on or to close.
    async fn wait(&mut self) {
        let (attached, hand) = (&self.desk.attached, &self.hand);
        let doubtful = !attached.tickets.is_drained();
        let mut heard = pin!(hand.heard());
        poll_fn(|cx| {
            let ready = attached.outlet.poll_woken(cx).is_ready()
                || heard.as_mut().poll(cx).is_ready()
                || attached.tickets.poll_returned(cx).is_ready()
                || doubtful && attached.tickets.poll_drained(cx).is_ready();
            if ready {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        attached.outlet.heard(self.site.plane.world().now());
    }

    async fn farewell(&mut self, why: Close) -> Over {
        if self.desk.is_doubtful(self.site, why) {
            settled(self.site, &self.desk.attached.tickets).await;
        }
        let last = self.hand.words().into_iter();
        last.for_each(|word| self.desk.hear_last(self.site, &word));
        let tell = |told| self.hand.tell(told);
        self.desk.farewell(self.site, why, tell);
        Over::Closed(why)
    }
}
