//! What became of each stanza that a client sent, so that it takes effect exactly once and in its
//! sender's order (SES-3, XEP-0198).

use super::shim::{Mutex, planted};
use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

/// What a session knows of the stanzas its client has sent, in whichever life of its connection.
///
/// Each inbound stanza takes a [`Ticket`]. Wherever it takes effect the ticket is **claimed** just
/// before and **finished** once the effect is there for good. [`TicketWindow::handled`], the `h` of
/// XEP-0198, covers the finished ones up to the first that is not. A resumption
/// ([`TicketWindow::resume`]) begins a new life: what nobody has claimed by then can never be
/// claimed, what is claimed settles first ([`TicketWindow::poll_settled`]), and then the client,
/// which learns the count, sends the rest again.
///
/// Two more promises are kept here:
/// - **Order**: a parcel whose forerunner to the same target is still on its way (the target has
///   moved in between, the two took different roads) is *parked* until that one is accepted.
/// - **No doubles**: stanzas to different targets may finish out of order. Those that finished
///   above `h` are remembered by their content, and skipped when the client sends them again.
///
/// `P` is the parcel that travels. The window has a lock of its own, since a claim is made under
/// the lock of the *target's* place; it is taken for moments, and nothing else is locked under it.
#[derive(Debug)]
pub struct TicketWindow<P> {
    inside: Mutex<Inside<P>>,
}

/// One stanza's place among all that its client has sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    life: u32,
    number: u64,
}

/// What a new inbound stanza gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Issued {
    /// A ticket.
    Ticket(Ticket),
    /// Nothing: it was handled before the resumption, and now counts as handled again.
    Repeated,
    /// Nothing: the session has begun another life, or has not settled the one before.
    Stale,
}

/// What a claim answers.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a parcel that may go and does not holds up every later acknowledgement"]
pub enum Claim<P> {
    /// The parcel may take effect now; its ticket is in doubt until finished.
    Go(P),
    /// Its turn has not come; it is kept and comes out of [`TicketWindow::accepted`] or
    /// [`TicketWindow::finish`] of its forerunner.
    Parked,
    /// It belongs to a life that is over, or was claimed before: it must not take effect.
    Stale(P),
}

#[derive(Debug)]
enum State<P> {
    /// On its way.
    Travelling,
    /// Arrived before its forerunner.
    Parked(Box<P>),
    /// Claimed by its target, in whose order it does not stand yet.
    Claimed,
    /// In its target's order, not settled.
    Accepted,
    /// Done.
    Finished,
    /// Given up.
    Lost,
}

#[derive(Debug)]
struct Open<P> {
    target: u64,
    content: u64,
    state: State<P>,
}

#[derive(Debug)]
struct Inside<P> {
    /// The life whose tickets can be claimed.
    life: u32,
    /// The life whose tickets are open; behind `life` until a resumption is settled.
    issuing: u32,
    /// All up to this number are finished: `h`.
    settled: u64,
    /// Those above `settled`, without a gap.
    open: VecDeque<Open<P>>,
    /// Contents finished before the last resumption above its `h`.
    repeats: Vec<u64>,
    /// How many inbound stanzas may still be such repetitions.
    repeats_left: u64,
    waiting: Vec<Waker>,
}

impl Ticket {
    /// The stanza's number: 1 for the first one of the session.
    #[must_use]
    pub fn number(self) -> u64 {
        self.number
    }

    /// The life of the session in which it was sent.
    #[must_use]
    pub fn life(self) -> u32 {
        self.life
    }
}

impl<P> Default for TicketWindow<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P> TicketWindow<P> {
    /// The window of a new session: life 0, nothing received.
    #[must_use]
    pub fn new() -> Self {
        let inside = Inside {
            life: 0,
            issuing: 0,
            settled: 0,
            open: VecDeque::new(),
            repeats: Vec::new(),
            repeats_left: 0,
            waiting: Vec::new(),
        };
        Self {
            inside: Mutex::new(inside),
        }
    }

    /// The session's present life; it begins with 0.
    #[must_use]
    pub fn life(&self) -> u32 {
        self.inside.lock().life
    }

    /// How many inbound stanzas are handled without a gap: `h` (XEP-0198 section 4), not yet taken
    /// modulo 2^32.
    #[must_use]
    pub fn handled(&self) -> u64 {
        self.inside.lock().settled
    }

