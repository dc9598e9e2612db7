//! What every [`ChatStore`] must do, whatever the engine. Each function starts with an empty store.

use std::sync::Arc;

use takeover_protocols::muc::{Affiliation, RoomConfig, RoomWrite};
use takeover_storage::{ChatStore, Claim, Counts, Fence, HistoryQuery, LeaseState, StoreError};

use super::chat_histories::{
    a_long_history_is_read_to_its_end, history_is_bounded_and_searched, history_is_paged,
};
use super::{
    A, ALIAS, B, PEER, Part, affiliation, create, good, hosted, jid, message, record, room, says,
    wait,
};

/// All parts of the suite, by name.
pub const SUITE: &[Part<dyn ChatStore>] = &[
    ("a lease has one holder", a_lease_has_one_holder),
    ("an old epoch is fenced", an_old_epoch_is_fenced),
    ("a released lease is over", a_released_lease_is_over),
    ("aliases are apart", aliases_are_apart),
    (
        "rooms keep what they are told",
        rooms_keep_what_they_are_told,
    ),
    (
        "refusals leave nothing behind",
        refusals_leave_nothing_behind,
    ),
    ("writes may be repeated", writes_may_be_repeated),
    ("history is paged", history_is_paged),
    (
        "history is bounded and searched",
        history_is_bounded_and_searched,
    ),
    ("a destroyed room is gone", a_destroyed_room_is_gone),
    ("rooms and aliases are listed", rooms_and_aliases_are_listed),
    (
        "a long history is read to its end",
        a_long_history_is_read_to_its_end,
    ),
    ("an empty database verifies", an_empty_database_verifies),
    ("rooms take room", rooms_take_room),
];

fn fenced(answer: Result<(), StoreError>) -> (Option<takeover_storage::NodeId>, u64) {
    match answer {
        Err(StoreError::Fenced { held_by, epoch, .. }) => (held_by, epoch),
        other => panic!("not fenced: {other:?}"),
    }
}

/// CHAT-10: at most one holder; epochs grow with every grant; force takes the lease away.
fn a_lease_has_one_holder(chat: &dyn ChatStore) {
    assert_eq!(
        good(chat.lease(ALIAS)),
        LeaseState {
            held_by: None,
            epoch: 0
        }
    );
    let first = good(chat.acquire(ALIAS, A, Claim::IfFree));
    assert_eq!(first.taken_from, None);
    assert_eq!(
        first.fence,
        Fence {
            alias: ALIAS.into(),
            host: A,
            epoch: 1
        }
    );
    let held = StoreError::LeaseHeld {
        alias: ALIAS.into(),
        held_by: A,
        epoch: 1,
    };
    assert_eq!(wait(chat.acquire(ALIAS, B, Claim::IfFree)), Err(held));

    let again = good(chat.acquire(ALIAS, A, Claim::IfFree));
    assert_eq!((again.taken_from, again.fence.epoch), (Some(A), 2));
    fenced(wait(chat.renew(&first.fence)));

    let taken = good(chat.acquire(ALIAS, B, Claim::Force));
    assert_eq!((taken.taken_from, taken.fence.epoch), (Some(A), 3));
    assert_eq!(fenced(wait(chat.renew(&again.fence))), (Some(B), 3));
    good(chat.renew(&taken.fence));
    assert_eq!(
        good(chat.lease(ALIAS)),
        LeaseState {
            held_by: Some(B),
            epoch: 3
        }
    );
}

/// CHAT-10, HA-10: a node that lost its rooms cannot write to them, whatever it believes.
fn an_old_epoch_is_fenced(chat: &dyn ChatStore) {
    let (old, room) = hosted(chat, "lunch");
    good(chat.write(&old, &room, vec![says(1, "andy", "hello")]));
    let new = good(chat.acquire(ALIAS, B, Claim::Force)).fence;
    let forged = Fence {
        host: A,
        ..new.clone()
    };
    let future = Fence {
        epoch: new.epoch + 1,
        ..new.clone()
    };
    for wrong in [&old, &forged, &future] {
        let writes = [
            says(2, "andy", "late"),
            create(&room),
            Arc::new(RoomWrite::Delete),
        ];
        for write in writes {
            assert_eq!(
                fenced(wait(chat.write(wrong, &room, vec![write]))),
                (Some(B), new.epoch)
            );
        }
        fenced(wait(chat.release(wrong)));
    }
    good(chat.write(&new, &room, vec![says(2, "bob", "here")]));
    let entries = good(chat.history(&room, HistoryQuery::last(9))).entries;
    assert_eq!(
        entries,
        [message(1, "andy", "hello"), message(2, "bob", "here")]
    );
}

