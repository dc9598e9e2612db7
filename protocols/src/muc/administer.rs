//! Lists of affiliations and roles, and their changes (XEP-0045, sections 8.2 to 8.6, 9 and 10.3 to
//! 10.8).

use super::config::Whois;
use super::effect::{OccupantChange, RoomEffect};
use super::notice::{Notice, status};
use super::occupants::Occupant;
use super::privilege::{
    Affiliation, Refusal, Role, may_change_affiliation, may_change_role, role_after,
};
use super::record::{AffiliationChange, AffiliationEntry, RoomWrite};
use super::room::{Done, Input, Room, gone};
use super::writes::Then;
use crate::jid::{self, BareJid, Jid};
use crate::ns;
use crate::stanza::{Condition, Stanza, StanzaError};
use crate::xml::Element;

/// Changes that were checked, to be done when they are durable.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    /// Nickname of who asked for them, if it is in the room.
    actor: Option<String>,
    changes: Vec<Planned>,
}

#[derive(Clone, Debug)]
enum Planned {
    Affiliation {
        before: Affiliation,
        change: AffiliationChange,
        reason: Option<String>,
    },
    Role {
        nick: String,
        role: Role,
        reason: Option<String>,
    },
}

impl Plan {
    /// Changes of affiliations alone, with what they were before.
    pub(super) fn of_affiliations(
        actor: Option<String>,
        changes: impl IntoIterator<Item = (Affiliation, AffiliationChange)>,
    ) -> Self {
        let planned = |(before, change): (Affiliation, AffiliationChange)| Planned::Affiliation {
            before,
            change,
            reason: None,
        };
        Self {
            actor,
            changes: changes.into_iter().map(planned).collect(),
        }
    }

    /// The part that has to be durable.
    pub(super) fn affiliations(&self) -> Vec<AffiliationChange> {
        let affiliation = |planned: &Planned| match planned {
            Planned::Affiliation { change, .. } => Some(change.clone()),
            Planned::Role { .. } => None,
        };
        self.changes.iter().filter_map(affiliation).collect()
    }
}

impl From<Refusal> for StanzaError {
    fn from(refusal: Refusal) -> Self {
        Self::new(match refusal {
            Refusal::Forbidden => Condition::Forbidden,
            Refusal::NotAllowed => Condition::NotAllowed,
            Refusal::Conflict => Condition::Conflict,
        })
    }
}

impl Room {
    /// `muc#admin` of type get: a list.
    pub(super) fn list(&self, from: &Jid, query: &Element) -> Result<Element, StanzaError> {
        let item = query
            .child("item", ns::MUC_ADMIN)
            .ok_or_else(|| bad("which list? an item with an affiliation or a role is needed"))?;
        let items = match (item.attr("affiliation"), item.attr("role")) {
            (Some(name), None) => {
                let wanted = Affiliation::named(name).ok_or_else(|| bad("no such affiliation"))?;
                self.check_may_list(from, wanted)?;
                self.affiliation_items(wanted)
            }
            (None, Some(name)) => {
                let wanted = Role::named(name).ok_or_else(|| bad("no such role"))?;
                self.check_may_list_role(from, wanted)?;
                let with = |occupant: &&Occupant| occupant.role == wanted;
                self.occupants
                    .iter()
                    .filter(with)
                    .map(|o| self.role_item(o))
                    .collect()
            }
            (None, None) | (Some(_), Some(_)) => return Err(bad("an affiliation or a role")),
        };
        Ok(Element::new("query", ns::MUC_ADMIN).with_children(items))
    }

