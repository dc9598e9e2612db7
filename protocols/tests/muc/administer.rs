//! Roles and affiliations (XEP-0045, sections 8.2 to 8.5, 9 and 10.3 to 10.8).

use takeover_protocols::muc::{Affiliation, RoomConfig, Whois};
use takeover_protocols::stanza::Condition;

use crate::stage::{CRONE, HAG, HECATE, Stage, WICCA};

const GONE: &str = "presence unavailable thirdwitch";

/// XEP-0045, section 8.2: a kick: the kicked, then the moderator, then the others.
#[test]
fn kick() {
    let mut stage = Stage::coven(RoomConfig::default());
    let heard = stage.set(
        CRONE,
        "muc#admin",
        "<item nick='thirdwitch' role='none'><reason>Avaunt, you cullion!</reason></item>",
    );
    assert_eq!(
        heard.lines(HAG),
        [format!(
            "{GONE} none none hag66@shakespeare.lit/pda 307 110"
        )]
    );
    let told = heard.by(HAG)[0].to_string();
    assert!(told.contains("<actor nick='firstwitch'/><reason>Avaunt, you cullion!</reason>"));
    assert_eq!(
        heard.lines(CRONE),
        [
            "iq result -".to_owned(),
            format!("{GONE} none none hag66@shakespeare.lit/pda 307")
        ]
    );
    let order: Vec<&str> = heard
        .stanzas
        .iter()
        .map(|s| s.to.as_ref().unwrap().as_str())
        .collect();
    assert_eq!(order[..2], [HAG, CRONE]);
    assert_eq!(stage.room.occupant_count(), 2);
    // The kicked may come back.
    assert!(stage.join(HAG, "thirdwitch").by(HAG).len() > 1);
}

/// XEP-0045, section 8.2: who cannot kick, and who cannot be kicked.
#[test]
fn refused_kicks() {
    let mut stage = Stage::coven(RoomConfig::default());
    assert_eq!(
        stage.role(HAG, "firstwitch", "none").error(),
        Condition::Forbidden
    );
    assert_eq!(
        stage.role(WICCA, "firstwitch", "none").error(),
        Condition::NotAllowed
    );
    assert_eq!(
        stage.role(WICCA, "nobody", "none").error(),
        Condition::ItemNotFound
    );
    assert_eq!(
        stage.role(HAG, "nobody", "none").error(),
        Condition::Forbidden
    );
    assert_eq!(stage.room.occupant_count(), 3);
}

/// XEP-0045, section 8.5: the voice list, and changes of it: all or none.
#[test]
fn voice_list() {
    let mut stage = Stage::coven(RoomConfig {
        moderated: true,
        ..RoomConfig::default()
    });
    stage.join(HECATE, "hecate");
    let both =
        "<item nick='thirdwitch' role='participant'/><item nick='hecate' role='participant'/>";
    assert!(stage.set(CRONE, "muc#admin", both).succeeded(CRONE));
    let heard = stage.get(CRONE, "muc#admin", "<item role='participant'/>");
    let query = heard.only().first_child().unwrap().to_string();
    for part in [
        "nick='hecate'",
        "nick='thirdwitch'",
        "jid='hag66@shakespeare.lit/pda'",
    ] {
        assert!(query.contains(part), "{query}");
    }
    let one_wrong =
        "<item nick='thirdwitch' role='visitor'/><item nick='firstwitch' role='visitor'/>";
    let heard = stage.set(CRONE, "muc#admin", one_wrong);
    assert_eq!(heard.error(), Condition::NotAllowed);
    assert_eq!(stage.say(HAG, "still").stanzas.len(), 4);
    assert_eq!(
        stage
            .get(HAG, "muc#admin", "<item role='participant'/>")
            .error(),
        Condition::Forbidden
    );
}

/// XEP-0045, sections 9.1 and 9.2: a ban: who is in goes, who is not does not come in.
#[test]
fn ban() {
    let mut stage = Stage::coven(RoomConfig::default());
    let heard = stage.affiliate(WICCA, "hag66@shakespeare.lit", "outcast");
    assert_eq!(
        heard.lines(HAG),
        [format!(
            "{GONE} outcast none hag66@shakespeare.lit/pda 301 110"
        )]
    );
    assert_eq!(
        heard.lines(CRONE),
        [format!("{GONE} outcast none hag66@shakespeare.lit/pda 301")]
    );
    assert!(heard.succeeded(WICCA));
    assert_eq!(stage.join(HAG, "thirdwitch").error(), Condition::Forbidden);
    let list = stage.get(WICCA, "muc#admin", "<item affiliation='outcast'/>");
    assert!(
        list.only()
            .to_string()
            .contains("<item affiliation='outcast' jid='hag66@shakespeare.lit'/>")
    );
    stage.affiliate(WICCA, "hag66@shakespeare.lit", "none");
    assert!(stage.join(HAG, "thirdwitch").by(HAG).len() > 1);
}

