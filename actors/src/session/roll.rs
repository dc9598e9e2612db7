//! The sessions that are attached at a node, and when to look at each of them for a client that has
//! fallen silent: nobody is looked at before that could have happened.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use takeover_core::time::Moment;

use crate::plane::{Attached, Close};
use crate::rt::ChildId;

/// The attached sessions of one node.
#[derive(Default)]
pub(super) struct Roll {
    sessions: BTreeMap<ChildId, Entry>,
    looks: BTreeSet<(Moment, ChildId)>,
}

struct Entry {
    attached: Attached,
    /// When it is looked at next; [`Moment::MAX`]: its connection was ended.
    look: Moment,
}

impl Roll {
    /// Enters a session whose client was heard at its beginning.
    pub(super) fn enter(&mut self, child: ChildId, attached: Attached, idle: Duration) {
        let look = attached.outlet.last_heard() + idle;
        self.looks.insert((look, child));
        self.sessions.insert(child, Entry { attached, look });
    }

    /// Strikes out a session that has ended.
    pub(super) fn strike(&mut self, child: ChildId) -> Option<Attached> {
        let entry = self.sessions.remove(&child)?;
        self.looks.remove(&(entry.look, child));
        Some(entry.attached)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// All of them, in the order in which they came.
    pub(super) fn attached(&self) -> impl Iterator<Item = &Attached> {
        self.sessions.values().map(|entry| &entry.attached)
    }

    /// The children that serve them, in the same order.
    pub(super) fn children(&self) -> Vec<ChildId> {
        self.sessions.keys().copied().collect()
    }

    /// When the first of them is to be looked at.
    pub(super) fn next_look(&self) -> Option<Moment> {
        self.looks.first().map(|(look, _)| *look)
    }

    /// Asks each client that has been silent for `idle`, and ends the connection of one that was
    /// silent for twice as long.
    pub(super) fn look_after(&mut self, now: Moment, idle: Duration) {
        let later = self.looks.split_off(&(Moment(now.0 + 1), ChildId(0)));
        for (_, child) in std::mem::replace(&mut self.looks, later) {
            let Some(entry) = self.sessions.get_mut(&child) else {
                continue;
            };
            let outlet = &entry.attached.outlet;
            let heard = outlet.last_heard();
            entry.look = if heard + idle * 2 <= now {
                outlet.close(Close::Silent);
                Moment::MAX
            } else if heard + idle <= now {
                outlet.ask();
                heard + idle * 2
            } else {
                heard + idle
            };
            if entry.look < Moment::MAX {
                self.looks.insert((entry.look, child));
            }
        }
    }
}
