//! Configuring and destroying (XEP-0045, sections 10.1, 10.2 and 10.9).

use takeover_protocols::forms::Form;
use takeover_protocols::muc::{Affiliation, CloseReason, Phase, RoomConfig, RoomWrite};
use takeover_protocols::ns;
use takeover_protocols::stanza::Condition;

use crate::stage::{CRONE, HAG, HECATE, ROOM, Stage, WICCA, persistent};

/// XEP-0045, section 10.1.3: a reserved room.
#[test]
fn reserved_room() {
    let mut stage = Stage::vacant(RoomConfig::default());
    stage.join(CRONE, "firstwitch");
    let heard = stage.get(CRONE, "muc#owner", "");
    let query = heard.only().child("query", ns::MUC_OWNER).unwrap();
    let form = query.children().find_map(Form::from_element).unwrap();
    assert_eq!(
        form.form_type(),
        Some("http://jabber.org/protocol/muc#roomconfig")
    );
    assert_eq!(
        form.value("muc#roomconfig_roomowners"),
        Some("crone1@shakespeare.lit")
    );
    // What cannot be is refused, and the room stays locked.
    let blank = [("passwordprotectedroom", "1"), ("roomsecret", "")];
    assert_eq!(
        stage.configure(CRONE, &blank).error(),
        Condition::NotAcceptable
    );
    assert_eq!(stage.room.phase(), Phase::Locked);
    let heard = stage.configure(
        CRONE,
        &[
            ("roomname", "A Dark Cave"),
            ("persistentroom", "1"),
            ("roomadmins", "wiccarocks@shakespeare.lit"),
        ],
    );
    assert_eq!(heard.lines(CRONE), ["iq result -"]);
    let [RoomWrite::Create { record, history }] = &stage.database[..] else {
        panic!()
    };
    assert_eq!(
        (record.config.name.as_str(), history.len()),
        ("A Dark Cave", 0)
    );
    let wicca = takeover_protocols::jid::BareJid::new("wiccarocks@shakespeare.lit").unwrap();
    assert_eq!(record.affiliation(&wicca), Affiliation::Admin);
    assert!(stage.room.is_durable() && stage.room.phase() == Phase::Open);
}

/// XEP-0045, section 10.2: only owners configure.
#[test]
fn not_for_others() {
    let mut stage = Stage::coven(RoomConfig::default());
    for who in [WICCA, HAG, HECATE] {
        assert_eq!(
            stage.get(who, "muc#owner", "").error(),
            Condition::Forbidden
        );
        assert_eq!(
            stage.configure(who, &[("roomname", "x")]).error(),
            Condition::Forbidden
        );
        assert_eq!(
            stage.set(who, "muc#owner", "<destroy/>").error(),
            Condition::Forbidden
        );
    }
    assert_eq!(
        stage.set(CRONE, "muc#owner", "").error(),
        Condition::BadRequest
    );
    let cancel = "<x xmlns='jabber:x:data' type='cancel'/>";
    assert_eq!(
        stage.set(CRONE, "muc#owner", cancel).lines(CRONE),
        ["iq result -"]
    );
}

/// XEP-0045, section 10.2.1: codes for what touches privacy, 104 for the rest, nothing for nothing.
#[test]
fn notification_of_changes() {
    let mut stage = Stage::coven(RoomConfig::default());
    for (fields, codes) in [
        (&[("roomname", "x")][..], " 104"),
        (&[("enablelogging", "1")], " 170"),
        (&[("enablelogging", "0")], " 171"),
        (&[("whois", "anyone")], " 172"),
        (&[("whois", "moderators"), ("roomname", "y")], " 173 104"),
    ] {
        let heard = stage.configure(CRONE, fields);
        assert_eq!(
            heard.lines(HAG),
            [format!("message groupchat -{codes}")],
            "{fields:?}"
        );
        assert!(heard.succeeded(CRONE));
    }
    assert_eq!(
        stage.configure(CRONE, &[("roomname", "y")]).lines(HAG),
        [""; 0]
    );
}

/// XEP-0045, section 10.2: a room that becomes members-only sends the others away.
#[test]
fn becomes_members_only() {
    let mut stage = Stage::coven(RoomConfig::default());
    let heard = stage.configure(CRONE, &[("membersonly", "1")]);
    assert_eq!(
        heard.lines(HAG),
        [
            "message groupchat - 104",
            "presence unavailable thirdwitch none none hag66@shakespeare.lit/pda 322 110",
        ]
    );
    let seen = "presence unavailable thirdwitch none none hag66@shakespeare.lit/pda 322";
    assert_eq!(heard.lines(WICCA)[1], seen);
    assert_eq!(stage.room.occupant_count(), 2);
}

