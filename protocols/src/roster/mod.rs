//! Roster and subscriptions of one user (RFC 6121, sections 2 and 3).
//!
//! A [`Roster`] takes roster requests of the user's clients, and subscription stanzas of the user
//! ([`Roster::sent`]) and of contacts ([`Roster::received`]); it answers with [`RosterEffect`]s, to
//! be done in their order. What is saved is to be durable before the effects after it are done.
//!
//! ```
//! use takeover_protocols::jid::BareJid;
//! use takeover_protocols::roster::{Roster, RosterEffect, RosterLimits};
//! use takeover_protocols::stanza::Stanza;
//!
//! let andy = BareJid::new("andy@example.org").unwrap();
//! let mut roster = Roster::new(andy, RosterLimits::default());
//! let ask = Stanza::parse("<presence from='andy@example.org/d' to='bob@example.org' \
//!                          type='subscribe'/>").unwrap();
//! let effects = roster.sent(&ask);
//! let [RosterEffect::Save(_), RosterEffect::Push(push), RosterEffect::Send(sent)] = &effects[..]
//!     else { panic!() };
//! assert!(push.to_element().to_string().contains("ask='subscribe'"));
//! assert_eq!(sent.from.as_ref().unwrap().as_str(), "andy@example.org");
//! ```
//!
//! **Versions** (section 2.6). Each change that clients see has the next number; a client that
//! names an older one gets an empty result and the changes since as pushes, as long as all removals
//! since are remembered, and the whole roster otherwise.

mod effect;
mod item;
pub mod subscription;

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use effect::query;
pub use effect::{RosterChange, RosterEffect, RosterPush};
use item::Wanted;
pub use item::{MAX_NAME, RosterItem};
use subscription::{Inbound, State, SubscriptionKind, inbound, inbound_pre_approved, outbound};

use crate::jid::{BareJid, Jid};
use crate::ns;
use crate::stanza::{Condition, PresenceType, Stanza, StanzaError};
use crate::xml::Element;

/// Bounds of one roster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterLimits {
    /// Contacts, requests of strangers among them; one more that the user adds is refused with
    /// `resource-constraint`, one more that asks is forgotten.
    pub items: usize,
    /// Removals remembered for clients that name an old version.
    pub removals: usize,
}

impl Default for RosterLimits {
    /// 1000 contacts, 50 removals.
    fn default() -> Self {
        Self {
            items: 1_000,
            removals: 50,
        }
    }
}

/// The roster of one user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roster {
    owner: BareJid,
    items: BTreeMap<BareJid, RosterItem>,
    version: u64,
    /// Removals, oldest first, with the version that each made.
    removed: VecDeque<(u64, BareJid)>,
    /// Removals up to this version may be forgotten.
    forgotten: u64,
    limits: RosterLimits,
}

impl Roster {
    /// The empty roster of `owner`.
    #[must_use]
    pub fn new(owner: BareJid, limits: RosterLimits) -> Self {
        Self::load(owner, [], 0, limits)
    }

    /// The roster out of the database: its items and its version. Earlier removals are not known,
    /// so that clients with an older version get it whole.
    #[must_use]
    pub fn load(
        owner: BareJid,
        items: impl IntoIterator<Item = RosterItem>,
        version: u64,
        limits: RosterLimits,
    ) -> Self {
        let items = items
            .into_iter()
            .map(|item| (item.jid.clone(), item))
            .collect();
        Self {
            owner,
            items,
            version,
            removed: VecDeque::new(),
            forgotten: version,
            limits,
        }
    }

    /// Whose roster it is.
    #[must_use]
    pub fn owner(&self) -> &BareJid {
        &self.owner
    }

    /// The version as clients name it (RFC 6121, section 2.6.2).
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// All items, also those that clients do not see.
    pub fn items(&self) -> impl Iterator<Item = &RosterItem> {
        self.items.values()
    }

    /// What is known of a contact.
    #[must_use]
    pub fn item(&self, contact: &BareJid) -> Option<&RosterItem> {
        self.items.get(contact)
    }

    /// The state of the subscriptions with a contact.
    #[must_use]
    pub fn state(&self, contact: &BareJid) -> State {
        self.items
            .get(contact)
            .map_or(State::None, |item| item.state)
    }

