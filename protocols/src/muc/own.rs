//! Configuring and destroying a room (XEP-0045, sections 10.1, 10.2 and 10.9).

use std::collections::BTreeMap;

use super::administer::Plan;
use super::config::{RoomConfig, Whois};
use super::config_form::{Submitted, form, read};
use super::effect::{CloseReason, RoomEffect};
use super::notice::status;
use super::privilege::{Affiliation, Role};
use super::record::{AffiliationChange, AffiliationEntry, RoomRecord, RoomWrite};
use super::room::{Done, Input, Phase, Room};
use super::writes::Then;
use crate::forms::{Form, FormKind};
use crate::jid::{self, BareJid, Jid};
use crate::ns;
use crate::stanza::{Condition, Stanza, StanzaError};
use crate::xml::Element;

/// A change of the configuration, to be shown when it is durable.
#[derive(Clone, Debug)]
pub(super) struct Reconfigured {
    before: RoomConfig,
    after: RoomConfig,
    plan: Plan,
}

impl Room {
    /// `muc#owner` of type get: the configuration form.
    pub(super) fn show_config(&self, from: &Jid) -> Result<Element, StanzaError> {
        self.check_owner(from)?;
        Ok(Element::new("query", ns::MUC_OWNER).with_child(form(&self.record).to_element()))
    }

    fn check_owner(&self, from: &Jid) -> Result<(), StanzaError> {
        if self.affiliation(&from.to_bare()) == Affiliation::Owner {
            Ok(())
        } else {
            Err(StanzaError::new(Condition::Forbidden))
        }
    }

    /// `muc#owner` of type set: a submitted or cancelled form, or the end of the room.
    pub(super) fn own(
        &mut self,
        from: &Jid,
        query: &Element,
        input: &Input,
        out: &mut Vec<RoomEffect>,
    ) -> Result<Done, StanzaError> {
        self.check_owner(from)?;
        if let Some(destroy) = query.child("destroy", ns::MUC_OWNER) {
            return self.destroy(&told(destroy)?, input, out);
        }
        let form = query.children().find_map(Form::from_element);
        let form = form.ok_or_else(|| {
            StanzaError::new(Condition::BadRequest).with_text("a form, or <destroy/>")
        })?;
        match form.kind {
            FormKind::Submit => self.configure(from, &form, input, out),
            FormKind::Cancel if self.phase == Phase::Locked => {
                self.destroy(&Element::new("destroy", ns::MUC_USER), input, out)
            }
            FormKind::Cancel => {
                self.succeed(&input.stanza, out);
                Ok(Done::Now)
            }
            FormKind::Form | FormKind::Result => {
                Err(StanzaError::new(Condition::BadRequest).with_text("a submitted form"))
            }
        }
    }

    fn configure(
        &mut self,
        from: &Jid,
        form: &Form,
        input: &Input,
        out: &mut Vec<RoomEffect>,
    ) -> Result<Done, StanzaError> {
        let submitted = read(form, &self.record.config)?;
        let changes = self.lists(&submitted);
        let affiliations: Vec<AffiliationChange> =
            changes.iter().map(|(_, change)| change.clone()).collect();
        self.check_owner_stays(&affiliations)?;
        let change = Reconfigured {
            before: self.record.config.clone(),
            after: submitted.config.clone(),
            plan: Plan::of_affiliations(self.nick_of(from), changes),
        };
        let then = Then::Configured(Box::new(change));
        self.commit(
            self.config_write(submitted.config, affiliations),
            then,
            input,
            out,
        )
    }

    /// A room becomes durable, stays it, or ceases to be it.
    fn config_write(&self, config: RoomConfig, affiliations: Vec<AffiliationChange>) -> RoomWrite {
        match (self.durable, config.persistent) {
            (false, true) => {
                let mut record = RoomRecord {
                    config,
                    ..self.record.clone()
                };
                record.change_affiliations(&affiliations);
                let history = self.history.iter().cloned().collect();
                RoomWrite::Create {
                    record: Box::new(record),
                    history,
                }
            }
            (true, false) => RoomWrite::Delete,
            (true, true) | (false, false) => RoomWrite::Config {
                config: Box::new(config),
                affiliations,
            },
        }
    }

    /// What the lists of admins and owners in the form change: they are whole lists (XEP-0045,
    /// section 10.5). Who is in both is an owner; who is in none of the lists given and was in one
    /// becomes a member.
    fn lists(&self, submitted: &Submitted) -> Vec<(Affiliation, AffiliationChange)> {
        let mut wanted: BTreeMap<BareJid, Affiliation> = BTreeMap::new();
        for (user, entry) in &self.record.affiliations {
            let listed = match entry.affiliation {
                Affiliation::Admin => submitted.admins.is_some(),
                Affiliation::Owner => submitted.owners.is_some(),
                Affiliation::Outcast | Affiliation::None | Affiliation::Member => false,
            };
            if listed {
                wanted.insert(user.clone(), Affiliation::Member);
            }
        }
        for user in submitted.admins.iter().flatten() {
            if self.record.affiliation(user) != Affiliation::Owner || submitted.owners.is_some() {
                wanted.insert(user.clone(), Affiliation::Admin);
            }
        }
        for user in submitted.owners.iter().flatten() {
            wanted.insert(user.clone(), Affiliation::Owner);
        }
        let change = |(user, affiliation): (BareJid, Affiliation)| {
            let before = self.record.affiliation(&user);
            let kept = self
                .record
                .affiliations
                .get(&user)
                .and_then(|entry| entry.nick.clone());
            let entry = Some(AffiliationEntry {
                affiliation,
                nick: kept,
                reason: None,
            });
            (before != affiliation).then_some((before, AffiliationChange { user, entry }))
        };
        wanted.into_iter().filter_map(change).collect()
    }

