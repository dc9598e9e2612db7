//! A room's archive: what the database is asked, and what of it the asker gets (XEP-0313).

use std::sync::Arc;

use takeover_protocols::mam::{MamError, Page, Query};
use takeover_protocols::muc::{HistoryEntry, Question, Recall, SaidBy};
use takeover_protocols::rsm;
use takeover_protocols::stanza::{Condition, Stanza, StanzaError};
use takeover_storage::{ChatStore, HistoryPage, HistoryQuery, PageEnd, StoreError};

use super::database::failure;
use super::{RoomActor, RoomMsg};
use crate::plane::Parcel;
use crate::rt::Ctx;

/// Messages in a page where the asker does not say how many.
const USUAL: usize = 100;
/// The most messages in a page.
const MOST: usize = 250;
/// Messages that are counted at a time.
const COUNTED: usize = 1000;
/// Questions to one room that may be under way; one more is refused with `resource-constraint`.
const TOGETHER: usize = 32;

impl RoomActor {
    /// Asks the database.
    pub(super) fn recall(&mut self, recall: Recall, ctx: &mut Ctx<Self>) {
        let Some((store, _)) = self.persistence() else {
            let error = StanzaError::new(Condition::ServiceUnavailable);
            return self.tell(recall.refused(&error));
        };
        if self.recalls >= TOGETHER {
            let error = StanzaError::new(Condition::ResourceConstraint)
                .with_text("the archive has more questions than it can answer at once");
            return self.tell(recall.refused(&error));
        }
        self.recalls += 1;
        ctx.run(answer(store, recall), RoomMsg::Recalled);
    }

    /// The answer is there; it goes out in one piece.
    pub(super) fn recalled(&mut self, answers: Vec<Stanza>, ctx: &mut Ctx<Self>) {
        self.recalls = self.recalls.saturating_sub(1);
        self.tell(answers);
        self.finish_draining(ctx);
        self.end_when_over(ctx);
    }

    fn tell(&self, stanzas: impl IntoIterator<Item = Stanza>) {
        for stanza in stanzas {
            self.route(Parcel::of(stanza));
        }
    }
}

