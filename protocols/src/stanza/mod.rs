//! Stanzas: a header that is read and rewritten, and content that is passed on as it came.
//!
//! A router looks at kind, addresses and id, and changes the addresses. The content of a message
//! is the business of the two clients, so it stays the octets that were received, shared by all
//! copies; only who wants to look inside has it parsed ([`Stanza::child`], [`Stanza::children`]).

mod content;
mod error;
mod kind;
mod parse;

use std::fmt;

use bytes::Bytes;

pub use content::Show;
pub use error::{Condition, ErrorType, StanzaError};
pub use kind::{IqType, MessageType, PresenceType, StanzaKind};
pub use parse::{Refused, RefusedReason};

use crate::jid::Jid;
use crate::ns;
use crate::xml::{Attr, Binding, Element, Writer};

/// A message, presence or iq.
///
/// ```
/// use takeover_protocols::stanza::{MessageType, Stanza};
/// use takeover_protocols::{jid, ns, xml::Element};
/// let hello = Stanza::message(MessageType::Chat)
///     .with_to(jid::parse("bob@example.org").unwrap())
///     .with_child(&Element::new("body", ns::CLIENT).with_text("hello"));
/// let text = "<message to='bob@example.org' type='chat'><body>hello</body></message>";
/// assert_eq!(hello.to_string(), text);
/// assert_eq!(Stanza::parse(text).unwrap().body().as_deref(), Some("hello"));
/// ```
///
/// Whatever stream a stanza came from, its content namespace is [`ns::CLIENT`] here; a stream with
/// another one writes the same octets under its own declaration.
#[derive(Clone, Debug)]
pub struct Stanza {
    /// Message, presence or iq, and its type.
    pub kind: StanzaKind,
    /// Whom it is for.
    pub to: Option<Jid>,
    /// Who sent it.
    pub from: Option<Jid>,
    /// The sender's identifier, echoed in answers.
    pub id: Option<String>,
    /// `xml:lang` of its words.
    pub lang: Option<String>,
    /// Other attributes, kept as they came.
    extra: Vec<Attr>,
    /// Prefixes that the payload uses without declaring them.
    bindings: Vec<Binding>,
    /// Checked XML: [`Stanza::payload`].
    payload: Bytes,
}

impl Stanza {
    /// An empty stanza of any kind.
    #[must_use]
    pub fn new(kind: StanzaKind) -> Self {
        Self {
            kind,
            to: None,
            from: None,
            id: None,
            lang: None,
            extra: Vec::new(),
            bindings: Vec::new(),
            payload: Bytes::new(),
        }
    }

