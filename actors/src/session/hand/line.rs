//! The task of a line: the logins and sessions of a whole crowd at one node. It looks only at those
//! that something has happened to.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use futures_util::stream::{FuturesUnordered, Stream};
use takeover_protocols::stanza::Condition;

use super::super::settings::Site;
use super::super::turnstile::Turnstile;
use super::crowd::{CrowdArrival, CrowdServer, CrowdWord, Member};
use super::desk::{Desk, Over, settled};
use super::login::{Door, enter};
use super::seats::Seats;
use super::{HandEnd, Told, Wish};
use crate::plane::{Attached, Close, Fenced, Outlet};

/// What takes time: a login that waits for something, or a farewell.
type Wait = Pin<Box<dyn Future<Output = Waited>>>;

/// What has been waited for.
enum Waited {
    /// A login.
    Came(Member, Result<(Attached, Told), HandEnd>),
    /// What a client had said is settled, and its session can end.
    Settled(Member, Close),
}

/// Serves a crowd until it is gone, or until the line is drained.
pub(in super::super) async fn serve(
    site: Site,
    arrival: CrowdArrival,
    turnstile: Turnstile,
    seats: Arc<Seats>,
) {
    let CrowdArrival { resource, hand } = arrival;
    let mut line = Line {
        door: Arc::new(Door {
            site: site.clone(),
            resource,
            turnstile,
        }),
        site,
        hand,
        seats,
        waits: FuturesUnordered::new(),
    };
    while !line.is_over() {
        line.serve();
        line.wait().await;
    }
    // Nobody is there to hear it, but every session is left in order.
    while let Some(waited) = poll_fn(|cx| Pin::new(&mut line.waits).poll_next(cx)).await {
        line.go_on(waited);
    }
    line.seats.lose(&line.site);
}

struct Line {
    site: Site,
    door: Arc<Door>,
    hand: CrowdServer,
    seats: Arc<Seats>,
    waits: FuturesUnordered<Wait>,
}

impl Line {
    fn is_over(&self) -> bool {
        self.hand.is_over() || self.waits.is_empty() && self.seats.is_drained()
    }

    /// Hears everybody who has said something, and serves everybody whose turn it is.
    fn serve(&mut self) {
        for (whose, word) in self.hand.words() {
            match word {
                CrowdWord::LogIn { user, wish } => self.come(whose, &user, wish),
                CrowdWord::Say(word) => self.hear(whose, word),
            }
        }
        for whose in self.seats.turns.take() {
            self.turn(whose);
        }
    }

    /// A client is at the door. Most logins wait for nothing and are over at once.
    fn come(&mut self, whose: Member, user: &str, wish: Wish) {
        let counters = &self.site.plane.node(self.site.node).counters;
        counters.connections.fetch_add(1, Ordering::Relaxed);
        if self.waits.len() >= self.site.settings.unauthenticated {
            let end = HandEnd::Refused(Condition::ResourceConstraint);
            return self.hand.refuse(whose, end);
        }
        let Some(user) = self.site.plane.user(user) else {
            return self.hand.refuse(whose, HandEnd::NoSuchUser);
        };
        let (door, turns) = (self.door.clone(), self.seats.turns.clone());
        let login = async move {
            let outlet = || Outlet::in_line(&turns, whose);
            let came = enter(&door, &user, wish, outlet).await;
            Waited::Came(whose, came)
        };
        self.at_once_or_later(Box::pin(login));
    }

    /// Does what follows, now if nothing has to be waited for.
    fn at_once_or_later(&mut self, mut wait: Wait) {
        // Woken by nobody: what is not ready now is asked again among the waiting ones.
        let mut nobody = Context::from_waker(std::task::Waker::noop());
        match wait.as_mut().poll(&mut nobody) {
            Poll::Ready(waited) => self.go_on(waited),
            Poll::Pending => self.waits.push(wait),
        }
    }

