//! Rooms that survive: written first, seen then (CHAT-8, CHAT-10, CHAT-12), and moved.

use takeover_protocols::datetime::Timestamp;
use takeover_protocols::muc::{
    CloseReason, RoomEffect, RoomLimits, RoomWrite, StoreFailure, Ticket,
};
use takeover_protocols::stanza::{Condition, Stanza};

use crate::stage::{CRONE, HAG, HECATE, ROOM, Stage, persistent};

fn slow_coven() -> Stage {
    let mut stage = Stage::coven(persistent());
    stage.prompt = false;
    stage
}

/// CHAT-10: nobody sees a message before the database has it, and the sender's ticket is not back.
#[test]
fn written_first() {
    let mut stage = slow_coven();
    let before = stage.handled.len();
    let heard = stage.say(HAG, "hello");
    assert!(heard.stanzas.is_empty());
    assert_eq!(stage.handled.len(), before);
    assert!(stage.room.is_waiting());
    // Who enters meanwhile does not find it in the history, and gets it when it is written.
    let heard = stage.join(HECATE, "hecate");
    assert!(heard.by(HECATE).iter().all(|s| s.body().is_none()));
    let heard = stage.confirm();
    assert_eq!((heard.broadcasts, heard.stanzas.len()), (1, 4));
    assert_eq!(stage.handled.len(), before + 2);
}

/// CHAT-10: what is being written may be in the database already, and be fetched from there. Who enters meanwhile is
/// shown it when that is known, and not before.
#[test]
fn what_is_being_written_is_no_history() {
    let mut stage = slow_coven();
    stage.say(HAG, "hello");
    let Some(RoomWrite::Message(said)) = stage.database.last() else {
        panic!("a message is written");
    };
    let fetched = vec![said.clone()];
    let join = format!(
        "<presence from='{HECATE}' to='{ROOM}/hecate'><x xmlns='http://jabber.org/protocol/muc'>\
         <history maxstanzas='1000'/></x></presence>"
    );
    let join = Stanza::parse(join.as_bytes()).expect("a join");
    let now = Timestamp::from_millis(0);
    let effects = stage.room.handle_join(Ticket(1000), join, fetched, now);
    let heard = stage.perform(effects);
    assert!(heard.by(HECATE).iter().all(|s| s.body().is_none()));
    let heard = stage.confirm();
    let bodies: Vec<_> = heard.by(HECATE).iter().filter_map(|s| s.body()).collect();
    assert_eq!(bodies, ["hello"]);
}

/// CHAT-10: several under way; reflections come in the order of the messages, whatever the order of
/// the reports.
#[test]
fn in_order() {
    let mut stage = slow_coven();
    for text in ["one", "two", "three"] {
        stage.say(HAG, text);
    }
    let ids = std::mem::take(&mut stage.outstanding);
    assert!(stage.room.stored(ids[2]).is_empty());
    assert!(stage.room.stored(ids[1]).is_empty());
    let effects = stage.room.stored(ids[0]);
    let heard = stage.perform(effects);
    let bodies: Vec<_> = heard.by(CRONE).iter().map(|s| s.body().unwrap()).collect();
    assert_eq!(bodies, ["one", "two", "three"]);
    // A second report changes nothing.
    assert!(stage.room.stored(ids[0]).is_empty());
    assert!(
        stage
            .room
            .store_failed(ids[0], StoreFailure::Failed)
            .is_empty()
    );
}

/// CHAT-12: what cannot be written comes back with the standard's error, nobody else sees it, and
/// what was written is kept.
#[test]
fn not_written() {
    for (cause, condition) in [
        (StoreFailure::Unreachable, Condition::RecipientUnavailable),
        (StoreFailure::Failed, Condition::InternalServerError),
    ] {
        let mut stage = slow_coven();
        stage.say(HAG, "one");
        stage.say(HAG, "two");
        let heard = stage.fail(cause);
        assert_eq!(heard.error(), condition);
        assert_eq!(heard.only().to.as_ref().unwrap().as_str(), HAG);
        assert_eq!(heard.only().body().as_deref(), Some("one"));
        assert_eq!(stage.confirm().stanzas.len(), 3);
        let kept: Vec<String> = stage
            .room
            .history()
            .map(|e| Stanza::parse(&e.stanza).unwrap().body().unwrap())
            .collect();
        assert_eq!(kept, ["two"]);
    }
}

