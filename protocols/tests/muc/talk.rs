//! Messages and subjects (XEP-0045, sections 7.4, 7.5, 7.8, 7.13, 8.1 and 8.6).

use takeover_protocols::muc::{AllowPm, RoomConfig};
use takeover_protocols::stanza::Condition;

use crate::stage::{CRONE, HAG, HECATE, ROOM, Stage, WICCA};

fn moderated() -> RoomConfig {
    RoomConfig {
        moderated: true,
        ..RoomConfig::default()
    }
}

/// XEP-0045, section 7.4: one stanza for all, the sender among them.
#[test]
fn message_to_all() {
    let mut stage = Stage::coven(RoomConfig::default());
    let heard = stage.send(&format!(
        "<message from='{HAG}' to='{ROOM}' id='hysf1v37' type='groupchat' xml:lang='en'>\
         <body>Harpier cries: 'tis time, 'tis time.</body></message>"
    ));
    assert_eq!((heard.broadcasts, heard.stanzas.len()), (1, 3));
    for who in [CRONE, WICCA, HAG] {
        let [copy] = heard.by(who)[..] else { panic!() };
        let expected = format!(
            "<message to='{who}' from='{ROOM}/thirdwitch' id='hysf1v37' type='groupchat' \
             xml:lang='en'><body>Harpier cries: 'tis time, 'tis time.</body>\
             <stanza-id xmlns='urn:xmpp:sid:0' by='{ROOM}' id='1'/></message>"
        );
        assert_eq!(copy.to_string(), expected);
    }
    // Section 7.4: who is not in the room does not speak in it.
    assert_eq!(stage.say(HECATE, "x").error(), Condition::NotAcceptable);
}

/// XEP-0359, section 4, and XEP-0045: an occupant cannot speak as the room.
#[test]
fn nobody_speaks_as_the_room() {
    let mut stage = Stage::coven(RoomConfig::default());
    for pretence in [
        "<x xmlns='http://jabber.org/protocol/muc#user'><status code='104'/></x>",
        "<m:x xmlns:m='http://jabber.org/protocol/muc&#35;user'><m:status code='104'/></m:x>",
        "<stanza-id xmlns='urn:xmpp:sid:0' by='darkcave@macbeth.shakespeare.lit' id='99'/>",
    ] {
        let heard = stage.send(&format!(
            "<message from='{HAG}' to='{ROOM}' type='groupchat'><body>x</body>{pretence}</message>"
        ));
        let copy = heard.by(CRONE)[0].to_string();
        assert!(!copy.contains("104") && !copy.contains("99"), "{copy}");
        assert_eq!(copy.matches("stanza-id").count(), 1);
    }
}

/// XEP-0045, sections 7.4 and 8.3, 8.4: voice in a moderated room.
#[test]
fn voice() {
    let mut stage = Stage::coven(moderated());
    assert_eq!(stage.say(HAG, "x").error(), Condition::Forbidden);
    let heard = stage.role(CRONE, "thirdwitch", "participant");
    assert_eq!(heard.lines(CRONE)[0], "iq result -");
    assert_eq!(
        heard.lines(HAG),
        ["presence thirdwitch none participant hag66@shakespeare.lit/pda 110"]
    );
    assert_eq!(stage.say(HAG, "x").stanzas.len(), 3);
    stage.role(WICCA, "thirdwitch", "visitor");
    assert_eq!(stage.say(HAG, "x").error(), Condition::Forbidden);
    // Section 10.2: in a room that is no longer moderated everybody speaks.
    let heard = stage.configure(CRONE, &[("moderatedroom", "0")]);
    assert!(
        heard
            .lines(WICCA)
            .contains(&"presence thirdwitch none participant hag66@shakespeare.lit/pda".to_owned())
    );
    assert_eq!(stage.say(HAG, "x").stanzas.len(), 3);
}

