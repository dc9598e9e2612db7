//! Tickets: what became of each stanza that a client sent, so that it takes effect exactly once.
//!
//! A session counts what its client sends (XEP-0198, section 4). Each stanza has a ticket with
//! that number. Wherever it takes effect, the ticket is *claimed* just before and *finished* once
//! the effect is there for good. `h`, the count told to the client, covers the finished ones up to
//! the first that is not. A resumption begins a new incarnation: what was not claimed by then can
//! never be claimed, and the client, which learns that it was not handled, sends it again.
//!
//! Two more promises are kept here:
//! - **Order** (SES-3): a stanza whose forerunner to the same target is still on its way (the
//!   target has moved in between, the two took different roads) is parked until that one is
//!   accepted.
//! - **No doubles**: stanzas to different targets may finish out of order. Those that finished
//!   above `h` are remembered by content, and skipped when the client sends them again.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Poll, Waker};

use parking_lot::Mutex;

use super::parcel::{Parcel, content_key};
use super::user::SessionId;

/// What a claim answers.
#[derive(Debug)]
pub enum Claim {
    /// The parcel may take effect now; its ticket is in doubt until finished.
    Go(Parcel),
    /// Its turn has not come; it is kept and comes out of [`Tickets::accepted`] or
    /// [`Tickets::finish`] of its forerunner.
    Parked,
    /// It belongs to a life of the session that is over: it must not take effect.
    Stale(Parcel),
}

/// What a new inbound stanza gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issue {
    /// A ticket with this number.
    Ticket(u64),
    /// Nothing: it was handled before the resumption, and now counts as handled again.
    Repeated,
    /// Nothing: the session has been resumed elsewhere.
    Stale,
}

#[derive(Debug)]
enum State {
    /// On its way.
    Travelling,
    /// Arrived before its forerunner.
    Parked(Box<Parcel>),
    /// Claimed by its target, in whose order it does not stand yet.
    Claimed,
    /// In its target's order, not settled.
    Accepted,
    /// Done.
    Finished,
    /// Given up at a resumption.
    Lost,
}

#[derive(Debug)]
struct Open {
    target: u64,
    content: u64,
    state: State,
}

#[derive(Debug, Default)]
struct Window {
    incarnation: u32,
    /// All up to this number are finished: `h`.
    settled: u64,
    /// Those above `settled`, without a gap.
    open: VecDeque<Open>,
    /// Contents finished before the last resumption above its `h`.
    repeats: Vec<u64>,
    /// How many inbound stanzas may still be such repetitions.
    repeats_left: u64,
    waiting: Option<Waker>,
}

/// The inbound tickets of one session.
#[derive(Debug)]
pub struct Tickets {
    session: SessionId,
    window: Mutex<Window>,
}

impl Tickets {
    /// The tickets of a new session: incarnation 0, nothing received.
    #[must_use]
    pub fn new(session: SessionId) -> Self {
        Self {
            session,
            window: Mutex::default(),
        }
    }

    /// Whose tickets these are.
    #[must_use]
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// The session's present incarnation.
    #[must_use]
    pub fn incarnation(&self) -> u32 {
        self.window.lock().incarnation
    }

    /// How many inbound stanzas are handled without a gap (`h`, not yet taken modulo 2^32).
    #[must_use]
    pub fn handled(&self) -> u64 {
        self.window.lock().settled
    }

    /// How many inbound stanzas have been received, handled or not.
    #[must_use]
    pub fn received(&self) -> u64 {
        let window = self.window.lock();
        window.settled + window.open.len() as u64
    }

    /// A ticket for the next inbound stanza. `content` is asked only after a resumption.
    pub fn issue(&self, incarnation: u32, target: u64, content: impl FnOnce() -> u64) -> Issue {
        let mut window = self.window.lock();
        if window.incarnation != incarnation {
            return Issue::Stale;
        }
        // A repetition keeps its content: it may have to be known at the next resumption too.
        let repeated = window.is_repeated(content);
        let (state, content) = match repeated {
            Some(content) => (State::Finished, content),
            None => (State::Travelling, 0),
        };
        window.open.push_back(Open {
            target,
            content,
            state,
        });
        let number = window.settled + window.open.len() as u64;
        if repeated.is_some() {
            window.settle();
            return Issue::Repeated;
        }
        Issue::Ticket(number)
    }

    /// Claims ticket `number` for `parcel`.
    pub fn claim(&self, incarnation: u32, number: u64, parcel: Parcel) -> Claim {
        let mut window = self.window.lock();
        let Some(index) = window
            .index(number)
            .filter(|_| window.incarnation == incarnation)
        else {
            return Claim::Stale(parcel);
        };
        match window.open[index].state {
            State::Travelling | State::Parked(_) => {}
            State::Claimed | State::Accepted | State::Finished | State::Lost => {
                return Claim::Stale(parcel);
            }
        }
        let target = window.open[index].target;
        if window
            .open
            .iter()
            .take(index)
            .any(|before| before.blocks(target))
        {
            window.open[index].state = State::Parked(Box::new(parcel));
            return Claim::Parked;
        }
        if index > 0 {
            window.open[index].content = content_key(&parcel.stanza);
        }
        window.open[index].state = State::Claimed;
        Claim::Go(parcel)
    }

    /// Ticket `number` now stands in its target's order. Answers who is next there.
    pub fn accepted(&self, number: u64) -> Option<Parcel> {
        let mut window = self.window.lock();
        let index = window.index(number)?;
        let open = &mut window.open[index];
        match open.state {
            State::Claimed => open.state = State::Accepted,
            State::Travelling
            | State::Parked(_)
            | State::Accepted
            | State::Finished
            | State::Lost => return None,
        }
        window.next_parked(index)
    }

