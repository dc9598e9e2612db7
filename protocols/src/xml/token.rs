//! Checked tokens: `quick-xml`'s events, after everything it does not check.

use std::borrow::Cow;

use quick_xml::XmlVersion;
use quick_xml::escape::{EscapeError, resolve_xml_entity};
use quick_xml::events::attributes::Attributes;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;

use super::element::{Attr, known_name, known_ns};
use super::inspect::bit;
use super::scope::{Binding, Found, Scope, same};
use super::{Restricted, XmlError, chars};

/// How large XML may become. The size in octets is the framer's affair, for it must be known
/// before the element is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Levels of elements; the outermost is level 1.
    pub depth: usize,
    /// Attributes of one element, namespace declarations included.
    pub attributes: usize,
    /// Namespace declarations of all elements that are open at a time: every name is looked up
    /// among them.
    pub declarations: usize,
}

impl Default for Bounds {
    /// 100 levels, 64 attributes.
    fn default() -> Self {
        Self {
            depth: 100,
            attributes: 64,
            declarations: 256,
        }
    }
}

/// An attribute of the current start tag, its namespace not yet looked up.
#[derive(Debug)]
pub(crate) struct RawAttr<'t> {
    pub(crate) prefix: Option<&'t str>,
    pub(crate) local: &'t str,
    pub(crate) value: Cow<'t, str>,
}

/// One checked token.
#[derive(Debug)]
pub(crate) enum Token<'t> {
    /// A start tag; its attributes are in [`Tokens::attrs`]. An empty element gives `Start`, `End`.
    Start { prefix: &'t str, local: &'t str },
    /// An end tag that matches.
    End,
    /// Character data, references replaced.
    Text(Cow<'t, str>),
    /// The end of the input.
    Eof,
}

/// Reads tokens of one element, or of a sequence of nodes.
pub(crate) struct Tokens<'t> {
    reader: Reader<&'t [u8]>,
    text: &'t str,
    bounds: Bounds,
    /// Namespaces at the current position.
    pub(crate) scope: Scope<'t>,
    /// Attributes of the last start tag, without declarations.
    pub(crate) attrs: Vec<RawAttr<'t>>,
    /// Elements open after the last token.
    pub(crate) depth: usize,
    /// Which inherited bindings were used, one bit each.
    pub(crate) used: u64,
    tag_start: usize,
    pending_end: bool,
    leaving: Option<usize>,
}

impl<'t> Tokens<'t> {
    pub(crate) fn new(text: &'t str, base: &'t [Binding], bounds: Bounds) -> Self {
        let reader = Reader::from_str(text);
        Self {
            reader,
            text,
            bounds,
            scope: Scope::new(base),
            attrs: Vec::new(),
            depth: 0,
            used: 0,
            tag_start: 0,
            pending_end: false,
            leaving: None,
        }
    }

    /// Offset of the start tag that was the last token.
    pub(crate) fn start(&self) -> usize {
        self.tag_start
    }

    /// Offset just behind the last token (before the end of an empty element: behind its tag).
    pub(crate) fn position(&self) -> usize {
        // The reader's position never passes the end of the text, whose length is a `usize`.
        self.reader.buffer_position() as usize
    }

