//! The archive of a room: who may ask it, and how its answers look (XEP-0313).
//!
//! The room decides who may ask and what may be shown; the driver asks the database and gives what it
//! finds to the [`Recall`], which makes the stanzas.

use super::config::Whois;
use super::effect::RoomEffect;
use super::privilege::{Affiliation, Role};
use super::record::HistoryEntry;
use super::room::{Done, Input, Room};
use crate::datetime::Timestamp;
use crate::jid::{BareJid, Jid};
use crate::mam::{self, Query};
use crate::ns;
use crate::rsm;
use crate::stanza::{Condition, IqType, MessageType, Stanza, StanzaError};
use crate::xml::Element;

/// Hints of the sender (XEP-0334): an answer that misses its asker is not kept for later.
const HINTS: &str = "urn:xmpp:hints";

/// What of the archive is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// A page of messages.
    Messages(Box<Query>),
    /// The first and the last message.
    Metadata,
}

/// Whose messages are asked for (XEP-0313, section 4.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SaidBy {
    /// Everybody's.
    Anybody,
    /// Those of whoever had this nickname.
    Nick(String),
    /// Those of a user.
    User(BareJid),
    /// Nobody's: the asker may not know whose they are, or it is no address of the room.
    Nobody,
}

/// A question to the archive that the room has admitted.
#[derive(Clone, Debug, PartialEq)]
pub struct Recall {
    asked: Stanza,
    room: BareJid,
    question: Question,
    shows_jids: bool,
}

impl Room {
    /// A question to the archive; `None` if it is another request.
    pub(super) fn recall(
        &self,
        kind: IqType,
        from: &Jid,
        child: &Element,
        input: &Input,
        out: &mut Vec<RoomEffect>,
    ) -> Option<Result<Done, StanzaError>> {
        let admitted = match (kind, child.name(), child.ns()) {
            (IqType::Get, "query", ns::MAM) => self.admit_to_archive(from).map(|_| None),
            (IqType::Get, "metadata", ns::MAM) => Ok(Some(Question::Metadata)),
            (IqType::Set, "query", ns::MAM) => Query::from_element(child)
                .map(|query| Some(Question::Messages(Box::new(query))))
                .map_err(|refused| refused.to_error()),
            _ => return None,
        };
        let asked = &input.stanza;
        Some(admitted.and_then(|question| {
            let shows_jids = self.admit_to_archive(from)?;
            out.push(match question {
                None => RoomEffect::Send(Box::new(asked.result_with(&mam::form()))),
                Some(question) => RoomEffect::Recall(Box::new(Recall {
                    asked: asked.clone(),
                    room: self.record.jid.clone(),
                    question,
                    shows_jids,
                })),
            });
            Ok(Done::Now)
        }))
    }

    /// Whoever may enter may read: members of a members-only room, those inside a room with a
    /// password (and owners, who need none), nobody who is banned (XEP-0313, section 7.2). Answers
    /// whether real addresses may be shown.
    fn admit_to_archive(&self, from: &Jid) -> Result<bool, StanzaError> {
        if !self.durable {
            return Err(StanzaError::new(Condition::ServiceUnavailable)
                .with_text("only persistent rooms have an archive"));
        }
        let config = &self.record.config;
        let affiliation = self.affiliation(&from.to_bare());
        let present = from.try_as_full().ok();
        let present = present.and_then(|from| self.occupants.of(from));
        let stranger = present.is_none();
        let locked_out = (config.members_only && affiliation < Affiliation::Member)
            || (config.password.is_some() && affiliation != Affiliation::Owner);
        if affiliation == Affiliation::Outcast || (stranger && locked_out) {
            return Err(StanzaError::new(Condition::Forbidden)
                .with_text("whoever may not enter may not read what was said"));
        }
        let moderates = present.is_some_and(|occupant| occupant.role == Role::Moderator);
        Ok(config.whois == Whois::Anyone || moderates || affiliation >= Affiliation::Admin)
    }
}

impl Recall {
    /// Address of the room.
    #[must_use]
    pub fn room(&self) -> &BareJid {
        &self.room
    }

    /// What is asked for.
    #[must_use]
    pub fn question(&self) -> &Question {
        &self.question
    }

    /// Whose messages are asked for. The resource of a real address does not count: rooms know
    /// users.
    #[must_use]
    pub fn said_by(&self) -> SaidBy {
        let with = match &self.question {
            Question::Messages(query) => query.with.as_ref(),
            Question::Metadata => None,
        };
        match with {
            None => SaidBy::Anybody,
            Some(with) if with.to_bare() == self.room => match with.resource() {
                Some(nick) => SaidBy::Nick(nick.as_str().to_owned()),
                None => SaidBy::Anybody,
            },
            Some(with) if self.shows_jids => SaidBy::User(with.to_bare()),
            Some(_) => SaidBy::Nobody,
        }
    }

    /// One message for the asker; `None` for one that cannot be read any more.
    #[must_use]
    pub fn shown(&self, entry: &HistoryEntry) -> Option<Stanza> {
        let Question::Messages(query) = &self.question else {
            return None;
        };
        let mut said = Stanza::parse(&entry.stanza).ok()?;
        if self.shows_jids {
            let item = Element::new("item", ns::MUC_USER).with_attr("jid", entry.from.as_str());
            said.push(&Element::new("x", ns::MUC_USER).with_child(item));
        }
        let mut stanza = Stanza::message(MessageType::Normal)
            .with_from(self.room.clone())
            .with_child(&mam::result(query, entry.seq, entry.at, &said))
            .with_child(&Element::new("no-store", HINTS));
        stanza.to = self.asked.from.clone();
        Some(stanza)
    }

    /// The end of a page.
    #[must_use]
    pub fn fin(&self, complete: bool, page: &rsm::Answer) -> Stanza {
        self.asked.result_with(&mam::fin(complete, page))
    }

    /// The first and the last message's place and time.
    #[must_use]
    pub fn metadata(&self, ends: Option<[(u64, Timestamp); 2]>) -> Stanza {
        self.asked.result_with(&mam::metadata(ends))
    }

    /// The question could not be answered.
    #[must_use]
    pub fn refused(&self, error: &StanzaError) -> Option<Stanza> {
        self.asked.error_reply(error)
    }
}