    /// Owner and admin list are the owners', member and ban list the admins'; and, that clients may
    /// know whom they encrypt to, members of a room that hides nobody see all but the ban list.
    fn check_may_list(&self, from: &Jid, wanted: Affiliation) -> Result<(), StanzaError> {
        let by = self.affiliation(&from.to_bare());
        let config = &self.record.config;
        let needed = match wanted {
            Affiliation::Owner | Affiliation::Admin => Affiliation::Owner,
            Affiliation::Member if config.members_only => Affiliation::Member,
            Affiliation::Member | Affiliation::Outcast | Affiliation::None => Affiliation::Admin,
        };
        let open_book = config.whois == Whois::Anyone && config.members_only;
        let member_sees = by >= Affiliation::Member && wanted != Affiliation::Outcast;
        if by >= needed || (open_book && member_sees) {
            Ok(())
        } else {
            Err(StanzaError::new(Condition::Forbidden))
        }
    }

    fn check_may_list_role(&self, from: &Jid, wanted: Role) -> Result<(), StanzaError> {
        let admin = self.affiliation(&from.to_bare()) >= Affiliation::Admin;
        let moderator = self.role_of(from) == Role::Moderator;
        let may = if wanted == Role::Moderator {
            admin
        } else {
            admin || moderator
        };
        if may {
            Ok(())
        } else {
            Err(StanzaError::new(Condition::Forbidden))
        }
    }

    fn role_of(&self, from: &Jid) -> Role {
        let occupant = from
            .try_as_full()
            .ok()
            .and_then(|from| self.occupants.of(from));
        occupant.map_or(Role::None, |occupant| occupant.role)
    }

    fn affiliation_items(&self, wanted: Affiliation) -> Vec<Element> {
        let listed = self
            .record
            .affiliations
            .iter()
            .filter(|(_, entry)| entry.affiliation == wanted);
        listed
            .map(|(user, entry)| {
                let present = self.occupants.of_user(user).next();
                let nick = present.map(|o| o.nick.as_str()).or(entry.nick.as_deref());
                let reason = entry
                    .reason
                    .as_ref()
                    .map(|reason| Element::new("reason", ns::MUC_ADMIN).with_text(reason));
                Element::new("item", ns::MUC_ADMIN)
                    .with_attr("affiliation", wanted.as_str())
                    .with_attr("jid", user.as_str())
                    .with_attr_opt("nick", nick)
                    .with_attr_opt("role", present.map(|occupant| occupant.role.as_str()))
                    .with_children(reason)
            })
            .collect()
    }

    fn role_item(&self, occupant: &Occupant) -> Element {
        Element::new("item", ns::MUC_ADMIN)
            .with_attr("affiliation", self.affiliation(&occupant.user).as_str())
            .with_attr_opt("jid", occupant.latest().map(|session| session.jid.as_str()))
            .with_attr("nick", occupant.nick.as_str())
            .with_attr("role", occupant.role.as_str())
    }

    /// `muc#admin` of type set: all of its items, or none.
    pub(super) fn administer(
        &mut self,
        from: &Jid,
        query: &Element,
        input: &Input,
        out: &mut Vec<RoomEffect>,
    ) -> Result<Done, StanzaError> {
        let items: Vec<&Element> = query
            .children()
            .filter(|child| child.is("item", ns::MUC_ADMIN))
            .collect();
        if items.is_empty() {
            return Err(bad("nothing to change: no item"));
        }
        let changes = items
            .into_iter()
            .map(|item| self.plan(from, item))
            .collect::<Result<Vec<Planned>, StanzaError>>()?;
        let plan = Plan {
            actor: self.nick_of(from),
            changes,
        };
        let affiliations = plan.affiliations();
        if affiliations.is_empty() {
            self.administered(&plan, &input.stanza, out);
            return Ok(Done::Now);
        }
        self.check_owner_stays(&affiliations)?;
        self.commit(
            RoomWrite::Affiliations(affiliations),
            Then::Administer(plan),
            input,
            out,
        )
    }

    pub(super) fn nick_of(&self, from: &Jid) -> Option<String> {
        let from = from.try_as_full().ok()?;
        self.occupants
            .of(from)
            .map(|occupant| occupant.nick.clone())
    }

