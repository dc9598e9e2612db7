//! Entering with more history than memory has (XEP-0045, section 7.2.14): the rest is fetched from
//! the database first, and what the same client says meanwhile waits behind its join.

use std::collections::VecDeque;

use takeover_protocols::jid::FullJid;
use takeover_protocols::muc::{HistoryEntry, OlderHistory, Ticket};
use takeover_protocols::stanza::{Condition, StanzaError};
use takeover_storage::{HistoryPage, HistoryQuery, StoreError};

use super::{Life, RoomActor, RoomMsg, Stage};
use crate::plane::Entrusted;
use crate::rt::Ctx;

/// How many stanzas of one client wait behind its join.
const BEHIND: usize = 64;

impl RoomActor {
    /// A stanza while the room is open.
    pub(super) fn take(&mut self, entrusted: Entrusted, ctx: &mut Ctx<Self>) {
        let Stage::Open(life) = &mut self.stage else {
            return;
        };
        if let Some(waiting) = life.behind(&entrusted) {
            if waiting.len() < BEHIND {
                waiting.push_back(entrusted);
            } else {
                self.refuse(entrusted, &StanzaError::new(Condition::ResourceConstraint));
            }
            return;
        }
        let now = self.place.switch.wall_time();
        let older = life.room.older_history(&entrusted.stanza, now);
        let from = entrusted.stanza.from.as_ref();
        match older.zip(from.and_then(|from| from.try_as_full().ok().cloned())) {
            Some((older, from)) => self.fetch(from, entrusted, older, ctx),
            None => self.give(entrusted, Vec::new(), ctx),
        }
    }

    fn give(&mut self, entrusted: Entrusted, older: Vec<HistoryEntry>, ctx: &mut Ctx<Self>) {
        // Who came in here now would be known to nobody else: the soft state is the next host's.
        if self.place.is_over() {
            return self.send_on(entrusted);
        }
        let Stage::Open(life) = &mut self.stage else {
            return;
        };
        life.next_ticket += 1;
        let ticket = Ticket(life.next_ticket);
        life.promises.insert(ticket, entrusted.promise);
        let now = self.place.switch.wall_time();
        let effects = life.room.handle_join(ticket, *entrusted.stanza, older, now);
        self.carry(effects, ctx);
    }

    fn fetch(&mut self, from: FullJid, join: Entrusted, older: OlderHistory, ctx: &mut Ctx<Self>) {
        let (Some((store, _)), Stage::Open(life)) = (self.persistence(), &mut self.stage) else {
            return self.give(join, Vec::new(), ctx);
        };
        life.entering.insert(from.clone(), VecDeque::from([join]));
        let query = HistoryQuery {
            before: Some(older.before),
            since: Some(older.since),
            ..HistoryQuery::last(older.limit)
        };
        ctx.run(store.history(&self.jid, query), move |page| {
            RoomMsg::Older(Box::new((from, page)))
        });
    }

    /// The database has answered: the join goes on, and what waits behind it.
    pub(super) fn fetched(
        &mut self,
        from: &FullJid,
        page: Result<HistoryPage, StoreError>,
        ctx: &mut Ctx<Self>,
    ) {
        // Of a room that is let go they have gone on already.
        let Stage::Open(life) = &mut self.stage else {
            return;
        };
        let mut waiting = life.entering.remove(from).unwrap_or_default();
        let older = page.unwrap_or_else(|error| {
            tracing::debug!(room = %self.jid, %error, "entering with what is in memory");
            HistoryPage::default()
        });
        if let Some(join) = waiting.pop_front() {
            self.give(join, older.entries, ctx);
        }
        for behind in waiting {
            self.stanza(behind, ctx);
        }
    }

    /// Sends on who has not entered yet: the room is no longer here.
    pub(super) fn turn_away(&mut self) {
        let (Stage::Open(life) | Stage::Draining(life)) = &mut self.stage else {
            return;
        };
        let entering = std::mem::take(&mut life.entering);
        for entrusted in entering.into_values().flatten() {
            self.send_on(entrusted);
        }
    }
}

impl Life {
    /// What waits behind the join of this stanza's sender, if that waits itself.
    fn behind(&mut self, entrusted: &Entrusted) -> Option<&mut VecDeque<Entrusted>> {
        if self.entering.is_empty() {
            return None;
        }
        let from = entrusted.stanza.from.as_ref()?.try_as_full().ok()?;
        self.entering.get_mut(from)
    }
}
