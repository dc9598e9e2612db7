//! The room itself: its state, the order of its writes, and which part answers what.

use std::collections::VecDeque;

use super::config::RoomConfig;
use super::config_form::MAX_HISTORY;
use super::effect::{CloseReason, OccupantChange, RoomEffect, StoreFailure, Ticket};
use super::history::History;
use super::notice::{Notice, status};
use super::occupants::{Occupants, Session};
use super::privilege::{Affiliation, Role};
use super::record::{HistoryEntry, OccupantRecord, RoomRecord, RoomWrite, WriteId};
use super::writes::Outstanding;
use crate::datetime::Timestamp;
use crate::jid::{BareJid, FullJid, Jid};
use crate::ns;
use crate::stanza::{
    Condition, IqType, MessageType, PresenceType, Stanza, StanzaError, StanzaKind,
};
use crate::xml::Element;

/// Bounds of what one room keeps in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomLimits {
    /// Messages kept for those who enter; older ones are dropped (they stay in the database).
    pub history: usize,
    /// Messages that somebody who enters may ask for, more than the room sends to everybody.
    pub history_fetch: usize,
    /// Writes that may be outstanding; one more message is refused with `resource-constraint`.
    pub outstanding: usize,
    /// Stanzas that may wait for a write that changes who may do what; one more is refused with
    /// `resource-constraint`.
    pub deferred: usize,
}

impl Default for RoomLimits {
    /// 200 messages, 1000 for who asks, 1024 writes, 1024 stanzas.
    fn default() -> Self {
        Self {
            history: 200,
            history_fetch: MAX_HISTORY as usize,
            outstanding: 1024,
            deferred: 1024,
        }
    }
}

/// Where a room stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nobody has created it yet: whoever enters does.
    Vacant,
    /// Created, and waiting for its first configuration; only its owner may be in it (XEP-0045,
    /// section 10.1.1).
    Locked,
    /// Open for business.
    Open,
    /// Over; whatever comes is to be routed anew.
    Closed(CloseReason),
}

/// A stanza that was given to the room.
#[derive(Clone, Debug)]
pub(super) struct Input {
    pub(super) ticket: Ticket,
    pub(super) stanza: Stanza,
    pub(super) at: Timestamp,
    /// Of a join: what was fetched of the history before the messages in memory, oldest first.
    pub(super) older: Vec<HistoryEntry>,
}

/// How far a stanza got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// Nothing is left to do.
    Now,
    /// Its write reports.
    WhenStored,
}

/// A room as a machine: see the [module](super) for how to drive it.
#[derive(Clone, Debug)]
pub struct Room {
    pub(super) record: RoomRecord,
    pub(super) phase: Phase,
    /// Whether the database has the room (a persistent one's first configuration is confirmed).
    pub(super) durable: bool,
    pub(super) occupants: Occupants,
    pub(super) history: History,
    pub(super) limits: RoomLimits,
    pub(super) next_seq: u64,
    pub(super) next_write: u64,
    pub(super) outstanding: VecDeque<Outstanding>,
    pub(super) deferred: VecDeque<Input>,
}

impl Room {
    /// A room that does not exist yet: the first who enters creates it, with `defaults`.
    #[must_use]
    pub fn vacant(jid: BareJid, defaults: RoomConfig, limits: RoomLimits) -> Self {
        let record = RoomRecord {
            jid,
            config: defaults,
            affiliations: std::collections::BTreeMap::new(),
            subject: None,
            created: Timestamp::default(),
        };
        Self::with(record, Phase::Vacant, false, limits)
    }

    /// A room out of the database, with the occupants that the soft state says are in it: the room
    /// goes on as if nothing had happened. `history` is the newest part of it, oldest first;
    /// `last_seq` is the greatest [`HistoryEntry::seq`] ever used, 0 for none.
    #[must_use]
    pub fn restore(
        record: RoomRecord,
        history: impl IntoIterator<Item = HistoryEntry>,
        last_seq: u64,
        occupants: impl IntoIterator<Item = OccupantRecord>,
        limits: RoomLimits,
    ) -> Self {
        let mut room = Self::with(record, Phase::Open, true, limits);
        for entry in history {
            room.next_seq = room.next_seq.max(entry.seq + 1);
            room.history.push(entry);
        }
        room.next_seq = room.next_seq.max(last_seq + 1);
        for occupant in occupants {
            room.readmit(occupant);
        }
        room
    }