    /// The contacts who see the user's presence.
    pub fn watchers(&self) -> impl Iterator<Item = &BareJid> {
        self.items
            .values()
            .filter(|item| item.state.seen_by_contact())
            .map(|item| &item.jid)
    }

    /// The contacts whose presence the user sees.
    pub fn watched(&self) -> impl Iterator<Item = &BareJid> {
        self.items
            .values()
            .filter(|item| item.state.sees_contact())
            .map(|item| &item.jid)
    }

    /// The requests that wait for an answer, to be delivered to a client that becomes available
    /// (RFC 6121, section 3.1.3).
    #[must_use]
    pub fn requests(&self) -> Vec<Stanza> {
        let pending = self.items.values().filter(|item| item.state.pending_in());
        pending.map(|item| self.request_of(item)).collect()
    }

    fn request_of(&self, item: &RosterItem) -> Stanza {
        let kept = item
            .request
            .as_ref()
            .and_then(|octets| Stanza::parse(octets).ok());
        kept.unwrap_or_else(|| {
            Stanza::presence(PresenceType::Subscribe)
                .with_from(item.jid.clone())
                .with_to(self.owner.clone())
        })
    }

    /// A client asks for the roster (RFC 6121, sections 2.2 and 2.6).
    pub fn get(&mut self, request: &Stanza) -> Vec<RosterEffect> {
        let Some(Ok(from)) = request.from.clone().map(Jid::try_into_full) else {
            return refused(request, &StanzaError::new(Condition::BadRequest));
        };
        if *from.to_bare() != *self.owner {
            return refused(request, &StanzaError::new(Condition::Forbidden));
        }
        let asked = request.child("query", ns::ROSTER);
        let known = asked.as_ref().and_then(|query| query.attr("ver"));
        let known = known.and_then(|version| version.parse::<u64>().ok());
        let interested = RosterEffect::Interested(from.clone());
        match known {
            Some(version) if version >= self.forgotten && version <= self.version => {
                let mut effects = vec![interested, RosterEffect::Send(Box::new(request.result()))];
                let pushes = self.changes_since(version).into_iter();
                effects.extend(pushes.map(|push| RosterEffect::PushTo(from.clone(), push)));
                effects
            }
            Some(_) | None => {
                let listed = self.items.values().filter(|item| item.listed);
                let whole = query(self.version).with_children(listed.map(RosterItem::to_element));
                vec![
                    interested,
                    RosterEffect::Send(Box::new(request.result_with(&whole))),
                ]
            }
        }
    }

    /// What clients have not seen that know `version`, in the order in which it happened.
    fn changes_since(&self, version: u64) -> Vec<RosterPush> {
        let removed = self.removed.iter().filter(|(at, jid)| {
            *at > version && !self.items.get(jid).is_some_and(|item| item.listed)
        });
        let changed = self
            .items
            .values()
            .filter(|item| item.listed && item.changed > version);
        let mut pushes: Vec<RosterPush> = removed
            .map(|(at, jid)| RosterPush {
                item: removal(jid),
                version: *at,
            })
            .chain(changed.map(|item| RosterPush {
                item: item.to_element(),
                version: item.changed,
            }))
            .collect();
        pushes.sort_by_key(|push| push.version);
        pushes
    }

    /// A client adds, changes or removes a contact (RFC 6121, sections 2.3 to 2.5).
    pub fn set(&mut self, request: &Stanza) -> Vec<RosterEffect> {
        let mut effects = Vec::new();
        match self.try_set(request, &mut effects) {
            Ok(()) => effects,
            Err(error) => refused(request, &error),
        }
    }

    fn try_set(
        &mut self,
        request: &Stanza,
        effects: &mut Vec<RosterEffect>,
    ) -> Result<(), StanzaError> {
        let from = request.from.as_ref().map(|from| from.to_bare());
        if from.as_ref() != Some(&self.owner) {
            return Err(StanzaError::new(Condition::Forbidden));
        }
        let query = request.child("query", ns::ROSTER);
        let query = query.ok_or_else(|| StanzaError::new(Condition::BadRequest))?;
        match Wanted::read(&query)? {
            Wanted::Remove(jid) => self.remove(&jid, request, effects),
            Wanted::Put { jid, .. } if jid == self.owner => {
                Err(StanzaError::new(Condition::NotAllowed)
                    .with_text("nobody is a contact of their own"))
            }
            Wanted::Put { jid, name, groups } => {
                self.check_room(&jid)?;
                let effect = self.change(&jid, |item| {
                    item.listed = true;
                    item.name = name;
                    item.groups = groups;
                });
                effects.extend(effect);
                effects.push(RosterEffect::Send(Box::new(request.result())));
                Ok(())
            }
        }
    }

