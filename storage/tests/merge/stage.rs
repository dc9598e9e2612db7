//! Two databases with rooms, a third for both, and what is in them.

use std::sync::Arc;

use jid::BareJid;
use takeover_protocols::{
    muc::{Affiliation, HistoryEntry, RoomRecord, RoomWrite},
    stanza::Stanza,
};
use takeover_storage::{
    ChatStore, Claim, Export, HistoryQuery, Memory,
    merge::{Leases, Merge, Options},
};

use crate::support::{A, PEER, affiliation, at, good, jid, record, room};

pub(crate) const SMALL: Options = Options {
    leases: Leases::Respect,
    page: 3,
    together: 2,
};

/// Waits for the end of a merge on this thread.
pub(crate) fn end<T>(merging: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.build().unwrap().block_on(merging)
}

pub(crate) fn three() -> [Arc<dyn ChatStore>; 3] {
    let memory = Memory::new();
    ["1A", "1B", "pair-1"].map(|instance| memory.chat(instance))
}

pub(crate) fn merge_of([a, b, target]: &[Arc<dyn ChatStore>; 3]) -> Merge {
    Merge::new([a.clone(), b.clone()], target.clone()).with_options(SMALL)
}

/// What a room says as its message `seq`, at so many seconds.
pub(crate) fn said(room: &BareJid, seq: u64, second: i64, from: &str, text: &str) -> HistoryEntry {
    let entry = HistoryEntry {
        seq,
        at: at(second),
        nick: from.to_owned(),
        from: format!("{from}@example.com/desk").parse().unwrap(),
        id: Some(format!("{from}-{text}")),
        stanza: format!(
            "<message xmlns='jabber:client' type='groupchat'><body>{text}</body></message>"
        )
        .into(),
    };
    entry.renumbered(room, seq)
}

/// A room of `alias` with messages at these seconds, written by a host that has left again.
pub(crate) fn furnish(chat: &dyn ChatStore, record: RoomRecord, writes: Vec<RoomWrite>) {
    let room = record.jid.clone();
    let alias = room.domain().as_str();
    let fence = good(chat.acquire(alias, A, Claim::Force)).fence;
    let create = RoomWrite::Create {
        record: Box::new(record),
        history: Vec::new(),
    };
    let all = std::iter::once(create)
        .chain(writes)
        .map(Arc::new)
        .collect();
    good(chat.write(&fence, &room, all));
    good(chat.release(&fence));
}

pub(crate) fn talk(room: &BareJid, lines: &[(u64, i64, &str)]) -> Vec<RoomWrite> {
    let line = |(seq, second, text): &(u64, i64, &str)| {
        RoomWrite::Message(said(room, *seq, *second, "andy", text))
    };
    lines.iter().map(line).collect()
}

/// All that is in a database, as its export says it.
pub(crate) fn dump(chat: &Arc<dyn ChatStore>) -> Vec<String> {
    let mut lines = Vec::new();
    for alias in good(chat.aliases()) {
        for room in good(chat.rooms(&alias, None, usize::MAX)) {
            let mut export = Export::new(chat.clone(), room);
            while let Some(line) = end(export.next_line()).unwrap() {
                lines.push(line);
            }
        }
    }
    lines
}

pub(crate) fn history(chat: &dyn ChatStore, room: &BareJid) -> Vec<HistoryEntry> {
    good(chat.history(room, HistoryQuery::after(0, usize::MAX))).entries
}

pub(crate) fn bodies(chat: &dyn ChatStore, room: &BareJid) -> Vec<String> {
    let body = |entry: HistoryEntry| takeover_storage::text_of(&entry).unwrap_or_default();
    history(chat, room).into_iter().map(body).collect()
}

/// The number that a stanza says it has (XEP-0359).
pub(crate) fn stable_id(entry: &HistoryEntry) -> Option<String> {
    let id = Stanza::parse(&entry.stanza)
        .unwrap()
        .child("stanza-id", "urn:xmpp:sid:0")?;
    id.attr("id").map(str::to_owned)
}

/// Two sources: `tea` in one of them, `lunch` in both, with subjects, gaps and affiliations.
pub(crate) fn sources([a, b, _]: &[Arc<dyn ChatStore>; 3]) -> (BareJid, BareJid) {
    let lunch = room("lunch");
    let tea = jid(&format!("tea@{PEER}"));
    let mut first = record(&lunch);
    first.config.name = "Lunch, as it was".into();
    first.change_affiliations(&[
        affiliation("bob@example.com", Some(Affiliation::Admin)),
        affiliation("eve@example.com", Some(Affiliation::Outcast)),
    ]);
    let mut second = record(&lunch);
    second.config.name = "Lunch, as it is".into();
    second.created = at(3);
    second.change_affiliations(&[affiliation("bob@example.com", Some(Affiliation::Member))]);
    let mut writes = talk(&lunch, &[(1, 10, "one"), (4, 30, "three"), (5, 50, "five")]);
    writes.push(RoomWrite::Subject(said(
        &lunch,
        6,
        55,
        "andy",
        "subject of the first",
    )));
    furnish(&**a, first, writes);
    let mut writes = talk(&lunch, &[(1, 20, "two"), (2, 40, "four")]);
    writes.push(RoomWrite::Subject(said(
        &lunch,
        3,
        60,
        "bob",
        "subject of the second",
    )));
    furnish(&**b, second, writes);
    furnish(
        &**b,
        record(&tea),
        talk(&tea, &[(2, 5, "tea"), (7, 6, "more tea")]),
    );
    (lunch, tea)
}

/// A message as the model sees it: second, author, text.
pub(crate) type Line = (i64, u8, u8);

/// A room with these messages, with gaps in their numbers.
pub(crate) fn write_lines(chat: &dyn ChatStore, name: &str, lines: &[Line]) {
    let room = room(name);
    let write = |(place, (second, who, what)): (usize, &Line)| {
        let seq = 2 * place as u64 + 1;
        let entry = said(&room, seq, *second, &format!("u{who}"), &format!("t{what}"));
        RoomWrite::Message(entry)
    };
    furnish(
        chat,
        record(&room),
        lines.iter().enumerate().map(write).collect(),
    );
}
