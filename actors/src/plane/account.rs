//! What the server does for an account: roster, subscriptions, requests to the bare address
//! (RFC 6121, sections 2, 3 and 8.5.1).

use std::sync::Arc;

use takeover_protocols::carbons;
use takeover_protocols::ns;
use takeover_protocols::push;
use takeover_protocols::roster::{Roster, RosterChange, RosterEffect};
use takeover_protocols::stanza::{Condition, IqType, PresenceType, Stanza, StanzaKind};

use super::Plane;
use super::parcel::Parcel;
use super::roster::stored;
use super::route::{Left, finished};
use super::user::User;

/// What a roster is asked, and what its sender is owed.
struct Asked {
    parcel: Parcel,
    /// The parcel is on its way to a contact, and takes effect there; else it does so here.
    travels: bool,
}

impl Plane {
    /// A parcel for the account itself, claimed, at its owner.
    pub(super) fn for_account(&self, user: &Arc<User>, parcel: Parcel) -> Left {
        let Some(parcel) = self.with_roster(user, parcel) else {
            return Left::new();
        };
        match parcel.stanza.kind {
            StanzaKind::Presence(PresenceType::Probe) => {
                let mut left = self.probed(user, &parcel.stanza);
                left.extend(finished(parcel.origin));
                left
            }
            StanzaKind::Presence(_) => self.ask_roster(user, arrived(parcel), Roster::received),
            StanzaKind::Iq(_) => self.account_iq(user, parcel),
            StanzaKind::Message(_) => finished(parcel.origin),
        }
    }

    /// The parcel, if the roster is there; else it waits until that has been read.
    fn with_roster(&self, user: &Arc<User>, parcel: Parcel) -> Option<Parcel> {
        let mut parcel = Some(parcel);
        let load = user.update(|state| {
            if state.roster.is_some() {
                return false;
            }
            state.for_roster.extend(parcel.take());
            !std::mem::replace(&mut state.roster_loading, true)
        });
        if load == Some(true)
            && let Some(plane) = self.myself()
        {
            let user = user.clone();
            self.keep(async move {
                if plane.load(&user).await.is_err() {
                    plane.roster_missing(&user);
                }
            });
        }
        parcel
    }

    /// The roster has been read: what waited for it goes on.
    pub(super) fn roster_there(&self, user: &Arc<User>) {
        self.roster_read(user, |parcel| self.for_account(user, parcel));
    }

    fn roster_missing(&self, user: &Arc<User>) {
        self.roster_read(user, |parcel| {
            self.bounce(parcel, Condition::InternalServerError)
        });
    }

    fn roster_read(&self, user: &User, go_on: impl Fn(Parcel) -> Left) {
        let waiting = user.update(|state| {
            state.roster_loading = false;
            std::mem::take(&mut state.for_roster)
        });
        let at = self.home_of(user);
        for parcel in waiting.into_iter().flatten() {
            for parcel in go_on(parcel) {
                self.route(at, parcel);
            }
        }
    }

    /// The user's own subscription stanza (RFC 6121, appendix A.2): answers what to route.
    pub(crate) fn subscribe(&self, user: &Arc<User>, parcel: Parcel) -> Left {
        let travels = true;
        self.ask_roster(user, Asked { parcel, travels }, Roster::sent)
    }

    /// An iq request to the bare address.
    fn account_iq(&self, user: &Arc<User>, parcel: Parcel) -> Left {
        let own = parcel
            .stanza
            .from
            .as_ref()
            .is_some_and(|from| from.to_bare() == user.jid);
        let Some(child) = parcel.stanza.first_child() else {
            return self.bounce(parcel, Condition::BadRequest);
        };
        if takeover_protocols::search::is_request(&parcel.stanza) {
            return self.search(user, parcel);
        }
        if let Some(switch) = carbons::switch(&parcel.stanza).filter(|_| own && self.limits.carbons)
        {
            return self.switch_carbons(user, parcel, switch);
        }
        if let Some(switch) = push::switch(&parcel.stanza).filter(|_| own) {
            return self.switch_pushes(user, parcel, switch);
        }
        if own && child.is("query", ns::ROSTER) {
            return match parcel.stanza.kind {
                StanzaKind::Iq(IqType::Get) => self.ask_roster(user, arrived(parcel), Roster::get),
                StanzaKind::Iq(_) | StanzaKind::Message(_) | StanzaKind::Presence(_) => {
                    self.ask_roster(user, arrived(parcel), Roster::set)
                }
            };
        }
        match super::server::for_account(&parcel.stanza, &child, own) {
            Ok(answer) => {
                let mut left = finished(parcel.origin);
                left.push(Parcel::of(answer));
                left
            }
            Err(condition) => self.bounce(parcel, condition),
        }
    }

