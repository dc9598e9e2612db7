//! The stream header (RFC 6120, section 4.7).

use quick_xml::events::attributes::Attributes;

use super::scope::Binding;
use super::token::{Bounds, Token, Tokens};
use super::writer::Writer;
use super::{XmlError, chars, element};
use crate::ns;

/// A stream header, as it came or as it will be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamHeader {
    /// Local name of the element, `stream` if it is right.
    pub name: String,
    /// Its namespace name, [`ns::STREAM`] if it is right.
    pub ns: String,
    /// Whom the sender wants to talk to.
    pub to: Option<String>,
    /// Who the sender is.
    pub from: Option<String>,
    /// Name of the stream, given by who answers.
    pub id: Option<String>,
    /// Version of XMPP, `1.0`.
    pub version: Option<String>,
    /// Default language of the stream.
    pub lang: Option<String>,
    /// Namespace declarations, in force in all of the stream.
    pub bindings: Vec<Binding>,
}

impl StreamHeader {
    /// A header in which `content` is the default namespace; version 1.0.
    #[must_use]
    pub fn new(content: &str) -> Self {
        Self {
            name: "stream".to_owned(),
            ns: ns::STREAM.to_owned(),
            version: Some("1.0".to_owned()),
            bindings: vec![
                Binding::new("", content),
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
    ) -> Result<(Self, String), XmlError> {
        let text = element::checked(xml)?;
        check_declaration(&text[..declared])?;
        let tag = text[declared..].trim_ascii_start();
        let mut tokens = Tokens::new(tag, &[], bounds);
        let Token::Start { prefix, local } = tokens.next()? else {
            return Err(XmlError::syntax("a stream must begin with its header"));
        };
        let mut header = Self {
            name: local.to_owned(),
            ns: tokens.scope.resolve(prefix)?.0.to_owned(),
            bindings: tokens.scope.declared_at(1).collect(),
            ..Self::default()
        };
        for raw in &tokens.attrs {
            header.set(tokens.namespace_of(raw)?, raw.local, &raw.value);
        }
        let root = if prefix.is_empty() {
            local.to_owned()
        } else {
            format!("{prefix}:{local}")
        };
        Ok((header, root))
    }

    fn set(&mut self, namespace: &str, name: &str, value: &str) {
        let place = match (namespace, name) {
            ("", "to") => &mut self.to,
            ("", "from") => &mut self.from,
            ("", "id") => &mut self.id,
            ("", "version") => &mut self.version,
            (ns::XML, "lang") => &mut self.lang,
            _ => return,
        };
        *place = Some(value.to_owned());
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
