//! Looking into the payload of a stanza, and changing it without writing the rest anew.

use bytes::Bytes;

use super::{IqType, PresenceType, Stanza, StanzaError, StanzaKind};
use crate::ns;
use crate::xml::{Bounds, Element, Token, Tokens, Writer, base_of, read_element};

/// `<show/>` of a presence (RFC 6121, section 4.7.2.1), from most to least reachable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Show {
    /// Wants to chat.
    Chat,
    /// Plainly available: no `<show/>`.
    Online,
    /// Away for a while.
    Away,
    /// Away for long.
    ExtendedAway,
    /// Do not disturb.
    DoNotDisturb,
}

impl Show {
    /// The text of `<show/>`, nothing for [`Show::Online`].
    #[must_use]
    pub fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Chat => Some("chat"),
            Self::Online => None,
            Self::Away => Some("away"),
            Self::ExtendedAway => Some("xa"),
            Self::DoNotDisturb => Some("dnd"),
        }
    }

    /// What a text of `<show/>` means; unknown ones mean plainly available.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            "chat" => Self::Chat,
            "away" => Self::Away,
            "xa" => Self::ExtendedAway,
            "dnd" => Self::DoNotDisturb,
            _ => Self::Online,
        }
    }
}

impl Stanza {
    /// The first child element `{ns}name`; the others are not built.
    #[must_use]
    pub fn child(&self, name: &str, ns: &str) -> Option<Element> {
        if !self.mentions(name) {
            return None;
        }
        self.find(|n, space| n == name && space == ns)
    }

    /// The first child element of each of these (name, namespace), read in one pass; the others are not built.
    ///
    /// ```
    /// # use takeover_protocols::{ns, stanza::{MessageType, Stanza}, xml::Element};
    /// let stanza = Stanza::message(MessageType::Chat)
    ///     .with_child(&Element::new("body", ns::CLIENT).with_text("hello"));
    /// let [body, delay] = stanza.first_of([("body", ns::CLIENT), ("delay", ns::DELAY)]);
    /// assert_eq!(body.unwrap().text(), "hello");
    /// assert!(delay.is_none());
    /// ```
    #[must_use]
    pub fn first_of<const N: usize>(&self, wanted: [(&str, &str); N]) -> [Option<Element>; N] {
        let mut found = [const { None }; N];
        self.walk(|tokens, prefix, local| {
            let is_wanted =
                |(name, ns): &(&str, &str)| *name == local && resolves_to(tokens, prefix, ns);
            let at = wanted.iter().position(is_wanted);
            if let Some(place) = at
                .and_then(|at| found.get_mut(at))
                .filter(|place| place.is_none())
            {
                *place = read_element(tokens, prefix, local).ok();
            }
            found.iter().any(Option::is_none)
        });
        found
    }

    /// The first child element of any name: what an iq request is about.
    #[must_use]
    pub fn first_child(&self) -> Option<Element> {
        self.find(|_, _| true)
    }

    /// All child elements.
    #[must_use]
    pub fn children(&self) -> Vec<Element> {
        let mut children = Vec::new();
        self.walk(|tokens, prefix, local| {
            // Checked when the stanza was made: no error can come.
            children.extend(read_element(tokens, prefix, local).ok());
            true
        });
        children
    }

    /// Whether there is a child element `{ns}name`; nothing is built.
    #[must_use]
    pub fn has_child(&self, name: &str, ns: &str) -> bool {
        if !self.mentions(name) {
            return false;
        }
        let mut found = false;
        self.walk(|tokens, prefix, local| {
            found = local == name && resolves_to(tokens, prefix, ns);
            !found
        });
        found
    }

    /// The text of the first child `name` in the content namespace (`body`, `subject`, `thread`,
    /// `show`, `status`, `priority`).
    #[must_use]
    pub fn text_of(&self, name: &str) -> Option<String> {
        self.child(name, ns::CLIENT)
            .map(|child| child.text().into_owned())
    }

    /// The text of the first `<body/>`.
    #[must_use]
    pub fn body(&self) -> Option<String> {
        self.text_of("body")
    }

    /// `<show/>` of a presence.
    #[must_use]
    pub fn show(&self) -> Show {
        self.text_of("show")
            .map_or(Show::Online, |text| Show::parse(text.trim()))
    }

    /// `<priority/>` of a presence (RFC 6121, section 4.7.2.3): −128 to 127, 0 if absent or not a
    /// number.
    #[must_use]
    pub fn priority(&self) -> i8 {
        self.text_of("priority")
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(0)
    }

