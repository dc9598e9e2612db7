//! Entering and leaving (XEP-0045, sections 7.2 to 7.7, 7.14 and 10.1).

use takeover_protocols::muc::{CloseReason, OccupantRecord, Phase, RoomConfig, Whois};
use takeover_protocols::stanza::Condition;

use crate::stage::{CRONE, HAG, HECATE, ROOM, Stage, WICCA, full};

fn nick_of(stage: &Stage, who: &str) -> Option<String> {
    let find = |record: &OccupantRecord| record.jid.as_str() == who;
    stage
        .room
        .occupants()
        .into_iter()
        .find(find)
        .map(|record| record.nick)
}

/// XEP-0045, section 10.1.1: who enters first owns the room, which is locked.
#[test]
fn create_a_room() {
    let mut stage = Stage::vacant(RoomConfig::default());
    let heard = stage.join(CRONE, "firstwitch");
    assert_eq!(
        heard.lines(CRONE),
        [
            "presence firstwitch owner moderator crone1@shakespeare.lit/desktop 201 110",
            "message groupchat - subject=",
        ]
    );
    assert_eq!(stage.room.phase(), Phase::Locked);
    // Section 7.2.10: to everybody else it does not exist.
    assert_eq!(
        stage.join(HAG, "thirdwitch").error(),
        Condition::ItemNotFound
    );
    assert_eq!(
        stage
            .get(HAG, "http://jabber.org/protocol/disco#info", "")
            .error(),
        Condition::ItemNotFound
    );
    // Section 10.1.2: an instant room.
    let heard = stage.set(
        CRONE,
        "muc#owner",
        "<x xmlns='jabber:x:data' type='submit'/>",
    );
    assert_eq!(heard.lines(CRONE), ["iq result -"]);
    assert_eq!(stage.room.phase(), Phase::Open);
    assert_eq!(stage.join(HAG, "thirdwitch").by(CRONE).len(), 1);
}

/// XEP-0045, section 10.1.1: a client without the protocol gets an open room.
#[test]
fn create_a_room_with_the_old_protocol() {
    for persistent in [false, true] {
        let mut stage = Stage::vacant(RoomConfig {
            persistent,
            ..RoomConfig::default()
        });
        stage.send(&format!(
            "<presence from='{CRONE}' to='{ROOM}/firstwitch'/>"
        ));
        assert_eq!(
            (stage.room.phase(), stage.room.is_durable()),
            (Phase::Open, persistent)
        );
        assert_eq!(stage.database.len(), usize::from(persistent));
    }
}

/// XEP-0045, section 10.1.3: the creator gives up, or goes away, before the room is configured.
#[test]
fn creation_is_given_up() {
    let cancel = "<x xmlns='jabber:x:data' type='cancel'/>";
    let mut stage = Stage::vacant(RoomConfig::default());
    stage.join(CRONE, "firstwitch");
    let heard = stage.set(CRONE, "muc#owner", cancel);
    assert_eq!(
        heard.lines(CRONE),
        [
            "presence unavailable firstwitch none none crone1@shakespeare.lit/desktop <destroy> 110",
            "iq result -",
        ]
    );
    assert_eq!(heard.closed, Some(CloseReason::Destroyed));
    let mut stage = Stage::vacant(RoomConfig::default());
    stage.join(CRONE, "firstwitch");
    let heard = stage.leave(CRONE, "firstwitch");
    assert!(heard.lines(CRONE)[0].contains("<destroy>"));
    assert_eq!(heard.closed, Some(CloseReason::Destroyed));
    // What comes later is routed anew: the room can be created again.
    assert_eq!(stage.join(HAG, "thirdwitch").rerouted.len(), 1);
}

/// XEP-0045, sections 7.2.2 and 7.2.4: who is there, then oneself; the others see
/// the new one; moderators see real addresses, others do not.
#[test]
fn presence_broadcast() {
    let mut stage = Stage::cave(RoomConfig::default());
    stage.join(WICCA, "secondwitch");
    stage.join(HECATE, "hecate");
    let heard = stage.join(HAG, "thirdwitch");
    assert_eq!(
        heard.lines(HAG),
        [
            "presence firstwitch owner moderator",
            "presence hecate none participant",
            "presence secondwitch admin moderator",
            "presence thirdwitch none participant hag66@shakespeare.lit/pda 110",
            "message groupchat - subject=",
        ]
    );
    let seen = "presence thirdwitch none participant hag66@shakespeare.lit/pda";
    assert_eq!(heard.lines(CRONE), [seen]);
    assert_eq!(heard.lines(WICCA), [seen]);
    assert_eq!(
        heard.lines(HECATE),
        ["presence thirdwitch none participant"]
    );
    // The answer to one's own join has its id, the others' copies have none.
    assert_eq!(heard.by(HAG)[3].id.as_deref(), Some("join"));
    assert_eq!(heard.by(CRONE)[0].id, None);
}

