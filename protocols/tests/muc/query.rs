//! Questions to the room and, through it, to occupants (XEP-0045, sections 6, 7.10, 7.11 and 17.4).

use takeover_protocols::disco::{self, Info};
use takeover_protocols::muc::{RoomConfig, Whois};
use takeover_protocols::ns;
use takeover_protocols::stanza::Condition;

use crate::stage::{CRONE, HAG, HECATE, ROOM, Stage, WICCA, line};

/// XEP-0045, section 6.4: features say how the room is configured.
#[test]
fn information() {
    let config = RoomConfig {
        name: "A Dark Cave".into(),
        password: Some("x".into()),
        public: false,
        whois: Whois::Anyone,
        ..RoomConfig::default()
    };
    let mut stage = Stage::cave(config);
    let heard = stage.get(HAG, ns::DISCO_INFO, "");
    let info = Info::from_element(&heard.only().first_child().unwrap()).unwrap();
    assert_eq!(info.identities[0].name, "A Dark Cave");
    for feature in [
        ns::MUC,
        "muc_hidden",
        "muc_temporary",
        "muc_open",
        "muc_unmoderated",
        "muc_passwordprotected",
        "muc_nonanonymous",
    ] {
        assert!(info.features.contains(feature), "{feature}");
    }
    assert_eq!(
        info.features
            .iter()
            .filter(|f| f.starts_with("muc_"))
            .count(),
        6
    );
    assert_eq!(info.forms[0].value("muc#roominfo_occupants"), Some("1"));
}

/// XEP-0045, section 6.5: occupants are listed for those who may know.
#[test]
fn items() {
    let mut stage = Stage::coven(RoomConfig::default());
    let count = |stage: &mut Stage, who: &str| {
        let heard = stage.get(who, ns::DISCO_ITEMS, "");
        disco::items_of(&heard.only().first_child().unwrap()).len()
    };
    assert_eq!((count(&mut stage, HAG), count(&mut stage, HECATE)), (3, 3));
    stage.configure(CRONE, &[("publicroom", "0")]);
    assert_eq!((count(&mut stage, HAG), count(&mut stage, HECATE)), (3, 0));
}

/// XEP-0045, sections 7.10 and 7.11: a nickname is registered, reserved, discovered, given back.
#[test]
fn registration() {
    let mut stage = Stage::coven(RoomConfig::default());
    let register = "jabber:iq:register";
    let form = |nick: &str| {
        format!(
            "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>\
             <value>http://jabber.org/protocol/muc#register</value></field>\
             <field var='muc#register_roomnick'><value>{nick}</value></field></x>"
        )
    };
    assert!(
        stage
            .get(HAG, register, "")
            .only()
            .to_string()
            .contains("muc#register_roomnick")
    );
    assert_eq!(stage.set(HAG, register, "").error(), Condition::BadRequest);
    assert_eq!(
        stage.set(HAG, register, &form("firstwitch")).error(),
        Condition::Conflict
    );
    let heard = stage.set(HAG, register, &form("crone3"));
    assert!(heard.succeeded(HAG));
    assert_eq!(
        heard.lines(CRONE),
        ["presence thirdwitch member participant hag66@shakespeare.lit/pda"]
    );
    assert_eq!(stage.join(HECATE, "crone3").error(), Condition::Conflict);
    assert_eq!(
        stage.set(HECATE, register, &form("crone3")).error(),
        Condition::Conflict
    );
    let known = stage.get(HAG, register, "").only().to_string();
    assert!(known.contains("<registered/><username>crone3</username>"));
    let ask = format!(
        "<iq from='{HAG}' to='{ROOM}' id='n' type='get'>\
         <query xmlns='{}' node='x-roomuser-item'/></iq>",
        ns::DISCO_INFO
    );
    assert!(
        stage
            .send(&ask)
            .only()
            .to_string()
            .contains("name='crone3'")
    );
    stage.set(HAG, register, "<remove/>");
    assert!(!stage.send(&ask).only().to_string().contains("identity"));
    assert_eq!(
        stage.set(HAG, register, "<remove/>").error(),
        Condition::RegistrationRequired
    );
    stage.configure(CRONE, &[("allowregister", "0")]);
    assert_eq!(stage.get(HAG, register, "").error(), Condition::NotAllowed);
}

/// XEP-0410, section 3: a ping of oneself says whether one is in.
#[test]
fn self_ping() {
    let mut stage = Stage::coven(RoomConfig::default());
    let ping = |who: &str, nick: &str| {
        format!(
            "<iq from='{who}' to='{ROOM}/{nick}' id='p' type='get'><ping xmlns='urn:xmpp:ping'/></iq>"
        )
    };
    let heard = stage.send(&ping(HAG, "thirdwitch"));
    assert_eq!(heard.lines(HAG), ["iq result thirdwitch"]);
    assert_eq!(
        stage.send(&ping(HECATE, "thirdwitch")).error(),
        Condition::NotAcceptable
    );
    assert_eq!(
        stage.send(&ping(HAG, "nobody")).error(),
        Condition::ItemNotFound
    );
}

/// XEP-0045, section 17.4: a question to an occupant and its answer go through the room, also if
/// the room has moved meanwhile.
#[test]
fn questions_between_occupants() {
    let mut stage = Stage::coven(crate::stage::persistent());
    let heard = stage.send(&format!(
        "<iq from='{HAG}' to='{ROOM}/firstwitch' id='v1' type='get'><vCard xmlns='vcard-temp'/></iq>"
    ));
    let asked = heard.only();
    assert_eq!(asked.to.as_ref().unwrap().as_str(), CRONE);
    assert_eq!(line(asked), "iq get thirdwitch");
    let mut stage = stage.moved();
    let id = asked.id.as_deref().unwrap();
    for (kind, content) in [("result", "<vCard xmlns='vcard-temp'/>"), ("error", "")] {
        let answer = format!(
            "<iq from='{CRONE}' to='{ROOM}/thirdwitch' id='{id}' type='{kind}'>{content}</iq>"
        );
        let heard = stage.send(&answer);
        let answer = heard.only();
        assert_eq!(answer.to.as_ref().unwrap().as_str(), HAG);
        assert_eq!(answer.id.as_deref(), Some("v1"));
        assert_eq!(line(answer), format!("iq {kind} firstwitch"));
    }
    // Answers to who has left meanwhile, or that nobody asked for, go nowhere.
    stage.leave(HAG, "thirdwitch");
    let late = format!("<iq from='{CRONE}' to='{ROOM}/thirdwitch' id='{id}' type='result'/>");
    assert!(stage.send(&late).stanzas.is_empty());
    for id in ["muc.x", "x", ""] {
        let forged = format!("<iq from='{CRONE}' to='{ROOM}/thirdwitch' id='{id}' type='result'/>");
        assert!(stage.send(&forged).stanzas.is_empty());
    }
}

/// XMPP-2: what the room does not know is refused, not forgotten.
#[test]
fn other_questions() {
    let mut stage = Stage::coven(RoomConfig::default());
    assert_eq!(
        stage.get(WICCA, "urn:unknown", "").error(),
        Condition::ServiceUnavailable
    );
    let ping = format!(
        "<iq from='{HECATE}' to='{ROOM}' id='p' type='get'><ping xmlns='urn:xmpp:ping'/></iq>"
    );
    assert_eq!(stage.send(&ping).lines(HECATE), ["iq result -"]);
}
