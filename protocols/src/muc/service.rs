//! The conference service around the rooms: what it says of itself, and which rooms it lists
//! (XEP-0045, sections 6.1 to 6.3).

use crate::disco::{self, Identity, Info, Item};
use crate::jid::BareJid;
use crate::ns;
use crate::stanza::{Condition, IqType, Stanza, StanzaError, StanzaKind};
use crate::version::Version;
use crate::xml::Element;

/// What the service lists of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Address of the room.
    pub jid: BareJid,
    /// Its name for people.
    pub name: String,
    /// Whether it may be listed (`muc#roomconfig_publicroom`).
    pub public: bool,
}

/// What the service is and can do.
#[must_use]
pub fn info(name: &str) -> Info {
    let features = [
        ns::DISCO_INFO,
        ns::DISCO_ITEMS,
        ns::MUC,
        ns::PING,
        ns::STANZA_ID,
        ns::VERSION,
    ];
    Info::new([Identity::new("conference", "text", name)], features)
}

/// The rooms that may be listed.
#[must_use]
pub fn items(rooms: impl IntoIterator<Item = Listed>) -> Element {
    let public = rooms.into_iter().filter(|room| room.public);
    disco::items(None, public.map(|room| Item::new(room.jid, &room.name)))
}

/// Answers a stanza to the service's own address (no localpart); `None` where none is due. Rooms
/// are asked for only if the question is about them.
#[must_use]
pub fn answer(
    stanza: &Stanza,
    name: &str,
    version: &Version,
    rooms: impl FnOnce() -> Vec<Listed>,
) -> Option<Stanza> {
    let child = stanza.first_child();
    let asked = child
        .as_ref()
        .map(|child| (child.name(), child.ns(), child.attr("node")));
    let unavailable = || stanza.error_reply(&StanzaError::new(Condition::ServiceUnavailable));
    match (stanza.kind, asked) {
        (StanzaKind::Iq(IqType::Get), Some(("query", ns::DISCO_INFO, None))) => {
            Some(stanza.result_with(&info(name).to_element()))
        }
        (StanzaKind::Iq(IqType::Get), Some(("query", ns::DISCO_ITEMS, None))) => {
            Some(stanza.result_with(&items(rooms())))
        }
        (
            StanzaKind::Iq(IqType::Get),
            Some(("query", ns::DISCO_INFO | ns::DISCO_ITEMS, Some(_))),
        ) => stanza.error_reply(&StanzaError::new(Condition::ItemNotFound)),
        (StanzaKind::Iq(IqType::Get), Some(("query", ns::VERSION, _))) => {
            Some(stanza.result_with(&version.to_element()))
        }
        (StanzaKind::Iq(IqType::Get), Some(("ping", ns::PING, _))) => Some(stanza.result()),
        (StanzaKind::Iq(_) | StanzaKind::Message(_), _) => unavailable(),
        (StanzaKind::Presence(_), _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(kind: &str, child: &str) -> Option<Stanza> {
        let stanza = Stanza::parse(format!(
            "<iq from='hag66@shakespeare.lit/pda' to='macbeth.shakespeare.lit' id='d' \
             type='{kind}'>{child}</iq>"
        ))
        .unwrap();
        let version = Version::new("macbeth", "1606");
        answer(&stanza, "Macbeth Chat Service", &version, || {
            [
                ("heath", "A Lonely Heath", true),
                ("den", "", false),
                ("forres", "", true),
            ]
            .map(|(node, name, public)| Listed {
                jid: BareJid::new(&format!("{node}@macbeth.shakespeare.lit")).unwrap(),
                name: name.into(),
                public,
            })
            .into()
        })
    }

    /// XEP-0045, section 6.1 (example 1).
    #[test]
    fn support_is_discovered() {
        let answer = ask(
            "get",
            "<query xmlns='http://jabber.org/protocol/disco#info'/>",
        )
        .unwrap();
        assert_eq!(
            answer.to.as_ref().unwrap().as_str(),
            "hag66@shakespeare.lit/pda"
        );
        let info = Info::from_element(&answer.first_child().unwrap()).unwrap();
        assert_eq!(
            info.identities[0],
            Identity::new("conference", "text", "Macbeth Chat Service")
        );
        assert!(info.features.contains(ns::MUC));
    }

    /// XEP-0045, section 6.3 (example 5): hidden rooms are not listed.
    #[test]
    fn rooms_are_discovered() {
        let answer = ask(
            "get",
            "<query xmlns='http://jabber.org/protocol/disco#items'/>",
        )
        .unwrap();
        let items = disco::items_of(&answer.first_child().unwrap());
        let listed: Vec<_> = items
            .iter()
            .map(|i| (i.jid.as_str(), i.name.as_deref()))
            .collect();
        let heath = ("heath@macbeth.shakespeare.lit", Some("A Lonely Heath"));
        assert_eq!(listed, [heath, ("forres@macbeth.shakespeare.lit", None)]);
    }

    /// XEP-0092, section 2: what is advertised is answered, and to `get` only.
    #[test]
    fn the_version_is_told() {
        let info = Info::from_element(&super::info("x").to_element()).unwrap();
        assert!(info.features.contains(ns::VERSION));
        let asked = "<query xmlns='jabber:iq:version'/>";
        let told = ask("get", asked).unwrap().first_child().unwrap();
        let version = Version::new("macbeth", "1606");
        assert_eq!(Version::from_element(&told), Some(version));
        let refused = ask("set", asked).unwrap().error().unwrap();
        assert_eq!(refused.condition, Condition::ServiceUnavailable);
    }

    /// XMPP-2: every request is answered, nothing else is.
    #[test]
    fn other_questions() {
        let condition = |stanza: Option<Stanza>| stanza.unwrap().error().unwrap().condition;
        let unknown = ask("set", "<query xmlns='urn:x'/>");
        assert_eq!(condition(unknown), Condition::ServiceUnavailable);
        let node = ask(
            "get",
            "<query xmlns='http://jabber.org/protocol/disco#info' node='n'/>",
        );
        assert_eq!(condition(node), Condition::ItemNotFound);
        let pong = ask("get", "<ping xmlns='urn:xmpp:ping'/>").unwrap();
        assert_eq!(pong.kind, StanzaKind::Iq(IqType::Result));
        assert_eq!(ask("result", ""), None);
    }
}