    /// The new configuration is in force (XEP-0045, sections 10.1 and 10.2.1).
    pub(super) fn configured(
        &mut self,
        change: Reconfigured,
        request: &Stanza,
        out: &mut Vec<RoomEffect>,
    ) {
        let Reconfigured {
            before,
            after,
            plan,
        } = change;
        self.record.config = after;
        self.record.change_affiliations(&plan.affiliations());
        let first = self.phase == Phase::Locked;
        self.phase = Phase::Open;
        if !first && before != self.record.config {
            self.announce_codes(&self.codes_of_change(&before), out);
        }
        let mut others = Vec::new();
        if self.record.config.members_only && !before.members_only {
            self.remove_non_members(out, &mut others);
        }
        if before.moderated && !self.record.config.moderated {
            self.give_voice(out, &mut others);
        }
        self.administered(&plan, request, out);
        out.append(&mut others);
        self.close_if_over(out);
    }

    /// XEP-0045, section 10.2.1: a code for each change that touches privacy, 104 for any other.
    fn codes_of_change(&self, before: &RoomConfig) -> Vec<u16> {
        let after = &self.record.config;
        let mut codes = Vec::new();
        match (before.logging, after.logging) {
            (false, true) => codes.push(status::LOGGED),
            (true, false) => codes.push(status::NOT_LOGGED),
            (false, false) | (true, true) => {}
        }
        match (before.whois, after.whois) {
            (Whois::Moderators, Whois::Anyone) => codes.push(status::NOW_NON_ANONYMOUS),
            (Whois::Anyone, Whois::Moderators) => codes.push(status::NOW_SEMI_ANONYMOUS),
            (Whois::Moderators, Whois::Moderators) | (Whois::Anyone, Whois::Anyone) => {}
        }
        let privacy = RoomConfig {
            logging: after.logging,
            whois: after.whois,
            ..before.clone()
        };
        if privacy != *after {
            codes.push(status::CONFIG_CHANGED);
        }
        codes
    }

    fn remove_non_members(&mut self, out: &mut Vec<RoomEffect>, others: &mut Vec<RoomEffect>) {
        let outside = |user: &BareJid| self.affiliation(user) < Affiliation::Member;
        let leaving = self
            .occupants
            .iter()
            .filter(|occupant| outside(&occupant.user));
        let nicks: Vec<String> = leaving.map(|occupant| occupant.nick.clone()).collect();
        for nick in nicks {
            self.change_role(
                &nick,
                Role::None,
                status::MEMBERS_ONLY,
                (None, None),
                out,
                others,
            );
        }
    }

    /// In a room that is no longer moderated everybody may speak.
    fn give_voice(&mut self, out: &mut Vec<RoomEffect>, others: &mut Vec<RoomEffect>) {
        let silent = self
            .occupants
            .iter()
            .filter(|occupant| occupant.role == Role::Visitor);
        let nicks: Vec<String> = silent.map(|occupant| occupant.nick.clone()).collect();
        for nick in nicks {
            self.change_role(&nick, Role::Participant, 0, (None, None), out, others);
        }
    }

    fn destroy(
        &mut self,
        told: &Element,
        input: &Input,
        out: &mut Vec<RoomEffect>,
    ) -> Result<Done, StanzaError> {
        self.commit(RoomWrite::Delete, Then::Destroy(told.clone()), input, out)
    }

    /// XEP-0045, section 10.9: all leave, told where to go on.
    pub(super) fn destroyed(
        &mut self,
        told: &Element,
        request: &Stanza,
        out: &mut Vec<RoomEffect>,
    ) {
        self.empty_out(&[], Some(told), out);
        self.succeed(request, out);
        self.close(CloseReason::Destroyed, out);
    }
}

/// What occupants are told: the owner's `<destroy/>`, in their namespace.
fn told(destroy: &Element) -> Result<Element, StanzaError> {
    let venue = match destroy.attr("jid") {
        None => None,
        Some(text) => Some(jid::parse(text).map_err(|cause| {
            StanzaError::new(Condition::JidMalformed).with_text(cause.to_string())
        })?),
    };
    let text = |name: &'static str| {
        let child = destroy.child(name, ns::MUC_OWNER);
        child.map(|child| Element::new(name, ns::MUC_USER).with_text(child.text()))
    };
    Ok(Element::new("destroy", ns::MUC_USER)
        .with_attr_opt("jid", venue.as_ref().map(|jid| jid.as_str()))
        .with_children(text("reason"))
        .with_children(text("password")))
}