/// A released lease is free for anybody, but its epoch is never used again.
fn a_released_lease_is_over(chat: &dyn ChatStore) {
    let (fence, room) = hosted(chat, "lunch");
    good(chat.release(&fence));
    assert_eq!(fenced(wait(chat.release(&fence))), (None, 1));
    assert_eq!(
        fenced(wait(chat.write(&fence, &room, vec![says(1, "andy", "x")]))),
        (None, 1)
    );
    let next = good(chat.acquire(ALIAS, B, Claim::IfFree));
    assert_eq!((next.taken_from, next.fence.epoch), (None, 2));
}

/// A lease is good for the rooms of its alias alone.
fn aliases_are_apart(chat: &dyn ChatStore) {
    let (fence, _) = hosted(chat, "lunch");
    let foreign = jid(&format!("lunch@{PEER}"));
    let refused = StoreError::OtherAlias {
        room: foreign.clone(),
        alias: ALIAS.into(),
    };
    assert_eq!(
        wait(chat.write(&fence, &foreign, vec![create(&foreign)])),
        Err(refused)
    );
    let peer = good(chat.acquire(PEER, B, Claim::IfFree)).fence;
    assert_eq!(peer.epoch, 1);
    good(chat.write(
        &peer,
        &foreign,
        vec![create(&foreign), says(5, "bob", "over here")],
    ));
    good(chat.renew(&fence));
    assert_eq!(good(chat.room(&room("lunch"))).unwrap().messages, 0);
    assert_eq!(good(chat.room(&foreign)).unwrap().last_seq, 5);
}

/// MRG-2 in small: every room, affiliation, configuration and subject is what was written.
fn rooms_keep_what_they_are_told(chat: &dyn ChatStore) {
    let (fence, room) = hosted(chat, "lunch");
    let mut expected = record(&room);
    assert_eq!(good(chat.room(&room)).unwrap().record, expected);
    let config = RoomConfig {
        name: "Lunch & \u{0}tea 🍵".into(),
        ..RoomConfig::default()
    };
    let changes = vec![
        affiliation("bob@example.com", Some(Affiliation::Outcast)),
        affiliation("cat@example.com", Some(Affiliation::Admin)),
    ];
    let writes = [
        RoomWrite::Config {
            config: Box::new(config),
            affiliations: changes,
        },
        RoomWrite::Subject(message(1, "andy", "soup")),
        RoomWrite::Affiliations(vec![
            affiliation("bob@example.com", None),
            affiliation("dan@example.com", Some(Affiliation::None)),
            affiliation("eve@example.com", Some(Affiliation::Member)),
        ]),
    ];
    for write in &writes {
        expected.apply(write);
    }
    good(chat.write(&fence, &room, writes.into_iter().map(Arc::new).collect()));
    let there = good(chat.room(&room)).unwrap();
    assert_eq!(there.record, expected);
    assert_eq!((there.last_seq, there.messages), (1, 1));
    assert_eq!(good(chat.entry(&room, 1)), Some(message(1, "andy", "soup")));
    assert_eq!(good(chat.entry(&room, 2)), None);
}

/// All writes of a list are done, or none is.
fn refusals_leave_nothing_behind(chat: &dyn ChatStore) {
    let (fence, there) = hosted(chat, "lunch");
    good(chat.write(&fence, &there, vec![says(4, "andy", "four")]));
    let before = good(chat.room(&there));
    let writes = vec![
        Arc::new(RoomWrite::Affiliations(vec![affiliation(
            "eve@example.com",
            None,
        )])),
        says(5, "bob", "five"),
        says(3, "bob", "three"),
    ];
    let refused = StoreError::OutOfOrder {
        room: there.clone(),
        seq: 3,
        last_seq: 5,
    };
    assert_eq!(wait(chat.write(&fence, &there, writes)), Err(refused));
    assert_eq!(good(chat.room(&there)), before);
    assert_eq!(good(chat.entry(&there, 5)), None);

    let missing = room("nowhere");
    let no_such = StoreError::NoSuchRoom {
        room: missing.clone(),
    };
    let subject = Arc::new(RoomWrite::Subject(message(1, "andy", "x")));
    let affiliations = Arc::new(RoomWrite::Affiliations(Vec::new()));
    for write in [says(1, "andy", "x"), subject, affiliations] {
        assert_eq!(
            wait(chat.write(&fence, &missing, vec![write])),
            Err(no_such.clone())
        );
    }
    assert_eq!(
        wait(chat.history(&missing, HistoryQuery::last(1))),
        Err(no_such.clone())
    );
    assert_eq!(wait(chat.entry(&missing, 1)), Err(no_such));
    assert_eq!(good(chat.room(&missing)), None);
}