/// Why a question is not answered.
enum Refused {
    Store(StoreError),
    Question(MamError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

async fn answer(store: Arc<dyn ChatStore>, recall: Recall) -> Vec<Stanza> {
    let answered = match recall.question() {
        Question::Messages(query) => messages(&*store, &recall, query).await,
        Question::Metadata => metadata(&*store, &recall).await,
    };
    answered.unwrap_or_else(|refused| {
        let error = match refused {
            Refused::Store(error) => failure(&error).to_error(),
            Refused::Question(error) => error.to_error(),
        };
        recall.refused(&error).into_iter().collect()
    })
}

async fn metadata(store: &dyn ChatStore, recall: &Recall) -> Result<Vec<Stanza>, Refused> {
    let first = store
        .history(recall.room(), HistoryQuery::after(0, 1))
        .await?;
    let last = store.history(recall.room(), HistoryQuery::last(1)).await?;
    let end = |page: &HistoryPage| page.entries.first().map(|entry| (entry.seq, entry.at));
    let ends = end(&first).zip(end(&last));
    Ok(vec![
        recall.metadata(ends.map(|(first, last)| [first, last])),
    ])
}

async fn messages(
    store: &dyn ChatStore,
    recall: &Recall,
    query: &Query,
) -> Result<Vec<Stanza>, Refused> {
    let room = recall.room();
    for id in query.named() {
        if store.entry(room, id).await?.is_none() {
            return Err(Refused::Question(MamError::NoSuchMessage(id.to_string())));
        }
    }
    let asked = asked(recall, query);
    let page = match &asked {
        None => HistoryPage {
            entries: Vec::new(),
            complete: true,
        },
        Some(asked) if query.ids.is_empty() => store.history(room, asked.clone()).await?,
        Some(asked) => of_ids(store, recall, query, asked).await?,
    };
    let count = count(store, recall, query, asked).await?;
    let id = |entry: &HistoryEntry| entry.seq.to_string();
    let place = rsm::Answer {
        first: page.entries.first().map(|entry| (id(entry), None)),
        last: page.entries.last().map(id),
        count,
    };
    let mut stanzas: Vec<Stanza> = page
        .entries
        .iter()
        .filter_map(|entry| recall.shown(entry))
        .collect();
    if query.flip {
        stanzas.reverse();
    }
    stanzas.push(recall.fin(page.complete, &place));
    Ok(stanzas)
}

/// The question as the database understands it; `None` where nothing can fit.
fn asked(recall: &Recall, query: &Query) -> Option<HistoryQuery> {
    let (mut sender, mut nick) = (None, None);
    match recall.said_by() {
        SaidBy::Anybody => {}
        SaidBy::Nick(said_by) => nick = Some(said_by),
        SaidBy::User(user) => sender = Some(user),
        SaidBy::Nobody => return None,
    }
    let (mut after, mut before) = (query.after_id, query.before_id);
    let from = match query.page {
        Page::First => PageEnd::Oldest,
        Page::Last => PageEnd::Newest,
        Page::After(id) => {
            after = after.max(Some(id));
            PageEnd::Oldest
        }
        Page::Before(id) => {
            before = Some(before.map_or(id, |before| before.min(id)));
            PageEnd::Newest
        }
    };
    Some(HistoryQuery {
        after,
        before,
        since: query.start,
        until: query.end,
        sender,
        nick,
        text: query.text.clone(),
        from,
        limit: query.max.unwrap_or(USUAL).min(MOST),
    })
}

/// The messages that are named one by one, as far as they fit the rest of the question.
async fn of_ids(
    store: &dyn ChatStore,
    recall: &Recall,
    query: &Query,
    asked: &HistoryQuery,
) -> Result<HistoryPage, StoreError> {
    let inside = |id: &u64| {
        asked.after.is_none_or(|after| after < *id)
            && asked.before.is_none_or(|before| *id < before)
    };
    let mut entries = Vec::new();
    for id in query.ids.iter().copied().filter(inside) {
        let only = HistoryQuery {
            after: id.checked_sub(1),
            before: id.checked_add(1),
            limit: 1,
            ..asked.clone()
        };
        entries.extend(store.history(recall.room(), only).await?.entries);
    }
    let complete = entries.len() <= asked.limit;
    match asked.from {
        PageEnd::Oldest => entries.truncate(asked.limit),
        PageEnd::Newest => drop(entries.drain(..entries.len().saturating_sub(asked.limit))),
    }
    Ok(HistoryPage { entries, complete })
}

/// How many there are (XEP-0059, section 2.7): of the whole archive it is known, of a part of it the
/// messages are counted when that is what was asked for.
async fn count(
    store: &dyn ChatStore,
    recall: &Recall,
    query: &Query,
    asked: Option<HistoryQuery>,
) -> Result<Option<u64>, StoreError> {
    let room = recall.room();
    if query.is_unfiltered() {
        let stored = store.room(room).await?;
        return Ok(stored.map(|stored| stored.messages));
    }
    let Some(asked) = asked else {
        return Ok(Some(0));
    };
    if query.max != Some(0) {
        return Ok(None);
    }
    let mut rest = HistoryQuery {
        // All of it, wherever the page would be.
        after: query.after_id,
        before: query.before_id,
        from: PageEnd::Oldest,
        limit: COUNTED,
        ..asked
    };
    if !query.ids.is_empty() {
        rest.limit = query.ids.len();
        let found = of_ids(store, recall, query, &rest).await?;
        return Ok(Some(found.entries.len() as u64));
    }
    let mut count = 0;
    loop {
        let page = store.history(room, rest.clone()).await?;
        count += page.entries.len() as u64;
        rest.after = page.entries.last().map(|entry| entry.seq);
        if page.complete || rest.after.is_none() {
            return Ok(Some(count));
        }
    }
}
