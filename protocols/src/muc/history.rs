//! The last messages of a room, kept in memory for those who enter (XEP-0045, sections 7.2.13 and
//! 7.2.14), and what is to be fetched where they ask for more.

use std::collections::VecDeque;
use std::time::Duration;

use super::record::{HistoryEntry, RoomWrite};
use super::room::Room;
use crate::datetime::Timestamp;
use crate::ns;
use crate::stanza::{PresenceType, Stanza, StanzaKind};
use crate::xml::Element;

/// How much history somebody wants: `<history/>` of a join.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistoryRequest {
    /// Most characters of complete stanzas.
    pub max_chars: Option<usize>,
    /// Most messages.
    pub max_stanzas: Option<usize>,
    /// Only messages of the last so many seconds.
    pub seconds: Option<u64>,
    /// Only messages from this instant on.
    pub since: Option<Timestamp>,
}

impl HistoryRequest {
    /// Reads the `<history/>` in the `<x xmlns='http://jabber.org/protocol/muc'/>` of a join;
    /// attributes that cannot be read are as if they were not there.
    #[must_use]
    pub fn from_join(x: &Element) -> Self {
        let Some(history) = x.child("history", ns::MUC) else {
            return Self::default();
        };
        let number = |name: &str| history.attr(name).and_then(|text| text.trim().parse().ok());
        Self {
            max_chars: number("maxchars"),
            max_stanzas: number("maxstanzas"),
            seconds: history
                .attr("seconds")
                .and_then(|text| text.trim().parse().ok()),
            since: history.attr("since").and_then(|text| text.parse().ok()),
        }
    }

    /// Most messages: as many as the room sends to everybody, or, to who says what it wants, as
    /// many as it wants and the service allows. A room that sends none sends none to anybody.
    fn most(&self, of_room: usize, of_service: usize) -> usize {
        if *self == Self::default() || of_room == 0 {
            return of_room;
        }
        let most = of_service.max(of_room);
        self.max_stanzas.map_or(most, |asked| asked.min(most))
    }

    /// The first instant of which messages are wanted.
    fn from(&self, now: Timestamp) -> Timestamp {
        let last = self
            .seconds
            .map(|seconds| now.saturating_sub(Duration::from_secs(seconds)));
        let times = [last, self.since];
        times.into_iter().flatten().max().unwrap_or(Timestamp::MIN)
    }
}

/// What somebody who enters wants of the history, where memory does not have all of it: the newest
/// messages before a number, not older than an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OlderHistory {
    /// Only messages with a smaller [`HistoryEntry::seq`].
    pub before: u64,
    /// Only messages from this instant on.
    pub since: Timestamp,
    /// Most messages.
    pub limit: usize,
}

/// How much of a history is sent: the request, and the most that room and service allow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share<'r> {
    pub(super) request: &'r HistoryRequest,
    pub(super) of_room: usize,
    pub(super) of_service: usize,
    pub(super) now: Timestamp,
}

/// A bounded list of messages, oldest first.
#[derive(Clone, Debug)]
pub(super) struct History {
    entries: VecDeque<HistoryEntry>,
    limit: usize,
}

impl History {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            limit,
        }
    }

    pub(super) fn push(&mut self, entry: HistoryEntry) {
        self.entries.push_back(entry);
        while self.entries.len() > self.limit {
            self.entries.pop_front();
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &HistoryEntry> {
        self.entries.iter()
    }

    /// The newest messages that fit all limits, oldest first; `older` is what was fetched of those
    /// before the ones in memory.
    pub(super) fn select<'h>(
        &'h self,
        older: &'h [HistoryEntry],
        share: Share<'_>,
    ) -> Vec<&'h HistoryEntry> {
        let request = share.request;
        let most = request.most(share.of_room, share.of_service);
        let from = request.from(share.now);
        let first = self.entries.front().map_or(u64::MAX, |first| first.seq);
        let older = older.iter().filter(|entry| entry.seq < first);
        let mut chars = request.max_chars.unwrap_or(usize::MAX);
        let mut chosen = Vec::new();
        for entry in older.chain(&self.entries).rev() {
            let size = characters(&entry.stanza);
            if chosen.len() == most || entry.at < from || size > chars {
                break;
            }
            chars -= size;
            chosen.push(entry);
        }
        chosen.reverse();
        chosen
    }

    /// What a request wants, if it wants all messages in memory and there may be more. Those in
    /// memory are fetched as well: they may have made room for others when the answer comes.
    /// `next` is the number that the next message gets.
    pub(super) fn missing(&self, share: Share<'_>, next: u64) -> Option<OlderHistory> {
        let most = share.request.most(share.of_room, share.of_service);
        let first = self.entries.front().map_or(next, |first| first.seq);
        let chosen = self.select(&[], share).len();
        let wants_more = chosen == self.entries.len() && chosen < most && first > 1;
        wants_more.then(|| OlderHistory {
            before: next,
            since: share.request.from(share.now),
            limit: most,
        })
    }
}