/// XEP-0045, sections 10.2 and 10.5: lists in the form are whole lists, and the last owner stays.
#[test]
fn lists_in_the_form() {
    let mut stage = Stage::coven(RoomConfig::default());
    let heard = stage.configure(CRONE, &[("roomadmins", "hag66@shakespeare.lit")]);
    assert!(
        heard.lines(HAG).contains(
            &"presence thirdwitch admin moderator hag66@shakespeare.lit/pda 110".to_owned()
        )
    );
    assert!(heard.lines(WICCA).contains(
        &"presence secondwitch member participant wiccarocks@shakespeare.lit/laptop 110".to_owned()
    ));
    let nobody =
        "<x xmlns='jabber:x:data' type='submit'><field var='muc#roomconfig_roomowners'/></x>";
    assert_eq!(
        stage.set(CRONE, "muc#owner", nobody).error(),
        Condition::Conflict
    );
    // Owners who are named admins stay owners, unless the form has the owners too.
    stage.configure(CRONE, &[("roomadmins", "crone1@shakespeare.lit")]);
    assert!(stage.get(CRONE, "muc#owner", "").succeeded(CRONE));
}

/// CHAT-1: a room becomes durable with all it has, and ceases to be it.
#[test]
fn becomes_persistent_and_temporary() {
    let mut stage = Stage::coven(RoomConfig::default());
    stage.say(HAG, "before");
    assert!(stage.database.is_empty());
    stage.configure(CRONE, &[("persistentroom", "1")]);
    let [RoomWrite::Create { record, history }] = &stage.database[..] else {
        panic!()
    };
    assert_eq!((history.len(), record.affiliations.len()), (1, 2));
    let last = history[0].seq;
    stage.say(HAG, "after");
    let RoomWrite::Message(entry) = &stage.database[1] else {
        panic!()
    };
    assert_eq!(entry.seq, last + 1);
    stage.configure(CRONE, &[("persistentroom", "0"), ("roomname", "short")]);
    assert_eq!(stage.database[2], RoomWrite::Delete);
    assert_eq!(stage.room.record().config.name, "short");
    stage.say(HAG, "last");
    assert_eq!((stage.database.len(), stage.room.history().count()), (3, 3));
    for (who, nick) in [(CRONE, "firstwitch"), (WICCA, "secondwitch")] {
        stage.leave(who, nick);
    }
    assert_eq!(
        stage.leave(HAG, "thirdwitch").closed,
        Some(CloseReason::Empty)
    );
}

/// XEP-0045, section 10.9: the end, with where to go on.
#[test]
fn destroy() {
    for durable in [false, true] {
        let config = if durable {
            persistent()
        } else {
            RoomConfig::default()
        };
        let mut stage = Stage::coven(config);
        let writes = stage.database.len();
        let heard = stage.set(
            CRONE,
            "muc#owner",
            "<destroy jid='darkcave@macbeth.shakespeare.lit'><reason>Macbeth doth come.</reason>\
             <password>pw</password></destroy>",
        );
        let told = format!(
            "<presence from='{ROOM}/thirdwitch' to='{HAG}' type='unavailable'>\
             <x xmlns='http://jabber.org/protocol/muc#user'>\
             <item affiliation='none' jid='{HAG}' role='none'/>\
             <destroy jid='darkcave@macbeth.shakespeare.lit'><reason>Macbeth doth come.</reason>\
             <password>pw</password></destroy><status code='110'/></x></presence>"
        );
        let expected = takeover_protocols::stanza::Stanza::parse(told).unwrap();
        assert_eq!(
            heard.by(HAG)[0].to_element().to_string(),
            expected.to_element().to_string()
        );
        assert!(heard.succeeded(CRONE));
        assert_eq!(heard.closed, Some(CloseReason::Destroyed));
        assert_eq!(
            stage.database.get(writes),
            durable.then_some(&RoomWrite::Delete)
        );
        assert!(stage.soft.is_empty());
    }
    let mut stage = Stage::coven(RoomConfig::default());
    let wrong = "<destroy jid='@'/>";
    assert_eq!(
        stage.set(CRONE, "muc#owner", wrong).error(),
        Condition::JidMalformed
    );
}
