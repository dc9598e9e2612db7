//! Messages for users who are away: which are kept, and how they look when they come (XEP-0160,
//! with the hints of XEP-0334).
//!
//! ```
//! use takeover_protocols::offline::{keep, Keep};
//! use takeover_protocols::stanza::Stanza;
//! let hello = Stanza::parse("<message type='chat'><body>hello</body></message>").unwrap();
//! assert_eq!(keep(&hello), Keep::Store);
//! ```

use crate::datetime::Timestamp;
use crate::delay::Delay;
use crate::jid::Jid;
use crate::ns;
use crate::stanza::{MessageType, Stanza, StanzaKind};

/// Typing notifications (XEP-0085).
const CHAT_STATES: &str = "http://jabber.org/protocol/chatstates";
/// Hints of the sender on how to treat a message (XEP-0334).
const HINTS: &str = "urn:xmpp:hints";

/// What becomes of a message for a user without a resource that could take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// It is kept for the next login.
    Store,
    /// It comes back to the sender with `service-unavailable`.
    Bounce,
    /// It is worth nothing later: forgotten without an answer.
    Drop,
}

/// Decides about a stanza that [`routing`](crate::routing) would store.
#[must_use]
pub fn keep(stanza: &Stanza) -> Keep {
    match stanza.kind {
        StanzaKind::Message(MessageType::Normal | MessageType::Chat) => keep_content(stanza),
        StanzaKind::Message(MessageType::Groupchat) => Keep::Bounce,
        StanzaKind::Message(MessageType::Headline | MessageType::Error)
        | StanzaKind::Presence(_)
        | StanzaKind::Iq(_) => Keep::Drop,
    }
}

fn keep_content(stanza: &Stanza) -> Keep {
    let children = stanza.children();
    let hinted = |name: &str| children.iter().any(|child| child.is(name, HINTS));
    let worth = |space: &str, name: &str| {
        space != CHAT_STATES && space != HINTS && !(space == ns::CLIENT && name == "thread")
    };
    if !hinted("store") && !children.iter().any(|child| worth(child.ns(), child.name())) {
        Keep::Drop
    } else if hinted("no-store") || hinted("no-permanent-store") {
        Keep::Bounce
    } else {
        Keep::Store
    }
}

/// The message as it is delivered later: stamped by the server with when it came (XEP-0160,
/// section 2, step 5). One that the server has stamped already stays as it is: it was given out
/// before, and has come back.
#[must_use]
pub fn stamped(stanza: Stanza, came: Timestamp, server: impl Into<Jid>) -> Stanza {
    let server = server.into();
    let delays = stanza.children();
    let mut known = delays.iter().filter_map(Delay::from_element);
    if known.any(|delay| delay.from.as_ref() == Some(&server)) {
        return stanza;
    }
    let delay = Delay::new(came)
        .with_from(server)
        .with_reason("Offline storage");
    stanza.with_child(&delay.to_element())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jid;

    fn of(kind: &str, content: &str) -> Keep {
        keep(&Stanza::parse(format!("<message type='{kind}'>{content}</message>")).unwrap())
    }

    /// XEP-0160, section 3: what is kept, by type.
    #[test]
    fn by_type() {
        let body = "<body>x</body>";
        assert_eq!(of("normal", body), Keep::Store);
        assert_eq!(of("chat", body), Keep::Store);
        assert_eq!(of("groupchat", body), Keep::Bounce);
        assert_eq!(of("headline", body), Keep::Drop);
        assert_eq!(of("error", body), Keep::Drop);
        assert_eq!(keep(&Stanza::parse("<presence/>").unwrap()), Keep::Drop);
    }

    /// XEP-0160, section 3: typing notifications alone are not kept.
    #[test]
    fn by_content() {
        let typing = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
        assert_eq!(of("chat", typing), Keep::Drop);
        assert_eq!(
            of("chat", &format!("{typing}<thread>t</thread>")),
            Keep::Drop
        );
        assert_eq!(of("chat", &format!("{typing}<body>x</body>")), Keep::Store);
        assert_eq!(
            of("chat", "<received xmlns='urn:xmpp:receipts' id='1'/>"),
            Keep::Store
        );
        assert_eq!(of("normal", ""), Keep::Drop);
    }

    /// XEP-0334, section 4: the sender's hints.
    #[test]
    fn by_hint() {
        let body = "<body>x</body>";
        assert_eq!(
            of("chat", &format!("{body}<no-store xmlns='urn:xmpp:hints'/>")),
            Keep::Bounce
        );
        let permanent = "<no-permanent-store xmlns='urn:xmpp:hints'/>";
        assert_eq!(of("chat", &format!("{body}{permanent}")), Keep::Bounce);
        let store = "<store xmlns='urn:xmpp:hints'/>";
        let typing = "<active xmlns='http://jabber.org/protocol/chatstates'/>";
        assert_eq!(of("chat", &format!("{typing}{store}")), Keep::Store);
    }

    /// XEP-0160, section 2, example 3: the stamp names the server.
    #[test]
    fn later_it_is_stamped() {
        let stanza = Stanza::parse("<message><body>x</body></message>").unwrap();
        let server = jid::parse("example.org").unwrap();
        let late = stamped(stanza, Timestamp::from_millis(1_000), server.clone());
        let delay = Delay::of(&late).unwrap();
        let expected = (1_000, Some(server.clone()));
        assert_eq!((delay.stamp.as_millis(), delay.from), expected);
        let again = stamped(late.clone(), Timestamp::from_millis(2_000), server);
        assert_eq!(again, late, "stamped once");
    }
}