    /// The next token.
    pub(crate) fn next(&mut self) -> Result<Token<'t>, XmlError> {
        if let Some(depth) = self.leaving.take() {
            self.scope.leave(depth);
        }
        if std::mem::take(&mut self.pending_end) {
            return Ok(self.close());
        }
        let event = self.reader.read_event().map_err(syntax)?;
        match event {
            Event::Start(tag) => self.open(tag),
            Event::Empty(tag) => {
                self.pending_end = true;
                self.open(tag)
            }
            Event::End(_) => Ok(self.close()),
            Event::Text(text) => {
                let raw = text.into_inner();
                if has_section_end(raw.as_bytes()) {
                    return Err(XmlError::syntax("]]> in character data"));
                }
                Ok(Token::Text(line_ends(raw)))
            }
            Event::CData(text) => Ok(Token::Text(line_ends(text.into_inner()))),
            Event::GeneralRef(reference) => resolve(&reference).map(Token::Text),
            Event::Comment(_) => Err(XmlError::Restricted(Restricted::Comment)),
            Event::Decl(_) | Event::PI(_) => {
                Err(XmlError::Restricted(Restricted::ProcessingInstruction))
            }
            Event::DocType(_) => Err(XmlError::Restricted(Restricted::Dtd)),
            Event::Eof if self.depth > 0 => Err(XmlError::syntax("an element is not closed")),
            Event::Eof => Ok(Token::Eof),
        }
    }

    fn close(&mut self) -> Token<'t> {
        // The scope of the element is still needed by whoever looks at this token.
        self.leaving = Some(self.depth);
        self.depth -= 1;
        Token::End
    }

    fn open(&mut self, tag: BytesStart<'t>) -> Result<Token<'t>, XmlError> {
        self.depth += 1;
        if self.depth > self.bounds.depth {
            return Err(XmlError::TooDeep {
                limit: self.bounds.depth,
            });
        }
        let content = self.content_of(&tag);
        let name = &content[..tag.name().into_inner().len()];
        let (prefix, local) = chars::split_name(name)?;
        self.attrs.clear();
        if content.len() > name.len() {
            self.read_attributes(content, name.len())?;
        }
        let prefix = prefix.unwrap_or("");
        if prefix == "xmlns" {
            return Err(XmlError::BadName {
                name: chars::shortened(name),
            });
        }
        self.used |= bit(self.scope.resolve(prefix)?.1);
        self.check_attributes()?;
        Ok(Token::Start { prefix, local })
    }

    /// The tag's text with the lifetime of the input, which `BytesStart` does not give out.
    fn content_of(&mut self, tag: &BytesStart<'t>) -> &'t str {
        let end = self.position();
        let behind = if self.pending_end {
            "/>".len()
        } else {
            ">".len()
        };
        let length = tag.len();
        self.tag_start = end - behind - length - "<".len();
        &self.text[end - behind - length..end - behind]
    }

    fn read_attributes(&mut self, content: &'t str, from: usize) -> Result<(), XmlError> {
        let mut attributes = Attributes::new(content, from);
        attributes.with_checks(false);
        let mut count = 0;
        for attribute in attributes {
            let attribute = attribute.map_err(|e| XmlError::syntax(format!("attribute: {e}")))?;
            count += 1;
            if count > self.bounds.attributes {
                return Err(XmlError::TooManyAttributes {
                    limit: self.bounds.attributes,
                });
            }
            let (prefix, local) = chars::split_name(attribute.key.into_inner())?;
            if let Cow::Borrowed(raw) = attribute.value {
                check_behind(content, raw)?;
            }
            let value = match attribute.value {
                Cow::Borrowed(raw) if is_plain(raw) => Cow::Borrowed(raw),
                _ => value_of(&attribute)?,
            };
            match (prefix, local) {
                (None, "xmlns") => self.declare("", value)?,
                (Some("xmlns"), name) => self.declare(name, value)?,
                (prefix, local) => self.attrs.push(RawAttr {
                    prefix,
                    local,
                    value,
                }),
            }
        }
        Ok(())
    }

    fn declare(&mut self, prefix: &'t str, uri: Cow<'t, str>) -> Result<(), XmlError> {
        if let Ok((_, Found::Local(depth))) = self.scope.resolve(prefix)
            && depth == self.depth
        {
            let name = if prefix.is_empty() {
                "xmlns".into()
            } else {
                format!("xmlns:{prefix}")
            };
            return Err(XmlError::DuplicateAttribute { name });
        }
        if self.scope.declared() >= self.bounds.declarations {
            return Err(XmlError::TooManyDeclarations {
                limit: self.bounds.declarations,
            });
        }
        self.scope.declare(self.depth, prefix, uri)
    }

    /// Prefixes declared, no expanded name twice (Namespaces in XML, section 6.3).
    fn check_attributes(&mut self) -> Result<(), XmlError> {
        for (index, attr) in self.attrs.iter().enumerate() {
            if let Some(prefix) = attr.prefix {
                self.used |= bit(self.scope.resolve(prefix)?.1);
            }
            for earlier in &self.attrs[..index] {
                if same(earlier.local, attr.local)
                    && self.namespace_of(earlier)? == self.namespace_of(attr)?
                {
                    return Err(XmlError::DuplicateAttribute {
                        name: attr.local.into(),
                    });
                }
            }
        }
        Ok(())
    }

    /// The attribute as the element keeps it.
    pub(crate) fn owned_attr(&self, raw: &RawAttr<'_>) -> Result<Attr, XmlError> {
        let ns = known_ns(self.namespace_of(raw)?);
        Ok(Attr {
            ns,
            name: known_name(raw.local),
            value: raw.value.as_ref().to_owned(),
        })
    }

    /// The namespace of an attribute: none without a prefix.
    pub(crate) fn namespace_of(&self, attr: &RawAttr<'_>) -> Result<&str, XmlError> {
        match attr.prefix {
            None => Ok(""),
            Some(prefix) => Ok(self.scope.resolve(prefix)?.0),
        }
    }
}

/// Whether `]]>` occurs. Brackets are rare enough in text to look for one first.
fn has_section_end(text: &[u8]) -> bool {
    memchr::memchr(b']', text).is_some() && memchr::memmem::find(text, b"]]>").is_some()
}

/// Whether a value means what it says: nothing in it is forbidden, or stands for something else.
fn is_plain(raw: &str) -> bool {
    // A fold without a branch is vectorised.
    let special = |b: &u8| (*b == b'&') | (*b == b'<') | (*b < 0x20);
    !raw.as_bytes()
        .iter()
        .fold(false, |seen, b| seen | special(b))
}

/// What stands behind a value: white space before the next attribute.
fn check_behind(content: &str, raw: &str) -> Result<(), XmlError> {
    // `raw` is a part of `content`; the quote that closes it follows.
    let end = raw.as_ptr() as usize - content.as_ptr() as usize + raw.len() + 1;
    match content.as_bytes().get(end) {
        None => Ok(()),
        Some(b) if chars::is_space(*b) => Ok(()),
        Some(_) => Err(XmlError::syntax("no white space between attributes")),
    }
}

fn value_of<'t>(
    attribute: &quick_xml::events::attributes::Attribute<'t>,
) -> Result<Cow<'t, str>, XmlError> {
    if memchr::memchr(b'<', attribute.value.as_bytes()).is_some() {
        return Err(XmlError::syntax("< in an attribute value"));
    }
    let value = attribute
        .normalized_value(XmlVersion::Implicit1_0)
        .map_err(|e| match e {
            quick_xml::Error::Escape(EscapeError::UnrecognizedEntity(_, name)) => entity(&name),
            other => syntax(other),
        })?;
    chars::check(&value)?;
    Ok(value)
}

