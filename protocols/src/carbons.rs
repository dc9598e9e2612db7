//! Copies of messages for a user's other clients (XEP-0280).
//!
//! ```
//! use takeover_protocols::carbons::{copy_for, is_eligible, Direction};
//! use takeover_protocols::jid::FullJid;
//! use takeover_protocols::stanza::Stanza;
//! let sent = Stanza::parse("<message from='a@x/1' to='b@x' type='chat'><body>hi</body></message>");
//! let sent = sent.unwrap();
//! assert!(is_eligible(&sent, Direction::Sent));
//! let copy = copy_for(&sent, Direction::Sent, &FullJid::new("a@x/2").unwrap());
//! assert!(copy.to_string().contains("<sent xmlns='urn:xmpp:carbons:2'>"));
//! ```

use crate::jid::FullJid;
use crate::ns;
use crate::stanza::{IqType, MessageType, Stanza, StanzaKind};
use crate::xml::Element;

/// Hints of the sender (XEP-0334).
const HINTS: &str = "urn:xmpp:hints";

/// Which way the original went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// One of the user's clients sent it.
    Sent,
    /// One of the user's clients gets it.
    Received,
}

/// A request to switch copies on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// This client wants copies.
    Enable,
    /// This client wants none.
    Disable,
}

/// Reads a request to switch copies on or off; [`Stanza::result`] answers it.
#[must_use]
pub fn switch(stanza: &Stanza) -> Option<Switch> {
    if stanza.asks(IqType::Set, "enable", ns::CARBONS) {
        Some(Switch::Enable)
    } else if stanza.asks(IqType::Set, "disable", ns::CARBONS) {
        Some(Switch::Disable)
    } else {
        None
    }
}

/// Whether a message is copied (XEP-0280, section 6.1): chat, normal ones with a body, and what
/// belongs to a chat; never what is of a room, a copy itself, or marked as private.
#[must_use]
pub fn is_eligible(stanza: &Stanza, direction: Direction) -> bool {
    let kind = match stanza.kind {
        StanzaKind::Message(kind) => kind,
        StanzaKind::Presence(_) | StanzaKind::Iq(_) => return false,
    };
    let has = |name, space| stanza.has_child(name, space);
    let of_kind = match kind {
        MessageType::Chat => true,
        MessageType::Normal => has("body", ns::CLIENT) || has("received", "urn:xmpp:receipts"),
        MessageType::Error => direction == Direction::Received && has("body", ns::CLIENT),
        MessageType::Groupchat | MessageType::Headline => false,
    };
    // A room sends private messages to each client of an occupant by itself; what a client sends
    // through a room is copied, for the room does not.
    let of_room = || direction == Direction::Received && has("x", ns::MUC_USER);
    let excluded = || {
        has("private", ns::CARBONS)
            || has("no-copy", HINTS)
            || has("sent", ns::CARBONS)
            || has("received", ns::CARBONS)
    };
    of_kind && !of_room() && !excluded()
}

/// The copy for another client of the user: from the user's own bare address, of the original's
/// type.
#[must_use]
pub fn copy_for(original: &Stanza, direction: Direction, to: &FullJid) -> Stanza {
    let name = match direction {
        Direction::Sent => "sent",
        Direction::Received => "received",
    };
    let forwarded = Element::new("forwarded", ns::FORWARD).with_child(original.to_element());
    Stanza::new(original.kind)
        .with_from(to.to_bare())
        .with_to(to.clone())
        .with_child(&Element::new(name, ns::CARBONS).with_child(forwarded))
}

/// A message marked as private, without the mark (XEP-0280, section 9): it is for the server alone.
#[must_use]
pub fn without_mark(mut stanza: Stanza) -> Stanza {
    stanza.remove_children(|name, space| name == "private" && space == ns::CARBONS);
    stanza
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: &str, content: &str) -> Stanza {
        let xml = format!("<message from='a@x/1' to='b@x' type='{kind}'>{content}</message>");
        Stanza::parse(xml).unwrap()
    }

    /// XEP-0280, section 6.1.
    #[test]
    fn what_is_copied() {
        use Direction::{Received, Sent};
        let body = "<body>x</body>";
        for direction in [Sent, Received] {
            let of = |kind, content: &str| is_eligible(&message(kind, content), direction);
            assert!(of("chat", body) && of("chat", "") && of("normal", body));
            assert!(of("normal", "<received xmlns='urn:xmpp:receipts' id='1'/>"));
            assert!(!of("normal", "") && !of("groupchat", body) && !of("headline", body));
            assert!(!of(
                "chat",
                "<body>x</body><private xmlns='urn:xmpp:carbons:2'/>"
            ));
            assert!(!of(
                "chat",
                "<body>x</body><no-copy xmlns='urn:xmpp:hints'/>"
            ));
            assert!(!of("chat", "<sent xmlns='urn:xmpp:carbons:2'/>"));
        }
        let private = "<body>x</body><x xmlns='http://jabber.org/protocol/muc#user'/>";
        assert!(is_eligible(&message("chat", private), Sent));
        assert!(!is_eligible(&message("chat", private), Received));
        assert!(!is_eligible(&Stanza::parse("<presence/>").unwrap(), Sent));
    }

    /// XEP-0280, sections 7 and 8: the copy holds the whole original.
    #[test]
    fn the_copy() {
        let original = message("chat", "<body>x</body>");
        let to = FullJid::new("a@x/2").unwrap();
        let copy = copy_for(&original, Direction::Sent, &to);
        assert_eq!(copy.from.as_ref().unwrap().as_str(), "a@x");
        assert_eq!(copy.kind, original.kind);
        let forwarded = copy.first_child().unwrap();
        let inner = forwarded.child("forwarded", ns::FORWARD).unwrap();
        assert_eq!(
            inner.child("message", ns::CLIENT),
            Some(&original.to_element())
        );
    }

    /// XEP-0280, sections 4, 5 and 9.
    #[test]
    fn switches_and_marks() {
        let iq = |child: &str| {
            Stanza::parse(format!(
                "<iq type='set' id='1'><{child} xmlns='urn:xmpp:carbons:2'/></iq>"
            ))
            .unwrap()
        };
        assert_eq!(switch(&iq("enable")), Some(Switch::Enable));
        assert_eq!(switch(&iq("disable")), Some(Switch::Disable));
        assert_eq!(switch(&iq("other")), None);
        let marked = message(
            "chat",
            "<body>x</body><private xmlns='urn:xmpp:carbons:2'/>",
        );
        assert_eq!(
            without_mark(marked).to_string(),
            message("chat", "<body>x</body>").to_string()
        );
    }
}
