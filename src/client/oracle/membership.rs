//! What a room owes to who has entered it.

use std::collections::BTreeMap;

use takeover_core::time::Moment;
use takeover_protocols::muc::MAX_HISTORY;

use super::{Arrived, Sent};

/// From when (and until when) a client is owed a room's messages.
#[derive(Debug)]
pub(super) struct Membership {
    since: Moment,
    until: Option<Moment>,
    history: History,
}

/// The history that it was shown when it entered last: with what was being written then, which comes as it happens.
#[derive(Debug)]
struct History {
    entered: Moment,
    messages: u32,
    /// When the first of them was said.
    oldest: Option<Moment>,
    /// The number of the first of each sender.
    firsts: BTreeMap<String, u64>,
}

impl Membership {
    /// Of who is in the room for the first time.
    pub(super) fn since(entered: Moment) -> Self {
        Self {
            since: entered,
            until: None,
            history: History::of(entered),
        }
    }

    /// It is in the room again, and is shown the history anew.
    pub(super) fn enters_again(&mut self, at: Moment) {
        self.until = None;
        self.history = History::of(at);
    }

    /// It is owed nothing from then on.
    pub(super) fn ends(&mut self, at: Moment) {
        self.until = Some(at);
    }

    /// It is shown a message of the room.
    pub(super) fn sees(&mut self, sent: &Sent, how: Arrived) {
        if how == Arrived::History || sent.at <= self.history.entered {
            self.history.shows(sent);
        }
    }

    /// Whether it is owed this message of the room.
    pub(super) fn is_owed(&self, sent: &Sent) -> bool {
        self.since <= sent.at && self.until.is_none() && !self.history.begins_after(sent)
    }
}

impl History {
    fn of(entered: Moment) -> Self {
        Self {
            entered,
            messages: 0,
            oldest: None,
            firsts: BTreeMap::new(),
        }
    }

    fn shows(&mut self, sent: &Sent) {
        self.messages += 1;
        self.oldest = Some(self.oldest.map_or(sent.at, |oldest| oldest.min(sent.at)));
        match self.firsts.get_mut(&sent.sender) {
            Some(first) => *first = sent.number.min(*first),
            None => {
                self.firsts.insert(sent.sender.clone(), sent.number);
            }
        }
    }

    /// Whether it is as long as a history can be, and this message is before it: in the archive. A word may have been
    /// long on its way to the room, so that the order of each sender says it, not the time.
    fn begins_after(&self, sent: &Sent) -> bool {
        self.messages >= MAX_HISTORY
            && match self.firsts.get(&sent.sender) {
                Some(first) => sent.number < *first,
                None => self.oldest.is_some_and(|oldest| sent.at < oldest),
            }
    }
}