/// XEP-0045, section 7.2.3: a room that hides nobody says so.
#[test]
fn non_anonymous_room() {
    let config = RoomConfig {
        whois: Whois::Anyone,
        logging: true,
        ..RoomConfig::default()
    };
    let mut stage = Stage::cave(config);
    let heard = stage.join(HAG, "thirdwitch");
    assert_eq!(
        heard.lines(HAG)[..2],
        [
            "presence firstwitch owner moderator crone1@shakespeare.lit/desktop",
            "presence thirdwitch none participant hag66@shakespeare.lit/pda 100 170 110",
        ]
    );
}

/// XEP-0045, sections 7.2.1 and 7.2.6 to 7.2.9: each door and its error.
#[test]
fn closed_doors() {
    let mut stage = Stage::cave(RoomConfig::default());
    let no_nick = format!("<presence from='{HAG}' to='{ROOM}'/>");
    assert_eq!(stage.send(&no_nick).error(), Condition::JidMalformed);
    // Section 7.2.8: nickname conflicts, present and reserved.
    assert_eq!(stage.join(HAG, "firstwitch").error(), Condition::Conflict);
    stage.set(
        CRONE,
        "muc#admin",
        "<item affiliation='member' jid='hecate@shakespeare.lit' nick='queen'/>",
    );
    assert_eq!(stage.join(HAG, "queen").error(), Condition::Conflict);
    assert_eq!(
        stage.join(HECATE, "queen").lines(HECATE)[1],
        "presence queen member participant hecate@shakespeare.lit/broom 110"
    );
    // Section 7.2.7: banned; also by domain (section 9.2).
    stage.affiliate(CRONE, "hag66@shakespeare.lit", "outcast");
    assert_eq!(stage.join(HAG, "thirdwitch").error(), Condition::Forbidden);
    stage.affiliate(CRONE, "england.lit", "outcast");
    assert_eq!(
        stage.join("duncan@england.lit/x", "king").error(),
        Condition::Forbidden
    );
    // Section 7.2.6: members only.
    stage.configure(CRONE, &[("membersonly", "1")]);
    assert_eq!(
        stage.join("macduff@shakespeare.lit/x", "m").error(),
        Condition::RegistrationRequired
    );
    // Section 7.2.5: password, which its owner knows anyway.
    let secret = [
        ("membersonly", "0"),
        ("passwordprotectedroom", "1"),
        ("roomsecret", "cauldronburn"),
    ];
    stage.configure(CRONE, &secret);
    let macduff = "macduff@shakespeare.lit/x";
    assert_eq!(stage.join(macduff, "m").error(), Condition::NotAuthorized);
    assert_eq!(
        stage
            .join_with(macduff, "m", "<password>wrong</password>")
            .error(),
        Condition::NotAuthorized
    );
    let heard = stage.join_with(macduff, "m", "<password>cauldronburn</password>");
    assert!(heard.lines(macduff).len() > 3);
    stage.leave(CRONE, "firstwitch");
    assert!(stage.join(CRONE, "firstwitch").by(CRONE).len() > 1);
    // Nobody hears the password.
    assert!(
        heard
            .stanzas
            .iter()
            .all(|s| !s.to_string().contains("cauldronburn"))
    );
    let error = stage.join(HAG, "x");
    assert!(
        error
            .only()
            .to_string()
            .contains("<x xmlns='http://jabber.org/protocol/muc'/>")
    );
}

/// XEP-0045, section 7.2.9: a full room; admins and owners always get in.
#[test]
fn full_room() {
    let mut stage = Stage::cave(RoomConfig {
        max_users: Some(1),
        ..RoomConfig::default()
    });
    let heard = stage.join(HAG, "thirdwitch");
    assert_eq!(heard.error(), Condition::ServiceUnavailable);
    assert_eq!(heard.only().error().unwrap().kind.as_str(), "wait");
    assert!(stage.join(WICCA, "secondwitch").lines(WICCA).len() > 1);
}