    fn plan(&self, from: &Jid, item: &Element) -> Result<Planned, StanzaError> {
        let reason = item
            .child("reason", ns::MUC_ADMIN)
            .map(|r| r.text().trim().to_owned());
        let reason = reason.filter(|text| !text.is_empty());
        let target = match item.attr("jid") {
            None => None,
            Some(text) => Some(jid::parse(text).map_err(|cause| {
                StanzaError::new(Condition::JidMalformed).with_text(cause.to_string())
            })?),
        };
        match (item.attr("affiliation"), item.attr("role")) {
            (Some(name), None) => {
                let to = Affiliation::named(name).ok_or_else(|| bad("no such affiliation"))?;
                self.plan_affiliation(from, to, target, item.attr("nick"), reason)
            }
            (None, Some(name)) => {
                let to = Role::named(name).ok_or_else(|| bad("no such role"))?;
                self.plan_role(from, to, target, item.attr("nick"), reason)
            }
            (None, None) | (Some(_), Some(_)) => Err(bad("an affiliation or a role")),
        }
    }

    fn plan_affiliation(
        &self,
        from: &Jid,
        to: Affiliation,
        target: Option<Jid>,
        nick: Option<&str>,
        reason: Option<String>,
    ) -> Result<Planned, StanzaError> {
        let user = match (target, nick) {
            (Some(jid), _) => jid.to_bare(),
            (None, Some(nick)) => match self.occupants.named(nick) {
                Some(occupant) => occupant.user.clone(),
                None => return Err(StanzaError::new(Condition::ItemNotFound)),
            },
            (None, None) => return Err(bad("whose affiliation? a jid or a nick is needed")),
        };
        let before = self.record.affiliation(&user);
        let by = self.affiliation(&from.to_bare());
        may_change_affiliation(by, before, to)?;
        if to == Affiliation::Outcast && user == from.to_bare() {
            return Err(Refusal::Conflict.into());
        }
        let kept = self
            .record
            .affiliations
            .get(&user)
            .and_then(|entry| entry.nick.clone());
        let nick = if to >= Affiliation::Member {
            nick.map(str::to_owned).or(kept)
        } else {
            None
        };
        self.check_reservation(&user, nick.as_deref())?;
        let entry = (to != Affiliation::None).then(|| AffiliationEntry {
            affiliation: to,
            nick,
            reason: reason.clone(),
        });
        Ok(Planned::Affiliation {
            before,
            change: AffiliationChange { user, entry },
            reason,
        })
    }

    /// A nickname is reserved for one user.
    pub(super) fn check_reservation(
        &self,
        user: &BareJid,
        nick: Option<&str>,
    ) -> Result<(), StanzaError> {
        let holder = nick.and_then(|nick| self.record.reserved_for(nick));
        match holder {
            Some(other) if other != user => Err(StanzaError::new(Condition::Conflict)),
            Some(_) | None => Ok(()),
        }
    }

    fn plan_role(
        &self,
        from: &Jid,
        to: Role,
        target: Option<Jid>,
        nick: Option<&str>,
        reason: Option<String>,
    ) -> Result<Planned, StanzaError> {
        let by_jid = || self.occupants.of(target.as_ref()?.try_as_full().ok()?);
        let occupant = match nick {
            Some(nick) => self.occupants.named(nick),
            None => by_jid(),
        };
        let by = (self.affiliation(&from.to_bare()), self.role_of(from));
        // Who may change nobody learns nothing about who is there.
        let nobody = (Affiliation::Outcast, Role::None);
        let of = occupant.map_or(nobody, |o| (self.affiliation(&o.user), o.role));
        match (may_change_role(by, of, to), occupant) {
            (Err(Refusal::Forbidden), _) => Err(Refusal::Forbidden.into()),
            (_, None) => Err(StanzaError::new(Condition::ItemNotFound)),
            (Err(refusal), Some(_)) => Err(refusal.into()),
            (Ok(()), Some(occupant)) => Ok(Planned::Role {
                nick: occupant.nick.clone(),
                role: to,
                reason,
            }),
        }
    }

