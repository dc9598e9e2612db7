//! What every [`ChatStore`] must do with the history of a room: pages, bounds, search.

use takeover_storage::{ChatStore, HistoryQuery, PageEnd};

use super::{at, good, hosted, jid, message, room, says};

fn numbers(chat: &dyn ChatStore, query: HistoryQuery) -> (Vec<u64>, bool) {
    let page = good(chat.history(&room("lunch"), query));
    (
        page.entries.iter().map(|entry| entry.seq).collect(),
        page.complete,
    )
}

/// XEP-0313 section 4 and XEP-0059: pages from either end, with gaps in the numbers.
pub fn history_is_paged(chat: &dyn ChatStore) {
    let (fence, room) = hosted(chat, "lunch");
    assert_eq!(numbers(chat, HistoryQuery::last(5)), (vec![], true));
    let writes = [1, 2, 4, 7, 8]
        .map(|seq| says(seq, "andy", "word"))
        .to_vec();
    good(chat.write(&fence, &room, writes));
    assert_eq!(numbers(chat, HistoryQuery::last(2)), (vec![7, 8], false));
    assert_eq!(
        numbers(chat, HistoryQuery::last(5)),
        (vec![1, 2, 4, 7, 8], true)
    );
    assert_eq!(numbers(chat, HistoryQuery::last(0)), (vec![], false));
    assert_eq!(
        numbers(chat, HistoryQuery::after(0, 2)),
        (vec![1, 2], false)
    );
    assert_eq!(
        numbers(chat, HistoryQuery::after(2, 2)),
        (vec![4, 7], false)
    );
    assert_eq!(
        numbers(chat, HistoryQuery::after(3, 3)),
        (vec![4, 7, 8], true)
    );
    assert_eq!(numbers(chat, HistoryQuery::after(8, 3)), (vec![], true));
    let before = |before, limit| HistoryQuery {
        before: Some(before),
        ..HistoryQuery::last(limit)
    };
    assert_eq!(numbers(chat, before(7, 2)), (vec![2, 4], false));
    assert_eq!(numbers(chat, before(1, 2)), (vec![], true));
    let between = HistoryQuery {
        before: Some(8),
        ..HistoryQuery::after(1, 9)
    };
    assert_eq!(numbers(chat, between), (vec![2, 4, 7], true));
    let crossed = HistoryQuery {
        before: Some(2),
        ..HistoryQuery::after(7, 9)
    };
    assert_eq!(numbers(chat, crossed), (vec![], true));
}

/// XEP-0313 section 4.1: start, end, with; and the search of a room.
pub fn history_is_bounded_and_searched(chat: &dyn ChatStore) {
    let (fence, room) = hosted(chat, "lunch");
    let said = [
        ("andy", "Soup at noon?"),
        ("bob", "No soup, TEA"),
        ("andy", "tea-time &amp; Käse"),
    ];
    let writes = (1..)
        .zip(said)
        .map(|(seq, (from, text))| says(seq, from, text))
        .collect();
    good(chat.write(&fence, &room, writes));
    let all = || HistoryQuery::last(9);
    assert_eq!(
        numbers(
            chat,
            HistoryQuery {
                since: Some(at(2)),
                ..all()
            }
        ),
        (vec![2, 3], true)
    );
    assert_eq!(
        numbers(
            chat,
            HistoryQuery {
                until: Some(at(2)),
                ..all()
            }
        ),
        (vec![1, 2], true)
    );
    let andy = HistoryQuery {
        sender: Some(jid("andy@example.com")),
        ..all()
    };
    assert_eq!(numbers(chat, andy.clone()), (vec![1, 3], true));
    let bob = HistoryQuery {
        nick: Some("bob".into()),
        ..all()
    };
    assert_eq!(numbers(chat, bob), (vec![2], true));
    assert_eq!(
        numbers(
            chat,
            HistoryQuery {
                limit: 1,
                ..andy.clone()
            }
        ),
        (vec![3], false)
    );
    let oldest = HistoryQuery {
        limit: 1,
        from: PageEnd::Oldest,
        ..andy
    };
    assert_eq!(numbers(chat, oldest), (vec![1], false));
    for (text, found) in [
        ("soup", vec![1, 2]),
        ("tea soup", vec![2]),
        ("TEA", vec![2, 3]),
        ("käse", vec![3]),
        ("sou", vec![]),
        ("groupchat", vec![]),
        ("%", vec![1, 2, 3]),
    ] {
        assert_eq!(
            numbers(chat, HistoryQuery::search(text, 9)),
            (found, true),
            "{text}"
        );
    }
}

/// A thousand messages in one transaction, read in pages of seven and searched.
pub fn a_long_history_is_read_to_its_end(chat: &dyn ChatStore) {
    let (fence, room) = hosted(chat, "lunch");
    let text = |seq: u64| format!("number {seq} {}", "x".repeat(200));
    let writes = (1..=1000)
        .map(|seq| says(seq, "andy", &text(seq)))
        .collect();
    good(chat.write(&fence, &room, writes));
    let (mut after, mut seen) = (0, Vec::new());
    loop {
        let page = good(chat.history(&room, HistoryQuery::after(after, 7)));
        seen.extend(page.entries);
        if page.complete {
            break;
        }
        after = seen.last().unwrap().seq;
    }
    let all: Vec<_> = (1..=1000)
        .map(|seq| message(seq, "andy", &text(seq)))
        .collect();
    assert_eq!(seen, all);
    assert_eq!(
        numbers(chat, HistoryQuery::search("number 3", 2)),
        (vec![3], true)
    );
}