/// XEP-0045, sections 7.13 and 8.6: a visitor asks for voice.
#[test]
fn request_for_voice() {
    let mut stage = Stage::coven(moderated());
    let form = |who: &str, fields: &str| {
        format!(
            "<message from='{who}' to='{ROOM}'><x xmlns='jabber:x:data' type='submit'>\
             <field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#request</value></field>\
             {fields}</x></message>"
        )
    };
    let ask = "<field var='muc#role'><value>participant</value></field>";
    let heard = stage.send(&form(HAG, ask));
    assert_eq!(
        (
            heard.by(CRONE).len(),
            heard.by(WICCA).len(),
            heard.stanzas.len()
        ),
        (1, 1, 2)
    );
    assert!(
        heard.by(CRONE)[0]
            .to_string()
            .contains("<value>thirdwitch</value>")
    );
    let grant = "<field var='muc#roomnick'><value>thirdwitch</value></field>\
                 <field var='muc#request_allow'><value>true</value></field>";
    assert_eq!(stage.send(&form(HAG, grant)).error(), Condition::Forbidden);
    let heard = stage.send(&form(CRONE, grant));
    assert_eq!(
        heard.lines(HAG),
        ["presence thirdwitch none participant hag66@shakespeare.lit/pda 110"]
    );
    stage.configure(CRONE, &[("allowvoicerequests", "0")]);
    assert_eq!(stage.send(&form(HAG, ask)).error(), Condition::Forbidden);
}

/// XEP-0045, section 8.1: the subject, who may set it, and who hears of it.
#[test]
fn subject() {
    let mut stage = Stage::coven(RoomConfig::default());
    let set = |who: &str, inside: &str| {
        format!(
            "<message from='{who}' to='{ROOM}' id='s' type='groupchat'>\
             <subject>Fire Burn and Cauldron Bubble!</subject>{inside}</message>"
        )
    };
    assert_eq!(stage.send(&set(HAG, "")).error(), Condition::Forbidden);
    let heard = stage.send(&set(WICCA, ""));
    let line = "message groupchat secondwitch subject=Fire Burn and Cauldron Bubble!";
    assert_eq!(heard.lines(HAG), [line]);
    // With a body it is a message like any other, and the subject stays.
    stage.send(&set(HAG, "<body>b</body>"));
    stage.say(CRONE, "hello");
    let heard = stage.join(HECATE, "hecate");
    assert_eq!(heard.lines(HECATE).last().unwrap(), &format!("{line} late"));
    assert_eq!(
        heard
            .lines(HECATE)
            .iter()
            .filter(|line| line.contains("body="))
            .count(),
        2
    );
    stage.configure(CRONE, &[("changesubject", "1")]);
    assert_eq!(stage.send(&set(HAG, "")).stanzas.len(), 4);
}

/// XEP-0045, section 7.5: private messages.
#[test]
fn private_message() {
    let mut stage = Stage::coven(RoomConfig::default());
    let pm = |who: &str, kind: &str, nick: &str| {
        format!(
            "<message from='{who}' to='{ROOM}/{nick}' id='pm' type='{kind}'>\
             <body>I'll give thee a wind.</body></message>"
        )
    };
    stage.send(&pm(WICCA, "chat", "firstwitch")).is(&format!(
        "<message from='{ROOM}/secondwitch' to='{CRONE}' id='pm' type='chat'>\
         <body>I'll give thee a wind.</body><x xmlns='http://jabber.org/protocol/muc#user'/>\
         </message>"
    ));
    assert_eq!(
        stage.send(&pm(WICCA, "groupchat", "firstwitch")).error(),
        Condition::BadRequest
    );
    assert_eq!(
        stage.send(&pm(WICCA, "chat", "nobody")).error(),
        Condition::ItemNotFound
    );
    assert_eq!(
        stage.send(&pm(HECATE, "chat", "firstwitch")).error(),
        Condition::NotAcceptable
    );
    // Its failure comes back through the room.
    let heard = stage.send(&format!(
        "<message from='{CRONE}' to='{ROOM}/secondwitch' id='pm' type='error'><error type='cancel'>\
         <policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
    ));
    assert_eq!(
        heard.lines(WICCA),
        ["message error firstwitch policy-violation"]
    );
    for (allow, mere, moderator) in [
        (AllowPm::Participants, true, true),
        (AllowPm::Moderators, false, true),
        (AllowPm::None, false, false),
    ] {
        stage.configure(CRONE, &[("allowpm", allow.as_str())]);
        let works = |stage: &mut Stage, who: &str| {
            stage.send(&pm(who, "chat", "secondwitch")).stanzas[0]
                .error()
                .is_none()
        };
        assert_eq!(works(&mut stage, HAG), mere, "{allow:?}");
        assert_eq!(works(&mut stage, CRONE), moderator, "{allow:?}");
    }
}

