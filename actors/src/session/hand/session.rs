//! The task of a session whose client hands its stanzas over.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use takeover_protocols::stream::{StreamCondition, StreamError};

use super::super::settings::Site;
use super::super::task::End;
use super::{HandEnd, Handed, ServerHand, Told, Word};
use crate::plane::{Attached, Close, Fenced};

/// Stanzas handed over at once.
const BATCH: usize = 256;

/// How a session's task ended.
enum Over {
    /// The client logged out.
    Left,
    /// The client is gone.
    Lost,
    /// The client broke the rules and was told so.
    Failed,
    /// The node ended it.
    Closed(Close),
}

/// Runs a session until its client is gone, and leaves its place in order.
pub(in super::super) async fn run(site: Site, handed: Handed) {
    let Handed { hand, attached } = handed;
    let end = End::of(&attached);
    let mut task = Task {
        site: &site,
        hand,
        attached,
        told: None,
    };
    let over = task.live().await;
    let Task { attached, .. } = task;
    let plane = &site.plane;
    match over {
        Over::Left => plane.end(&attached),
        Over::Lost | Over::Failed | Over::Closed(Close::Overrun | Close::Silent | Close::Fault) => {
            plane.lost(&attached, site.settings.resume);
        }
        Over::Closed(Close::Shutdown) => plane.detach(&attached, site.settings.relogin),
        // Whoever took the session has seen to its place.
        Over::Closed(Close::MovedTo(_) | Close::Conflict) => {}
    }
    drop(end);
}

struct Task<'a> {
    site: &'a Site,
    hand: ServerHand,
    attached: Attached,
    /// The count of handled stanzas that the client knows.
    told: Option<u32>,
}

impl Task<'_> {
    async fn live(&mut self) -> Over {
        loop {
            match self.hear() {
                Ok(None) => {}
                Ok(Some(over)) => return over,
                Err(Fenced(why)) => return self.farewell(why).await,
            }
            self.attached.outlet.look();
            if let Some(why) = self.attached.outlet.closing() {
                return self.farewell(why).await;
            }
            self.site.plane.route_returned(&self.attached);
            if let Err(Fenced(why)) = self.hand_on() {
                return self.farewell(why).await;
            }
            if self.attached.outlet.take_ask() {
                // A client inside the process is there for as long as its end of the hand.
                self.attached.outlet.heard(self.site.plane.world().now());
            }
            if self.hand.is_over() {
                return Over::Lost;
            }
            self.wait().await;
        }
    }

    /// Does what the client has said.
    fn hear(&mut self) -> Result<Option<Over>, Fenced> {
        for word in self.hand.words() {
            match word {
                Word::Stanza(mut stanza) => {
                    stanza.from = Some(self.attached.jid.clone().into());
                    self.site.plane.from_client(&self.attached, stanza)?;
                }
                Word::Acked(h) => match self.site.plane.acked(&self.attached, h) {
                    Ok(fenced) => fenced?,
                    Err(error) => {
                        let error = HandEnd::Error(StreamError::from(&error));
                        self.hand.tell(Told::Ended(error));
                        return Ok(Some(Over::Failed));
                    }
                },
                Word::State(state) => self.site.plane.client_state(&self.attached, state)?,
                // It has its session already.
                Word::Activate(_) => {}
                Word::LogOut => {
                    self.hand.tell(Told::Ended(HandEnd::LoggedOut));
                    return Ok(Some(Over::Left));
                }
            }
        }
        Ok(None)
    }

    /// Hands the client what is queued for it, and its count.
    fn hand_on(&mut self) -> Result<(), Fenced> {
        loop {
            let batch = self.site.plane.take_batch(&self.attached, BATCH)?;
            if batch.outs.is_empty() {
                break;
            }
            let stanzas = batch.outs.into_iter().map(|out| *out.into_stanza());
            self.hand.tell(Told::Stanzas(stanzas.collect()));
        }
        self.count();
        Ok(())
    }

    fn count(&mut self) {
        let handled = self.attached.handled();
        if self.told != Some(handled) {
            self.told = Some(handled);
            self.hand.tell(Told::Handled(handled));
        }
    }

    /// Waits until there is something to hear, to hand on or to close.
    async fn wait(&mut self) {
        let (attached, hand) = (&self.attached, &self.hand);
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

    /// The node ends the session: the client gets what is queued for it, its count, and the reason.
    async fn farewell(&mut self, why: Close) -> Over {
        match why {
            // What the client has said and this node has in hand is settled first, so that the
            // count that it takes along covers it; but not for ever.
            Close::MovedTo(_) | Close::Shutdown => {
                if self.site.plane.is_mine(&self.attached) {
                    let limit = self.site.plane.world().sleep(self.site.settings.farewell);
                    let settled = pin!(self.attached.tickets.drained());
                    futures_util::future::select(settled, limit).await;
                }
            }
            Close::Conflict | Close::Overrun | Close::Silent | Close::Fault => {}
        }
        // A fenced task has nothing to hand on but its farewell.
        if self.hand_on().is_err() {
            self.count();
        }
        self.hand.tell(Told::Ended(self.ending(why)));
        Over::Closed(why)
    }

    fn ending(&self, why: Close) -> HandEnd {
        let condition = match why {
            Close::MovedTo(node) => {
                return HandEnd::SeeOtherHost(self.site.plane.node(node).address());
            }
            Close::Shutdown => StreamCondition::SystemShutdown,
            Close::Conflict => StreamCondition::Conflict,
            Close::Overrun => StreamCondition::PolicyViolation,
            Close::Silent => StreamCondition::ConnectionTimeout,
            Close::Fault => StreamCondition::InternalServerError,
        };
        HandEnd::Error(StreamError::new(condition))
    }
}
