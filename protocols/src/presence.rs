//! Presence of one user: broadcast, probes, directed presence (RFC 6121, section 4).
//!
//! What each connected resource has shown of itself is a [`Shown`], kept wherever the resource is
//! kept ([`Connected`]). The functions here take what the user's clients send and what
//! contacts ask, with the [`Roster`] that says who sees whom, and answer with
//! [`PresenceEffect`]s.
//!
//! ```
//! use takeover_protocols::jid::{BareJid, FullJid};
//! use takeover_protocols::presence::{self, PresenceEffect, Shown};
//! use takeover_protocols::roster::{Roster, RosterLimits};
//! use takeover_protocols::stanza::Stanza;
//!
//! let roster = Roster::new(BareJid::new("andy@example.org").unwrap(), RosterLimits::default());
//! let desk = FullJid::new("andy@example.org/desk").unwrap();
//! let mut resources = vec![(desk.clone(), Shown::default())];
//! let stanza = Stanza::parse("<presence><priority>3</priority></presence>").unwrap();
//! let effects = presence::sent(&mut resources, &desk, stanza, &roster);
//! assert!(matches!(effects[..], [PresenceEffect::Arrived { .. }, PresenceEffect::Own { .. }]));
//! assert_eq!(resources[0].1.priority(), Some(3));
//! ```

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::jid::{BareJid, FullJid, Jid, belongs_to};
use crate::roster::Roster;
use crate::stanza::{PresenceType, Stanza, StanzaKind};

/// Most addresses that one resource's directed presence is remembered for; the oldest in
/// alphabetical order is forgotten, and will not hear of the resource's end by it.
const MOST_DIRECTED: usize = 1_000;

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum PresenceEffect {
    /// Route this stanza to each of the contacts who see the user.
    Broadcast {
        /// With `from`, without `to`.
        stanza: Box<Stanza>,
        /// Bare addresses.
        to: Vec<Jid>,
    },
    /// Route this stanza to those whom the resource had sent directed presence, and who are not
    /// among the contacts that hear it anyway.
    Directed {
        /// With `from`, without `to`.
        stanza: Box<Stanza>,
        /// Bare or full addresses.
        to: Vec<Jid>,
    },
    /// Route this probe to each of the contacts whom the user sees.
    Probe {
        /// With `from`, without `to`.
        stanza: Box<Stanza>,
        /// Bare addresses.
        to: Vec<Jid>,
    },
    /// Deliver this stanza to these resources of the user.
    Own {
        /// Without `to`.
        stanza: Box<Stanza>,
        /// Their full addresses.
        resources: Vec<FullJid>,
    },
    /// Route one stanza with both addresses.
    Send(Box<Stanza>),
    /// A resource can be reached from now on: give it the pending subscription requests, and, if it
    /// takes messages, what was kept while the user was away (XEP-0160, section 2).
    Arrived {
        /// Its full address.
        resource: FullJid,
        /// Whether this is its first presence.
        initial: bool,
        /// Whether its priority is not negative, so that messages come to it.
        takes_messages: bool,
    },
}

/// What one connected resource has shown of itself; of one that has just been bound, nothing.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    available: Option<Available>,
    /// Whom it sent directed presence to that does not see it anyway.
    directed: BTreeSet<Jid>,
    /// The session manager does not know it: see [`left_out`].
    left_out: bool,
}

/// A resource's last available presence.
#[derive(Clone, Debug)]
enum Available {
    /// It said nothing but that it is there, as most do: that need not be kept.
    Plain,
    /// What it said of itself.
    Said(Box<Said>),
}

#[derive(Clone, Debug)]
struct Said {
    /// With `from`, without `to`.
    stanza: Stanza,
    priority: i8,
}

impl Available {
    fn new(stanza: &Stanza, priority: i8) -> Self {
        if stanza.is_plain() {
            return Self::Plain;
        }
        let stanza = stanza.clone();
        Self::Said(Box::new(Said { stanza, priority }))
    }
}

