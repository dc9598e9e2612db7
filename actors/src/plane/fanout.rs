//! A user's presence on its way to many contacts: written once, shared by all who see it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use takeover_core::id::NodeId;
use takeover_protocols::jid::Jid;
use takeover_protocols::muc::Broadcast;
use takeover_protocols::stanza::{PresenceType, Stanza, StanzaKind};

use super::user::{Out, Session, Written};
use super::{Parcel, Plane};

impl Plane {
    /// Tells contacts, by their bare addresses, of a user's presence.
    pub(super) fn tell(&self, at: NodeId, stanza: Stanza, contacts: Vec<Jid>) {
        let shared = match stanza.kind {
            StanzaKind::Presence(PresenceType::Available | PresenceType::Unavailable) => {
                Some(Arc::new(Broadcast::new(stanza.clone(), Arc::default())))
            }
            StanzaKind::Presence(_) | StanzaKind::Message(_) | StanzaKind::Iq(_) => None,
        };
        let shows_user = self.shows_user(&stanza);
        for by in contacts {
            let of = shared.as_ref();
            if !of.is_some_and(|of| self.offer_presence(at, of, &by, shows_user)) {
                self.route(at, Parcel::of(stanza.clone().with_to(by)));
            }
        }
    }

    /// Queues one contact's copy at each of its available sessions (RFC 6121, section 8.5.2.1.2), if
    /// the contact is at this node. False where nothing has happened: then it is to be routed.
    fn offer_presence(&self, at: NodeId, of: &Arc<Broadcast>, by: &Jid, shows_user: bool) -> bool {
        let Some(contact) = self.user(by.as_str()) else {
            return false;
        };
        let seen = contact.slot.owner();
        if seen.node() != at {
            return false;
        }
        let sees = |session: &Session| {
            session.priority().is_some() && !(shows_user && session.shown.is_left_out())
        };
        let told = contact.slot.offer(seen, |state| {
            for session in state.sessions.iter_mut().filter(|session| sees(session)) {
                let (of, by) = (of.clone(), by.clone());
                let what = Written::Seen { of, by };
                // A session that cannot take it is told the present state when it comes back.
                let _ = session.push(Out { what, stored: None }, self.limits.session_queue);
            }
        });
        let counters = &self.node(at).counters;
        let told = told.is_some();
        counters.routed.fetch_add(told.into(), Ordering::Relaxed);
        counters.messages.fetch_add(told.into(), Ordering::Relaxed);
        told
    }
}