/// CHAT-10: a write whose answer was lost is repeated, and is there once.
fn writes_may_be_repeated(chat: &dyn ChatStore) {
    let (fence, room) = hosted(chat, "lunch");
    let history = vec![message(1, "andy", "one"), message(3, "andy", "three")];
    let other = super::room("tea");
    let with_history = Arc::new(RoomWrite::Create {
        record: Box::new(record(&other)),
        history: history.clone(),
    });
    let twice = |room, writes: Vec<Arc<RoomWrite>>| {
        good(chat.write(&fence, room, writes.clone()));
        good(chat.write(&fence, room, writes));
    };
    twice(&room, vec![create(&room)]);
    twice(&other, vec![with_history]);
    twice(&room, vec![says(1, "andy", "one"), says(2, "bob", "two")]);
    twice(&super::room("gone"), vec![Arc::new(RoomWrite::Delete)]);
    // Once the room has lived on, a create is another room of the same name.
    assert_eq!(
        wait(chat.write(&fence, &other, vec![create(&other)])),
        Err(StoreError::RoomExists {
            room: other.clone()
        })
    );
    assert_eq!(
        good(chat.history(&other, HistoryQuery::last(9))).entries,
        history
    );
    assert_eq!(good(chat.room(&room)).unwrap().messages, 2);
    // Another message under a used number is refused, not taken for the same.
    let refused = StoreError::OutOfOrder {
        room: room.clone(),
        seq: 2,
        last_seq: 2,
    };
    assert_eq!(
        wait(chat.write(&fence, &room, vec![says(2, "bob", "2")])),
        Err(refused)
    );
}

/// CHAT-1: a destroyed room leaves nothing, also not to a later room of its name.
fn a_destroyed_room_is_gone(chat: &dyn ChatStore) {
    let (fence, room) = hosted(chat, "lunch");
    let neighbour = super::room("lunch-2");
    good(chat.write(
        &fence,
        &neighbour,
        vec![create(&neighbour), says(1, "bob", "stay")],
    ));
    good(chat.write(&fence, &room, vec![says(1, "andy", "one")]));
    good(chat.write(&fence, &room, vec![Arc::new(RoomWrite::Delete)]));
    assert_eq!(good(chat.room(&room)), None);
    let left = Counts {
        rooms: 1,
        messages: 1,
        affiliations: 1,
    };
    assert_eq!(good(chat.counts(Some(ALIAS))), left);
    good(chat.write(&fence, &room, vec![create(&room)]));
    let there = good(chat.room(&room)).unwrap();
    assert_eq!((there.record, there.last_seq), (record(&room), 0));
    assert_eq!(
        good(chat.history(&neighbour, HistoryQuery::last(9)))
            .entries
            .len(),
        1
    );
}

/// The console's lists: rooms of an alias page by page, aliases, counts.
fn rooms_and_aliases_are_listed(chat: &dyn ChatStore) {
    let fence = good(chat.acquire(ALIAS, A, Claim::IfFree)).fence;
    let peer = good(chat.acquire(PEER, A, Claim::IfFree)).fence;
    let names = ["a", "a-1", "a.b", "b", "ü"].map(room);
    for room in names.iter().rev() {
        good(chat.write(&fence, room, vec![create(room), says(1, "andy", "x")]));
    }
    let other = jid(&format!("a@{PEER}"));
    good(chat.write(&peer, &other, vec![create(&other)]));
    assert_eq!(good(chat.rooms(ALIAS, None, 9)), names);
    assert_eq!(good(chat.rooms(ALIAS, None, 2)), names[..2]);
    assert_eq!(good(chat.rooms(ALIAS, Some(&names[1]), 2)), names[2..4]);
    assert!(good(chat.rooms(ALIAS, Some(&names[4]), 2)).is_empty());
    assert!(good(chat.rooms("conference-9.example.com", None, 9)).is_empty());
    assert_eq!(good(chat.aliases()), [ALIAS, PEER]);
    let counts = |rooms, messages, affiliations| Counts {
        rooms,
        messages,
        affiliations,
    };
    assert_eq!(good(chat.counts(Some(ALIAS))), counts(5, 5, 5));
    assert_eq!(good(chat.counts(Some(PEER))), counts(1, 0, 1));
    assert_eq!(good(chat.counts(None)), counts(6, 5, 6));
}

/// MRG-1: the schema verifies, and is the same before and after use.
fn an_empty_database_verifies(chat: &dyn ChatStore) {
    let version = good(chat.verify());
    good(chat.ping());
    hosted(chat, "lunch");
    assert_eq!(good(chat.verify()), version);
    assert_eq!(chat.info(), chat.info());
}

/// MRG-1: how much the rooms take is told, and it is no less than what was said.
fn rooms_take_room(chat: &dyn ChatStore) {
    let before = good(chat.means()).used;
    let (fence, room) = hosted(chat, "roomy");
    let text = "x".repeat(1000);
    let said = (1..=20).map(|seq| says(seq, "andy", &text)).collect();
    good(chat.write(&fence, &room, said));
    let means = good(chat.means());
    assert!(means.used >= before + 20_000, "{before}, then {means:?}");
    assert!(means.may_create);
}
