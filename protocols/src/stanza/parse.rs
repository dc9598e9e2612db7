//! From a checked element to a stanza.

use bytes::Bytes;
use thiserror::Error;

use super::{Condition, IqType, MessageType, PresenceType, Stanza, StanzaError, StanzaKind};
use crate::jid::{self, Familiar, Jid, JidError};
use crate::ns;
use crate::xml::{Binding, Bounds, Node, RawElement, Writer, XmlError};

/// Why an element is no stanza that can be processed.
#[derive(Debug, Error)]
pub enum RefusedReason {
    /// Not XML (only from [`Stanza::parse`]).
    #[error("not XML: {0}")]
    Xml(#[from] XmlError),
    /// Another element: stream error `unsupported-stanza-type` (RFC 6120, section 4.9.3.24).
    #[error("{{{ns}}}{name} is no stanza; message, presence and iq are")]
    NotAStanza {
        /// Local name.
        name: String,
        /// Namespace name.
        ns: String,
    },
    /// `to` is no address: stanza error `jid-malformed` (RFC 6120, section 8.1.1).
    #[error("to={value:?} is no address: {cause}")]
    To {
        /// The attribute's value.
        value: String,
        /// What is wrong with it.
        cause: JidError,
    },
    /// `from` is no address: stream error `invalid-from` (RFC 6120, section 8.1.2).
    #[error("from={value:?} is no address: {cause}")]
    From {
        /// The attribute's value.
        value: String,
        /// What is wrong with it.
        cause: JidError,
    },
    /// A presence or iq of a type that does not exist: stanza error `bad-request`.
    #[error("{name} of type {value:?}; the standard has {allowed}")]
    Type {
        /// `presence` or `iq`.
        name: &'static str,
        /// The attribute's value, empty if it is missing.
        value: String,
        /// What there is.
        allowed: String,
    },
    /// An iq without an id: stanza error `bad-request` (RFC 6120, section 8.2.3).
    #[error("an iq without an id")]
    NoId,
    /// A request without exactly one child element, or a result with more than one: stanza error
    /// `bad-request` (RFC 6120, section 8.2.3).
    #[error("an iq of type {kind} with {children} child elements")]
    Children {
        /// The type of the iq.
        kind: IqType,
        /// How many child elements there are.
        children: usize,
    },
}

/// An element that is no stanza that can be processed, with the answer that the standard has.
#[derive(Debug, Error)]
#[error("{reason}")]
pub struct Refused {
    /// Why.
    #[source]
    pub reason: RefusedReason,
    /// The stanza error that answers it; `None` where a stream error does, or nothing may.
    pub reply: Option<Box<Stanza>>,
}

impl Stanza {
    /// Reads one stanza from its octets, such as [`Stanza::to_bytes`] wrote.
    ///
    /// # Errors
    /// See [`RefusedReason`].
    pub fn parse(xml: impl AsRef<[u8]>) -> Result<Self, Refused> {
        let base = [Binding::new("", ns::CLIENT)];
        let xml = Bytes::copy_from_slice(xml.as_ref());
        match RawElement::inspect(xml, &base, Bounds::default()) {
            Ok(raw) => Self::from_raw(raw),
            Err(error) => Err(Refused {
                reason: error.into(),
                reply: None,
            }),
        }
    }

    /// Makes a stanza of a first-level element of a stream.
    ///
    /// # Errors
    /// See [`RefusedReason`].
    pub fn from_raw(raw: RawElement) -> Result<Self, Refused> {
        Self::from_raw_after(raw, &mut Familiar::default())
    }

    /// As [`Stanza::from_raw`], for a stream whose last stanza was for the `familiar` address.
    ///
    /// # Errors
    /// See [`RefusedReason`].
    pub fn from_raw_after(mut raw: RawElement, familiar: &mut Familiar) -> Result<Self, Refused> {
        let mut header = Header::take(&mut raw);
        match header.read(&raw, familiar) {
            Ok(stanza) => Ok(stanza),
            Err(reason) => {
                let reply = header.reply(&raw, &reason).map(Box::new);
                Err(Refused { reason, reply })
            }
        }
    }
}

/// The attributes of a stanza, as text.
#[derive(Default)]
struct Header {
    to: Option<String>,
    from: Option<String>,
    id: Option<String>,
    kind: Option<String>,
    lang: Option<String>,
}

impl Header {
    /// Moves the attributes that every stanza may have out of the element.
    fn take(raw: &mut RawElement) -> Self {
        let mut header = Self::default();
        raw.attrs.retain_mut(|attr| {
            let place = match (attr.ns.as_ref(), attr.name.as_ref()) {
                ("", "to") => &mut header.to,
                ("", "from") => &mut header.from,
                ("", "id") => &mut header.id,
                ("", "type") => &mut header.kind,
                (ns::XML, "lang") => &mut header.lang,
                _ => return true,
            };
            *place = Some(std::mem::take(&mut attr.value));
            false
        });
        header
    }