/// XEP-0045, section 9.1: bans that are refused.
#[test]
fn refused_bans() {
    let mut stage = Stage::coven(RoomConfig::default());
    let ban =
        |stage: &mut Stage, by: &str, whom: &str| stage.affiliate(by, whom, "outcast").error();
    assert_eq!(
        ban(&mut stage, WICCA, "crone1@shakespeare.lit"),
        Condition::NotAllowed
    );
    assert_eq!(
        ban(&mut stage, HAG, "hecate@shakespeare.lit"),
        Condition::Forbidden
    );
    assert_eq!(
        ban(&mut stage, CRONE, "crone1@shakespeare.lit"),
        Condition::Conflict
    );
    stage.affiliate(CRONE, "hecate@shakespeare.lit", "owner");
    assert_eq!(
        ban(&mut stage, CRONE, "crone1@shakespeare.lit"),
        Condition::Conflict
    );
}

/// XEP-0045, sections 9.3 to 9.5: members come and go; in a members-only room, out.
#[test]
fn membership() {
    let mut stage = Stage::coven(RoomConfig {
        members_only: false,
        ..RoomConfig::default()
    });
    let heard = stage.affiliate(CRONE, "hag66@shakespeare.lit", "member");
    let line = "presence thirdwitch member participant hag66@shakespeare.lit/pda";
    assert_eq!(heard.lines(CRONE), ["iq result -", line]);
    assert_eq!(heard.lines(HAG), [format!("{line} 110")]);
    let heard = stage.affiliate(CRONE, "hag66@shakespeare.lit", "none");
    assert_eq!(
        heard.lines(HAG),
        ["presence thirdwitch none participant hag66@shakespeare.lit/pda 110"]
    );
    stage.affiliate(CRONE, "hag66@shakespeare.lit", "member");
    stage.configure(CRONE, &[("membersonly", "1")]);
    let heard = stage.affiliate(WICCA, "hag66@shakespeare.lit", "none");
    assert_eq!(
        heard.lines(HAG),
        [format!(
            "{GONE} none none hag66@shakespeare.lit/pda 321 110"
        )]
    );
    assert_eq!(
        heard.lines(CRONE),
        [format!("{GONE} none none hag66@shakespeare.lit/pda 321")]
    );
}

/// XEP-0045, sections 9.6 to 9.8: moderators, by nickname and by address.
#[test]
fn moderators() {
    let mut stage = Stage::coven(RoomConfig::default());
    stage.join(HECATE, "hecate");
    let heard = stage.role(WICCA, "thirdwitch", "moderator");
    assert_eq!(
        heard.lines(HAG),
        ["presence thirdwitch none moderator hag66@shakespeare.lit/pda 110"]
    );
    // A mere moderator kicks those without affiliation, but makes no moderators.
    assert_eq!(
        stage.role(HAG, "hecate", "moderator").error(),
        Condition::Forbidden
    );
    let by_jid =
        format!("<item jid='{HAG}' role='participant'/><item jid='{HECATE}' role='moderator'/>");
    assert!(stage.set(WICCA, "muc#admin", &by_jid).succeeded(WICCA));
    let list = stage
        .get(CRONE, "muc#admin", "<item role='moderator'/>")
        .only()
        .to_string();
    for nick in ["firstwitch", "secondwitch", "hecate"] {
        assert!(list.contains(&format!("nick='{nick}'")), "{list}");
    }
    assert!(!list.contains("thirdwitch"));
    assert_eq!(
        stage.role(CRONE, "secondwitch", "participant").error(),
        Condition::NotAllowed
    );
    assert!(stage.role(HECATE, "thirdwitch", "none").by(HAG).len() == 1);
}

