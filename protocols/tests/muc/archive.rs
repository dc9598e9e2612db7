//! The archive of a room (XEP-0313): who may ask it, and how its answers look.

use takeover_protocols::disco::Info;
use takeover_protocols::muc::{Question, Recall, RoomConfig, SaidBy, Whois};
use takeover_protocols::stanza::{Condition, Stanza};
use takeover_protocols::{mam, ns, rsm};

use crate::stage::{CRONE, HAG, HECATE, Heard, ROOM, Stage, WICCA, persistent};

const FORM: &str = "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'>\
                    <value>urn:xmpp:mam:2</value></field>";

/// A question with one filter.
fn filtered(field: &str, value: &str) -> String {
    format!("{FORM}<field var='{field}'><value>{value}</value></field></x>")
}

/// What the room makes of a question: admitted, or refused with this.
fn ask(stage: &mut Stage, who: &str, inside: &str) -> Result<Recall, Condition> {
    let mut heard: Heard = stage.set(who, ns::MAM, inside);
    heard.recalls.pop().ok_or_else(|| heard.error())
}

/// XEP-0313, section 7.2: whoever may enter may read, and nobody else.
#[test]
fn whoever_may_enter_may_read() {
    let refused = Err(Condition::Forbidden);
    let may = |stage: &mut Stage, who| ask(stage, who, "").map(|_| ());
    let mut open = Stage::cave(persistent());
    assert_eq!(
        may(&mut open, HECATE),
        Ok(()),
        "an open room's history is open"
    );
    open.affiliate(CRONE, "hecate@shakespeare.lit", "outcast");
    assert_eq!(may(&mut open, HECATE), refused, "banned");

    let members_only = RoomConfig {
        members_only: true,
        ..persistent()
    };
    let mut stage = Stage::cave(members_only);
    assert_eq!(may(&mut stage, HAG), refused);
    stage.affiliate(CRONE, "hag66@shakespeare.lit", "member");
    assert_eq!(may(&mut stage, HAG), Ok(()), "a member, outside");

    let secret = RoomConfig {
        password: Some("cauldron".into()),
        ..persistent()
    };
    let mut stage = Stage::cave(secret);
    assert_eq!(may(&mut stage, HAG), refused);
    assert_eq!(may(&mut stage, CRONE), Ok(()), "an owner needs no password");
    stage.join_with(HAG, "thirdwitch", "<password>cauldron</password>");
    assert_eq!(may(&mut stage, HAG), Ok(()), "inside");
    stage.leave(HAG, "thirdwitch");
    assert_eq!(may(&mut stage, HAG), refused, "outside again");
}

/// XEP-0313, sections 4.1.5 and 8: filters and support are discovered, of persistent rooms only.
#[test]
fn support_is_discovered() {
    let features = |stage: &mut Stage| {
        let heard = stage.get(HAG, ns::DISCO_INFO, "");
        Info::from_element(&heard.only().first_child().unwrap())
            .unwrap()
            .features
    };
    let mut kept = Stage::cave(persistent());
    for feature in [ns::MAM, mam::EXTENDED, mam::FULL_TEXT_SEARCH, ns::STANZA_ID] {
        assert!(features(&mut kept).contains(feature), "{feature}");
    }
    let form = kept.get(HAG, ns::MAM, "");
    assert_eq!(form.only().first_child(), Some(mam::form()));
    let mut ad_hoc = Stage::cave(RoomConfig::default());
    assert!(!features(&mut ad_hoc).contains(ns::MAM));
    assert_eq!(
        ask(&mut ad_hoc, CRONE, ""),
        Err(Condition::ServiceUnavailable)
    );
    assert_eq!(
        ad_hoc.get(CRONE, ns::MAM, "").error(),
        Condition::ServiceUnavailable
    );
}

/// XEP-0313, section 4.1: what cannot be understood is refused before the database is asked.
#[test]
fn what_is_not_understood_is_refused() {
    let mut stage = Stage::cave(persistent());
    let mut refused = |inside: &str| ask(&mut stage, CRONE, inside).unwrap_err();
    assert_eq!(
        refused(&filtered("colour", "red")),
        Condition::FeatureNotImplemented
    );
    assert_eq!(refused(&filtered("end", "tomorrow")), Condition::BadRequest);
    assert_eq!(refused(&filtered("after-id", "x")), Condition::ItemNotFound);
}

