//! Rosters between their machine ([`takeover_protocols::roster`]), the store, and the sessions that
//! see them.

use std::collections::BTreeSet;

use takeover_protocols::jid::{BareJid, FullJid};
use takeover_protocols::roster::{Roster, RosterEffect, RosterItem, RosterLimits, RosterPush};
use takeover_protocols::stanza::Stanza;

use super::Plane;
use super::user::{Out, Session, UserState};

/// The roster out of the store.
pub(super) fn restored(owner: &BareJid, stored: takeover_storage::Roster) -> Roster {
    // The store's keys are prepared addresses; one that is none reaches nobody.
    let items = stored.items.into_values().filter_map(|item| {
        Some(RosterItem {
            name: item.name.unwrap_or_default(),
            groups: BTreeSet::from_iter(item.groups),
            state: item.state,
            approved: item.approved,
            listed: item.listed,
            request: item.request.map(Into::into),
            ..RosterItem::new(BareJid::new(&item.jid).ok()?)
        })
    });
    Roster::load(
        owner.clone(),
        items,
        stored.version,
        RosterLimits::default(),
    )
}

/// An item as the store has it.
pub(super) fn stored(item: RosterItem) -> takeover_storage::RosterItem {
    takeover_storage::RosterItem {
        jid: item.jid.to_string(),
        name: (!item.name.is_empty()).then_some(item.name),
        groups: item.groups.into_iter().collect(),
        state: item.state,
        approved: item.approved,
        request: item.request.map(|octets| octets.to_vec()),
        listed: item.listed,
    }
}

impl Plane {
    /// Does those of a roster's effects that concern the user's own sessions, up to the first that
    /// does not; answers that one and all behind it.
    pub(super) fn show_roster(
        &self,
        state: &mut UserState,
        effects: Vec<RosterEffect>,
    ) -> Vec<RosterEffect> {
        let mut waits = false;
        let rest = effects.into_iter().filter_map(|effect| {
            if waits {
                return Some(effect);
            }
            let effect = self.show_one(state, effect);
            waits = effect.is_some();
            effect
        });
        rest.collect()
    }

    /// Does an effect that concerns the user's own sessions; another one comes back.
    pub(super) fn show_one(
        &self,
        state: &mut UserState,
        effect: RosterEffect,
    ) -> Option<RosterEffect> {
        match effect {
            RosterEffect::Interested(client) => {
                let session = state.resource(client.resource().as_str())?;
                session.interested = true;
            }
            RosterEffect::Push(push) => {
                for session in state.sessions.iter_mut().filter(|s| s.interested) {
                    self.push_roster(session, &push);
                }
            }
            RosterEffect::PushTo(client, push) => {
                self.push_roster(state.resource(client.resource().as_str())?, &push);
            }
            RosterEffect::Deliver(stanza) => {
                let available = state.sessions.iter_mut().filter(|s| s.shown.is_available());
                for session in available {
                    let out = Out::of(Stanza::clone(&stanza));
                    let _ = session.push(out, self.limits.session_queue);
                }
            }
            RosterEffect::Send(stanza) => {
                let to = stanza.to.as_ref();
                let is_his = |session: &&mut Session| {
                    to.is_some_and(|to| to.as_str() == session.jid.as_str())
                };
                let Some(session) = state.sessions.iter_mut().find(is_his) else {
                    return Some(RosterEffect::Send(stanza));
                };
                let _ = session.push(Out::of(*stanza), self.limits.session_queue);
            }
            effect @ (RosterEffect::Save(_)
            | RosterEffect::ShowPresence(_)
            | RosterEffect::HidePresence(_)) => return Some(effect),
        }
        None
    }

    fn push_roster(&self, session: &mut Session, push: &RosterPush) {
        let to: &FullJid = &session.jid;
        let stanza = push.stanza_for(to, &format!("push-{}", self.number()));
        let _ = session.push(Out::of(stanza), self.limits.session_queue);
    }
}