/// CHAT-12: a configuration, an affiliation, a subject, a destruction that cannot be written does
/// not come to pass.
#[test]
fn changes_that_are_not_written() {
    let mut stage = slow_coven();
    let record = stage.room.record().clone();
    stage.configure(CRONE, &[("roomname", "x")]);
    assert_eq!(
        stage.fail(StoreFailure::Unreachable).error(),
        Condition::RecipientUnavailable
    );
    stage.affiliate(CRONE, "hag66@shakespeare.lit", "outcast");
    assert_eq!(
        stage.fail(StoreFailure::Failed).error(),
        Condition::InternalServerError
    );
    stage.set(CRONE, "muc#owner", "<destroy/>");
    assert_eq!(
        stage.fail(StoreFailure::Failed).error(),
        Condition::InternalServerError
    );
    let subject = format!(
        "<message from='{CRONE}' to='{ROOM}' type='groupchat'><subject>s</subject></message>"
    );
    assert!(stage.send(&subject).stanzas.is_empty());
    assert_eq!(
        stage.fail(StoreFailure::Failed).error(),
        Condition::InternalServerError
    );
    assert_eq!(*stage.room.record(), record);
    assert_eq!(stage.room.occupant_count(), 3);
}

/// While a change of who may do what is being written, nothing is decided by the old state: a banned
/// user's message waits, and is refused.
#[test]
fn later_stanzas_wait_for_a_change() {
    let mut stage = slow_coven();
    stage.say(HAG, "before");
    stage.affiliate(CRONE, "hag66@shakespeare.lit", "outcast");
    let before = stage.handled.len();
    let heard = stage.say(HAG, "after");
    assert!(heard.stanzas.is_empty());
    assert_eq!(stage.outstanding.len(), 2);
    let heard = stage.confirm();
    assert_eq!(heard.by(CRONE)[0].body().as_deref(), Some("before"));
    let heard = stage.confirm();
    assert_eq!(
        heard.lines(HAG),
        [
            "presence unavailable thirdwitch outcast none hag66@shakespeare.lit/pda 301 110",
            "message error - not-acceptable body=after",
        ]
    );
    assert_eq!(stage.handled.len(), before + 3);
    assert!(stage.outstanding.is_empty());
}

/// The bounds on what waits: one more is refused, not lost.
#[test]
fn bounds() {
    let stage = Stage::coven(persistent());
    let limits = RoomLimits {
        outstanding: 2,
        deferred: 1,
        ..RoomLimits::default()
    };
    let room = takeover_protocols::muc::Room::restore(
        stage.room.record().clone(),
        [],
        7,
        stage.room.occupants(),
        limits,
    );
    let mut stage = Stage {
        room,
        prompt: false,
        ..stage
    };
    stage.say(HAG, "one");
    let Some(RoomWrite::Message(entry)) = stage.database.last() else {
        panic!()
    };
    assert_eq!(entry.seq, 8);
    stage.affiliate(CRONE, "x@y", "member");
    assert!(stage.say(HAG, "waits").stanzas.is_empty());
    assert_eq!(
        stage.say(HAG, "too much").error(),
        Condition::ResourceConstraint
    );
    stage.confirm();
    stage.confirm();
    stage.say(HAG, "two");
    assert_eq!(
        stage.say(HAG, "three").error(),
        Condition::ResourceConstraint
    );
}

/// CHAT-8: the room goes on at another node: occupants stay in it, with roles, presence and history,
/// and hear nothing of the move.
#[test]
fn the_room_moves() {
    let mut stage = Stage::coven(persistent());
    stage.say(HAG, "before");
    stage.role(CRONE, "thirdwitch", "moderator");
    stage.send(&format!(
        "<presence from='{HAG}' to='{ROOM}/thirdwitch'><show>away</show></presence>"
    ));
    stage.send(&format!(
        "<message from='{CRONE}' to='{ROOM}' type='groupchat'><subject>s</subject></message>"
    ));
    let mut moved = stage.moved();
    assert_eq!(moved.room.record(), stage.room.record());
    assert_eq!(moved.room.occupants(), stage.room.occupants());
    assert!(moved.room.history().eq(stage.room.history()));
    let heard = moved.say(HAG, "after");
    assert_eq!(heard.stanzas.len(), 3);
    let heard = moved.join(HECATE, "hecate");
    assert_eq!(
        heard.lines(HECATE),
        [
            "presence firstwitch owner moderator",
            "presence secondwitch admin moderator",
            "presence thirdwitch none moderator",
            "presence hecate none participant hecate@shakespeare.lit/broom 110",
            "message groupchat thirdwitch body=before late",
            "message groupchat thirdwitch body=after late",
            "message groupchat firstwitch subject=s late",
        ]
    );
    assert_eq!(heard.by(HECATE)[2].text_of("show").as_deref(), Some("away"));
    // Sequence numbers go on.
    let seqs: Vec<u64> = moved.room.history().map(|entry| entry.seq).collect();
    assert!(seqs.is_sorted() && seqs[0] < seqs[1]);
}

