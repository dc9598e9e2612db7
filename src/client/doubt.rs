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
    /// Those whose acknowledgement in this session may be lost.
    unsure: BTreeSet<String>,
    /// Those of earlier sessions: nothing will settle it.
    older: BTreeSet<String>,
}

impl Doubt {
    /// A message is there. Its acknowledgement needs `distance` to the node; and if the connection breaks before
    /// it is there, that is known here as much later.
    pub(super) fn came(&mut self, id: &str, now: Moment, distance: Duration) {
        self.recent.retain(|(at, _)| *at + distance * 2 >= now);
        self.recent.push_back((now, id.to_owned()));
    }

    /// The connection is gone.
    pub(super) fn broke(&mut self, now: Moment, distance: Duration) {
        let recent = std::mem::take(&mut self.recent).into_iter();
        let under_way = recent.filter(|(at, _)| *at + distance * 2 >= now);
        self.unsure.extend(under_way.map(|(_, id)| id));
    }

    /// The session before is over; another one begins.
    pub(super) fn anew(&mut self) {
        self.older.append(&mut self.unsure);
    }

    /// The session goes on, and the node has been told how far it was.
    pub(super) fn settled(&mut self) {
        self.unsure.clear();
    }

    /// Whether this message is one that it has, and was not sure of.
    pub(super) fn comes_again(&mut self, id: &str) -> bool {
        self.unsure.remove(id) || self.older.remove(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DISTANCE: Duration = Duration::from_secs(2);

    /// MSG-2: a word that reaches a node which has just broken the connection is lost, and the client hears of
    /// that as much later as it is away.
    #[test]
    fn what_was_under_way_when_the_node_broke_off_may_come_again() {
        let mut doubt = Doubt::default();
        for (second, id) in [(10, "sure"), (14, "late"), (16, "last")] {
            doubt.came(id, Moment::from_secs(second), DISTANCE);
        }
        doubt.broke(Moment::from_secs(17), DISTANCE);
        assert!(
            !doubt.comes_again("sure"),
            "its acknowledgement was there at 12"
        );
        assert!(
            doubt.comes_again("late"),
            "broken at 15, its acknowledgement was there at 16"
        );
        doubt.anew();
        doubt.settled();
        assert!(
            doubt.comes_again("last"),
            "its session was not taken up again"
        );
        assert!(!doubt.comes_again("last"), "it comes again once");
    }
}