    fn check_room(&self, jid: &BareJid) -> Result<(), StanzaError> {
        if self.items.len() < self.limits.items || self.items.contains_key(jid) {
            return Ok(());
        }
        Err(
            StanzaError::new(Condition::ResourceConstraint).with_text(format!(
                "a roster has at most {} contacts",
                self.limits.items
            )),
        )
    }

    /// RFC 6121, section 2.5: the subscriptions end with the item.
    fn remove(
        &mut self,
        jid: &BareJid,
        request: &Stanza,
        effects: &mut Vec<RosterEffect>,
    ) -> Result<(), StanzaError> {
        let known = self.items.get(jid).filter(|item| item.listed);
        let state = known
            .ok_or_else(|| StanzaError::new(Condition::ItemNotFound))?
            .state;
        self.items.remove(jid);
        self.version += 1;
        self.removed.push_back((self.version, jid.clone()));
        if self.removed.len() > self.limits.removals
            && let Some((version, _)) = self.removed.pop_front()
        {
            self.forgotten = version;
        }
        let version = self.version;
        let change = RosterChange {
            jid: jid.clone(),
            item: None,
            version,
        };
        effects.push(RosterEffect::Save(Box::new(change)));
        effects.push(RosterEffect::Push(RosterPush {
            item: removal(jid),
            version,
        }));
        effects.push(RosterEffect::Send(Box::new(request.result())));
        if state.sees_contact() || state.pending_out() {
            effects.push(self.tell(jid, PresenceType::Unsubscribe));
        }
        if state.seen_by_contact() {
            effects.push(RosterEffect::HidePresence(jid.clone()));
        }
        if state.seen_by_contact() || state.pending_in() {
            effects.push(self.tell(jid, PresenceType::Unsubscribed));
        }
        Ok(())
    }

    /// One of the user's clients sends a subscription stanza (RFC 6121, sections 3.1.2, 3.1.5,
    /// 3.2.2, 3.3.2 and 3.4). Other stanzas, and those without an addressee, do nothing.
    pub fn sent(&mut self, stanza: &Stanza) -> Vec<RosterEffect> {
        let (Some(kind), Some(to)) = (SubscriptionKind::of(stanza), stanza.to.as_ref()) else {
            return Vec::new();
        };
        let contact = to.to_bare();
        if contact == self.owner {
            return Vec::new();
        }
        if let Err(error) = self.check_room(&contact) {
            return refused(stanza, &error);
        }
        let before = self.state(&contact);
        let step = outbound(before, kind);
        let mut effects = Vec::new();
        effects.extend(self.change(&contact, |item| {
            item.state = step.next;
            item.approved = step.approval.unwrap_or(item.approved);
            item.listed |= item.approved || kind == SubscriptionKind::Subscribe;
            item.listed |= step.next != State::None && !step.next.pending_in();
            if !step.next.pending_in() {
                item.request = None;
            }
        }));
        let hides = before.seen_by_contact() && !step.next.seen_by_contact();
        if hides {
            effects.push(RosterEffect::HidePresence(contact.clone()));
        }
        if step.route {
            let mut routed = stanza.clone().with_from(self.owner.clone());
            routed.to = Some(contact.clone().into());
            effects.push(RosterEffect::Send(Box::new(routed)));
        }
        if !before.seen_by_contact() && step.next.seen_by_contact() {
            effects.push(RosterEffect::ShowPresence(contact));
        }
        effects
    }