    /// Whether it has nothing but its kind and its addresses.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.id.is_none()
            && self.lang.is_none()
            && self.extra.is_empty()
            && self.bindings.is_empty()
            && self.payload.is_empty()
    }

    /// An empty message.
    #[must_use]
    pub fn message(kind: MessageType) -> Self {
        Self::new(StanzaKind::Message(kind))
    }

    /// An empty presence.
    #[must_use]
    pub fn presence(kind: PresenceType) -> Self {
        Self::new(StanzaKind::Presence(kind))
    }

    /// An empty iq; each needs an id (RFC 6120, section 8.2.3).
    #[must_use]
    pub fn iq(kind: IqType, id: impl Into<String>) -> Self {
        Self::new(StanzaKind::Iq(kind)).with_id(id)
    }

    /// This stanza for somebody.
    #[must_use]
    pub fn with_to(mut self, to: impl Into<Jid>) -> Self {
        self.to = Some(to.into());
        self
    }

    /// This stanza from somebody.
    #[must_use]
    pub fn with_from(mut self, from: impl Into<Jid>) -> Self {
        self.from = Some(from.into());
        self
    }

    /// This stanza with an id.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// This stanza with an `xml:lang`.
    #[must_use]
    pub fn with_lang(mut self, lang: impl Into<String>) -> Self {
        self.lang = Some(lang.into());
        self
    }

    /// This stanza with a child appended behind its payload.
    #[must_use]
    pub fn with_child(mut self, child: &Element) -> Self {
        self.push(child);
        self
    }

    /// This stanza with children appended behind its payload (also an `Option`).
    #[must_use]
    pub fn with_children<'e>(mut self, children: impl IntoIterator<Item = &'e Element>) -> Self {
        children.into_iter().for_each(|child| self.push(child));
        self
    }

    /// Attributes other than `to`, `from`, `id`, `type` and `xml:lang`.
    #[must_use]
    pub fn extra(&self) -> &[Attr] {
        &self.extra
    }

    /// The content as it was received or built: well-formed XML in namespace [`ns::CLIENT`].
    #[must_use]
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// The empty answer to a request: `result` with the request's id, addresses swapped.
    #[must_use]
    pub fn result(&self) -> Self {
        self.answer(StanzaKind::Iq(IqType::Result))
    }

    /// The answer to a request with a child.
    #[must_use]
    pub fn result_with(&self, child: &Element) -> Self {
        self.result().with_child(child)
    }

    /// The error that answers this stanza (RFC 6120, section 8.3.1): addresses swapped, id kept,
    /// without the sender's content. `None` where no error may answer: an error, an iq result.
    #[must_use]
    pub fn error_reply(&self, error: &StanzaError) -> Option<Self> {
        self.kind.may_be_answered_with_error().then(|| {
            self.answer(self.kind.to_error())
                .with_child(&error.to_element())
        })
    }

    /// As [`Stanza::error_reply`], with the sender's content before the error, so that it knows
    /// what failed.
    #[must_use]
    pub fn error_reply_with_payload(&self, error: &StanzaError) -> Option<Self> {
        self.kind.may_be_answered_with_error().then(|| {
            let mut reply = self.answer(self.kind.to_error());
            reply.payload = self.payload.clone();
            reply.bindings.clone_from(&self.bindings);
            reply.with_child(&error.to_element())
        })
    }

    fn answer(&self, kind: StanzaKind) -> Self {
        Self {
            to: self.from.clone(),
            from: self.to.clone(),
            id: self.id.clone(),
            ..Self::new(kind)
        }
    }

    /// Appends the stanza to `out`, for a place where the content namespace is the default.
    pub fn write_into(&self, out: &mut Vec<u8>) {
        self.write(out, None);
    }

    /// Appends the stanza to `out` with its namespace declared, for a place where another
    /// namespace is the default, such as inside `<forwarded/>` (XEP-0297).
    pub fn write_standalone_into(&self, out: &mut Vec<u8>) {
        self.write(out, Some(ns::CLIENT));
    }

    fn write(&self, out: &mut Vec<u8>, namespace: Option<&str>) {
        out.reserve(self.payload.len() + 160);
        let mut writer = Writer::new(out);
        writer.raw(b"<");
        writer.raw(self.kind.name().as_bytes());
        writer.attr_opt("xmlns", namespace);
        for binding in &self.bindings {
            writer.binding(binding);
        }
        writer.attr_opt("to", self.to.as_ref().map(|jid| jid.as_str()));
        writer.attr_opt("from", self.from.as_ref().map(|jid| jid.as_str()));
        writer.attr_opt("id", self.id.as_deref());
        writer.attr_opt("type", self.kind.type_attr());
        writer.attr_opt("xml:lang", self.lang.as_deref());
        // A prefix of ours must be none that the payload brings along: it would be declared twice.
        let taken = |index: &usize| {
            let prefix = format!("ns{index}");
            self.bindings.iter().any(|binding| binding.prefix == prefix)
        };
        let free = (0..).filter(|index| !taken(index));
        for (attr, index) in self.extra.iter().zip(free) {
            let named = |binding: &&Binding| binding.uri == attr.ns && !binding.prefix.is_empty();
            match self.bindings.iter().find(named) {
                Some(binding) => {
                    writer.attr(&format!("{}:{}", binding.prefix, attr.name), &attr.value);
                }
                None => writer.any_attr(attr, index),
            }
        }
        if self.payload.is_empty() {
            return writer.raw(b"/>");
        }
        writer.raw(b">");
        writer.raw(&self.payload);
        writer.raw(b"</");
        writer.raw(self.kind.name().as_bytes());
        writer.raw(b">");
    }

    /// The stanza as UTF-8 octets; [`Stanza::parse`] reads them again.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut out = Vec::new();
        self.write_into(&mut out);
        out.into()
    }

    /// The whole stanza as an element, for what embeds it.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let mut out = Vec::new();
        self.write_standalone_into(&mut out);
        // What `write` makes of checked content is well-formed; the fallback is never used.
        Element::parse(out).unwrap_or_else(|_| Element::new(self.kind.name(), ns::CLIENT))
    }
}

/// Stanzas are equal when their octets are.
impl PartialEq for Stanza {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.to == other.to
            && self.from == other.from
            && self.id == other.id
            && self.lang == other.lang
            && self.extra == other.extra
            && self.bindings == other.bindings
            && self.payload == other.payload
    }
}

impl Eq for Stanza {}

impl fmt::Display for Stanza {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.to_bytes()))
    }
}