/// XEP-0045, section 7.2.2: a nickname with spaces around it is not taken as it is (status 210).
#[test]
fn nickname_is_assigned() {
    let mut stage = Stage::cave(RoomConfig::default());
    let heard = stage.join(HAG, " thirdwitch ");
    assert_eq!(
        heard.lines(HAG)[1],
        "presence thirdwitch none participant hag66@shakespeare.lit/pda 210 110"
    );
}

/// XEP-0045, section 7.2.8: two clients of one user with one nickname are one occupant.
#[test]
fn two_clients_of_one_user() {
    let phone = "hag66@shakespeare.lit/phone";
    let mut stage = Stage::coven(RoomConfig::default());
    let heard = stage.join(phone, "thirdwitch");
    assert_eq!(heard.lines(phone).len(), 4);
    assert_eq!(stage.room.occupant_count(), 3);
    let heard = stage.say(phone, "hello");
    assert_eq!((heard.by(HAG).len(), heard.by(phone).len()), (1, 1));
    // One leaves: the others still see the occupant.
    let heard = stage.leave(phone, "thirdwitch");
    assert_eq!(
        heard.lines(phone),
        ["presence unavailable thirdwitch none none hag66@shakespeare.lit/phone 110"]
    );
    assert_eq!(
        heard.lines(CRONE),
        ["presence thirdwitch none participant hag66@shakespeare.lit/pda"]
    );
    let heard = stage.leave(HAG, "thirdwitch");
    assert_eq!(
        heard.lines(CRONE),
        ["presence unavailable thirdwitch none none hag66@shakespeare.lit/pda"]
    );
}

/// XEP-0045, section 7.2: a client that lost track enters again, and hears everything; the others
/// hear nothing.
#[test]
fn enter_again() {
    let mut stage = Stage::coven(RoomConfig::default());
    stage.say(CRONE, "Thrice the brinded cat hath mew'd.");
    let heard = stage.join(HAG, "thirdwitch");
    assert_eq!(
        heard.lines(HAG),
        [
            "presence firstwitch owner moderator",
            "presence secondwitch admin moderator",
            "presence thirdwitch none participant hag66@shakespeare.lit/pda 110",
            "message groupchat firstwitch body=Thrice the brinded cat hath mew'd. late",
            "message groupchat - subject=",
        ]
    );
    assert_eq!(heard.by(CRONE).len(), 0);
    assert_eq!(stage.room.occupant_count(), 3);
}

/// XEP-0045, sections 7.2.13 and 7.2.14: history with stamps, limited as asked.
#[test]
fn history() {
    for (whois, from) in [(Whois::Moderators, ROOM), (Whois::Anyone, CRONE)] {
        let mut stage = Stage::cave(RoomConfig {
            whois,
            ..RoomConfig::default()
        });
        for text in ["one", "two", "three"] {
            stage.say(CRONE, text);
        }
        let heard = stage.join_with(HAG, "thirdwitch", "<history maxstanzas='2'/>");
        let late: Vec<_> = heard
            .by(HAG)
            .into_iter()
            .filter(|s| s.body().is_some())
            .collect();
        let bodies: Vec<_> = late.iter().map(|s| s.body().unwrap()).collect();
        assert_eq!(bodies, ["two", "three"]);
        let delay = takeover_protocols::delay::Delay::of(late[0]).unwrap();
        assert_eq!(delay.from.unwrap().as_str(), from);
        assert_eq!(delay.stamp, stage.room.history().nth(1).unwrap().at);
        assert!(
            late[0]
                .from
                .as_ref()
                .unwrap()
                .as_str()
                .ends_with("/firstwitch")
        );
        let heard = stage.join_with(HECATE, "hecate", "<history maxchars='0'/>");
        assert!(heard.by(HECATE).iter().all(|s| s.body().is_none()));
    }
}

