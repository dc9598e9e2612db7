//! Presence of one user: broadcast, probes, directed presence (RFC 6121, section 4).
//!
//! A [`Presences`] holds the connected resources of a user with their last presence. It takes what
//! the user's clients send and what contacts ask, with the [`Roster`] that says who sees whom, and
//! answers with [`PresenceEffect`]s.
//!
//! ```
//! use takeover_protocols::jid::BareJid;
//! use takeover_protocols::presence::{PresenceEffect, Presences};
//! use takeover_protocols::roster::{Roster, RosterLimits};
//! use takeover_protocols::stanza::Stanza;
//!
//! let andy = BareJid::new("andy@example.org").unwrap();
//! let roster = Roster::new(andy.clone(), RosterLimits::default());
//! let mut presences = Presences::new(andy);
//! presences.connected("desk");
//! let stanza = Stanza::parse("<presence><priority>3</priority></presence>").unwrap();
//! let effects = presences.sent("desk", &stanza, &roster);
//! assert!(matches!(effects[..], [PresenceEffect::Arrived { .. }, PresenceEffect::Own { .. }]));
//! assert_eq!(presences.resources()[0].priority, Some(3));
//! ```

use std::collections::{BTreeMap, BTreeSet};

use crate::jid::{BareJid, FullJid, Jid};
use crate::roster::Roster;
use crate::routing::Resource;
use crate::stanza::{PresenceType, Stanza, StanzaKind};

/// Most addresses that one resource's directed presence is remembered for; the oldest in
/// alphabetical order is forgotten, and will not hear of the resource's end by it.
const MOST_DIRECTED: usize = 1_000;

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum PresenceEffect {
    /// Route this stanza, `from` being set, to each of these contacts.
    Broadcast {
        /// Without `to`.
        stanza: Box<Stanza>,
        /// Bare addresses of contacts, or whom directed presence was sent to.
        to: Vec<Jid>,
    },
    /// Deliver this stanza to these resources of the user.
    Own {
        /// Without `to`.
        stanza: Box<Stanza>,
        /// Names of resources.
        resources: Vec<String>,
    },
    /// Route one stanza with both addresses.
    Send(Box<Stanza>),
    /// A resource can be reached from now on: give it the pending subscription requests, and, if it
    /// takes messages, what was kept while the user was away (XEP-0160, section 2).
    Arrived {
        /// Its name.
        resource: String,
        /// Whether this is its first presence.
        initial: bool,
        /// Whether its priority is not negative, so that messages come to it.
        takes_messages: bool,
    },
}

/// One connected resource.
#[derive(Clone, Debug, Default)]
struct Connected {
    /// Its last available presence, `from` set; `None` while it is not available.
    available: Option<Stanza>,
    priority: i8,
    /// Whom it sent directed presence to that does not see it anyway.
    directed: BTreeSet<Jid>,
}

/// The presence of one user's resources.
#[derive(Clone, Debug)]
pub struct Presences {
    owner: BareJid,
    resources: BTreeMap<String, Connected>,
}

impl Presences {
    /// A user without connected resources.
    #[must_use]
    pub fn new(owner: BareJid) -> Self {
        Self {
            owner,
            resources: BTreeMap::new(),
        }
    }