/// XEP-0313, sections 4.1.1 and 7.2: `with` names an occupant, or a user for those who may know.
#[test]
fn with_names_an_occupant_or_a_user() {
    let mut stage = Stage::coven(persistent());
    let mut said_by = |who: &str, with: &str| {
        ask(&mut stage, who, &filtered("with", with))
            .unwrap()
            .said_by()
    };
    let nick = SaidBy::Nick("thirdwitch".into());
    assert_eq!(said_by(HECATE, &format!("{ROOM}/thirdwitch")), nick);
    assert_eq!(said_by(HECATE, ROOM), SaidBy::Anybody);
    let user = SaidBy::User(crate::stage::full(HAG).to_bare());
    assert_eq!(said_by(CRONE, HAG), user, "a moderator knows who is who");
    assert_eq!(said_by(WICCA, "hag66@shakespeare.lit"), user);
    assert_eq!(said_by(HAG, "hag66@shakespeare.lit"), SaidBy::Nobody);
}

/// What the asker gets of the only message there is.
fn shown(stage: &mut Stage, who: &str) -> Stanza {
    let recall = ask(stage, who, "").unwrap();
    let kept = stage.room.history().next().unwrap().clone();
    recall.shown(&kept).unwrap()
}

fn real_jid(shown: &Stanza) -> Option<String> {
    let result = shown.child("result", ns::MAM).unwrap();
    let message = result
        .child("forwarded", ns::FORWARD)?
        .child("message", ns::CLIENT)?;
    let item = message
        .child("x", ns::MUC_USER)?
        .child("item", ns::MUC_USER)?;
    item.attr("jid").map(str::to_owned)
}

/// XEP-0313, sections 4.2 and 7.2: a message comes with its id and time, and with the real address
/// for those who may see it.
#[test]
fn a_message_as_it_is_shown() {
    let mut stage = Stage::coven(persistent());
    stage.say(HAG, "Harpier cries: 'tis time");
    let to_hag = shown(&mut stage, HAG);
    assert_eq!(to_hag.to.as_ref().unwrap().as_str(), HAG);
    assert_eq!(to_hag.from.as_ref().unwrap().as_str(), ROOM);
    let result = to_hag.child("result", ns::MAM).unwrap();
    let forwarded = result.child("forwarded", ns::FORWARD).unwrap();
    let message = forwarded.child("message", ns::CLIENT).unwrap();
    let id = message.child("stanza-id", ns::STANZA_ID).unwrap();
    assert_eq!(
        result.attr("id"),
        id.attr("id"),
        "its number is its stable id"
    );
    assert_eq!(
        message.attr("from"),
        Some(format!("{ROOM}/thirdwitch").as_str())
    );
    assert!(forwarded.child("delay", ns::DELAY).is_some());
    assert_eq!(real_jid(&to_hag), None);
    assert_eq!(real_jid(&shown(&mut stage, CRONE)).as_deref(), Some(HAG));
    let open = RoomConfig {
        whois: Whois::Anyone,
        ..persistent()
    };
    let mut stage = Stage::coven(open);
    stage.say(HAG, "Round about the cauldron go");
    assert_eq!(real_jid(&shown(&mut stage, HECATE)).as_deref(), Some(HAG));
}

/// XEP-0313, sections 4.3 and 5: the end of a page, the ends of the archive, and errors go to the asker.
#[test]
fn other_answers() {
    let mut stage = Stage::cave(persistent());
    let recall = ask(&mut stage, HAG, "").unwrap();
    assert!(matches!(recall.question(), Question::Messages(_)));
    let fin = recall.fin(true, &rsm::Answer::default());
    assert_eq!(
        (fin.to.as_ref().unwrap().as_str(), fin.id.as_deref()),
        (HAG, Some("asked"))
    );
    let error = Condition::ItemNotFound;
    let refused = recall
        .refused(&takeover_protocols::stanza::StanzaError::new(error))
        .unwrap();
    assert_eq!(refused.error().unwrap().condition, error);
    let asked = format!(
        "<iq from='{HAG}' to='{ROOM}' id='m' type='get'><metadata xmlns='urn:xmpp:mam:2'/></iq>"
    );
    let mut heard = stage.send(&asked);
    assert_eq!(heard.recalls.pop().unwrap().question(), &Question::Metadata);
}