/// XEP-0045, section 7.14: leaving, with words.
#[test]
fn leave() {
    let mut stage = Stage::coven(RoomConfig::default());
    let heard = stage.send(&format!(
        "<presence from='{HAG}' to='{ROOM}/thirdwitch' type='unavailable'>\
         <status>gone where the goblins go</status></presence>"
    ));
    assert_eq!(
        heard.lines(HAG),
        ["presence unavailable thirdwitch none none hag66@shakespeare.lit/pda 110"]
    );
    assert_eq!(
        heard.by(CRONE)[0].text_of("status").as_deref(),
        Some("gone where the goblins go")
    );
    assert_eq!(nick_of(&stage, HAG), None);
    // A stranger cannot leave, nor make others leave.
    assert!(stage.leave(HECATE, "firstwitch").stanzas.is_empty());
    // Section 7.14: a temporary room ends with its last occupant.
    stage.leave(WICCA, "secondwitch");
    assert_eq!(
        stage.leave(CRONE, "firstwitch").closed,
        Some(CloseReason::Empty)
    );
}

/// XEP-0045, section 7.6: a new nickname.
#[test]
fn change_nickname() {
    let mut stage = Stage::coven(RoomConfig::default());
    let heard = stage.send(&format!("<presence from='{HAG}' to='{ROOM}/oldhag'/>"));
    assert_eq!(
        heard.lines(HAG),
        [
            "presence unavailable thirdwitch none participant hag66@shakespeare.lit/pda nick=oldhag 303 110",
            "presence oldhag none participant hag66@shakespeare.lit/pda 110",
        ]
    );
    assert_eq!(
        heard.lines(CRONE),
        [
            "presence unavailable thirdwitch none participant hag66@shakespeare.lit/pda nick=oldhag 303",
            "presence oldhag none participant hag66@shakespeare.lit/pda",
        ]
    );
    assert_eq!(nick_of(&stage, HAG).as_deref(), Some("oldhag"));
    let taken = format!("<presence from='{HAG}' to='{ROOM}/firstwitch'/>");
    assert_eq!(stage.send(&taken).error(), Condition::Conflict);
    assert_eq!(nick_of(&stage, HAG).as_deref(), Some("oldhag"));
}

/// XEP-0045, section 7.7: a new presence, without pretence of being the room's.
#[test]
fn change_presence() {
    let mut stage = Stage::coven(RoomConfig::default());
    let heard = stage.send(&format!(
        "<presence from='{HAG}' to='{ROOM}/thirdwitch'><show>xa</show>\
         <x xmlns='http://jabber.org/protocol/muc#user'><status code='301'/></x></presence>"
    ));
    assert_eq!(
        heard.lines(CRONE),
        ["presence thirdwitch none participant hag66@shakespeare.lit/pda"]
    );
    assert_eq!(heard.by(CRONE)[0].text_of("show").as_deref(), Some("xa"));
    assert_eq!(
        heard.lines(HAG),
        ["presence thirdwitch none participant hag66@shakespeare.lit/pda 110"]
    );
    // Who comes later sees it too.
    let heard = stage.join(HECATE, "hecate");
    assert_eq!(heard.by(HECATE)[2].text_of("show").as_deref(), Some("xa"));
}

/// XEP-0045, section 7.14: clients that are gone are found by their errors, or reported.
#[test]
fn ghosts() {
    let mut stage = Stage::coven(RoomConfig::default());
    let error = |condition: &str| {
        format!(
            "<message from='{HAG}' to='{ROOM}' type='error'><error type='cancel'>\
             <{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
        )
    };
    assert!(stage.send(&error("not-acceptable")).stanzas.is_empty());
    let heard = stage.send(&error("service-unavailable"));
    assert_eq!(
        heard.lines(CRONE),
        ["presence unavailable thirdwitch none none hag66@shakespeare.lit/pda 307 333"]
    );
    let effects = stage.room.session_ended(&full(WICCA));
    let heard = stage.perform(effects);
    assert_eq!(
        heard.lines(CRONE),
        ["presence unavailable secondwitch admin none wiccarocks@shakespeare.lit/laptop 333"]
    );
    assert_eq!(stage.soft.len(), 1);
}

/// CHAT-11: a room that is not durable ends with its node, and tells its occupants.
#[test]
fn the_service_stops() {
    let mut stage = Stage::coven(RoomConfig::default());
    let effects = stage.room.shut_down();
    let heard = stage.perform(effects);
    for (who, nick) in [
        (CRONE, "firstwitch"),
        (WICCA, "secondwitch"),
        (HAG, "thirdwitch"),
    ] {
        assert_eq!(
            heard.lines(who),
            [format!(
                "presence unavailable {nick} none none {who} 332 110"
            )]
        );
    }
    assert_eq!(heard.closed, Some(CloseReason::Shutdown));
    assert!(stage.soft.is_empty());
}
