//! Messages of which a client cannot know whether its node knows that it has them: its word on them was
//! under way when the connection broke. If the session is taken up again the counts settle it
//! (XEP-0198, section 5). If it is not, they come again, and a client that remembers them shows them
//! once (by their ids, XEP-0359).

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use takeover_core::time::Moment;

#[derive(Default)]
pub(super) struct Doubt {
    /// Messages whose acknowledgement is under way, with the times at which they came.
    recent: VecDeque<(Moment, String)>,
    /// Those whose acknowledgement may be lost.
    unsure: BTreeSet<String>,
}

impl Doubt {
    /// A message is there, and its acknowledgement needs `distance` to the node.
    pub(super) fn came(&mut self, id: &str, now: Moment, distance: Duration) {
        self.recent.retain(|(at, _)| *at + distance >= now);
        self.recent.push_back((now, id.to_owned()));
    }

    /// The connection is gone.
    pub(super) fn broke(&mut self, now: Moment, distance: Duration) {
        let recent = std::mem::take(&mut self.recent).into_iter();
        let under_way = recent.filter(|(at, _)| *at + distance >= now);
        self.unsure.extend(under_way.map(|(_, id)| id));
    }

    /// The session goes on, and the node has been told how far it was.
    pub(super) fn settled(&mut self) {
        self.unsure.clear();
    }

    /// Whether this message is one that it has, and was not sure of.
    pub(super) fn comes_again(&mut self, id: &str) -> bool {
        self.unsure.remove(id)
    }
}