    /// Puts a stanza to the roster and does what that asks for. What the sessions see before
    /// anything has to be durable, they see in the same step as the roster changes.
    fn ask_roster(
        &self,
        user: &Arc<User>,
        asked: Asked,
        mut ask: impl FnMut(&mut Roster, &Stanza) -> Vec<RosterEffect>,
    ) -> Left {
        let effects = user.update(|state| {
            let effects = ask(state.roster.as_deref_mut()?, &asked.parcel.stanza);
            Some(self.show_roster(state, effects))
        });
        match effects.flatten() {
            Some(effects) => self.follow(user, effects, asked),
            None => self.bounce(asked.parcel, Condition::InternalServerError),
        }
    }

    /// Does a roster's effects in order; what comes after a change waits until that is durable.
    fn follow(&self, user: &Arc<User>, effects: Vec<RosterEffect>, mut asked: Asked) -> Left {
        let mut left = Left::new();
        let mut effects = effects.into_iter();
        while let Some(effect) = effects.next() {
            match effect {
                RosterEffect::Save(change) => {
                    self.save(user, *change, effects.collect(), asked);
                    return left;
                }
                RosterEffect::Send(stanza) => left.push(asked.carry(*stanza)),
                RosterEffect::ShowPresence(contact) => {
                    left.extend(self.show_to(user, &contact, true));
                }
                RosterEffect::HidePresence(contact) => {
                    left.extend(self.show_to(user, &contact, false));
                }
                own @ (RosterEffect::Interested(_)
                | RosterEffect::Push(_)
                | RosterEffect::PushTo(..)
                | RosterEffect::Deliver(_)) => {
                    let mut own = Some(own);
                    user.update(|state| self.show_one(state, own.take()?));
                }
            }
        }
        left.extend(finished(asked.parcel.origin));
        left
    }

    /// Makes a change durable, then does the rest.
    fn save(&self, user: &Arc<User>, change: RosterChange, rest: Vec<RosterEffect>, asked: Asked) {
        let Some(plane) = self.myself() else { return };
        let store = &self.node(user.home()).spec.users;
        let name = user.jid.as_str();
        let answer = match change.item {
            Some(item) => store.put_roster_item(name, stored(item)),
            None => store.remove_roster_item(name, change.jid.as_str()),
        };
        let user = user.clone();
        self.keep(async move {
            let left = match answer.await {
                Ok(_) => {
                    let mut rest = Some(rest);
                    let rest = user
                        .update(|state| plane.show_roster(state, rest.take().unwrap_or_default()));
                    plane.follow(&user, rest.unwrap_or_default(), asked)
                }
                Err(_) => plane.bounce(asked.parcel, Condition::InternalServerError),
            };
            let at = plane.home_of(&user);
            for parcel in left {
                plane.route(at, parcel);
            }
        });
    }
}

/// What takes effect here.
fn arrived(parcel: Parcel) -> Asked {
    let travels = false;
    Asked { parcel, travels }
}

impl Asked {
    /// A stanza that follows: the one that travels takes its ticket along.
    fn carry(&mut self, stanza: Stanza) -> Parcel {
        let same = self.travels && stanza.kind == self.parcel.stanza.kind;
        let origin = same.then(|| self.parcel.origin.take()).flatten();
        let stanza = Box::new(stanza);
        Parcel { stanza, origin }
    }
}
