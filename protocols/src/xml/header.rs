//! The stream header (RFC 6120, section 4.7).

use std::borrow::Cow;

use quick_xml::events::attributes::Attributes;

use super::scope::Binding;
use super::token::{Bounds, Token, Tokens};
use super::writer::Writer;
use super::{XmlError, chars, element};
use crate::ns;

/// The local name of a header.
const STREAM: &str = "stream";
/// The version of XMPP.
const VERSION: &str = "1.0";
/// The language of what is said here.
const ENGLISH: &str = "en";

/// A stream header, as it came or as it will be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamHeader {
    /// Local name of the element, `stream` if it is right.
    pub name: Cow<'static, str>,
    /// Its namespace name, [`ns::STREAM`] if it is right.
    pub ns: Cow<'static, str>,
    /// Whom the sender wants to talk to.
    pub to: Option<String>,
    /// Who the sender is.
    pub from: Option<String>,
    /// Name of the stream, given by who answers.
    pub id: Option<String>,
    /// Version of XMPP, `1.0`.
    pub version: Option<Cow<'static, str>>,
    /// Default language of the stream.
    pub lang: Option<Cow<'static, str>>,
    /// Namespace declarations, in force in all of the stream.
    pub bindings: Vec<Binding>,
}

impl StreamHeader {
    /// A header in which `content` is the default namespace; version 1.0, in English.
    #[must_use]
    pub fn new(content: &str) -> Self {
        Self {
            name: STREAM.into(),
            ns: ns::STREAM.into(),
            version: Some(VERSION.into()),
            lang: Some(ENGLISH.into()),
            bindings: vec![
                Binding::declared("", content),
                Binding::new("stream", ns::STREAM),
            ],
            ..Self::default()
        }
    }

    /// Whether some declaration names this namespace.
    #[must_use]
    pub fn declares(&self, namespace: &str) -> bool {
        self.bindings.iter().any(|binding| binding.uri == namespace)
    }

    /// Major version; 0 if there is none or it is no number (RFC 6120, section 4.7.5).
    #[must_use]
    pub fn major(&self) -> u32 {
        let version = self.version.as_deref().unwrap_or("");
        version
            .split('.')
            .next()
            .and_then(|major| major.parse().ok())
            .unwrap_or(0)
    }

    /// Reads declaration and header, and answers the name as it was sent too.
    pub(super) fn read(
        xml: &[u8],
        declared: usize,
        bounds: Bounds,
    ) -> Result<(Self, Cow<'static, str>), XmlError> {
        let text = element::checked(xml)?;
        check_declaration(&text[..declared])?;
        let tag = text[declared..].trim_ascii_start();
        let mut tokens = Tokens::new(tag, &[], bounds);
        let Token::Start { prefix, local } = tokens.next()? else {
            return Err(XmlError::syntax("a stream must begin with its header"));
        };
        let mut header = Self {
            name: usual(local, STREAM),
            ns: element::known_ns(tokens.scope.resolve(prefix)?.0),
            bindings: tokens.scope.declared_at(1).collect(),
            ..Self::default()
        };
        for raw in &tokens.attrs {
            header.set(tokens.namespace_of(raw)?, raw.local, &raw.value);
        }
        let root = match (prefix, local) {
            (STREAM, STREAM) => "stream:stream".into(),
            ("", local) => usual(local, STREAM),
            (prefix, local) => format!("{prefix}:{local}").into(),
        };
        Ok((header, root))
    }

    fn set(&mut self, namespace: &str, name: &str, value: &str) {
        match (namespace, name) {
            ("", "to") => self.to = Some(value.to_owned()),
            ("", "from") => self.from = Some(value.to_owned()),
            ("", "id") => self.id = Some(value.to_owned()),
            ("", "version") => self.version = Some(usual(value, VERSION)),
            (ns::XML, "lang") => self.lang = Some(usual(value, ENGLISH)),
            _ => {}
        }
    }

    /// Appends the XML declaration and the header, under the prefix `stream`.
    pub fn write_into(&self, out: &mut Vec<u8>) {
        let mut writer = Writer::new(out);
        writer.raw(b"<?xml version='1.0'?><stream:stream");
        for binding in &self.bindings {
            if binding.prefix.is_empty() {
                writer.attr("xmlns", &binding.uri);
            } else {
                writer.binding(binding);
            }
        }
        writer.attr_opt("to", self.to.as_deref());
        writer.attr_opt("from", self.from.as_deref());
        writer.attr_opt("id", self.id.as_deref());
        writer.attr_opt("version", self.version.as_deref());
        writer.attr_opt("xml:lang", self.lang.as_deref());
        writer.raw(b">");
    }
}

/// A word that is nearly always the same one: that is not copied.
fn usual(word: &str, nearly_always: &'static str) -> Cow<'static, str> {
    if word == nearly_always {
        Cow::Borrowed(nearly_always)
    } else {
        Cow::Owned(word.to_owned())
    }
}

/// `<?xml version='1.0' encoding='UTF-8' standalone='yes'?>`, the last two optional
/// (RFC 6120, sections 11.5 and 11.6).
fn check_declaration(text: &str) -> Result<(), XmlError> {
    let Some(content) = text
        .strip_prefix("<?")
        .and_then(|rest| rest.strip_suffix("?>"))
    else {
        return Ok(());
    };
    let mut expected = ["version", "encoding", "standalone"].iter();
    let mut versioned = false;
    for attribute in Attributes::new(content, "xml".len()) {
        let attribute = attribute.map_err(|e| XmlError::syntax(format!("XML declaration: {e}")))?;
        let (name, value) = (attribute.key.into_inner(), attribute.value.as_ref());
        if !expected.any(|expected| *expected == name) {
            return Err(XmlError::syntax(
                "XML declaration: only version, encoding, standalone",
            ));
        }
        match name {
            "version" if value == "1.0" => versioned = true,
            "version" => return Err(XmlError::syntax("only XML 1.0 is spoken here")),
            "encoding" if !value.eq_ignore_ascii_case("UTF-8") => {
                return Err(XmlError::Encoding {
                    named: chars::shortened(value),
                });
            }
            "standalone" if !matches!(value, "yes" | "no") => {
                return Err(XmlError::syntax("XML declaration: standalone is yes or no"));
            }
            _ => {}
        }
    }
    if versioned {
        Ok(())
    } else {
        Err(XmlError::syntax("XML declaration without a version"))
    }
}