fn resolve<'t>(reference: &BytesRef<'t>) -> Result<Cow<'t, str>, XmlError> {
    match reference.resolve_char_ref().map_err(syntax)? {
        Some(c) if chars::is_char(c) => Ok(Cow::Owned(c.to_string())),
        Some(c) => Err(XmlError::ForbiddenCharacter { code: u32::from(c) }),
        None => match resolve_xml_entity(reference) {
            Some(text) => Ok(Cow::Borrowed(text)),
            None => Err(entity(reference)),
        },
    }
}

/// `&name;` is an entity reference if `name` is a name, else a syntax error.
fn entity(name: &str) -> XmlError {
    if chars::is_ncname(name) {
        XmlError::Restricted(Restricted::EntityReference(chars::shortened(name)))
    } else {
        XmlError::syntax(format!("&{}; is no reference", chars::shortened(name)))
    }
}

/// Line ends become `\n` (XML 1.0, section 2.11).
fn line_ends(raw: Cow<'_, str>) -> Cow<'_, str> {
    if memchr::memchr(b'\r', raw.as_bytes()).is_none() {
        return raw;
    }
    Cow::Owned(raw.replace("\r\n", "\n").replace('\r', "\n"))
}

fn syntax(error: quick_xml::Error) -> XmlError {
    XmlError::Syntax {
        what: chars::shortened(&error.to_string()),
    }
}