    /// How many inbound stanzas have been received, handled or not.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.inside.lock().received()
    }

    /// Whether every ticket is finished. It may have changed by the time it is looked at.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.inside.lock().open.is_empty()
    }

    /// Gives back the memory of earlier tickets, if every ticket is finished. For a session that may
    /// be silent for long; the next stanza takes it anew.
    pub fn rest(&self) {
        let mut inside = self.inside.lock();
        if inside.open.is_empty() {
            inside.open = VecDeque::new();
        }
    }

    /// A ticket for the next inbound stanza of this life. `target` tells whom it is for: what has
    /// the same target keeps its order. `content` is asked only after a resumption.
    pub fn issue(&self, life: u32, target: u64, content: impl FnOnce() -> u64) -> Issued {
        let mut inside = self.inside.lock();
        if life != inside.life || life != inside.issuing {
            return Issued::Stale;
        }
        // A repetition keeps its content: it may have to be known at the next resumption too.
        let repeated = inside.is_repeated(content);
        let (state, content) = match repeated {
            Some(content) => (State::Finished, content),
            None => (State::Travelling, 0),
        };
        inside.open.push_back(Open {
            target,
            content,
            state,
        });
        let number = inside.received();
        if repeated.is_some() {
            inside.settle();
            return Issued::Repeated;
        }
        Issued::Ticket(Ticket { life, number })
    }

    /// Claims a ticket for the parcel that it was issued for. `content` is asked only where the
    /// parcel may have to be recognised after a resumption.
    pub fn claim(&self, ticket: Ticket, parcel: P, content: impl FnOnce(&P) -> u64) -> Claim<P> {
        let mut inside = self.inside.lock();
        let Some(index) = inside.index(ticket) else {
            return Claim::Stale(parcel);
        };
        match inside.open[index].state {
            State::Travelling | State::Parked(_) => {}
            State::Claimed | State::Finished if planted!(TicketClaimsAgain) => {}
            State::Claimed | State::Accepted | State::Finished | State::Lost => {
                return Claim::Stale(parcel);
            }
        }
        if inside.is_blocked(index) && !planted!(TicketOvertakes) {
            inside.open[index].state = State::Parked(Box::new(parcel));
            return Claim::Parked;
        }
        if index > 0 {
            inside.open[index].content = content(&parcel);
        }
        inside.open[index].state = State::Claimed;
        Claim::Go(parcel)
    }

    /// The ticket's stanza now stands in its target's order (a room stores it, a frozen place
    /// holds it). Answers who is next there.
    #[must_use = "whose turn has come must go on"]
    pub fn accepted(&self, ticket: Ticket) -> Option<P> {
        let mut inside = self.inside.lock();
        let index = inside.index(ticket)?;
        let open = &mut inside.open[index];
        match open.state {
            State::Claimed => open.state = State::Accepted,
            State::Travelling
            | State::Parked(_)
            | State::Accepted
            | State::Finished
            | State::Lost => return None,
        }
        inside.next_parked(index)
    }

    /// The ticket's stanza is done. Answers who is next at its target.
    ///
    /// What needs no target, such as a presence broadcast, may be finished without a claim; a
    /// resumption in between then has the client send it again.
    #[must_use = "whose turn has come must go on"]
    pub fn finish(&self, ticket: Ticket) -> Option<P> {
        let mut inside = self.inside.lock();
        let index = inside.index(ticket)?;
        let open = &mut inside.open[index];
        let next = match open.state {
            State::Claimed | State::Travelling => {
                open.state = State::Finished;
                inside.next_parked(index)
            }
            State::Accepted => {
                open.state = State::Finished;
                None
            }
            State::Parked(_) | State::Finished | State::Lost => None,
        };
        inside.settle();
        planted!(TicketCountsHighest => inside.settle_up_to(ticket.number));
        let wakers = inside.settled_wakers();
        drop(inside);
        wake(wakers);
        next
    }

    /// The ticket was claimed and its stanza has not taken effect: it may be claimed anew. False if
    /// its life is over; then it is lost, and its client sends it again.
    #[must_use = "what may not be claimed anew must not travel on"]
    pub fn give_back(&self, ticket: Ticket) -> bool {
        let mut inside = self.inside.lock();
        let anew = ticket.life == inside.life;
        let Some(index) = inside.index(ticket) else {
            return false;
        };
        let open = &mut inside.open[index];
        open.state = match open.state {
            State::Claimed | State::Accepted if anew => State::Travelling,
            State::Claimed | State::Accepted => State::Lost,
            State::Travelling | State::Parked(_) | State::Finished | State::Lost => return false,
        };
        let wakers = inside.settled_wakers();
        drop(inside);
        wake(wakers);
        anew
    }

    /// Begins a new life: what nobody has claimed is given up. Answers the life. Nothing of the
    /// client may be read until [`TicketWindow::poll_settled`] has answered the count for it.
    pub fn resume(&self) -> u32 {
        let mut inside = self.inside.lock();
        if !planted!(TicketKeepsLife) {
            // Four thousand million connections of one session.
            inside.life = inside.life.wrapping_add(1);
        }
        for open in &mut inside.open {
            match open.state {
                State::Travelling | State::Parked(_) => open.state = State::Lost,
                State::Claimed | State::Accepted | State::Finished | State::Lost => {}
            }
        }
        inside.life
    }

    /// Ready when no ticket is in doubt; then the answer is the `h` to resume with, and repetitions
    /// of what finished above it will be skipped. Otherwise the task of `context` is woken when it
    /// is time to ask again.
    pub fn poll_settled(&self, life: u32, context: &mut Context<'_>) -> Poll<u64> {
        planted!(TicketWaitsInTwoSteps => return self.poll_in_two_steps(life, context));
        let mut inside = self.inside.lock();
        if inside.in_doubt() && !planted!(TicketSettlesInDoubt) {
            inside.wait(context);
            return Poll::Pending;
        }
        Poll::Ready(inside.settle_for(life))
    }

    /// Ready when every ticket is finished. Otherwise the task of `context` is woken when it is
    /// time to ask again.
    pub fn poll_drained(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut inside = self.inside.lock();
        if inside.open.is_empty() {
            return Poll::Ready(());
        }
        inside.wait(context);
        Poll::Pending
    }
}

