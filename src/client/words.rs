//! The stanzas a client sends, and what it reads of a message.

use takeover_protocols::delay::Delay;
use takeover_protocols::jid::{BareJid, FullJid, Jid};
use takeover_protocols::muc::MAX_HISTORY;
use takeover_protocols::ns;
use takeover_protocols::stanza::{IqType, MessageType, PresenceType, Stanza};
use takeover_protocols::xml::Element;

/// A message with a body. Its id also stands in an `<origin-id/>`, which no server rewrites.
pub(crate) fn message(kind: MessageType, to: impl Into<Jid>, id: &str, body: &str) -> Stanza {
    Stanza::message(kind)
        .with_to(to)
        .with_id(id)
        .with_child(&Element::new("body", ns::CLIENT).with_text(body))
        .with_child(&Element::new("origin-id", ns::STANZA_ID).with_attr("id", id))
}

/// What a client reads of a message.
pub(super) struct Content {
    pub(super) body: String,
    /// The id that its origin gave it.
    pub(super) id: Option<String>,
    /// Whether it is from earlier (XEP-0203).
    pub(super) delayed: bool,
}

impl Content {
    /// Reads it; `None` of a message without words.
    pub(super) fn of(stanza: &Stanza) -> Option<Self> {
        let [body, origin, delay] = stanza.first_of([
            ("body", ns::CLIENT),
            ("origin-id", ns::STANZA_ID),
            ("delay", ns::DELAY),
        ]);
        let id = origin.and_then(|origin| origin.attr("id").map(str::to_owned));
        Some(Self {
            body: body?.text().into_owned(),
            id: id.or_else(|| stanza.id.clone()),
            delayed: delay
                .and_then(|delay| Delay::from_element(&delay))
                .is_some(),
        })
    }
}

/// Initial presence (RFC 6121, section 4.2).
pub(super) fn available() -> Stanza {
    Stanza::presence(PresenceType::Available)
}

/// Enters a room (XEP-0045, section 7.2) and asks for all of its history.
pub(super) fn enter(occupant: FullJid) -> Stanza {
    let history = Element::new("history", ns::MUC).with_attr("maxstanzas", "100000");
    Stanza::presence(PresenceType::Available)
        .with_to(occupant)
        .with_child(&Element::new("x", ns::MUC).with_child(history))
}

/// Leaves a room (XEP-0045, section 7.14).
pub(super) fn leave(occupant: FullJid) -> Stanza {
    Stanza::presence(PresenceType::Unavailable).with_to(occupant)
}

/// Makes a room that has just been created persistent (XEP-0045, section 10.1.3), with a history that
/// is long enough for who was away.
pub(super) fn configure(room: BareJid, id: &str) -> Stanza {
    let field = |name: &str, value: &str| {
        Element::new("field", ns::DATA_FORMS)
            .with_attr("var", name)
            .with_child(Element::new("value", ns::DATA_FORMS).with_text(value))
    };
    let form = Element::new("x", ns::DATA_FORMS)
        .with_attr("type", "submit")
        .with_child(field(
            "FORM_TYPE",
            "http://jabber.org/protocol/muc#roomconfig",
        ))
        .with_child(field("muc#roomconfig_persistentroom", "1"))
        .with_child(field("muc#maxhistoryfetch", &MAX_HISTORY.to_string()));
    let query = Element::new("query", ns::MUC_OWNER).with_child(form);
    Stanza::iq(IqType::Set, id).with_to(room).with_child(&query)
}

/// Takes a room that has just been created as it is (XEP-0045, section 10.1.2).
pub(super) fn instant(room: BareJid, id: &str) -> Stanza {
    let form = Element::new("x", ns::DATA_FORMS).with_attr("type", "submit");
    let query = Element::new("query", ns::MUC_OWNER).with_child(form);
    Stanza::iq(IqType::Set, id).with_to(room).with_child(&query)
}

/// Asks for the roster (RFC 6121, section 2.2).
pub(super) fn roster(id: &str) -> Stanza {
    Stanza::iq(IqType::Get, id).with_child(&Element::new("query", ns::ROSTER))
}

/// A presence about subscriptions (RFC 6121, section 3).
pub(super) fn subscription(kind: PresenceType, to: BareJid) -> Stanza {
    Stanza::presence(kind).with_to(to)
}
