//! The last messages of a room, kept in memory for those who enter (XEP-0045, sections 7.2.13 and
//! 7.2.14).

use std::collections::VecDeque;
use std::time::Duration;

use super::record::HistoryEntry;
use crate::datetime::Timestamp;
use crate::ns;
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

    /// The first instant of which messages are wanted.
    fn from(&self, now: Timestamp) -> Timestamp {
        let last = self
            .seconds
            .map(|seconds| now.saturating_sub(Duration::from_secs(seconds)));
        let times = [last, self.since];
        times.into_iter().flatten().max().unwrap_or(Timestamp::MIN)
    }
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

    /// The newest messages that fit all limits, oldest first.
    pub(super) fn select(
        &self,
        request: &HistoryRequest,
        room_limit: usize,
        now: Timestamp,
    ) -> Vec<&HistoryEntry> {
        let most = request.max_stanzas.unwrap_or(usize::MAX).min(room_limit);
        let from = request.from(now);
        let mut chars = request.max_chars.unwrap_or(usize::MAX);
        let mut chosen = Vec::new();
        for entry in self.entries.iter().rev() {
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
}

/// Characters of UTF-8: octets that do not continue one.
fn characters(octets: &[u8]) -> usize {
    octets.iter().filter(|octet| **octet & 0xc0 != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jid::FullJid;

    fn history() -> History {
        let mut history = History::new(4);
        for seq in 1..=6_u64 {
            history.push(HistoryEntry {
                seq,
                at: Timestamp::from_millis(i64::try_from(seq).unwrap() * 10_000),
                nick: "n".into(),
                from: FullJid::new("a@b/c").unwrap(),
                id: None,
                stanza: "é".repeat(10).into(),
            });
        }
        history
    }

    fn select(request: HistoryRequest, room_limit: usize) -> Vec<u64> {
        let now = Timestamp::from_millis(70_000);
        history()
            .select(&request, room_limit, now)
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
