//! A session whose client hands its stanzas over, and what its node does for it in one turn.

use std::pin::pin;

use takeover_protocols::stream::{StreamCondition, StreamError};

use super::super::settings::Site;
use super::super::task::End;
use super::{HandEnd, Told, Word};
use crate::plane::{Attached, Close, Fenced, Tickets};

/// Stanzas handed over at once.
const BATCH: usize = 256;

/// How a session by hand ended.
pub(super) enum Over {
    /// The client logged out.
    Left,
    /// The client is gone.
    Lost,
    /// The client broke the rules and was told so.
    Failed,
    /// The node ended it.
    Closed(Close),
}

/// A session by hand, as whoever serves it keeps it.
pub(super) struct Desk {
    pub(super) attached: Attached,
    /// The count of handled stanzas that the client knows.
    told: Option<u32>,
    /// Its node ends it, once what the client has said is settled.
    parting: bool,
    /// Says that nobody serves it any more, however that came.
    end: End,
}

impl Desk {
    /// A session whose client knows of so many stanzas that they are handled, if of any.
    pub(super) fn new(attached: Attached, told: Option<u32>) -> Self {
        Self {
            end: End::of(&attached),
            attached,
            told,
            parting: false,
        }
    }

    /// One turn: hands the client what is queued for it.
    ///
    /// # Errors
    /// [`Fenced`]: the session is to end, with the farewell.
    pub(super) fn turn(&mut self, site: &Site, tell: impl FnMut(Told)) -> Result<(), Fenced> {
        self.attached.outlet.look();
        if let Some(why) = self.attached.outlet.closing() {
            return Err(Fenced(why));
        }
        site.plane.route_returned(&self.attached);
        self.hand_on(site, tell)?;
        self.attached.tickets.rest();
        if self.attached.outlet.take_ask() {
            // A client inside the process is there for as long as its end of the hand.
            self.attached.outlet.heard(site.plane.world().now());
        }
        Ok(())
    }

    /// Does what the client has said; how the session ended, if it has.
    ///
    /// # Errors
    /// [`Fenced`].
    pub(super) fn hear(
        &mut self,
        site: &Site,
        word: Word,
        mut tell: impl FnMut(Told),
    ) -> Result<Option<Over>, Fenced> {
        match word {
            Word::Stanza(mut stanza) => {
                stanza.from = Some(self.attached.jid.clone().into());
                site.plane.from_client(&self.attached, stanza)?;
            }
            Word::Acked(h) => match site.plane.acked(&self.attached, h) {
                Ok(Ok(())) => {}
                Ok(Err(fenced)) => {
                    self.hear_last(site, &word);
                    return Err(fenced);
                }
                Err(error) => {
                    let error = HandEnd::Error(StreamError::from(&error));
                    tell(Told::Ended(error));
                    return Ok(Some(Over::Failed));
                }
            },
            Word::State(state) => site.plane.client_state(&self.attached, state)?,
            // It has its session already.
            Word::Activate(_) => {}
            Word::LogOut => {
                tell(Told::Ended(HandEnd::LoggedOut));
                return Ok(Some(Over::Left));
            }
        }
        Ok(None)
    }

    /// A word of a client whose session ends. What it has, it has: it would be shown it again otherwise (SES-3). Nothing
    /// else counts, so that the client says it again elsewhere.
    pub(super) fn hear_last(&self, site: &Site, word: &Word) {
        if let Word::Acked(h) = word {
            site.plane.confirmed_at_last(&self.attached, *h);
        }
    }

    /// The node ends the session when all is settled; until then only last words are heard.
    pub(super) fn part(&mut self) {
        self.parting = true;
    }

    /// Whether the node is about to end the session.
    pub(super) fn is_parting(&self) -> bool {
        self.parting
    }

    /// Hands the client what is queued for it, and its count.
    fn hand_on(&mut self, site: &Site, mut tell: impl FnMut(Told)) -> Result<(), Fenced> {
        loop {
            let batch = site.plane.take_batch(&self.attached, BATCH)?;
            if batch.outs.is_empty() {
                break;
            }
            let stanzas = batch.outs.into_iter().map(|out| *out.into_stanza());
            tell(Told::Stanzas(stanzas.collect()));
        }
        self.count(tell);
        Ok(())
    }

    fn count(&mut self, mut tell: impl FnMut(Told)) {
        let handled = self.attached.handled();
        if self.told != Some(handled) {
            self.told = Some(handled);
            tell(Told::Handled(handled));
        }
    }

    /// Whether something that the client has said is to be settled before the node ends the session,
    /// so that the count that the client takes along covers it.
    pub(super) fn is_doubtful(&self, site: &Site, why: Close) -> bool {
        match why {
            Close::MovedTo(_) | Close::Shutdown => {
                site.plane.is_mine(&self.attached) && !self.attached.tickets.is_drained()
            }
            Close::Conflict | Close::Overrun | Close::Silent | Close::Fault => false,
        }
    }

    /// The node ends the session: the client gets what is queued for it, its count, and the reason.
    pub(super) fn farewell(&mut self, site: &Site, why: Close, mut tell: impl FnMut(Told)) {
        // A fenced session has nothing to hand on but its farewell.
        if self.hand_on(site, &mut tell).is_err() {
            self.count(&mut tell);
        }
        tell(Told::Ended(ending(site, why)));
    }

    /// Leaves the session's place in order.
    pub(super) fn leave(self, site: &Site, over: &Over) {
        let Self { attached, end, .. } = self;
        let plane = &site.plane;
        match over {
            Over::Left => plane.end(&attached),
            Over::Lost
            | Over::Failed
            | Over::Closed(Close::Overrun | Close::Silent | Close::Fault) => {
                plane.lost(&attached, site.settings.resume);
            }
            Over::Closed(Close::Shutdown) => plane.detach(&attached, site.settings.relogin),
            // Whoever took the session has seen to its place.
            Over::Closed(Close::MovedTo(_) | Close::Conflict) => {}
        }
        drop(end);
    }
}

fn ending(site: &Site, why: Close) -> HandEnd {
    let condition = match why {
        Close::MovedTo(node) => {
            return HandEnd::SeeOtherHost(site.plane.node(node).address());
        }
        Close::Shutdown => StreamCondition::SystemShutdown,
        Close::Conflict => StreamCondition::Conflict,
        Close::Overrun => StreamCondition::PolicyViolation,
        Close::Silent => StreamCondition::ConnectionTimeout,
        Close::Fault => StreamCondition::InternalServerError,
    };
    HandEnd::Error(StreamError::new(condition))
}

/// Completes when everything is settled that a client has said; but it does not wait for ever.
pub(super) async fn settled(site: &Site, tickets: &Tickets) {
    let limit = site.plane.world().sleep(site.settings.farewell);
    let settled = pin!(tickets.drained());
    futures_util::future::select(settled, limit).await;
}
