//! Two histories of one room, in time order and each message once (MRG-2).
//!
//! Each history keeps its own order; between the two the earlier message comes first, at the same
//! millisecond the first source's. A message is in both when all of it but its number is equal, and
//! its place in time is: a history that was restored from a copy of the other joins it without
//! doubles. What one history holds twice stays there twice.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use bytes::Bytes;
use jid::BareJid;
use takeover_protocols::muc::HistoryEntry;

use super::{MergeError, Part, pages::Pages};
use crate::{ChatStore, StoreError};

/// A message of the joined history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Joined {
    /// The message, with the number that its source gave it.
    pub(super) entry: HistoryEntry,
    /// Its number in each source that has it.
    pub(super) seqs: [Option<u64>; 2],
}

impl Joined {
    fn of(entry: HistoryEntry, source: usize) -> Self {
        let mut seqs = [None; 2];
        seqs[source] = Some(entry.seq);
        Self { entry, seqs }
    }
}

/// The joined history of one room.
pub(super) struct Join {
    pages: [Pages; 2],
}

impl Join {
    pub(super) fn new(sources: &[Arc<dyn ChatStore>; 2], room: &BareJid, page: usize) -> Self {
        let pages = sources
            .each_ref()
            .map(|store| Pages::new(Arc::clone(store), room.clone(), page));
        Self { pages }
    }

    /// The messages of the next instant; none after the last.
    pub(super) async fn next(
        &mut self,
        failed: impl Fn(Part, StoreError) -> MergeError,
    ) -> Result<Vec<Joined>, MergeError> {
        let [first, second] = &mut self.pages;
        let at_first = |error| failed(Part::First, error);
        let at_second = |error| failed(Part::Second, error);
        let times = [
            first.time().await.map_err(at_first)?,
            second.time().await.map_err(at_second)?,
        ];
        let Some(time) = times.into_iter().flatten().min() else {
            return Ok(Vec::new());
        };
        let a = first.take_at(time).await.map_err(at_first)?;
        let b = second.take_at(time).await.map_err(at_second)?;
        Ok(instant(a, b))
    }
}

/// What makes two messages of one instant the same.
type Key = (String, String, Option<String>, Bytes);

fn key(entry: &HistoryEntry) -> Key {
    let HistoryEntry {
        seq: _,
        at: _,
        nick,
        from,
        id,
        stanza,
    } = entry.unnumbered();
    (from.to_string(), nick, id, stanza)
}

/// Joins what was said at one instant: the first source's messages, each of the second source's that
/// the first does not have behind those that come before it there.
fn instant(a: Vec<HistoryEntry>, b: Vec<HistoryEntry>) -> Vec<Joined> {
    if a.is_empty() || b.is_empty() {
        let all = |entries: Vec<_>, source| {
            let joined = move |entry| Joined::of(entry, source);
            entries.into_iter().map(joined).collect::<Vec<_>>()
        };
        return [all(a, 0), all(b, 1)].concat();
    }
    let mut places: BTreeMap<Key, VecDeque<usize>> = BTreeMap::new();
    for (place, entry) in a.iter().enumerate() {
        places.entry(key(entry)).or_default().push_back(place);
    }
    // Where in `out` each message of `a` went, once it did.
    let mut went = Vec::with_capacity(a.len());
    let mut rest = a.into_iter();
    let mut out: Vec<Joined> = Vec::new();
    for entry in b {
        let same = places.get_mut(&key(&entry)).and_then(VecDeque::pop_front);
        let Some(place) = same else {
            out.push(Joined::of(entry, 1));
            continue;
        };
        while went.len() <= place {
            went.push(out.len());
            out.extend(rest.next().map(|entry| Joined::of(entry, 0)));
        }
        if let Some(joined) = went.get(place).and_then(|place| out.get_mut(*place)) {
            joined.seqs[1] = Some(entry.seq);
        }
    }
    out.extend(rest.map(|entry| Joined::of(entry, 0)));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use takeover_protocols::datetime::Timestamp;

    fn said(seq: u64, text: u8) -> HistoryEntry {
        HistoryEntry {
            seq,
            at: Timestamp::from_millis(7),
            nick: "Andy".into(),
            from: "andy@example.com/desk".parse().unwrap(),
            id: None,
            stanza: format!(
                "<message xmlns='jabber:client'><body>{text}</body>\
                 <stanza-id xmlns='urn:xmpp:sid:0' by='r@c.example.com' id='{seq}'/></message>"
            )
            .into(),
        }
    }

    fn history(texts: &[u8]) -> Vec<HistoryEntry> {
        let numbered = texts.iter().enumerate();
        numbered
            .map(|(place, text)| said(place as u64 + 1, *text))
            .collect()
    }

    fn order(joined: &[Joined]) -> Vec<[Option<u64>; 2]> {
        joined.iter().map(|joined| joined.seqs).collect()
    }

    /// MRG-2: a copy adds nothing, its continuation goes behind; what one history says twice it has
    /// said twice.
    #[test]
    fn a_copy_adds_nothing() {
        let joined = instant(history(&[1, 2, 2]), history(&[1, 2, 2, 3]));
        let both = |n| [Some(n), Some(n)];
        assert_eq!(order(&joined), [both(1), both(2), both(3), [None, Some(4)]]);
        let joined = instant(history(&[5, 5]), history(&[5]));
        assert_eq!(order(&joined), [both(1), [Some(2), None]]);
    }

    proptest! {
        /// MRG-2: of every text there are as many as in the history that has more of it, the first
        /// history's order is kept, and every number of both is there once.
        #[test]
        fn every_message_once(
            a in prop::collection::vec(0u8..4, 0..12),
            b in prop::collection::vec(0u8..4, 0..12),
        ) {
            let joined = instant(history(&a), history(&b));
            for text in 0..4 {
                let count = |texts: &[u8]| texts.iter().filter(|t| **t == text).count();
                let body = format!("<body>{text}</body>");
                let there = joined.iter().filter(|joined| {
                    std::str::from_utf8(&joined.entry.stanza).unwrap().contains(&body)
                });
                prop_assert_eq!(there.count(), count(&a).max(count(&b)));
            }
            for (source, texts) in [&a, &b].into_iter().enumerate() {
                let mut seqs: Vec<u64> = joined.iter().filter_map(|j| j.seqs[source]).collect();
                if source == 0 {
                    prop_assert!(seqs.is_sorted());
                }
                seqs.sort_unstable();
                prop_assert_eq!(seqs, (1..=texts.len() as u64).collect::<Vec<_>>());
            }
        }
    }
}