/// Wakes tasks; not to be called under the lock.
fn wake(wakers: Vec<Waker>) {
    for waker in wakers {
        waker.wake();
    }
}

impl<P> Open<P> {
    /// Whether a later stanza to `target` must wait for this one.
    fn blocks(&self, target: u64) -> bool {
        self.target == target
            && match self.state {
                State::Travelling | State::Parked(_) | State::Claimed => true,
                State::Accepted | State::Finished | State::Lost => false,
            }
    }
}

impl<P> Inside<P> {
    fn received(&self) -> u64 {
        self.settled + self.open.len() as u64
    }

    /// Where an open ticket stands. None of a life that is settled does: its numbers are given out
    /// again.
    fn index(&self, ticket: Ticket) -> Option<usize> {
        if ticket.life != self.issuing && !planted!(TicketIgnoresLife) {
            return None;
        }
        let index = usize::try_from(ticket.number.checked_sub(self.settled + 1)?).ok()?;
        (index < self.open.len()).then_some(index)
    }

    /// Whether a forerunner to the same target is still on its way.
    fn is_blocked(&self, index: usize) -> bool {
        let target = self.open[index].target;
        self.open.iter().take(index).any(|open| open.blocks(target))
    }

    /// The first parked one with the target of `index`, if nothing blocks it.
    fn next_parked(&mut self, index: usize) -> Option<P> {
        planted!(TicketForgetsParked => return None);
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

    fn wait(&mut self, context: &Context<'_>) {
        let is_known = |waker: &Waker| waker.will_wake(context.waker());
        if !self.waiting.iter().any(is_known) {
            self.waiting.push(context.waker().clone());
        }
    }

    /// Whom to wake: everybody who waits, once nothing is in doubt.
    fn settled_wakers(&mut self) -> Vec<Waker> {
        if self.waiting.is_empty() || self.in_doubt() {
            return Vec::new();
        }
        planted!(TicketWakesOne => self.waiting.truncate(1));
        std::mem::take(&mut self.waiting)
    }

    /// Nothing is in doubt: the count for `life`, whose tickets may be issued from now on.
    fn settle_for(&mut self, life: u32) -> u64 {
        if self.life == life && self.issuing != life {
            self.forget_above();
            self.issuing = life;
        }
        self.settled
    }

    /// What is left above `h` is the client's to send again; what of it is finished is remembered.
    fn forget_above(&mut self) {
        self.settle();
        // What the client had not yet sent again after an earlier resumption comes now, too.
        self.repeats_left += self.open.len() as u64;
        let finished = self
            .open
            .drain(..)
            .filter(|open| matches!(open.state, State::Finished));
        self.repeats.extend(finished.map(|open| open.content));
        if planted!(TicketForgetsRepeats) {
            self.repeats.clear();
        }
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

/// The planted bugs that need a body of their own.
#[cfg(any(takeover_loom, takeover_shuttle))]
impl<P> TicketWindow<P> {
    /// Leaves the lock between the look and the asking to be woken.
    fn poll_in_two_steps(&self, life: u32, context: &mut Context<'_>) -> Poll<u64> {
        if !self.inside.lock().in_doubt() {
            return Poll::Ready(self.inside.lock().settle_for(life));
        }
        self.inside.lock().wait(context);
        Poll::Pending
    }
}

#[cfg(any(takeover_loom, takeover_shuttle))]
impl<P> Inside<P> {
    /// The highest number finished is taken for the number handled.
    fn settle_up_to(&mut self, number: u64) {
        while self.settled < number && self.open.pop_front().is_some() {
            self.settled += 1;
        }
    }
}