impl Room {
    /// What a stanza that is a join wants of the history and memory does not have (XEP-0045,
    /// section 7.2.14); of a room that is not durable there is no more.
    #[must_use]
    pub fn older_history(&self, stanza: &Stanza, now: Timestamp) -> Option<OlderHistory> {
        if !self.durable || stanza.kind != StanzaKind::Presence(PresenceType::Available) {
            return None;
        }
        let request = HistoryRequest::from_join(&stanza.child("x", ns::MUC)?);
        self.history
            .missing(self.share(&request, now), self.next_seq)
    }

    /// What of these messages everybody in the room has been shown. The database may have those that are being
    /// written, too: whoever is in the room when that is known is shown them then.
    pub(super) fn seen<'h>(&self, older: &'h [HistoryEntry]) -> &'h [HistoryEntry] {
        let being_written = self
            .outstanding
            .iter()
            .find_map(|write| match &*write.write {
                RoomWrite::Message(entry) => Some(entry.seq),
                RoomWrite::Create { .. }
                | RoomWrite::Delete
                | RoomWrite::Subject(_)
                | RoomWrite::Config { .. }
                | RoomWrite::Affiliations(_) => None,
            });
        let first = being_written.unwrap_or(u64::MAX);
        &older[..older.partition_point(|entry| entry.seq < first)]
    }

    pub(super) fn share<'r>(&self, request: &'r HistoryRequest, now: Timestamp) -> Share<'r> {
        Share {
            request,
            of_room: self.record.config.history_length as usize,
            of_service: self.limits.history_fetch,
            now,
        }
    }
}