    /// The connected resources for [`route`](crate::routing::route), in alphabetical order.
    #[must_use]
    pub fn resources(&self) -> Vec<Resource<'_>> {
        self.resources
            .iter()
            .map(|(name, connected)| Resource {
                name,
                priority: connected.available.as_ref().map(|_| connected.priority),
            })
            .collect()
    }

    /// The last presence of an available resource.
    #[must_use]
    pub fn of(&self, resource: &str) -> Option<&Stanza> {
        self.resources.get(resource)?.available.as_ref()
    }

    /// Whether any resource is available.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.resources
            .values()
            .any(|connected| connected.available.is_some())
    }

    /// A resource is bound; nobody knows of it yet.
    pub fn connected(&mut self, resource: &str) {
        self.resources.entry(resource.to_owned()).or_default();
    }

    /// A resource's session is over: whoever saw it is told (RFC 6121, section 4.5.2).
    pub fn disconnected(&mut self, resource: &str, roster: &Roster) -> Vec<PresenceEffect> {
        let gone = Stanza::presence(PresenceType::Unavailable);
        let effects = self.sent(resource, &gone, roster);
        self.resources.remove(resource);
        effects
    }

    /// A client sends presence: without `to` to everybody who sees the user (RFC 6121, sections 4.2,
    /// 4.4 and 4.5), with `to` to one (section 4.6). Stanzas of other types do nothing here.
    pub fn sent(
        &mut self,
        resource: &str,
        stanza: &Stanza,
        roster: &Roster,
    ) -> Vec<PresenceEffect> {
        let Ok(from) = self.owner.with_resource_str(resource) else {
            return Vec::new();
        };
        let mut stanza = stanza.clone().with_from(from.clone());
        match (stanza.kind, stanza.to.take()) {
            (StanzaKind::Presence(PresenceType::Available), None) => {
                self.available(resource, &from, stanza, roster)
            }
            (StanzaKind::Presence(PresenceType::Unavailable), None) => {
                self.unavailable(resource, stanza, roster)
            }
            (StanzaKind::Presence(kind), Some(to)) => {
                self.directed(resource, kind, &to, roster);
                stanza.to = Some(to);
                vec![PresenceEffect::Send(Box::new(stanza))]
            }
            (StanzaKind::Presence(_), None) | (StanzaKind::Message(_) | StanzaKind::Iq(_), _) => {
                Vec::new()
            }
        }
    }

    fn available(
        &mut self,
        resource: &str,
        from: &FullJid,
        stanza: Stanza,
        roster: &Roster,
    ) -> Vec<PresenceEffect> {
        let connected = self.resources.entry(resource.to_owned()).or_default();
        let before = connected
            .available
            .replace(stanza.clone())
            .map(|_| connected.priority);
        connected.priority = stanza.priority();
        let takes_messages = connected.priority >= 0;
        let mut effects = Vec::new();
        let initial = before.is_none();
        if initial || (takes_messages && before.is_some_and(|priority| priority < 0)) {
            let resource = resource.to_owned();
            effects.push(PresenceEffect::Arrived {
                resource,
                initial,
                takes_messages,
            });
        }
        if initial {
            effects.extend(self.ask_contacts(from, roster));
            effects.extend(self.show_own_to(resource));
        }
        effects.extend(broadcast(
            &stanza,
            roster.watchers().cloned().map(Jid::from).collect(),
        ));
        let own = self.available_names().map(str::to_owned).collect();
        effects.push(PresenceEffect::Own {
            stanza: Box::new(stanza),
            resources: own,
        });
        effects
    }

    /// RFC 6121, section 4.2.2: a new resource asks after the contacts that the user sees.
    fn ask_contacts(&self, from: &FullJid, roster: &Roster) -> Option<PresenceEffect> {
        let probe = Stanza::presence(PresenceType::Probe).with_from(from.clone());
        broadcast(&probe, roster.watched().cloned().map(Jid::from).collect())
    }

    /// RFC 6121, section 4.2.2: a new resource learns of the user's others.
    fn show_own_to(&self, resource: &str) -> Vec<PresenceEffect> {
        let others = self.resources.iter().filter(|(name, _)| *name != resource);
        others
            .filter_map(|(_, connected)| connected.available.clone())
            .map(|stanza| PresenceEffect::Own {
                stanza: Box::new(stanza),
                resources: vec![resource.to_owned()],
            })
            .collect()
    }

    /// RFC 6121, sections 4.5.2 and 4.6.3: contacts, the user's other resources, and those who had
    /// directed presence learn that the resource is gone.
    fn unavailable(
        &mut self,
        resource: &str,
        stanza: Stanza,
        roster: &Roster,
    ) -> Vec<PresenceEffect> {
        let Some(connected) = self.resources.get_mut(resource) else {
            return Vec::new();
        };
        let was_available = connected.available.take().is_some();
        let mut to: BTreeSet<Jid> = std::mem::take(&mut connected.directed);
        let mut effects = Vec::new();
        if was_available {
            let mut own: Vec<String> = self.available_names().map(str::to_owned).collect();
            own.push(resource.to_owned());
            effects.push(PresenceEffect::Own {
                stanza: Box::new(stanza.clone()),
                resources: own,
            });
            to.extend(roster.watchers().cloned().map(Jid::from));
        }
        effects.extend(broadcast(&stanza, to.into_iter().collect()));
        effects
    }

    /// RFC 6121, section 4.6: who got directed presence is to hear of the resource's end, unless it
    /// hears of it anyway.
    fn directed(&mut self, resource: &str, kind: PresenceType, to: &Jid, roster: &Roster) {
        let Some(connected) = self.resources.get_mut(resource) else {
            return;
        };
        match kind {
            PresenceType::Available => {
                let sees = roster.state(&to.to_bare()).seen_by_contact();
                if !sees || connected.available.is_none() {
                    connected.directed.insert(to.clone());
                }
                if connected.directed.len() > MOST_DIRECTED {
                    connected.directed.pop_first();
                }
            }
            PresenceType::Unavailable => {
                connected.directed.remove(to);
            }
            PresenceType::Subscribe
            | PresenceType::Subscribed
            | PresenceType::Unsubscribe
            | PresenceType::Unsubscribed
            | PresenceType::Probe
            | PresenceType::Error => {}
        }
    }

    /// Whether a resource has shown itself to somebody: by subscription, by directed presence, or
    /// because it is the user's own ([`Address::Full`](crate::routing::Address::Full) asks for it).
    #[must_use]
    pub fn is_known_to(&self, resource: &str, other: &Jid, roster: &Roster) -> bool {
        let bare = other.to_bare();
        let directed = self.resources.get(resource).is_some_and(|connected| {
            connected.directed.contains(other) || connected.directed.iter().any(|to| *to == bare)
        });
        directed || bare == self.owner || roster.state(&bare).seen_by_contact()
    }

    /// Somebody asks for the user's presence (RFC 6121, section 4.3.2).
    #[must_use]
    pub fn probed(&self, probe: &Stanza, roster: &Roster) -> Vec<PresenceEffect> {
        let Some(asker) = &probe.from else {
            return Vec::new();
        };
        let bare = asker.to_bare();
        let answer = |stanza: Stanza| PresenceEffect::Send(Box::new(stanza.with_to(asker.clone())));
        if bare != self.owner && !roster.state(&bare).seen_by_contact() {
            let denied = Stanza::presence(PresenceType::Unsubscribed);
            return vec![answer(denied.with_from(self.owner.clone()))];
        }
        let one = probe
            .to
            .as_ref()
            .and_then(Jid::resource)
            .map(|resource| resource.as_str());
        let asked = |name: &String| one.is_none_or(|one| one == name);
        let shown: Vec<PresenceEffect> = self
            .resources
            .iter()
            .filter(|(name, _)| asked(name))
            .filter_map(|(_, connected)| connected.available.clone())
            .map(answer)
            .collect();
        if !shown.is_empty() {
            return shown;
        }
        let away = Stanza::presence(PresenceType::Unavailable).with_from(self.owner.clone());
        vec![answer(away)]
    }

    /// A contact may see the user from now on: it gets the presence of all resources
    /// ([`RosterEffect::ShowPresence`](crate::roster::RosterEffect::ShowPresence)).
    #[must_use]
    pub fn shown_to(&self, contact: &BareJid) -> Vec<PresenceEffect> {
        let to = Jid::from(contact.clone());
        let available = self
            .resources
            .values()
            .filter_map(|connected| connected.available.clone());
        available
            .map(|s| PresenceEffect::Send(Box::new(s.with_to(to.clone()))))
            .collect()
    }

    /// A contact may no longer see the user: all resources end for it
    /// ([`RosterEffect::HidePresence`](crate::roster::RosterEffect::HidePresence)).
    #[must_use]
    pub fn hidden_from(&self, contact: &BareJid) -> Vec<PresenceEffect> {
        self.available_names()
            .filter_map(|name| self.owner.with_resource_str(name).ok())
            .map(|from| {
                let gone = Stanza::presence(PresenceType::Unavailable);
                let gone = gone.with_from(from).with_to(contact.clone());
                PresenceEffect::Send(Box::new(gone))
            })
            .collect()
    }

    fn available_names(&self) -> impl Iterator<Item = &str> {
        let available = self.resources.iter().filter(|(_, c)| c.available.is_some());
        available.map(|(name, _)| name.as_str())
    }
}

fn broadcast(stanza: &Stanza, to: Vec<Jid>) -> Option<PresenceEffect> {
    let stanza = Box::new(stanza.clone());
    (!to.is_empty()).then_some(PresenceEffect::Broadcast { stanza, to })
}