    /// XEP-0045, section 10.4: a room never loses its last owner.
    pub(super) fn check_owner_stays(
        &self,
        changes: &[AffiliationChange],
    ) -> Result<(), StanzaError> {
        let mut after = self.record.clone();
        after.change_affiliations(changes);
        let owned = after
            .affiliations
            .values()
            .any(|e| e.affiliation == Affiliation::Owner);
        if owned {
            Ok(())
        } else {
            Err(Refusal::Conflict.into())
        }
    }

    /// Shows changes that are in force: to those who have to leave, to who asked, to the others.
    pub(super) fn administered(
        &mut self,
        plan: &Plan,
        request: &Stanza,
        out: &mut Vec<RoomEffect>,
    ) {
        let mut others = Vec::new();
        for planned in &plan.changes {
            match planned {
                Planned::Affiliation {
                    before,
                    change,
                    reason,
                } => {
                    let cause = (plan.actor.clone(), reason.clone());
                    self.affiliation_changed(*before, change, cause, out, &mut others);
                }
                Planned::Role { nick, role, reason } => {
                    let cause = (plan.actor.clone(), reason.clone());
                    self.change_role(nick, *role, status::KICKED, cause, out, &mut others);
                }
            }
        }
        self.succeed(request, out);
        out.append(&mut others);
        self.close_if_over(out);
    }

    fn affiliation_changed(
        &mut self,
        before: Affiliation,
        change: &AffiliationChange,
        cause: (Option<String>, Option<String>),
        out: &mut Vec<RoomEffect>,
        others: &mut Vec<RoomEffect>,
    ) {
        let after = change
            .entry
            .as_ref()
            .map_or(Affiliation::None, |entry| entry.affiliation);
        if before == after {
            return;
        }
        let present: Vec<(String, Role)> = self
            .occupants
            .of_user(&change.user)
            .map(|occupant| (occupant.nick.clone(), occupant.role))
            .collect();
        let (moderated, members_only) = (
            self.record.config.moderated,
            self.record.config.members_only,
        );
        let code = if after == Affiliation::Outcast {
            status::BANNED
        } else {
            status::AFFILIATION
        };
        for (nick, role) in &present {
            let role = role_after((before, *role), after, moderated, members_only);
            self.change_role(nick, role, code, cause.clone(), out, others);
        }
        if present.is_empty() && after == Affiliation::Member && members_only {
            let inviter = Jid::from(self.record.jid.clone());
            others.push(self.invitation(&inviter, &change.user.clone().into(), None));
        }
    }

    /// Sets the role of an occupant and shows it with its affiliation; no role means that it has to
    /// leave, with `code` for the reason.
    pub(super) fn change_role(
        &mut self,
        nick: &str,
        role: Role,
        code: u16,
        (actor, reason): (Option<String>, Option<String>),
        out: &mut Vec<RoomEffect>,
        others: &mut Vec<RoomEffect>,
    ) {
        if role == Role::None {
            let Some(occupant) = self.occupants.remove(nick) else {
                return;
            };
            out.extend(occupant.jids().map(|jid| gone(jid.clone())));
            let notice = Notice::unavailable(None, self.affiliation(&occupant.user))
                .with_code(code)
                .with_cause(actor, reason);
            self.announce_to_self(&occupant, occupant.jids(), &notice, out);
            return self.announce_to_others(&occupant, &notice, others);
        }
        self.occupants.set_role(nick, role);
        let Some(occupant) = self.occupants.named(nick) else {
            return;
        };
        for record in occupant.records() {
            others.push(RoomEffect::Occupant(OccupantChange::Put(Box::new(record))));
        }
        let notice =
            Notice::available(occupant, self.affiliation(&occupant.user)).with_cause(actor, reason);
        self.announce(occupant, &notice, others);
    }
}

fn bad(text: &str) -> StanzaError {
    StanzaError::new(Condition::BadRequest).with_text(text)
}