impl Shown {
    /// Whether it has sent available presence to everybody.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.available.is_some()
    }

    /// Its priority (RFC 6121, section 4.7.2.3); `None` while it is not available.
    #[must_use]
    pub fn priority(&self) -> Option<i8> {
        self.available.as_ref().map(|available| match available {
            Available::Plain => 0,
            Available::Said(said) => said.priority,
        })
    }

    /// Its last available presence, with `from`, without `to`, as far as others may see it; `jid` is
    /// its full address.
    #[must_use]
    pub fn stanza(&self, jid: &FullJid) -> Option<Cow<'_, Stanza>> {
        let seen = self.available.as_ref().filter(|_| !self.left_out);
        seen.map(|available| match available {
            Available::Plain => {
                let plain = Stanza::presence(PresenceType::Available);
                Cow::Owned(plain.with_from(jid.clone()))
            }
            Available::Said(said) => Cow::Borrowed(&said.stanza),
        })
    }

    /// Whether others may see it.
    fn is_seen(&self) -> bool {
        self.available.is_some() && !self.left_out
    }

    /// Whether it is without presence: see [`left_out`].
    #[must_use]
    pub fn is_left_out(&self) -> bool {
        self.left_out
    }

    /// The resource sends directed presence: who got it is to hear of the resource's end, unless
    /// it hears of it anyway (RFC 6121, section 4.6).
    pub fn direct(&mut self, kind: PresenceType, to: &Jid, roster: &Roster) {
        match kind {
            PresenceType::Available => {
                let sees = roster.state(&to.to_bare()).seen_by_contact();
                if !sees || self.available.is_none() {
                    self.directed.insert(to.clone());
                }
                if self.directed.len() > MOST_DIRECTED {
                    self.directed.pop_first();
                }
            }
            PresenceType::Unavailable => {
                self.directed.remove(to);
            }
            PresenceType::Subscribe
            | PresenceType::Subscribed
            | PresenceType::Unsubscribe
            | PresenceType::Unsubscribed
            | PresenceType::Probe
            | PresenceType::Error => {}
        }
    }
}

/// A connected resource, as whoever drives this keeps it.
pub trait Connected {
    /// Its full address.
    fn jid(&self) -> &FullJid;

    /// What it has shown of itself.
    fn shown(&self) -> &Shown;

    /// The same, to be changed.
    fn shown_mut(&mut self) -> &mut Shown;
}

impl Connected for (FullJid, Shown) {
    fn jid(&self) -> &FullJid {
        &self.0
    }

    fn shown(&self) -> &Shown {
        &self.1
    }

    fn shown_mut(&mut self) -> &mut Shown {
        &mut self.1
    }
}

/// The available ones with their last presence.
fn available<C: Connected>(resources: &[C]) -> impl Iterator<Item = (&FullJid, Cow<'_, Stanza>)> {
    let all = resources.iter();
    all.filter_map(|resource| {
        let jid = resource.jid();
        Some((jid, resource.shown().stanza(jid)?))
    })
}

/// The addresses of the available ones.
fn seen<C: Connected>(resources: &[C]) -> Vec<FullJid> {
    let seen = resources.iter().filter(|one| one.shown().is_seen());
    seen.map(|one| one.jid().clone()).collect()
}

fn find<'r, C: Connected>(resources: &'r mut [C], jid: &FullJid) -> Option<&'r mut Shown> {
    let found = resources.iter_mut().find(|resource| resource.jid() == jid);
    found.map(Connected::shown_mut)
}

/// A client sends presence: without `to` to everybody who sees the user (RFC 6121, sections 4.2,
/// 4.4 and 4.5), with `to` to one (section 4.6). Stanzas of other types do nothing here.
pub fn sent(
    resources: &mut [impl Connected],
    from: &FullJid,
    stanza: Stanza,
    roster: &Roster,
) -> Vec<PresenceEffect> {
    let mut stanza = stanza.with_from(from.clone());
    let Some(shown) = find(resources, from) else {
        return Vec::new();
    };
    match (stanza.kind, stanza.to.take()) {
        (StanzaKind::Presence(PresenceType::Available), None) => {
            arrive(resources, from, &stanza, roster)
        }
        (StanzaKind::Presence(PresenceType::Unavailable), None) => {
            let was = std::mem::take(shown);
            shown.left_out = was.left_out;
            leave(resources, from, was, &stanza, roster)
        }
        (StanzaKind::Presence(kind), Some(to)) => {
            shown.direct(kind, &to, roster);
            stanza.to = Some(to);
            vec![PresenceEffect::Send(Box::new(stanza))]
        }
        (StanzaKind::Presence(_), None) | (StanzaKind::Message(_) | StanzaKind::Iq(_), _) => {
            Vec::new()
        }
    }
}