    fn go_on(&mut self, waited: Waited) {
        match waited {
            Waited::Came(whose, Ok((attached, bound))) => {
                let counters = &self.site.plane.node(self.site.node).counters;
                counters.logins.fetch_add(1, Ordering::Relaxed);
                attached.outlet.heard(self.site.plane.world().now());
                let told = match bound {
                    Told::Bound { resumed, .. } => resumed,
                    Told::Inactive | Told::Stanzas(_) | Told::Handled(_) | Told::Ended(_) => None,
                };
                self.hand.tell(whose, bound);
                let desk = Desk::new(attached, told);
                self.seats.sit_down(&self.site, whose, desk);
            }
            Waited::Came(whose, Err(end)) => self.hand.refuse(whose, end),
            Waited::Settled(whose, why) => self.part(whose, why),
        }
    }

    /// A client has said something in its session; without one there is nobody to hear it.
    fn hear(&mut self, whose: Member, word: super::Word) {
        let (site, hand) = (&self.site, &self.hand);
        let tell = |told| hand.tell(whose, told);
        let heard = self.seats.at(whose, |desk| match desk.is_parting() {
            true => {
                desk.hear_last(site, &word);
                Ok(None)
            }
            false => desk.hear(site, word, tell),
        });
        match heard {
            Some(Ok(None)) => self.turn(whose),
            Some(Ok(Some(over))) => {
                if let Some(desk) = self.seats.stand_up(&self.site, whose) {
                    desk.leave(&self.site, &over);
                }
            }
            Some(Err(Fenced(why))) => self.farewell(whose, why),
            None => {}
        }
    }

    fn turn(&mut self, whose: Member) {
        let (site, hand, turns) = (&self.site, &self.hand, &self.seats.turns);
        let tell = |told| hand.tell(whose, told);
        let turn = self.seats.at(whose, |desk| {
            if desk.is_parting() {
                return Ok(());
            }
            desk.turn(site, tell)?;
            let tickets = &desk.attached.tickets;
            if !tickets.is_drained() {
                let waker = turns.waker(whose);
                let mut later = Context::from_waker(&waker);
                if tickets.poll_returned(&mut later).is_ready()
                    || tickets.poll_drained(&mut later).is_ready()
                {
                    turns.call(whose);
                }
            }
            Ok(())
        });
        if let Some(Err(Fenced(why))) = turn {
            self.farewell(whose, why);
        }
    }

    /// The node ends a session, once what its client has said is settled.
    fn farewell(&mut self, whose: Member, why: Close) {
        let site = &self.site;
        let doubtful = self.seats.at(whose, |desk| {
            desk.part();
            let tickets = || desk.attached.tickets.clone();
            desk.is_doubtful(site, why).then(tickets)
        });
        let Some(Some(tickets)) = doubtful else {
            return self.part(whose, why);
        };
        let site = site.clone();
        self.waits.push(Box::pin(async move {
            settled(&site, &tickets).await;
            Waited::Settled(whose, why)
        }));
    }

    fn part(&self, whose: Member, why: Close) {
        // It may have come anew meanwhile, on the same seat.
        if self.seats.at(whose, |desk| desk.is_parting()) != Some(true) {
            return;
        }
        let Some(mut desk) = self.seats.stand_up(&self.site, whose) else {
            return;
        };
        let tell = |told| self.hand.tell(whose, told);
        desk.farewell(&self.site, why, tell);
        desk.leave(&self.site, &Over::Closed(why));
    }

    /// Waits until somebody has said something, is to be served, or has been waited for.
    async fn wait(&mut self) {
        let waited = {
            let (hand, turns, waits) = (&self.hand, &self.seats.turns, &mut self.waits);
            let mut heard = pin!(hand.heard());
            poll_fn(|cx| {
                if let Poll::Ready(Some(waited)) = Pin::new(&mut *waits).poll_next(cx) {
                    return Poll::Ready(Some(waited));
                }
                let ready = heard.as_mut().poll(cx).is_ready() || turns.poll_called(cx).is_ready();
                match ready || self.seats.is_drained() && waits.is_empty() {
                    true => Poll::Ready(None),
                    false => Poll::Pending,
                }
            })
            .await
        };
        if let Some(waited) = waited {
            self.go_on(waited);
        }
    }
}
