//! Temporary presence subscriptions (SES-9): who searches for a user sees its presence until one of the
//! two gets another node. Nothing of it is in the soft state that a pair shares: it goes with the node.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use takeover_core::id::NodeId;
use takeover_core::sync::Ownership;
use takeover_protocols::jid::Jid;
use takeover_protocols::stanza::{PresenceType, Stanza};

use super::Plane;
use super::parcel::Parcel;
use super::route::{Left, finished};
use super::user::User;

/// Searches that one user may be the subject of; one more ends the oldest.
const SEARCHES: usize = 1000;

/// All searches, by the bare address of their subject.
#[derive(Debug, Default)]
pub(super) struct Searches(Mutex<BTreeMap<String, Vec<Search>>>);

/// One search. It holds for as long as both sides are hosted as they were when it began.
#[derive(Clone, Debug)]
struct Search {
    by: Jid,
    watcher: Ownership,
    subject: Ownership,
}

impl Plane {
    /// A client searches for `user`: it is shown what there is, and what comes.
    pub(super) fn search(&self, user: &User, parcel: Parcel) -> Left {
        let Parcel { stanza, origin } = parcel;
        let mut left = finished(origin);
        if let Some(by) = stanza.from.clone()
            && let Some(watcher) = self.owner_of(&by)
        {
            left.extend(self.presences_for(user, &by));
            let mut searches = self.searches.0.lock();
            let of_user = searches.entry(user.jid.as_str().to_owned()).or_default();
            of_user.retain(|search| search.by != by);
            if of_user.len() >= SEARCHES {
                of_user.remove(0);
            }
            let subject = user.slot.owner();
            of_user.push(Search {
                by,
                watcher,
                subject,
            });
        }
        left.push(Parcel::of(stanza.result()));
        left
    }

    fn owner_of(&self, address: &Jid) -> Option<Ownership> {
        let watcher = self.user(address.to_bare().as_str())?;
        Some(watcher.slot.owner())
    }

    /// The presences of a user, or that it has none.
    fn presences_for(&self, user: &User, by: &Jid) -> Left {
        let shown: Vec<Stanza> = user.slot.peek(|state, _| {
            let sessions = state.sessions.iter();
            sessions
                .filter_map(|session| Some(session.shown.stanza(&session.jid)?.into_owned()))
                .collect()
        });
        let gone = Stanza::presence(PresenceType::Unavailable).with_from(user.jid.clone());
        let shown = if shown.is_empty() { vec![gone] } else { shown };
        shown
            .into_iter()
            .map(|presence| Parcel::of(presence.with_to(by.clone())))
            .collect()
    }

    /// The user has said something about its presence, at `at`: those who have searched for it hear it.
    pub(super) fn tell_searchers(&self, at: NodeId, user: &User, said: &Stanza) {
        let by: Vec<Jid> = {
            let mut searches = self.searches.0.lock();
            let Some(of_user) = searches.get_mut(user.jid.as_str()) else {
                return;
            };
            let subject = user.slot.owner();
            of_user.retain(|search| {
                search.subject == subject && self.owner_of(&search.by) == Some(search.watcher)
            });
            of_user.iter().map(|search| search.by.clone()).collect()
        };
        for by in by {
            self.say(at, said.clone().with_to(by));
        }
    }
}
