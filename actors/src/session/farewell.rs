//! How the server ends a session's stream: what is queued goes out, both sides tell their counts, and the
//! client is told why.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;

use takeover_protocols::sm::Nonza;
use takeover_protocols::stream::{Effect, StreamCondition, StreamError};

use super::line::Event;
use super::task::{Over, Task};
use crate::plane::Close;

impl Task<'_> {
    /// The server ends the stream: the client gets what is queued for it, its count, and the
    /// reason. A client that does not read gets no more time than the farewell allows.
    pub(super) async fn farewell(&mut self, why: Close) -> io::Result<Over> {
        let limit = self.line.world().sleep(self.site.settings.farewell);
        let mut limit = pin!(limit);
        {
            let mut last = pin!(self.last_words(why));
            poll_fn(|cx| {
                if last.as_mut().poll(cx).is_ready() || limit.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                Poll::Pending
            })
            .await;
        }
        Ok(Over::Closed(why))
    }

    async fn last_words(&mut self, why: Close) -> io::Result<()> {
        // What the client has sent and this node has in hand is settled first, so that the count
        // that it takes along covers it.
        match why {
            Close::MovedTo(_) | Close::Shutdown => {
                if self.site.plane.is_mine(&self.attached) {
                    self.attached.tickets.drained().await;
                }
            }
            Close::Conflict | Close::Overrun | Close::Silent | Close::Fault => {}
        }
        // A fenced task has nothing to write but its farewell.
        while let Ok(Some(_)) = self.write_batch().await? {}
        if self.line.machine.is_managed() {
            self.hear_last_count().await?;
            self.acknowledge();
        }
        let error = self.error(why);
        let effects = self.line.machine.fail(error);
        self.line.then(effects);
        while let Some(effect) = self.line.effects.pop_front() {
            if let Effect::Send(octets) = effect {
                self.line.out.extend_from_slice(&octets);
            }
        }
        self.line.flush().await?;
        self.line.shut_down().await;
        Ok(())
    }

    /// Hears what the client has of what it was sent: a client that does not resume is sent the rest
    /// again, and would be shown what it has twice (SES-3). Stanzas that it still sends are not
    /// counted, so that it sends them again.
    async fn hear_last_count(&mut self) -> io::Result<()> {
        let mut left = self.site.plane.unconfirmed(&self.attached);
        if left > 0 {
            self.line
                .machine
                .write_nonza(&Nonza::Request, &mut self.line.out);
            self.line.flush().await?;
        }
        while left > 0 {
            let event = poll_fn(|cx| self.line.poll_event(cx)).await;
            while let Some(effect) = self.line.effects.pop_front() {
                if let Effect::Acked { h } = effect {
                    self.site.plane.confirmed_at_last(&self.attached, h);
                }
            }
            left = match event {
                Event::Fed => self.site.plane.unconfirmed(&self.attached),
                Event::Ended => 0,
            };
        }
        Ok(())
    }

    fn error(&self, why: Close) -> StreamError {
        match why {
            Close::MovedTo(node) => {
                StreamError::see_other_host(self.site.plane.node(node).address())
            }
            Close::Shutdown => StreamError::new(StreamCondition::SystemShutdown),
            Close::Conflict => StreamError::new(StreamCondition::Conflict),
            Close::Overrun => StreamError::new(StreamCondition::PolicyViolation)
                .with_text("too much is queued for you: you do not read"),
            Close::Silent => StreamError::new(StreamCondition::ConnectionTimeout)
                .with_text("nothing was heard of you"),
            Close::Fault => StreamError::new(StreamCondition::InternalServerError),
        }
    }
}