/// SES-4, CHAT-10: a node that has lost the room's lease sends everything on, and shows nothing.
#[test]
fn fenced() {
    let mut stage = slow_coven();
    stage.say(HAG, "one");
    stage.affiliate(CRONE, "x@y", "member");
    stage.say(HAG, "two");
    let before = stage.handled.len();
    let heard = stage.fail(StoreFailure::Fenced);
    assert!(heard.stanzas.is_empty());
    assert_eq!(
        (heard.rerouted.len(), heard.closed),
        (3, Some(CloseReason::Fenced))
    );
    assert_eq!(stage.handled.len(), before + 3);
    assert_eq!(stage.say(HAG, "three").rerouted.len(), 1);
    assert!(stage.room.stored(stage.outstanding[0]).is_empty());
}

/// CHAT-8: a durable room's occupants are left in peace when its service stops; what was not yet
/// written is routed anew.
#[test]
fn the_service_stops() {
    let mut stage = slow_coven();
    stage.say(HAG, "under way");
    let effects = stage.room.shut_down();
    let heard = stage.perform(effects);
    assert!(heard.stanzas.is_empty());
    assert_eq!(heard.rerouted[0].body().as_deref(), Some("under way"));
    assert_eq!(
        (stage.soft.len(), heard.closed),
        (3, Some(CloseReason::Shutdown))
    );
}

/// A durable room stays when everybody has left.
#[test]
fn an_empty_durable_room_stays() {
    let mut stage = Stage::cave(persistent());
    let heard = stage.leave(CRONE, "firstwitch");
    assert_eq!(heard.closed, None);
    assert!(stage.room.is_empty() && !stage.room.is_waiting());
    assert!(stage.join(HAG, "thirdwitch").by(HAG).len() > 1);
}

/// The first thing a write's confirmation does is to give the ticket back.
#[test]
fn the_ticket_is_back_before_the_reflection() {
    let mut stage = slow_coven();
    stage.say(HAG, "x");
    let effects = stage.room.stored(stage.outstanding[0]);
    assert!(matches!(
        effects[..],
        [RoomEffect::Handled(Ticket(_)), RoomEffect::Broadcast(_)]
    ));
}

/// The first report of a write counts, also while it waits for the ones before it.
#[test]
fn the_first_report_counts() {
    let mut stage = slow_coven();
    stage.say(HAG, "one");
    stage.say(HAG, "two");
    let ids = std::mem::take(&mut stage.outstanding);
    assert!(stage.room.stored(ids[1]).is_empty());
    assert!(
        stage
            .room
            .store_failed(ids[1], StoreFailure::Failed)
            .is_empty()
    );
    let effects = stage.room.stored(ids[0]);
    assert_eq!(stage.perform(effects).broadcasts, 2);
}

/// Soft state that contradicts itself is taken as far as it goes: a nickname is one user's, a client
/// has one nickname.
#[test]
fn contradictions_in_the_soft_state() {
    let stage = Stage::coven(persistent());
    let mut records = stage.room.occupants();
    let of = |jid: &str, nick: &str| {
        let jid = crate::stage::full(jid);
        takeover_protocols::muc::OccupantRecord {
            jid,
            nick: nick.into(),
            ..records[0].clone()
        }
    };
    let wrong = [
        of(HECATE, "firstwitch"),
        of(HAG, "other"),
        of(HECATE, "\u{0}"),
    ];
    records.extend(wrong);
    let limits = RoomLimits::default();
    let record = stage.room.record().clone();
    let room = takeover_protocols::muc::Room::restore(record, [], 0, records, limits);
    assert_eq!(room.occupants(), stage.room.occupants());
}

/// Everything that is kept survives being written down.
#[test]
fn what_is_kept_is_read_back() {
    let mut stage = Stage::coven(persistent());
    stage.say(HAG, "hello");
    stage.affiliate(CRONE, "x@y", "outcast");
    stage.configure(
        CRONE,
        &[
            ("passwordprotectedroom", "1"),
            ("roomsecret", "s"),
            ("maxusers", "5"),
        ],
    );
    stage.send(&format!(
        "<message from='{CRONE}' to='{ROOM}' type='groupchat'><subject>s</subject></message>"
    ));
    stage.set(CRONE, "muc#owner", "<destroy/>");
    for write in &stage.database {
        let json = serde_json::to_string(write).unwrap();
        assert_eq!(serde_json::from_str::<RoomWrite>(&json).unwrap(), *write);
    }
    for record in Stage::coven(persistent()).room.occupants() {
        let json = serde_json::to_string(&record).unwrap();
        let read = serde_json::from_str::<takeover_protocols::muc::OccupantRecord>(&json).unwrap();
        assert_eq!(read, record);
    }
}