    /// A contact sends a subscription stanza (RFC 6121, sections 3.1.3, 3.1.6, 3.2.3 and 3.3.3).
    /// Other stanzas do nothing.
    pub fn received(&mut self, stanza: &Stanza) -> Vec<RosterEffect> {
        let (Some(kind), Some(from)) = (SubscriptionKind::of(stanza), stanza.from.as_ref()) else {
            return Vec::new();
        };
        let contact = from.to_bare();
        if contact == self.owner {
            return Vec::new();
        }
        let before = self.state(&contact);
        let step = self.inbound_step(before, kind, &contact);
        if step.next != before && self.check_room(&contact).is_err() {
            return Vec::new();
        }
        let mut delivered = stanza.clone().with_from(contact.clone());
        delivered.to = Some(self.owner.clone().into());
        let mut effects = Vec::new();
        let request = delivered.to_bytes();
        effects.extend(self.change(&contact, |item| note(item, step, request)));
        if step.deliver {
            // The stanza comes before the push that shows what it did.
            let at = effects
                .iter()
                .position(|e| matches!(e, RosterEffect::Push(_)));
            let deliver = RosterEffect::Deliver(Box::new(delivered));
            effects.insert(at.unwrap_or(effects.len()), deliver);
        }
        if before.seen_by_contact() && !step.next.seen_by_contact() {
            effects.push(RosterEffect::HidePresence(contact.clone()));
        }
        effects.extend(
            step.reply
                .map(|reply| self.tell(&contact, reply.to_presence())),
        );
        let granted = step.reply == Some(SubscriptionKind::Subscribed);
        if granted && step.next.seen_by_contact() {
            effects.push(RosterEffect::ShowPresence(contact));
        }
        effects
    }

    fn inbound_step(&self, state: State, kind: SubscriptionKind, contact: &BareJid) -> Inbound {
        let approved = self.items.get(contact).is_some_and(|item| item.approved);
        match kind {
            SubscriptionKind::Subscribe if approved && !state.seen_by_contact() => {
                inbound_pre_approved(state)
            }
            SubscriptionKind::Subscribe
            | SubscriptionKind::Subscribed
            | SubscriptionKind::Unsubscribe
            | SubscriptionKind::Unsubscribed => inbound(state, kind),
        }
    }

    /// Changes an item, which may be new or end by it; answers what to save and to push.
    fn change(&mut self, jid: &BareJid, how: impl FnOnce(&mut RosterItem)) -> Vec<RosterEffect> {
        let old = self.items.get(jid).cloned();
        let before = old.clone().unwrap_or_else(|| RosterItem::new(jid.clone()));
        let mut after = before.clone();
        how(&mut after);
        if after == before && old.is_some() || after.is_void() && old.is_none() {
            return Vec::new();
        }
        let visible = before.shown() != after.shown();
        if visible {
            self.version += 1;
            after.changed = self.version;
        }
        let kept = (!after.is_void()).then(|| after.clone());
        match &kept {
            Some(item) => self.items.insert(jid.clone(), item.clone()),
            None => self.items.remove(jid),
        };
        let change = RosterChange {
            jid: jid.clone(),
            item: kept,
            version: self.version,
        };
        let mut effects = vec![RosterEffect::Save(Box::new(change))];
        if visible && after.listed {
            let push = RosterPush {
                item: after.to_element(),
                version: self.version,
            };
            effects.push(RosterEffect::Push(push));
        }
        effects
    }

    fn tell(&self, contact: &BareJid, kind: PresenceType) -> RosterEffect {
        let stanza = Stanza::presence(kind)
            .with_from(self.owner.clone())
            .with_to(contact.clone());
        RosterEffect::Send(Box::new(stanza))
    }
}

/// What a contact's stanza leaves in the item.
fn note(item: &mut RosterItem, step: Inbound, request: Bytes) {
    let asked = step.next.pending_in() && !item.state.pending_in();
    item.state = step.next;
    if asked {
        item.request = Some(request);
    } else if !step.next.pending_in() {
        item.request = None;
    }
    item.listed |= step.next.seen_by_contact();
}

fn removal(jid: &BareJid) -> Element {
    Element::new("item", ns::ROSTER)
        .with_attr("jid", jid.as_str())
        .with_attr("subscription", "remove")
}

fn refused(request: &Stanza, error: &StanzaError) -> Vec<RosterEffect> {
    let reply = request.error_reply(error);
    reply
        .map(|reply| RosterEffect::Send(Box::new(reply)))
        .into_iter()
        .collect()
}