    fn with(record: RoomRecord, phase: Phase, durable: bool, limits: RoomLimits) -> Self {
        Self {
            record,
            phase,
            durable,
            occupants: Occupants::default(),
            history: History::new(limits.history),
            limits,
            next_seq: 1,
            next_write: 1,
            outstanding: VecDeque::new(),
            deferred: VecDeque::new(),
        }
    }

    /// Puts a session of another node's life of the room back. Records that contradict the ones
    /// before them (a nickname of two users) are left out: the client will notice and enter anew.
    fn readmit(&mut self, record: OccupantRecord) {
        let Ok(address) = self.record.jid.with_resource_str(&record.nick) else {
            return;
        };
        let nick = address.resource().as_str();
        let taken = self
            .occupants
            .named(nick)
            .is_some_and(|o| o.user != record.jid.to_bare());
        if taken || self.occupants.of(&record.jid).is_some() {
            return;
        }
        let presence = Stanza::parse(&record.presence)
            .unwrap_or_else(|_| Stanza::presence(PresenceType::Available));
        let session = Session {
            jid: record.jid,
            presence,
            joined: record.joined,
        };
        self.occupants.put(address, session, record.role);
    }

    /// Address of the room.
    #[must_use]
    pub fn jid(&self) -> &BareJid {
        &self.record.jid
    }

    /// Everything durable about the room but its history. Of a room whose configuration is not
    /// persistent nothing is in the database.
    #[must_use]
    pub fn record(&self) -> &RoomRecord {
        &self.record
    }

