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
        let mut octets = Vec::new();
        for by in contacts {
            let untold = match &shared {
                Some(of) => self.offer_presence(at, of, by, shows_user, &mut octets),
                None => Some(by),
            };
            if let Some(by) = untold {
                self.route(at, Parcel::of(stanza.clone().with_to(by)));
            }
        }
    }

    /// Writes or queues one contact's copy at each of its available sessions (RFC 6121, section 8.5.2.1.2), if
    /// the contact is at this node. The contact comes back where nothing has happened: then its copy
    /// is to be routed.
    fn offer_presence(
        &self,
        at: NodeId,
        of: &Arc<Broadcast>,
        by: Jid,
        shows_user: bool,
        octets: &mut Vec<u8>,
    ) -> Option<Jid> {
        let Some(contact) = self.user(by.as_str()) else {
            return Some(by);
        };
        let seen = contact.slot.owner();
        if seen.node() != at {
            return Some(by);
        }
        let sees = |session: &&mut Session| {
            session.priority().is_some() && !(shows_user && session.shown.is_left_out())
        };
        let mut by = Some(by);
        let told = contact.slot.offer(seen, |state| {
            let mut left = state.sessions.iter_mut().filter(sees).count();
            for session in state.sessions.iter_mut().filter(sees) {
                left -= 1;
                // The last one gets the address itself.
                let by = if left == 0 { by.take() } else { by.clone() };
                let Some(by) = by else { break };
                let what = Written::Seen { of: of.clone(), by };
                // A session that cannot take it is told the present state when it comes back.
                let out = Out { what, stored: None };
                let _ = session.tell(out, self.limits.session_queue, octets);
            }
        });
        if told.is_none() {
            return by;
        }
        let counters = &self.node(at).counters;
        counters.routed.fetch_add(1, Ordering::Relaxed);
        counters.messages.fetch_add(1, Ordering::Relaxed);
        None
    }
}