    /// The `<error/>` of a stanza of type `error`.
    #[must_use]
    pub fn error(&self) -> Option<StanzaError> {
        if !self.kind.is_error() {
            return None;
        }
        self.child("error", ns::CLIENT)
            .and_then(|element| StanzaError::from_element(&element))
    }

    /// Whether this is an iq request whose child is `{ns}name`.
    #[must_use]
    pub fn asks(&self, kind: IqType, name: &str, ns: &str) -> bool {
        self.kind == StanzaKind::Iq(kind) && self.has_child(name, ns)
    }

    /// Whether this is available or unavailable presence, which is broadcast, unlike the types
    /// about subscriptions.
    #[must_use]
    pub fn is_availability(&self) -> bool {
        matches!(
            self.kind,
            StanzaKind::Presence(PresenceType::Available | PresenceType::Unavailable)
        )
    }

    /// Appends a child behind the payload, which is copied, not written anew.
    pub fn push(&mut self, child: &Element) {
        let mut payload = Vec::with_capacity(self.payload.len() + 128);
        payload.extend_from_slice(&self.payload);
        Writer::new(&mut payload).element(child, ns::CLIENT);
        self.payload = payload.into();
    }

    /// Removes the child elements for which `unwanted(name, ns)` answers true; what stays, stays
    /// octet for octet. Answers how many were removed.
    pub fn remove_children(&mut self, mut unwanted: impl FnMut(&str, &str) -> bool) -> usize {
        let payload = self.payload.clone();
        let mut kept = Vec::new();
        let (mut done, mut removed) = (0, 0);
        self.walk(|tokens, prefix, local| {
            let remove = tokens
                .scope
                .resolve(prefix)
                .is_ok_and(|(space, _)| unwanted(local, space));
            let start = tokens.start();
            while tokens.depth > 0 && tokens.next().is_ok() {}
            if remove {
                kept.extend_from_slice(&payload[done..start]);
                done = tokens.position();
                removed += 1;
            }
            true
        });
        if removed > 0 {
            kept.extend_from_slice(&payload[done..]);
            self.payload = Bytes::from(kept);
        }
        removed
    }

    /// Whether a start tag of this local name can be in the payload, at any depth: `false` is certain, `true`
    /// is not. Most of what is asked for is not there, and this costs a small part of reading the tags: a name is
    /// written as it is, behind `<` or the colon of its prefix, and something ends it.
    #[must_use]
    pub fn mentions(&self, name: &str) -> bool {
        let payload: &[u8] = &self.payload;
        let is_name = |at: usize| {
            let before = at.checked_sub(1).and_then(|before| payload.get(before));
            let after = payload.get(at + name.len());
            matches!(before, Some(b'<' | b':'))
                && matches!(after, Some(b'>' | b'/' | b' ' | b'\t' | b'\r' | b'\n'))
        };
        memchr::memmem::find_iter(payload, name).any(is_name)
    }

    fn find(&self, mut wanted: impl FnMut(&str, &str) -> bool) -> Option<Element> {
        let mut found = None;
        self.walk(|tokens, prefix, local| {
            if tokens
                .scope
                .resolve(prefix)
                .is_ok_and(|(space, _)| wanted(local, space))
            {
                found = read_element(tokens, prefix, local).ok();
            }
            found.is_none()
        });
        found
    }

    /// Shows each child's start tag to `visit` until it answers false. `visit` may read on.
    fn walk(&self, mut visit: impl for<'t> FnMut(&mut Tokens<'t>, &'t str, &'t str) -> bool) {
        // The payload was checked when the stanza was made: it is UTF-8 and tokens do not fail.
        let text = std::str::from_utf8(&self.payload).unwrap_or("");
        let base = base_of(ns::CLIENT, &self.bindings);
        let mut tokens = Tokens::new(text, &base, Bounds::default());
        loop {
            match tokens.next() {
                Ok(Token::Start { prefix, local }) => {
                    // Deeper ones are the visitor's; it leaves at most one element open.
                    if tokens.depth == 1 && !visit(&mut tokens, prefix, local) {
                        return;
                    }
                }
                Ok(Token::End | Token::Text(_)) => {}
                Ok(Token::Eof) | Err(_) => return,
            }
        }
    }
}

fn resolves_to(tokens: &Tokens<'_>, prefix: &str, ns: &str) -> bool {
    tokens
        .scope
        .resolve(prefix)
        .is_ok_and(|(space, _)| space == ns)
}