fn arrive(
    resources: &mut [impl Connected],
    from: &FullJid,
    stanza: &Stanza,
    roster: &Roster,
) -> Vec<PresenceEffect> {
    let Some(shown) = find(resources, from) else {
        return Vec::new();
    };
    let (before, priority, left_out) = (shown.priority(), stanza.priority(), shown.left_out);
    shown.available = Some(Available::new(stanza, priority));
    let (initial, takes_messages) = (before.is_none(), priority >= 0);
    let mut effects = Vec::new();
    if initial || (takes_messages && before.is_some_and(|priority| priority < 0)) {
        effects.push(PresenceEffect::Arrived {
            resource: from.clone(),
            initial,
            takes_messages,
        });
    }
    if left_out {
        return effects;
    }
    if initial {
        effects.extend(ask_contacts(from, roster));
        effects.extend(show_own_to(resources, from));
    }
    effects.extend(broadcast(stanza, roster));
    effects.push(PresenceEffect::Own {
        stanza: Box::new(stanza.clone()),
        resources: seen(resources),
    });
    effects
}

/// The session manager does not know this resource (HA-17): it is without presence until it logs in
/// again. Whoever saw it is told that it is gone; from now on nobody sees it, and what it says to all
/// reaches nobody. It keeps its priority, by which messages find it, and its rooms.
pub fn left_out(
    resources: &mut [impl Connected],
    jid: &FullJid,
    roster: &Roster,
) -> Vec<PresenceEffect> {
    let Some(shown) = find(resources, jid) else {
        return Vec::new();
    };
    let was_seen = shown.is_seen();
    shown.left_out = true;
    if !was_seen {
        return Vec::new();
    }
    let gone = Stanza::presence(PresenceType::Unavailable).with_from(jid.clone());
    let mut effects = vec![PresenceEffect::Own {
        stanza: Box::new(gone.clone()),
        resources: seen(resources),
    }];
    effects.extend(broadcast(&gone, roster));
    effects
}

/// RFC 6121, section 4.2.2: a new resource asks after the contacts that the user sees.
fn ask_contacts(from: &FullJid, roster: &Roster) -> Option<PresenceEffect> {
    let stanza = Box::new(Stanza::presence(PresenceType::Probe).with_from(from.clone()));
    let to: Vec<Jid> = roster.watched().cloned().map(Jid::from).collect();
    (!to.is_empty()).then_some(PresenceEffect::Probe { stanza, to })
}

/// RFC 6121, section 4.2.2: a new resource learns of the user's others.
fn show_own_to(resources: &[impl Connected], new: &FullJid) -> Vec<PresenceEffect> {
    let others = available(resources).filter(|(jid, _)| *jid != new);
    let show = |(_, stanza): (&FullJid, Cow<'_, Stanza>)| PresenceEffect::Own {
        stanza: Box::new(stanza.into_owned()),
        resources: vec![new.clone()],
    };
    others.map(show).collect()
}

/// A resource's session is over, and it is out of `resources` already: whoever saw it is told
/// (RFC 6121, section 4.5.2).
#[must_use]
pub fn ended(
    resources: &[impl Connected],
    from: &FullJid,
    was: Shown,
    roster: &Roster,
) -> Vec<PresenceEffect> {
    let gone = Stanza::presence(PresenceType::Unavailable).with_from(from.clone());
    let mut effects = leave(resources, from, was, &gone, roster);
    for effect in &mut effects {
        if let PresenceEffect::Own { resources, .. } = effect {
            resources.retain(|resource| resource != from);
        }
    }
    effects
}