    fn read(&mut self, raw: &RawElement, familiar: &mut Familiar) -> Result<Stanza, RefusedReason> {
        let kind = self.kind(raw)?;
        let from = match &self.from {
            None => None,
            Some(value) => Some(jid::parse(value).map_err(|cause| RefusedReason::From {
                value: value.clone(),
                cause,
            })?),
        };
        let to = match &self.to {
            None => None,
            Some(value) => Some(familiar.parse(value).map_err(|cause| RefusedReason::To {
                value: value.clone(),
                cause,
            })?),
        };
        if let StanzaKind::Iq(kind) = kind {
            self.check_iq(kind, raw)?;
        }
        let (payload, bindings) = payload(raw);
        Ok(Stanza {
            kind,
            to,
            from,
            id: self.id.take(),
            lang: self.lang.take(),
            extra: raw.attrs.clone(),
            bindings,
            payload,
        })
    }

    fn kind(&self, raw: &RawElement) -> Result<StanzaKind, RefusedReason> {
        let given = self.kind.as_deref();
        let wrong = |name, allowed: Vec<&str>| RefusedReason::Type {
            name,
            value: given.unwrap_or("").to_owned(),
            allowed: allowed.join(", "),
        };
        match raw.name() {
            _ if !ns::is_content(raw.ns()) => Err(RefusedReason::NotAStanza {
                name: raw.name().to_owned(),
                ns: raw.ns().to_owned(),
            }),
            // An unknown type of message is treated as normal (RFC 6121, section 5.2.2).
            "message" => Ok(StanzaKind::Message(
                given
                    .and_then(MessageType::parse)
                    .unwrap_or(MessageType::Normal),
            )),
            "presence" => match given {
                None => Ok(StanzaKind::Presence(PresenceType::Available)),
                Some(text) => match PresenceType::parse(text) {
                    Some(kind) if kind != PresenceType::Available => Ok(StanzaKind::Presence(kind)),
                    Some(_) | None => Err(wrong(
                        "presence",
                        PresenceType::ALL[1..]
                            .iter()
                            .map(|kind| kind.as_str())
                            .collect(),
                    )),
                },
            },
            "iq" => given
                .and_then(IqType::parse)
                .map(StanzaKind::Iq)
                .ok_or_else(|| wrong("iq", IqType::ALL.iter().map(|kind| kind.as_str()).collect())),
            name => Err(RefusedReason::NotAStanza {
                name: name.to_owned(),
                ns: raw.ns().to_owned(),
            }),
        }
    }

    fn check_iq(&self, kind: IqType, raw: &RawElement) -> Result<(), RefusedReason> {
        if self.id.is_none() {
            return Err(RefusedReason::NoId);
        }
        let children = raw.children();
        let fits = match kind {
            IqType::Get | IqType::Set => children == 1,
            IqType::Result => children <= 1,
            IqType::Error => true,
        };
        if fits {
            Ok(())
        } else {
            Err(RefusedReason::Children { kind, children })
        }
    }

    /// The stanza error that answers what was refused.
    fn reply(&self, raw: &RawElement, reason: &RefusedReason) -> Option<Stanza> {
        let condition = match reason {
            RefusedReason::Xml(_)
            | RefusedReason::NotAStanza { .. }
            | RefusedReason::From { .. } => {
                return None;
            }
            RefusedReason::To { .. } => Condition::JidMalformed,
            RefusedReason::Type { .. } | RefusedReason::NoId | RefusedReason::Children { .. } => {
                Condition::BadRequest
            }
        };
        let kind = match raw.name() {
            "message" => StanzaKind::Message(MessageType::Error),
            "presence" => StanzaKind::Presence(PresenceType::Error),
            _ => StanzaKind::Iq(IqType::Error),
        };
        if matches!(self.kind.as_deref(), Some("error" | "result")) {
            return None;
        }
        let address = |text: &Option<String>| -> Option<Jid> { jid::parse(text.as_deref()?).ok() };
        // Every iq has an id, also the answer to one that had none.
        let without = (kind == StanzaKind::Iq(IqType::Error)).then(String::new);
        let error = StanzaError::new(condition).with_text(reason.to_string());
        Some(Stanza {
            to: address(&self.from),
            from: address(&self.to),
            id: self.id.clone().or(without),
            ..Stanza::new(kind).with_child(&error.to_element())
        })
    }
}

/// The content and the prefixes it needs. Usually what was sent; written anew only where names
/// would mean something else under the content namespace as default.
fn payload(raw: &RawElement) -> (Bytes, Vec<Binding>) {
    let alias = |binding: &Binding| ns::is_content(&binding.uri) && raw.ns() != ns::CLIENT;
    if raw.inner_default() == raw.ns() && !raw.bindings().iter().any(alias) {
        return (raw.inner(), raw.bindings().to_vec());
    }
    let mut out = Vec::new();
    for node in raw.nodes() {
        let node = match node {
            Node::Element(element) => Node::Element(element.with_content_ns(raw.ns())),
            Node::Text(text) => Node::Text(text),
        };
        Writer::new(&mut out).node(&node, ns::CLIENT);
    }
    (out.into(), Vec::new())
}
