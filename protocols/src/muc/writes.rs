//! The order of a room's writes: asked for, confirmed, shown (CHAT-10, CHAT-12).

use std::sync::Arc;

use super::administer::Plan;
use super::effect::{Broadcast, CloseReason, RoomEffect, StoreFailure};
use super::own::Reconfigured;
use super::record::{RoomWrite, WriteId};
use super::room::{Done, Input, Phase, Room};
use crate::stanza::{Condition, Stanza, StanzaError};
use crate::xml::Element;

/// What becomes visible once a write is durable.
#[derive(Clone, Debug)]
pub(super) enum Then {
    /// A message or subject goes out.
    Reflect(Box<Stanza>),
    /// The room opens; the stanza was its creator's join, which is already answered.
    Open,
    /// A configuration is in force.
    Configured(Box<Reconfigured>),
    /// Affiliations and roles change.
    Administer(Plan),
    /// New members are invited.
    Invite(Vec<Stanza>),
    /// Everybody has to leave; this is what they are told.
    Destroy(Element),
}

#[derive(Clone, Debug)]
pub(super) struct Outstanding {
    pub(super) id: WriteId,
    pub(super) write: Arc<RoomWrite>,
    then: Then,
    pub(super) input: Input,
    verdict: Option<Result<(), StoreFailure>>,
}

impl Room {
    pub(super) fn next_seq(&mut self) -> u64 {
        let seq = self.next_seq;
        self.next_seq += 1;
        seq
    }

    /// Makes a write durable, then does the rest: at once where the database does not have the
    /// room, when it has confirmed otherwise.
    pub(super) fn commit(
        &mut self,
        write: RoomWrite,
        then: Then,
        input: &Input,
        out: &mut Vec<RoomEffect>,
    ) -> Result<Done, StanzaError> {
        let creates = matches!(write, RoomWrite::Create { .. });
        if !self.durable && !creates {
            self.confirm(&write, then, input, out);
            return Ok(Done::WhenStored);
        }
        if self.outstanding.len() >= self.limits.outstanding {
            return Err(StanzaError::new(Condition::ResourceConstraint));
        }
        let id = WriteId(self.next_write);
        self.next_write += 1;
        let write = Arc::new(write);
        out.push(RoomEffect::Store {
            id,
            ticket: input.ticket,
            write: write.clone(),
        });
        let input = input.clone();
        self.outstanding.push_back(Outstanding {
            id,
            write,
            then,
            input,
            verdict: None,
        });
        Ok(Done::WhenStored)
    }

    pub(super) fn settle(
        &mut self,
        id: WriteId,
        verdict: Result<(), StoreFailure>,
    ) -> Vec<RoomEffect> {
        let mut out = Vec::new();
        let Some(write) = self.outstanding.iter_mut().find(|write| write.id == id) else {
            return out;
        };
        write.verdict.get_or_insert(verdict);
        while self
            .outstanding
            .front()
            .is_some_and(|write| write.verdict.is_some())
        {
            // Just seen to be there, with a verdict.
            let Some(write) = self.outstanding.pop_front() else {
                break;
            };
            match write.verdict {
                Some(Err(StoreFailure::Fenced)) => {
                    out.push(RoomEffect::Reroute(
                        write.input.ticket,
                        Box::new(write.input.stanza),
                    ));
                    self.reroute_waiting(&mut out);
                    self.close(CloseReason::Fenced, &mut out);
                }
                Some(Err(cause)) => self.refuse(&write.input, &cause.to_error(), &mut out),
                Some(Ok(())) | None => {
                    self.confirm(&write.write, write.then, &write.input, &mut out);
                }
            }
        }
        while !self.must_wait() {
            let Some(input) = self.deferred.pop_front() else {
                break;
            };
            self.accept(input, &mut out);
        }
        out
    }

    /// A write is durable (or needs not be): now it is true, and everybody may see it.
    fn confirm(&mut self, write: &RoomWrite, then: Then, input: &Input, out: &mut Vec<RoomEffect>) {
        out.push(RoomEffect::Handled(input.ticket));
        self.record.apply(write);
        match write {
            RoomWrite::Create { .. } => self.durable = true,
            RoomWrite::Delete => self.durable = false,
            RoomWrite::Message(entry) => self.history.push(entry.clone()),
            RoomWrite::Subject(_) | RoomWrite::Config { .. } | RoomWrite::Affiliations(_) => {}
        }
        match then {
            Then::Reflect(stanza) => self.reflect(write, *stanza, out),
            Then::Open => self.phase = Phase::Open,
            Then::Configured(change) => self.configured(*change, &input.stanza, out),
            Then::Administer(plan) => self.administered(&plan, &input.stanza, out),
            Then::Invite(invitations) => {
                out.extend(
                    invitations
                        .into_iter()
                        .map(|s| RoomEffect::Send(Box::new(s))),
                );
            }
            Then::Destroy(element) => self.destroyed(&element, &input.stanza, out),
        }
    }

    fn reflect(&self, write: &RoomWrite, stanza: Stanza, out: &mut Vec<RoomEffect>) {
        let octets = match write {
            RoomWrite::Message(entry) | RoomWrite::Subject(entry) => entry.stanza.clone(),
            RoomWrite::Create { .. }
            | RoomWrite::Config { .. }
            | RoomWrite::Affiliations(_)
            | RoomWrite::Delete => stanza.to_bytes(),
        };
        let recipients = self.occupants.everyone();
        if !recipients.is_empty() {
            out.push(RoomEffect::Broadcast(Broadcast::with_octets(
                stanza, octets, recipients,
            )));
        }
    }
}