    /// Where the room stands in its life.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether the database has the room, so that it survives its node.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        self.durable
    }

    /// Whether nobody is in the room. A durable room may be unloaded then, if nothing
    /// [`is_waiting`](Room::is_waiting).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.occupants.is_empty()
    }

    /// Whether writes are outstanding or stanzas wait for them.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.outstanding.is_empty() || !self.deferred.is_empty()
    }

    /// Number of occupants (nicknames).
    #[must_use]
    pub fn occupant_count(&self) -> usize {
        self.occupants.len()
    }

    /// All sessions in the room, to be kept by the pair's soft state: the same values as in
    /// [`RoomEffect::Occupant`].
    #[must_use]
    pub fn occupants(&self) -> Vec<OccupantRecord> {
        self.occupants
            .iter()
            .flat_map(|occupant| occupant.records())
            .collect()
    }

    /// The messages in memory, oldest first.
    pub fn history(&self) -> impl Iterator<Item = &HistoryEntry> {
        self.history.iter()
    }

    /// Takes one stanza whose `from` is the sender's real address, as its server stamped it, and
    /// whose `to` is the room or an occupant of it. Answers what to do; the ticket comes back in
    /// [`RoomEffect::Handled`] or [`RoomEffect::Reroute`], now or after a write.
    pub fn handle(&mut self, ticket: Ticket, stanza: Stanza, now: Timestamp) -> Vec<RoomEffect> {
        self.handle_join(ticket, stanza, Vec::new(), now)
    }

    /// As [`Room::handle`], for a join that asks for [`Room::older_history`]: `older` is what of it
    /// the database has, oldest first.
    pub fn handle_join(
        &mut self,
        ticket: Ticket,
        stanza: Stanza,
        older: Vec<HistoryEntry>,
        now: Timestamp,
    ) -> Vec<RoomEffect> {
        let mut out = Vec::new();
        let input = Input {
            ticket,
            stanza,
            at: now,
            older,
        };
        self.accept(input, &mut out);
        out
    }

    /// The write is durable. Writes may be reported in any order; what they show is shown in the
    /// order in which they were asked for. Names of no outstanding write are ignored.
    pub fn stored(&mut self, write: WriteId) -> Vec<RoomEffect> {
        self.settle(write, Ok(()))
    }

    /// The write did not happen, or nobody knows: its sender gets an error, and nobody else sees
    /// anything of it.
    pub fn store_failed(&mut self, write: WriteId, cause: StoreFailure) -> Vec<RoomEffect> {
        self.settle(write, Err(cause))
    }

    /// The service stops: occupants of a room that is not durable are told (CHAT-11), those of a
    /// durable one are left in peace, for the room goes on elsewhere. Outstanding writes are no
    /// longer waited for: their senders were not answered, and their stanzas are routed anew.
    pub fn shut_down(&mut self) -> Vec<RoomEffect> {
        let mut out = Vec::new();
        self.reroute_waiting(&mut out);
        if !self.durable {
            self.empty_out(&[status::SHUTDOWN], None, &mut out);
        }
        self.close(CloseReason::Shutdown, &mut out);
        out
    }

    pub(super) fn accept(&mut self, input: Input, out: &mut Vec<RoomEffect>) {
        if matches!(self.phase, Phase::Closed(_)) {
            out.push(RoomEffect::Reroute(input.ticket, Box::new(input.stanza)));
        } else if !self.must_wait() {
            self.process(input, out);
        } else if self.deferred.len() < self.limits.deferred {
            self.deferred.push_back(input);
        } else {
            self.refuse(
                &input,
                &StanzaError::new(Condition::ResourceConstraint),
                out,
            );
        }
    }

    /// Whether a write is outstanding that changes who may do what: nothing can be decided then.
    pub(super) fn must_wait(&self) -> bool {
        self.outstanding
            .back()
            .is_some_and(|last| match *last.write {
                RoomWrite::Message(_) | RoomWrite::Subject(_) => false,
                RoomWrite::Create { .. }
                | RoomWrite::Config { .. }
                | RoomWrite::Affiliations(_)
                | RoomWrite::Delete => true,
            })
    }

    fn process(&mut self, input: Input, out: &mut Vec<RoomEffect>) {
        match self.dispatch(&input, out) {
            Ok(Done::Now) => out.push(RoomEffect::Handled(input.ticket)),
            Ok(Done::WhenStored) => {}
            Err(error) => self.refuse(&input, &error, out),
        }
        if self.phase == Phase::Vacant {
            self.close(CloseReason::Empty, out);
        }
    }

    fn dispatch(&mut self, input: &Input, out: &mut Vec<RoomEffect>) -> Result<Done, StanzaError> {
        let Some(from) = input.stanza.from.clone() else {
            return Ok(Done::Now);
        };
        let nick = input
            .stanza
            .to
            .as_ref()
            .and_then(Jid::resource)
            .map(|nick| nick.as_str().to_owned());
        let kind = input.stanza.kind;
        if kind.is_error() {
            return Ok(self.bounced(&from, nick.as_deref(), &input.stanza, out));
        }
        if self.is_hidden_from(&from) && !enters(kind) {
            return match kind {
                StanzaKind::Presence(_) => Ok(Done::Now),
                StanzaKind::Message(_) | StanzaKind::Iq(_) => {
                    Err(StanzaError::new(Condition::ItemNotFound))
                }
            };
        }
        match (kind, Jid::try_as_full(&from)) {
            (StanzaKind::Presence(_), Err(_)) => Ok(Done::Now),
            (StanzaKind::Presence(kind), Ok(from)) => self.presence(kind, from, nick, input, out),
            (StanzaKind::Message(MessageType::Groupchat), Ok(from)) => {
                self.say(from, nick.as_deref(), input, out)
            }
            (StanzaKind::Message(_), Ok(from)) if nick.is_some() => {
                self.whisper(from, nick.as_deref().unwrap_or_default(), input, out)
            }
            (StanzaKind::Message(_), _) => self.mediate(&from, input, out),
            (StanzaKind::Iq(kind), _) => self.query(kind, &from, nick.as_deref(), input, out),
        }
    }

    fn presence(
        &mut self,
        kind: PresenceType,
        from: &FullJid,
        nick: Option<String>,
        input: &Input,
        out: &mut Vec<RoomEffect>,
    ) -> Result<Done, StanzaError> {
        match kind {
            PresenceType::Available => match nick {
                Some(nick) => self.enter_or_update(from, &nick, input, out),
                None if self.occupants.of(from).is_some() => Ok(Done::Now),
                None => Err(StanzaError::new(Condition::JidMalformed)
                    .with_text("a nickname is needed: room@service/nickname")),
            },
            PresenceType::Unavailable => {
                self.leave(from, Some(&input.stanza), &[], out);
                Ok(Done::Now)
            }
            // Rooms have no subscriptions, and what they know of presence they have told.
            PresenceType::Subscribe
            | PresenceType::Subscribed
            | PresenceType::Unsubscribe
            | PresenceType::Unsubscribed
            | PresenceType::Probe
            | PresenceType::Error => Ok(Done::Now),
        }
    }

    /// Whether the room is, to this sender, one that does not exist (XEP-0045, section 7.2.10).
    pub(super) fn is_hidden_from(&self, from: &Jid) -> bool {
        match self.phase {
            Phase::Vacant => true,
            Phase::Locked => self.affiliation(&from.to_bare()) != Affiliation::Owner,
            Phase::Open | Phase::Closed(_) => false,
        }
    }

    /// The affiliation of a user; who is not listed is what its domain is, if that is banned.
    pub(super) fn affiliation(&self, user: &BareJid) -> Affiliation {
        match self.record.affiliations.get(user) {
            Some(entry) => entry.affiliation,
            None => {
                let domain = BareJid::from_parts(None, user.domain());
                self.record.affiliation(&domain).min(Affiliation::None)
            }
        }
    }

    /// Whether somebody in this role sees real addresses (XEP-0045, sections 7.2.3 and 7.2.4).
    pub(super) fn sees_real_jids(&self, role: Role) -> bool {
        match self.record.config.whois {
            super::config::Whois::Anyone => true,
            super::config::Whois::Moderators => role == Role::Moderator,
        }
    }

    pub(super) fn refuse(&mut self, input: &Input, error: &StanzaError, out: &mut Vec<RoomEffect>) {
        out.push(RoomEffect::Handled(input.ticket));
        let stanza = &input.stanza;
        let reply = match stanza.kind {
            StanzaKind::Message(_) => stanza.error_reply_with_payload(error),
            StanzaKind::Iq(_) => stanza.error_reply(error),
            StanzaKind::Presence(_) => stanza
                .error_reply(error)
                .map(|reply| reply.with_child(&Element::new("x", ns::MUC))),
        };
        out.extend(reply.map(|reply| RoomEffect::Send(Box::new(reply))));
    }

    /// Answers an iq with an empty result.
    pub(super) fn succeed(&self, request: &Stanza, out: &mut Vec<RoomEffect>) {
        if request.kind == StanzaKind::Iq(IqType::Set) {
            out.push(RoomEffect::Send(Box::new(request.result())));
        }
    }

    /// Removes all occupants, telling each about itself.
    pub(super) fn empty_out(
        &mut self,
        codes: &[u16],
        extra: Option<&Element>,
        out: &mut Vec<RoomEffect>,
    ) {
        let nicks: Vec<String> = self.occupants.iter().map(|o| o.nick.clone()).collect();
        for nick in nicks {
            let Some(occupant) = self.occupants.remove(&nick) else {
                continue;
            };
            out.extend(occupant.jids().map(|jid| gone(jid.clone())));
            let mut notice = Notice::unavailable(None, Affiliation::None);
            for code in codes {
                notice = notice.with_code(*code);
            }
            if let Some(extra) = extra {
                notice = notice.with_extra(extra.clone());
            }
            self.announce_to_self(&occupant, occupant.jids(), &notice, out);
        }
    }

    pub(super) fn reroute_waiting(&mut self, out: &mut Vec<RoomEffect>) {
        let outstanding = self.outstanding.drain(..).map(|write| write.input);
        for input in outstanding.chain(self.deferred.drain(..)) {
            out.push(RoomEffect::Reroute(input.ticket, Box::new(input.stanza)));
        }
    }

    pub(super) fn close(&mut self, reason: CloseReason, out: &mut Vec<RoomEffect>) {
        if !matches!(self.phase, Phase::Closed(_)) {
            self.reroute_waiting(out);
            self.phase = Phase::Closed(reason);
            out.push(RoomEffect::Closed(reason));
        }
    }
}

/// Whether a stanza of this kind may create a room.
fn enters(kind: StanzaKind) -> bool {
    kind == StanzaKind::Presence(PresenceType::Available)
}

/// The effect of a session that is no longer in the room.
pub(super) fn gone(jid: FullJid) -> RoomEffect {
    RoomEffect::Occupant(OccupantChange::Gone(jid))
}
