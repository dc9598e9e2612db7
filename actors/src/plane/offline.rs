//! Messages that wait for their user (XEP-0160): durable first, delivered in order, removed from
//! the store once a client has them.

use std::collections::BTreeSet;
use std::sync::Arc;

use takeover_core::canary;
use takeover_core::id::NodeId;
use takeover_protocols::jid::BareJid;
use takeover_protocols::offline::stamped;
use takeover_protocols::stanza::{Condition, Stanza};
use takeover_storage::{OfflineMessage, StoreError, StoredOffline};

use super::parcel::Parcel;
use super::roster::restored;
use super::route::finished;
use super::user::{Out, Push, Session, User, UserState, Waiting};
use super::{Limits, Plane};

impl Plane {
    /// Makes a waiting message durable, then finishes its ticket.
    pub(super) fn store_offline(&self, user: &Arc<User>, parcel: Parcel, key: String) {
        let Some(plane) = self.myself() else { return };
        let store = self.node(user.home()).spec.users.clone();
        let message = OfflineMessage {
            key: self.durable_name(&key),
            at: self.stamp(),
            stanza: parcel.stanza.to_bytes().to_vec(),
        };
        let answer = store.push_offline(user.jid.as_str(), message, self.limits.offline as u64);
        let user = user.clone();
        self.keep(async move {
            let answer = answer.await;
            plane.world.play(store.latency()).await;
            plane.offline_stored(&user, parcel, &key, answer);
        });
    }

    fn offline_stored(
        &self,
        user: &Arc<User>,
        parcel: Parcel,
        key: &str,
        answer: Result<u64, StoreError>,
    ) {
        let at = user.slot.owner().node();
        let left = match answer {
            Ok(place) => {
                user.update(|state| {
                    if let Some(waiting) = state.offline.iter_mut().find(|w| w.key == key) {
                        waiting.stored = Some(place);
                    }
                    flush(state, self.limits);
                });
                finished(parcel.origin)
            }
            Err(error) => {
                user.update(|state| state.offline.retain(|waiting| waiting.key != key));
                let condition = match error {
                    StoreError::OfflineFull { .. } => Condition::ServiceUnavailable,
                    _ => Condition::InternalServerError,
                };
                self.bounce(parcel, condition)
            }
        };
        for parcel in left {
            self.route(at, parcel);
        }
    }

    /// Removes from the store what a client has now.
    pub(crate) fn confirm(&self, user: &User, places: Vec<u64>) {
        if places.is_empty() {
            return;
        }
        let store = &self.node(user.home()).spec.users;
        let answer = store.confirm_offline(user.jid.as_str(), places);
        self.keep(async move {
            // Not removed, it comes again after a restart of the process: better than lost.
            let _ = answer.await;
        });
    }

    /// Reads roster and waiting messages of a user from the store, once, before its first session.
    ///
    /// # Errors
    /// The store's.
    pub async fn load(self: &Arc<Self>, user: &Arc<User>) -> Result<(), StoreError> {
        let loaded = user
            .slot
            .peek(|state, _| state.offline_loaded && state.roster.is_some());
        if loaded {
            return Ok(());
        }
        let store = self.node(user.home()).spec.users.clone();
        let roster = store.roster(user.jid.as_str()).await?;
        let waiting = store.offline(user.jid.as_str(), None, usize::MAX).await?;
        self.world.play(store.latency()).await;
        user.update(|state| {
            if state.roster.is_none() {
                state.roster = Some(Box::new(restored(&user.jid, roster.clone())));
            }
            if !std::mem::replace(&mut state.offline_loaded, true) {
                adopt(state, &waiting, |key| self.durable_name(key));
            }
        });
        self.roster_there(user);
        Ok(())
    }
}

/// Puts messages of earlier runs before those of this one. Of this one is also what the store has and has not yet said
/// to have: it goes out when it has. `durable_name` is its name in the store.
fn adopt(state: &mut UserState, stored: &[StoredOffline], durable_name: impl Fn(&str) -> String) {
    let of_this_run = state.offline.iter();
    let of_this_run: BTreeSet<String> = of_this_run
        .map(|waiting| durable_name(&waiting.key))
        .collect();
    let earlier = stored
        .iter()
        .filter(|stored| !of_this_run.contains(&stored.message.key));
    for (index, stored) in earlier.enumerate() {
        // What the store keeps was written by `store_offline`; a damaged record is an error there.
        let Ok(stanza) = Stanza::parse(&stored.message.stanza) else {
            continue;
        };
        let waiting = Waiting {
            key: stored.message.key.clone(),
            at: stored.message.at,
            stored: Some(stored.seq),
            stanza,
        };
        state
            .offline
            .insert(index.min(state.offline.len()), waiting);
    }
}

/// Delivers waiting messages that are durable, in order, to the first session that takes them.
pub(super) fn flush(state: &mut UserState, limits: Limits) {
    while state
        .offline
        .front()
        .is_some_and(|waiting| waiting.stored.is_some())
    {
        let Some(session) = state
            .sessions
            .iter_mut()
            .filter(|session| session.is_attached() && !session.is_suspended())
            .filter(|session| session.priority().is_some_and(|p| p >= 0))
            .max_by_key(|session| session.priority())
        else {
            return;
        };
        let Some(waiting) = state.offline.pop_front() else {
            return;
        };
        if let Err(waiting) = hand_out(session, waiting, limits) {
            state.offline.push_front(waiting);
            return;
        }
    }
}

fn hand_out(session: &mut Session, waiting: Waiting, limits: Limits) -> Result<(), Waiting> {
    let Waiting {
        key,
        at,
        stored,
        stanza,
    } = waiting;
    let server = BareJid::from_parts(None, session.jid.domain());
    let stanza = stamped(stanza, at, server);
    let mut out = Out::of(stanza);
    if canary!("WaitingHandedOutTwice") {
        let _ = session.push(out.clone(), limits.session_queue);
    }
    out.stored = stored;
    match session.push(out, limits.session_queue) {
        Push::Queued | Push::Missed => Ok(()),
        Push::Refused(out) => Err(Waiting {
            key,
            at,
            stored,
            stanza: *out.into_stanza(),
        }),
    }
}

impl Plane {
    /// Where a parcel of the server's own for this user would be now.
    pub(crate) fn home_of(&self, user: &User) -> NodeId {
        user.slot.owner().node()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &str) -> Stanza {
        let xml = format!("<message from='andy@x' to='bob@x'><body>{body}</body></message>");
        Stanza::parse(&xml).unwrap()
    }

    /// MSG-2: a message that the store has, and whose sender has not heard so when its user logs in, waits once.
    #[test]
    fn what_is_being_stored_is_not_adopted_beside_itself() {
        let mut state = UserState::default();
        let at = takeover_protocols::datetime::Timestamp::from_millis(0);
        state.offline.push_back(Waiting {
            key: "2".to_owned(),
            at,
            stored: None,
            stanza: message("of this run"),
        });
        let stored = [(7, "1.2", "of another run"), (8, "2.2", "of this run")];
        let stored = stored.map(|(seq, key, body)| StoredOffline {
            seq,
            message: OfflineMessage {
                key: key.to_owned(),
                at,
                stanza: message(body).to_bytes().to_vec(),
            },
        });
        adopt(&mut state, &stored, |key| format!("2.{key}"));
        let waiting = state.offline.iter();
        let waiting: Vec<_> = waiting
            .map(|waiting| (waiting.stored, waiting.stanza.body().unwrap()))
            .collect();
        let earlier = (Some(7), "of another run".to_owned());
        assert_eq!(waiting, [earlier, (None, "of this run".to_owned())]);
    }
}
