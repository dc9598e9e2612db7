//! What the server does for an account: roster, subscriptions, requests to the bare address
//! (RFC 6121, sections 2, 3 and 8.5.1).

use std::sync::Arc;

use takeover_protocols::jid::BareJid;
use takeover_protocols::ns;
use takeover_protocols::roster::subscription::{
    State, SubscriptionKind, inbound, inbound_pre_approved, outbound,
};
use takeover_protocols::stanza::{Condition, IqType, PresenceType, Stanza, StanzaKind};
use takeover_protocols::xml::Element;

use super::parcel::Parcel;
use super::roster::{Change, apply, item_of, one_item, remove, roster_get};
use super::route::{Left, finished};
use super::user::{Out, User, UserState};
use super::{Limits, Plane};

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
            StanzaKind::Presence(kind) => match subscription_kind(kind) {
                Some(kind) => self.asked(user, parcel, kind),
                None => finished(parcel.origin),
            },
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
        let waiting = user.update(|state| {
            state.roster_loading = false;
            std::mem::take(&mut state.for_roster)
        });
        let at = self.home_of(user);
        for parcel in waiting.unwrap_or_default() {
            for parcel in self.for_account(user, parcel) {
                self.route(at, parcel);
            }
        }
    }

    fn roster_missing(&self, user: &Arc<User>) {
        let waiting = user.update(|state| {
            state.roster_loading = false;
            std::mem::take(&mut state.for_roster)
        });
        let at = self.home_of(user);
        for parcel in waiting.unwrap_or_default() {
            for parcel in self.bounce(parcel, Condition::InternalServerError) {
                self.route(at, parcel);
            }
        }
    }

    /// A contact's subscription stanza (RFC 6121, appendix A.3).
    fn asked(&self, user: &Arc<User>, parcel: Parcel, kind: SubscriptionKind) -> Left {
        let Some(contact) = parcel.stanza.from.as_ref().map(|from| from.to_bare()) else {
            return finished(parcel.origin);
        };
        let limits = self.limits;
        let id = self.number();
        let done = user.update(|state| {
            let was = item_of(state, &contact);
            let answer = match (kind, was.approved) {
                (SubscriptionKind::Subscribe, true) if !was.state.seen_by_contact() => {
                    inbound_pre_approved(was.state)
                }
                _ => inbound(was.state, kind),
            };
            let mut item = was.clone();
            item.state = answer.next;
            let stamped = parcel
                .stanza
                .clone()
                .with_to(user.jid.clone())
                .with_from(contact.clone());
            item.request = match (item.state.pending_in(), kind) {
                (false, _) => None,
                (true, SubscriptionKind::Subscribe) => Some(stamped.to_bytes().to_vec()),
                (true, _) => item.request,
            };
            let change = apply(state, item, &was, id, limits);
            if answer.deliver {
                deliver_to_available(state, &stamped, limits);
            }
            (answer, was.state, change)
        });
        let Some((answer, before, change)) = done else {
            return finished(parcel.origin);
        };
        self.save(user, change, None);
        let mut left = finished(parcel.origin);
        if before.seen_by_contact() && !answer.next.seen_by_contact() {
            left.extend(self.show_to(user, &contact, false));
        }
        if let Some(reply) = answer.reply {
            let reply = Stanza::presence(presence_type(reply));
            left.push(Parcel::of(
                reply.with_from(user.jid.clone()).with_to(contact.clone()),
            ));
        }
        if answer.next.seen_by_contact() && !before.seen_by_contact() {
            left.extend(self.show_to(user, &contact, true));
        }
        left
    }

    /// The user's own subscription stanza (RFC 6121, appendix A.2): answers what to route.
    pub(crate) fn ask(&self, user: &Arc<User>, mut parcel: Parcel, kind: SubscriptionKind) -> Left {
        let Some(contact) = parcel.stanza.to.as_ref().map(|to| to.to_bare()) else {
            return finished(parcel.origin);
        };
        let (limits, id) = (self.limits, self.number());
        let done = user.update(|state| {
            let was = item_of(state, &contact);
            let answer = outbound(was.state, kind);
            let mut item = was.clone();
            item.state = answer.next;
            item.approved = answer.approval.unwrap_or(item.approved);
            item.listed |= matches!(
                kind,
                SubscriptionKind::Subscribe | SubscriptionKind::Subscribed
            );
            if !item.state.pending_in() {
                item.request = None;
            }
            let change = apply(state, item, &was, id, limits);
            (answer, was.state, change)
        });
        let Some((answer, before, change)) = done else {
            return finished(parcel.origin);
        };
        self.save(user, change, None);
        let now = answer.next;
        let mut left = Left::new();
        if before.seen_by_contact() && !now.seen_by_contact() {
            left.extend(self.show_to(user, &contact, false));
        }
        if answer.route {
            parcel.stanza.from = Some(user.jid.clone().into());
            parcel.stanza.to = Some(contact.clone().into());
            left.push(parcel);
        } else {
            left.extend(finished(parcel.origin));
        }
        if now.seen_by_contact() && !before.seen_by_contact() {
            left.extend(self.show_to(user, &contact, true));
        }
        left
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
        if own && child.is("query", ns::ROSTER) {
            return self.roster_iq(user, parcel, &child);
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

    fn roster_iq(&self, user: &Arc<User>, parcel: Parcel, query: &Element) -> Left {
        match parcel.stanza.kind {
            StanzaKind::Iq(IqType::Get) => {
                let answer = user.update(|state| roster_get(state, &parcel.stanza, query));
                let mut left = finished(parcel.origin);
                left.extend(answer.map(Parcel::of));
                left
            }
            _ => self.roster_set(user, parcel, query),
        }
    }

    /// RFC 6121, sections 2.3 to 2.5.
    fn roster_set(&self, user: &Arc<User>, parcel: Parcel, query: &Element) -> Left {
        let wanted = match one_item(query) {
            Ok(wanted) => wanted,
            Err(condition) => return self.bounce(parcel, condition),
        };
        if wanted.contact == user.jid {
            return self.bounce(parcel, Condition::NotAllowed);
        }
        let (limits, id) = (self.limits, self.number());
        let done = user.update(|state| {
            let was = item_of(state, &wanted.contact);
            if wanted.remove {
                if !was.listed {
                    return None;
                }
                return Some((remove(state, &was, id, limits), was.state));
            }
            let mut item = was.clone();
            item.listed = true;
            item.name.clone_from(&wanted.name);
            item.groups.clone_from(&wanted.groups);
            Some((apply(state, item, &was, id, limits), was.state))
        });
        let Some(Some((change, before))) = done else {
            return self.bounce(parcel, Condition::ItemNotFound);
        };
        let left = match wanted.remove {
            true => self.part(user, &wanted.contact, before),
            false => Left::new(),
        };
        self.save(user, change, Some(parcel));
        left
    }

    /// RFC 6121, section 2.5.2: removing a contact ends both subscriptions.
    fn part(&self, user: &Arc<User>, contact: &BareJid, before: State) -> Left {
        let mut left = Left::new();
        let say = |kind| {
            let stanza = Stanza::presence(kind);
            Parcel::of(stanza.with_from(user.jid.clone()).with_to(contact.clone()))
        };
        if before.sees_contact() || before.pending_out() {
            left.push(say(PresenceType::Unsubscribe));
        }
        if before.seen_by_contact() || before.pending_in() {
            left.push(say(PresenceType::Unsubscribed));
        }
        if before.seen_by_contact() {
            left.extend(self.show_to(user, contact, false));
        }
        left
    }

    /// Makes a change durable, then answers the request that it was for.
    fn save(&self, user: &Arc<User>, change: Option<Change>, request: Option<Parcel>) {
        let Some(plane) = self.myself() else { return };
        let store = &self.node(user.home()).spec.users;
        let name = user.jid.as_str();
        let answer = match change {
            Some(Change::Put(item)) => store.put_roster_item(name, item),
            Some(Change::Remove(contact)) => store.remove_roster_item(name, &contact),
            None => takeover_storage::ready(Ok(0)),
        };
        let user = user.clone();
        self.keep(async move {
            let stored = answer.await;
            let Some(request) = request else { return };
            let at = plane.home_of(&user);
            let left = match stored {
                Ok(_) => {
                    let mut left = finished(request.origin);
                    left.push(Parcel::of(request.stanza.result()));
                    left
                }
                Err(_) => plane.bounce(request, Condition::InternalServerError),
            };
            for parcel in left {
                plane.route(at, parcel);
            }
        });
    }
}

fn deliver_to_available(state: &mut UserState, stanza: &Stanza, limits: Limits) {
    for session in state
        .sessions
        .iter_mut()
        .filter(|session| session.presence.is_some())
    {
        let out = Out {
            stanza: stanza.clone(),
            stored: None,
        };
        let _ = session.push(out, limits.session_queue);
    }
}

/// The subscription stanza that a presence type is, if it is one.
pub(crate) fn subscription_kind(kind: PresenceType) -> Option<SubscriptionKind> {
    match kind {
        PresenceType::Subscribe => Some(SubscriptionKind::Subscribe),
        PresenceType::Subscribed => Some(SubscriptionKind::Subscribed),
        PresenceType::Unsubscribe => Some(SubscriptionKind::Unsubscribe),
        PresenceType::Unsubscribed => Some(SubscriptionKind::Unsubscribed),
        PresenceType::Available
        | PresenceType::Unavailable
        | PresenceType::Probe
        | PresenceType::Error => None,
    }
}

fn presence_type(kind: SubscriptionKind) -> PresenceType {
    match kind {
        SubscriptionKind::Subscribe => PresenceType::Subscribe,
        SubscriptionKind::Subscribed => PresenceType::Subscribed,
        SubscriptionKind::Unsubscribe => PresenceType::Unsubscribe,
        SubscriptionKind::Unsubscribed => PresenceType::Unsubscribed,
    }
}