/// Characters of UTF-8: octets that do not continue one.
fn characters(octets: &[u8]) -> usize {
    octets.iter().filter(|octet| **octet & 0xc0 != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jid::FullJid;

    fn entry(seq: u64) -> HistoryEntry {
        HistoryEntry {
            seq,
            at: Timestamp::from_millis(i64::try_from(seq).unwrap() * 10_000),
            nick: "n".into(),
            from: FullJid::new("a@b/c").unwrap(),
            id: None,
            stanza: "é".repeat(10).into(),
        }
    }

    /// Six messages were said; the last four are in memory.
    fn history() -> History {
        let mut history = History::new(4);
        for seq in 1..=6 {
            history.push(entry(seq));
        }
        history
    }

    fn share(request: &HistoryRequest, of_room: usize) -> Share<'_> {
        Share {
            request,
            of_room,
            of_service: 100,
            now: Timestamp::from_millis(70_000),
        }
    }

    fn select(request: HistoryRequest, room_limit: usize) -> Vec<u64> {
        history()
            .select(&[], share(&request, room_limit))
            .iter()
            .map(|entry| entry.seq)
            .collect()
    }

    /// XEP-0045, section 7.2.14: each limit alone, all together, and the room's own.
    #[test]
    fn limits() {
        let all = HistoryRequest::default();
        assert_eq!(select(all, 100), [3, 4, 5, 6]);
        assert_eq!(select(all, 2), [5, 6]);
        assert_eq!(select(all, 0), [0_u64; 0]);
        let of = |request: HistoryRequest| select(request, 100);
        assert_eq!(
            of(HistoryRequest {
                max_stanzas: Some(1),
                ..all
            }),
            [6]
        );
        assert_eq!(
            of(HistoryRequest {
                max_chars: Some(0),
                ..all
            }),
            [0_u64; 0]
        );
        assert_eq!(
            of(HistoryRequest {
                max_chars: Some(29),
                ..all
            }),
            [5, 6]
        );
        assert_eq!(
            of(HistoryRequest {
                max_chars: Some(30),
                ..all
            }),
            [4, 5, 6]
        );
        assert_eq!(
            of(HistoryRequest {
                seconds: Some(20),
                ..all
            }),
            [5, 6]
        );
        let since = Some(Timestamp::from_millis(60_000));
        assert_eq!(of(HistoryRequest { since, ..all }), [6]);
        assert_eq!(
            of(HistoryRequest {
                since,
                seconds: Some(100),
                ..all
            }),
            [6]
        );
        let together = HistoryRequest {
            max_stanzas: Some(3),
            max_chars: Some(25),
            ..all
        };
        assert_eq!(of(together), [5, 6]);
    }

    /// XEP-0045, section 7.2.14: who says what it wants gets it, also beyond what the room sends to
    /// everybody and beyond memory; a room that sends none sends none.
    #[test]
    fn more_than_the_room_sends_by_itself() {
        let all = HistoryRequest::default();
        let five = HistoryRequest {
            max_stanzas: Some(5),
            ..all
        };
        assert_eq!(select(five, 2), [3, 4, 5, 6]);
        assert_eq!(select(five, 0), [0_u64; 0]);
        let history = history();
        let missing = |request: &HistoryRequest, room| history.missing(share(request, room), 7);
        let older = OlderHistory {
            before: 7,
            since: Timestamp::MIN,
            limit: 5,
        };
        assert_eq!(missing(&five, 2), Some(older));
        assert_eq!(missing(&all, 4), None, "memory has what the room sends");
        assert_eq!(missing(&five, 0), None);
        let fetched = [2, 3, 4, 5, 6].map(entry);
        let seqs = |history: &History| -> Vec<u64> {
            let with_older = history.select(&fetched, share(&five, 2));
            with_older.iter().map(|entry| entry.seq).collect()
        };
        assert_eq!(
            seqs(&history),
            [2, 3, 4, 5, 6],
            "what is in memory comes once"
        );
        let mut later = history.clone();
        later.push(entry(7));
        assert_eq!(seqs(&later), [3, 4, 5, 6, 7], "and without a gap");
    }

    /// XEP-0045, section 7.2.14: the time and the characters bound what is fetched, too.
    #[test]
    fn nothing_is_fetched_that_is_not_wanted() {
        let history = history();
        let missing = |request: HistoryRequest| history.missing(share(&request, 2), 7);
        let all = HistoryRequest::default();
        let since = |second: i64| HistoryRequest {
            since: Some(Timestamp::from_millis(second * 1_000)),
            ..all
        };
        assert_eq!(missing(since(40)), None);
        let older = OlderHistory {
            before: 7,
            since: Timestamp::from_millis(15_000),
            limit: 100,
        };
        assert_eq!(missing(since(15)), Some(older));
        let max_chars = Some(25);
        assert_eq!(missing(HistoryRequest { max_chars, ..all }), None);
        let young = History::new(4);
        assert_eq!(young.missing(share(&since(0), 2), 1), None, "none was said");
    }

    /// XEP-0045, section 7.2.14: the attributes, and nonsense in them.
    #[test]
    fn attributes() {
        let read = |attrs: &str| {
            let x = format!("<x xmlns='{}'><history {attrs}/></x>", ns::MUC);
            HistoryRequest::from_join(&Element::parse(x).unwrap())
        };
        let got = read("maxchars='5' maxstanzas='6' seconds='7' since='1970-01-01T00:00:08Z'");
        let since = Some(Timestamp::from_millis(8_000));
        let expected = HistoryRequest {
            max_chars: Some(5),
            max_stanzas: Some(6),
            seconds: Some(7),
            since,
        };
        assert_eq!(got, expected);
        assert_eq!(
            read("maxchars='-1' seconds='x' since='y'"),
            HistoryRequest::default()
        );
        let none = Element::new("x", ns::MUC);
        assert_eq!(HistoryRequest::from_join(&none), HistoryRequest::default());
    }
}