/// XEP-0045, sections 10.3 to 10.8: owners and admins are the owners' affair, and the last owner
/// stays.
#[test]
fn owners_and_admins() {
    let mut stage = Stage::coven(RoomConfig::default());
    assert_eq!(
        stage
            .affiliate(WICCA, "hag66@shakespeare.lit", "admin")
            .error(),
        Condition::Forbidden
    );
    assert_eq!(
        stage
            .get(WICCA, "muc#admin", "<item affiliation='owner'/>")
            .error(),
        Condition::Forbidden
    );
    assert_eq!(
        stage
            .affiliate(CRONE, "crone1@shakespeare.lit", "admin")
            .error(),
        Condition::Conflict
    );
    let heard = stage.affiliate(CRONE, "hag66@shakespeare.lit", "owner");
    assert_eq!(
        heard.lines(HAG),
        ["presence thirdwitch owner moderator hag66@shakespeare.lit/pda 110"]
    );
    // With another owner there, one may step down, and be put down.
    let heard = stage.affiliate(CRONE, "crone1@shakespeare.lit", "admin");
    assert_eq!(
        heard.lines(CRONE),
        [
            "iq result -",
            "presence firstwitch admin moderator crone1@shakespeare.lit/desktop 110"
        ]
    );
    assert_eq!(
        stage
            .affiliate(CRONE, "hag66@shakespeare.lit", "none")
            .error(),
        Condition::NotAllowed
    );
    let heard = stage.affiliate(HAG, "wiccarocks@shakespeare.lit", "member");
    assert_eq!(
        heard.lines(WICCA),
        ["presence secondwitch member participant wiccarocks@shakespeare.lit/laptop 110"]
    );
    let list = stage
        .get(HAG, "muc#admin", "<item affiliation='admin'/>")
        .only()
        .to_string();
    assert!(
        list.contains("jid='crone1@shakespeare.lit' nick='firstwitch' role='moderator'"),
        "{list}"
    );
    // Two owners at once cannot be put down by one request.
    stage.affiliate(HAG, "crone1@shakespeare.lit", "owner");
    let both = "<item affiliation='none' jid='crone1@shakespeare.lit'/>\
                <item affiliation='none' jid='hag66@shakespeare.lit'/>";
    assert_eq!(
        stage.set(HAG, "muc#admin", both).error(),
        Condition::Conflict
    );
    let jid = takeover_protocols::jid::BareJid::new("crone1@shakespeare.lit").unwrap();
    assert_eq!(stage.room.record().affiliation(&jid), Affiliation::Owner);
}

/// XEP-0045, section 9.5: who sees the lists.
#[test]
fn who_sees_the_lists() {
    let config = RoomConfig {
        members_only: true,
        whois: Whois::Anyone,
        ..RoomConfig::default()
    };
    let mut stage = Stage::cave(config);
    stage.affiliate(CRONE, "hag66@shakespeare.lit", "member");
    stage.join(HAG, "thirdwitch");
    let sees = |stage: &mut Stage, list: &str| {
        let item = format!("<item affiliation='{list}'/>");
        stage.get(HAG, "muc#admin", &item).only().error().is_none()
    };
    for (list, seen) in [
        ("owner", true),
        ("admin", true),
        ("member", true),
        ("outcast", false),
    ] {
        assert_eq!(sees(&mut stage, list), seen, "{list}");
    }
    stage.configure(CRONE, &[("whois", "moderators")]);
    for (list, seen) in [
        ("owner", false),
        ("admin", false),
        ("member", true),
        ("outcast", false),
    ] {
        assert_eq!(sees(&mut stage, list), seen, "{list}");
    }
    stage.configure(CRONE, &[("membersonly", "0")]);
    assert!(!sees(&mut stage, "member"));
}

/// What makes no sense is `bad-request`.
#[test]
fn nonsense() {
    let mut stage = Stage::coven(RoomConfig::default());
    for items in [
        "",
        "<item/>",
        "<item nick='thirdwitch'/>",
        "<item role='king' nick='thirdwitch'/>",
        "<item affiliation='king' jid='hag66@shakespeare.lit'/>",
        "<item affiliation='member'/>",
        "<item affiliation='member' role='visitor' nick='thirdwitch'/>",
    ] {
        assert_eq!(
            stage.set(CRONE, "muc#admin", items).error(),
            Condition::BadRequest,
            "{items}"
        );
    }
    let wrong = "<item affiliation='member' jid='@'/>";
    assert_eq!(
        stage.set(CRONE, "muc#admin", wrong).error(),
        Condition::JidMalformed
    );
    for items in [
        "",
        "<item/>",
        "<item role='king'/>",
        "<item affiliation='king'/>",
    ] {
        assert_eq!(
            stage.get(CRONE, "muc#admin", items).error(),
            Condition::BadRequest,
            "{items}"
        );
    }
    // By nickname too, and with a nickname to reserve.
    assert!(
        stage
            .set(
                CRONE,
                "muc#admin",
                "<item affiliation='member' nick='thirdwitch'/>"
            )
            .succeeded(CRONE)
    );
    let nobody = "<item affiliation='member' nick='nobody'/>";
    assert_eq!(
        stage.set(CRONE, "muc#admin", nobody).error(),
        Condition::ItemNotFound
    );
}