/// RFC 6121, sections 4.5.2 and 4.6.3: contacts, the user's resources, and those who had directed
/// presence learn that the resource is gone.
fn leave(
    resources: &[impl Connected],
    from: &FullJid,
    was: Shown,
    stanza: &Stanza,
    roster: &Roster,
) -> Vec<PresenceEffect> {
    let mut effects = Vec::new();
    let was_seen = was.is_seen();
    let mut directed = was.directed;
    if was_seen {
        let mut own = seen(resources);
        own.push(from.clone());
        effects.push(PresenceEffect::Own {
            stanza: Box::new(stanza.clone()),
            resources: own,
        });
        effects.extend(broadcast(stanza, roster));
        directed.retain(|to| !sees(to, roster));
    }
    let to: Vec<Jid> = directed.into_iter().collect();
    let stanza = Box::new(stanza.clone());
    effects.extend((!to.is_empty()).then_some(PresenceEffect::Directed { stanza, to }));
    effects
}

fn sees(other: &Jid, roster: &Roster) -> bool {
    roster.state(&other.to_bare()).seen_by_contact()
}

/// Whether a resource has shown itself to somebody: by subscription, by directed presence (to any
/// address of the same account or room), or because it is the user's own
/// ([`Address::Full`](crate::routing::Address::Full) asks for it).
#[must_use]
pub fn is_known_to(shown: &Shown, other: &Jid, roster: &Roster) -> bool {
    let bare = other.to_bare();
    let directed = || shown.directed.iter().any(|to| belongs_to(to, &bare));
    bare == *roster.owner() || sees(other, roster) || directed()
}

/// Somebody asks for the user's presence (RFC 6121, section 4.3.2).
#[must_use]
pub fn probed(
    resources: &[impl Connected],
    probe: &Stanza,
    roster: &Roster,
) -> Vec<PresenceEffect> {
    let Some(asker) = &probe.from else {
        return Vec::new();
    };
    let owner = roster.owner();
    let answer = |stanza: Stanza| PresenceEffect::Send(Box::new(stanza.with_to(asker.clone())));
    if !belongs_to(asker, owner) && !sees(asker, roster) {
        let denied = Stanza::presence(PresenceType::Unsubscribed);
        return vec![answer(denied.with_from(owner.clone()))];
    }
    let one = probe.to.as_ref().and_then(Jid::resource);
    let asked = |jid: &FullJid| one.is_none_or(|one| one == jid.resource());
    let shown: Vec<PresenceEffect> = available(resources)
        .filter(|(jid, _)| asked(jid))
        .map(|(_, stanza)| answer(stanza.into_owned()))
        .collect();
    if !shown.is_empty() {
        return shown;
    }
    let away = Stanza::presence(PresenceType::Unavailable).with_from(owner.clone());
    vec![answer(away)]
}

/// A contact may see the user from now on: it gets the presence of all resources
/// ([`RosterEffect::ShowPresence`](crate::roster::RosterEffect::ShowPresence)).
#[must_use]
pub fn shown_to(resources: &[impl Connected], contact: &BareJid) -> Vec<Stanza> {
    available(resources)
        .map(|(_, stanza)| stanza.into_owned().with_to(contact.clone()))
        .collect()
}

/// A contact may no longer see the user: all resources end for it
/// ([`RosterEffect::HidePresence`](crate::roster::RosterEffect::HidePresence)).
#[must_use]
pub fn hidden_from(resources: &[impl Connected], contact: &BareJid) -> Vec<Stanza> {
    let gone = |jid| Stanza::presence(PresenceType::Unavailable).with_from(jid);
    let seen = seen(resources).into_iter();
    seen.map(|jid| gone(jid).with_to(contact.clone())).collect()
}

fn broadcast(stanza: &Stanza, roster: &Roster) -> Option<PresenceEffect> {
    let to: Vec<Jid> = roster.watchers().cloned().map(Jid::from).collect();
    let stanza = Box::new(stanza.clone());
    (!to.is_empty()).then_some(PresenceEffect::Broadcast { stanza, to })
}