    /// Ticket `number` is done. Answers who is next at its target.
    pub fn finish(&self, number: u64) -> Option<Parcel> {
        let mut window = self.window.lock();
        let index = window.index(number)?;
        let was = std::mem::replace(&mut window.open[index].state, State::Finished);
        let next = match was {
            // Without a claim: what needs no target, such as a presence broadcast.
            State::Claimed | State::Travelling => window.next_parked(index),
            State::Parked(_) | State::Accepted | State::Finished => None,
            State::Lost => {
                window.open[index].state = State::Lost;
                None
            }
        };
        window.settle();
        let waker = if window.in_doubt() {
            None
        } else {
            window.waiting.take()
        };
        drop(window);
        if let Some(waker) = waker {
            waker.wake();
        }
        next
    }

    /// Ticket `number` was claimed and has not taken effect: it may be claimed anew. False if its
    /// incarnation is over; then it is lost.
    pub fn give_back(&self, incarnation: u32, number: u64) -> bool {
        let mut window = self.window.lock();
        let alive = window.incarnation == incarnation;
        window.release(
            number,
            if alive {
                State::Travelling
            } else {
                State::Lost
            },
        ) && alive
    }

    /// Ticket `number` was claimed by somebody who died before it took effect: it is lost, and its
    /// client sends it again after a resumption.
    pub fn abandon(&self, number: u64) {
        self.window.lock().release(number, State::Lost);
    }

    /// Begins a new incarnation: what nobody has claimed is given up. Answers the new number.
    /// The count is right once [`Tickets::settled`] has completed.
    pub fn resume(&self) -> u32 {
        let mut window = self.window.lock();
        window.incarnation += 1;
        for open in &mut window.open {
            match open.state {
                State::Travelling | State::Parked(_) => open.state = State::Lost,
                State::Claimed | State::Accepted | State::Finished | State::Lost => {}
            }
        }
        window.incarnation
    }

    /// Completes when no ticket is in doubt; then `h` is the count to resume with, and repetitions
    /// of what finished above it will be skipped. Of several waiters only the last is woken.
    pub async fn settled(&self, incarnation: u32) -> u64 {
        poll_fn(|cx| {
            let mut window = self.window.lock();
            if window.in_doubt() {
                window.waiting = Some(cx.waker().clone());
                return Poll::Pending;
            }
            if window.incarnation == incarnation {
                window.forget_above();
            }
            Poll::Ready(window.settled)
        })
        .await
    }

    /// Completes when every ticket of the present life is finished.
    pub async fn drained(&self) {
        poll_fn(|cx| {
            let mut window = self.window.lock();
            if window.open.is_empty() {
                return Poll::Ready(());
            }
            window.waiting = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Whether tickets are open.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.window.lock().open.is_empty()
    }
}

impl Open {
    /// Whether a later stanza to `target` must wait for this one.
    fn blocks(&self, target: u64) -> bool {
        self.target == target
            && match self.state {
                State::Travelling | State::Parked(_) | State::Claimed => true,
                State::Accepted | State::Finished | State::Lost => false,
            }
    }
}

impl Window {
    fn index(&self, number: u64) -> Option<usize> {
        let index = usize::try_from(number.checked_sub(self.settled + 1)?).ok()?;
        (index < self.open.len()).then_some(index)
    }

    /// Puts a claimed ticket into another state; wakes whoever waits for the last one in doubt.
    fn release(&mut self, number: u64, to: State) -> bool {
        let Some(index) = self.index(number) else {
            return false;
        };
        let open = &mut self.open[index];
        match open.state {
            State::Claimed | State::Accepted => open.state = to,
            State::Travelling | State::Parked(_) | State::Finished | State::Lost => return false,
        }
        if !self.in_doubt()
            && let Some(waker) = self.waiting.take()
        {
            waker.wake();
        }
        true
    }

    fn settle(&mut self) {
        while self
            .open
            .front()
            .is_some_and(|open| matches!(open.state, State::Finished))
        {
            self.open.pop_front();
            self.settled += 1;
        }
    }

    fn in_doubt(&self) -> bool {
        self.open.iter().any(|open| match open.state {
            State::Claimed | State::Accepted => true,
            State::Travelling | State::Parked(_) | State::Finished | State::Lost => false,
        })
    }

    /// The first parked one behind `index` with the same target, if nothing blocks it.
    fn next_parked(&mut self, index: usize) -> Option<Parcel> {
        let target = self.open[index].target;
        let next = self.open.iter_mut().find(|open| open.blocks(target))?;
        match std::mem::replace(&mut next.state, State::Travelling) {
            State::Parked(parcel) => Some(*parcel),
            state @ (State::Travelling
            | State::Claimed
            | State::Accepted
            | State::Finished
            | State::Lost) => {
                next.state = state;
                None
            }
        }
    }

    fn forget_above(&mut self) {
        self.settle();
        if self.open.is_empty() {
            return;
        }
        // What the client had not yet sent again after an earlier resumption comes now, too.
        self.repeats_left += self.open.len() as u64;
        let finished = self
            .open
            .drain(..)
            .filter(|open| matches!(open.state, State::Finished));
        self.repeats.extend(finished.map(|open| open.content));
    }

    /// The content, if this stanza was handled before a resumption.
    fn is_repeated(&mut self, content: impl FnOnce() -> u64) -> Option<u64> {
        if self.repeats_left == 0 {
            return None;
        }
        self.repeats_left -= 1;
        let mut found = None;
        if !self.repeats.is_empty() {
            let content = content();
            if let Some(at) = self.repeats.iter().position(|known| *known == content) {
                found = Some(self.repeats.remove(at));
            }
        }
        if self.repeats_left == 0 {
            self.repeats = Vec::new();
        }
        found
    }
}

#[cfg(test)]
mod tests;