fn invite(who: &str, whom: &str) -> String {
    format!(
        "<message from='{who}' to='{ROOM}'><x xmlns='http://jabber.org/protocol/muc#user'>\
         <invite to='{whom}'><reason>Hey</reason></invite></x></message>"
    )
}

/// XEP-0045, section 7.8.2: an invitation through the room, and a refusal.
#[test]
fn invitation_and_refusal() {
    let secret = RoomConfig {
        password: Some("cauldronburn".into()),
        ..RoomConfig::default()
    };
    let mut stage = Stage::cave(secret);
    stage.send(&invite(CRONE, "hecate@shakespeare.lit")).is(&format!(
        "<message from='{ROOM}' to='hecate@shakespeare.lit'>\
         <x xmlns='http://jabber.org/protocol/muc#user'><invite from='{ROOM}/firstwitch'>\
         <reason>Hey</reason></invite><password>cauldronburn</password></x>\
         <x xmlns='jabber:x:conference' jid='{ROOM}' password='cauldronburn' reason='Hey'/></message>"
    ));
    let decline = |to: &str| {
        format!(
            "<message from='{HECATE}' to='{ROOM}'><x xmlns='http://jabber.org/protocol/muc#user'>\
             <decline to='{to}'><reason>busy</reason></decline></x></message>"
        )
    };
    for to in [
        format!("{ROOM}/firstwitch"),
        "crone1@shakespeare.lit".to_owned(),
    ] {
        stage.send(&decline(&to)).is(&format!(
            "<message from='{ROOM}' to='{CRONE}'><x xmlns='http://jabber.org/protocol/muc#user'>\
             <decline from='hecate@shakespeare.lit'><reason>busy</reason></decline></x></message>"
        ));
    }
    // A room is no way to reach strangers.
    let stranger = decline("duncan@shakespeare.lit");
    assert_eq!(stage.send(&stranger).error(), Condition::ItemNotFound);
    assert_eq!(
        stage.send(&invite(HAG, "hecate@shakespeare.lit")).error(),
        Condition::NotAcceptable
    );
    stage.affiliate(CRONE, "hecate@shakespeare.lit", "outcast");
    assert_eq!(
        stage.send(&invite(CRONE, "hecate@shakespeare.lit")).error(),
        Condition::NotAllowed
    );
}

/// XEP-0045, sections 7.8.2 and 9.5: who may invite, and whom that makes a member.
#[test]
fn invitations_to_a_members_only_room() {
    let config = RoomConfig {
        members_only: true,
        allow_invites: false,
        ..RoomConfig::default()
    };
    let mut stage = Stage::cave(config);
    stage.affiliate(CRONE, "hag66@shakespeare.lit", "member");
    stage.join(HAG, "thirdwitch");
    assert_eq!(
        stage.send(&invite(HAG, "hecate@shakespeare.lit")).error(),
        Condition::Forbidden
    );
    assert_eq!(
        stage.join(HECATE, "hecate").error(),
        Condition::RegistrationRequired
    );
    stage.configure(CRONE, &[("allowinvites", "1")]);
    assert_eq!(
        stage
            .send(&invite(HAG, "hecate@shakespeare.lit"))
            .stanzas
            .len(),
        1
    );
    assert!(stage.join(HECATE, "hecate").by(HECATE).len() > 2);
    // Who becomes a member by an admin's hand is invited.
    let heard = stage.affiliate(CRONE, "duncan@shakespeare.lit", "member");
    assert_eq!(heard.by("duncan@shakespeare.lit").len(), 1);
}

/// A room takes messages of other types only for what they are for.
#[test]
fn other_messages() {
    let mut stage = Stage::coven(RoomConfig::default());
    let plain = format!("<message from='{HAG}' to='{ROOM}'><body>x</body></message>");
    assert_eq!(stage.send(&plain).error(), Condition::BadRequest);
}
