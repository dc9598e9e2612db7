//! A tree of elements, for what the server reads and makes itself.

use std::borrow::Cow;
use std::fmt;

use super::scope::Binding;
use super::token::{Bounds, Token, Tokens};
use super::writer::Writer;
use super::{XmlError, chars};
use crate::ns;

/// An attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attr {
    /// Namespace name, empty for none (the usual case).
    pub ns: Cow<'static, str>,
    /// Local name.
    pub name: Cow<'static, str>,
    /// Value, references replaced.
    pub value: String,
}

/// A child of an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// An element.
    Element(Element),
    /// Character data, references replaced.
    Text(String),
}

/// An element with everything in it.
///
/// ```
/// use takeover_protocols::{ns, xml::Element};
/// let query = Element::new("query", ns::VERSION)
///     .with_child(Element::new("name", ns::VERSION).with_text("takeover"));
/// assert_eq!(query.to_string(), "<query xmlns='jabber:iq:version'><name>takeover</name></query>");
/// assert_eq!(Element::parse(query.to_string()).unwrap(), query);
/// ```
///
/// Two elements are equal when names, namespaces, attributes (in any order) and children are;
/// prefixes do not matter.
#[derive(Clone, Debug)]
pub struct Element {
    name: Cow<'static, str>,
    ns: Cow<'static, str>,
    attrs: Vec<Attr>,
    nodes: Vec<Node>,
}

impl Element {
    /// An empty element `{ns}name`.
    ///
    /// `name` is the server's own and must be an XML name without a colon; it is written as it is.
    pub fn new(name: impl Into<Cow<'static, str>>, ns: impl Into<Cow<'static, str>>) -> Self {
        let name = name.into();
        debug_assert!(chars::is_ncname(&name), "{name:?} is no XML name");
        Self {
            name,
            ns: ns.into(),
            attrs: Vec::new(),
            nodes: Vec::new(),
        }
    }

    /// Parses a document that consists of one element.
    ///
    /// # Errors
    /// The first thing wrong with it; restricted XML (comments, DTD, …) is refused as on a stream.
    pub fn parse(xml: impl AsRef<[u8]>) -> Result<Self, XmlError> {
        let text = checked(xml.as_ref())?;
        let mut tokens = Tokens::new(text, &[], Bounds::default());
        let mut root = None;
        loop {
            match tokens.next()? {
                Token::Start { prefix, local } if root.is_none() => {
                    root = Some(read_element(&mut tokens, prefix, local)?);
                }
                Token::Start { .. } => return Err(XmlError::syntax("a second root element")),
                Token::Text(text) if text.bytes().all(chars::is_space) => {}
                Token::Text(_) | Token::End => {
                    return Err(XmlError::syntax("text outside the root element"));
                }
                Token::Eof => return root.ok_or_else(|| XmlError::syntax("no element")),
            }
        }
    }

    /// Local name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Namespace name, empty for none.
    #[must_use]
    pub fn ns(&self) -> &str {
        &self.ns
    }

    /// Whether this is `{ns}name`.
    #[must_use]
    pub fn is(&self, name: &str, ns: &str) -> bool {
        self.name == name && self.ns == ns
    }

    /// The value of an attribute without a namespace.
    #[must_use]
    pub fn attr(&self, name: &str) -> Option<&str> {
        self.attr_ns(name, "")
    }

    /// The value of the attribute `{ns}name`, such as `("lang", ns::XML)`.
    #[must_use]
    pub fn attr_ns(&self, name: &str, ns: &str) -> Option<&str> {
        self.attrs
            .iter()
            .find(|a| a.name == name && a.ns == ns)
            .map(|a| a.value.as_str())
    }

    /// All attributes, in document order.
    #[must_use]
    pub fn attrs(&self) -> &[Attr] {
        &self.attrs
    }

    /// All children, in document order.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The children that are elements.
    pub fn children(&self) -> impl Iterator<Item = &Element> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Element(child) => Some(child),
            Node::Text(_) => None,
        })
    }

    /// The first child element `{ns}name`.
    #[must_use]
    pub fn child(&self, name: &str, ns: &str) -> Option<&Element> {
        self.children().find(|child| child.is(name, ns))
    }

    /// The text directly in this element, its pieces joined.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        let mut pieces = self.nodes.iter().filter_map(|node| match node {
            Node::Text(text) => Some(text.as_str()),
            Node::Element(_) => None,
        });
        let first = pieces.next().unwrap_or("");
        match pieces.next() {
            None => Cow::Borrowed(first),
            Some(second) => Cow::Owned([first, second].into_iter().chain(pieces).collect()),
        }
    }

    /// This element with an attribute set.
    #[must_use]
    pub fn with_attr(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<String>,
    ) -> Self {
        self.set_attr(name, value);
        self
    }

    /// This element with an attribute set if there is a value.
    #[must_use]
    pub fn with_attr_opt(
        self,
        name: impl Into<Cow<'static, str>>,
        value: Option<impl Into<String>>,
    ) -> Self {
        match value {
            None => self,
            Some(value) => self.with_attr(name, value),
        }
    }

    /// This element with an `xml:lang`.
    #[must_use]
    pub fn with_lang(mut self, lang: impl Into<String>) -> Self {
        self.put(Attr {
            ns: ns::XML.into(),
            name: "lang".into(),
            value: lang.into(),
        });
        self
    }

    /// This element with a child appended.
    #[must_use]
    pub fn with_child(mut self, child: Element) -> Self {
        self.push(child);
        self
    }

    /// This element with children appended (also an `Option`).
    #[must_use]
    pub fn with_children(mut self, children: impl IntoIterator<Item = Element>) -> Self {
        children.into_iter().for_each(|child| self.push(child));
        self
    }

    /// This element with text appended.
    #[must_use]
    pub fn with_text(mut self, text: impl AsRef<str>) -> Self {
        self.push_text(text.as_ref());
        self
    }

    /// This element with every name in `from` moved to [`ns::CLIENT`].
    #[must_use]
    pub(crate) fn with_content_ns(mut self, from: &str) -> Self {
        if self.ns == from {
            self.ns = ns::CLIENT.into();
        }
        for node in &mut self.nodes {
            if let Node::Element(child) = node {
                *child = std::mem::replace(child, Element::new("x", "")).with_content_ns(from);
            }
        }
        self
    }

    /// Sets an attribute without a namespace.
    pub fn set_attr(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) {
        self.put(Attr {
            ns: "".into(),
            name: name.into(),
            value: value.into(),
        });
    }

    /// Sets any attribute.
    pub fn put(&mut self, attr: Attr) {
        match self
            .attrs
            .iter_mut()
            .find(|a| a.name == attr.name && a.ns == attr.ns)
        {
            Some(old) => *old = attr,
            None => self.attrs.push(attr),
        }
    }

    /// Removes an attribute without a namespace and answers its value.
    pub fn remove_attr(&mut self, name: &str) -> Option<String> {
        let at = self
            .attrs
            .iter()
            .position(|a| a.name == name && a.ns.is_empty())?;
        Some(self.attrs.remove(at).value)
    }

    /// Appends a child.
    pub fn push(&mut self, child: Element) {
        self.nodes.push(Node::Element(child));
    }

    /// Appends text; empty text is nothing, and neighbouring texts become one.
    pub fn push_text(&mut self, text: &str) {
        match self.nodes.last_mut() {
            _ if text.is_empty() => {}
            Some(Node::Text(last)) => last.push_str(text),
            Some(Node::Element(_)) | None => self.nodes.push(Node::Text(text.to_owned())),
        }
    }

    /// Keeps the child elements for which `keep` answers true; text stays.
    pub fn retain_children(&mut self, mut keep: impl FnMut(&Element) -> bool) {
        self.nodes.retain(|node| match node {
            Node::Element(child) => keep(child),
            Node::Text(_) => true,
        });
    }

    /// The element as UTF-8 octets, every namespace declared.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_bytes_in("")
    }

    /// The element as UTF-8 octets to stand where `default_ns` is the default namespace.
    #[must_use]
    pub fn to_bytes_in(&self, default_ns: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        Writer::new(&mut out).element(self, default_ns);
        out
    }
}

impl PartialEq for Element {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.ns == other.ns
            && self.attrs.len() == other.attrs.len()
            && self.attrs.iter().all(|attr| other.attrs.contains(attr))
            && self.nodes == other.nodes
    }
}

impl Eq for Element {}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.to_bytes()))
    }
}

/// A local name as the tree keeps it: borrowed if it is one of those that are always there.
pub(crate) fn known_name(name: &str) -> Cow<'static, str> {
    // Octet patterns become a decision tree, strings a row of comparisons.
    let fixed = match name.as_bytes() {
        b"to" => "to",
        b"from" => "from",
        b"id" => "id",
        b"type" => "type",
        b"lang" => "lang",
        b"message" => "message",
        b"presence" => "presence",
        b"iq" => "iq",
        b"body" => "body",
        b"query" => "query",
        b"item" => "item",
        b"jid" => "jid",
        b"x" => "x",
        b"r" => "r",
        b"a" => "a",
        b"h" => "h",
        _ => return Cow::Owned(name.to_owned()),
    };
    Cow::Borrowed(fixed)
}

/// A namespace name as the tree keeps it: borrowed if there is a constant for it.
pub(crate) fn known_ns(name: &str) -> Cow<'static, str> {
    match name {
        "" => Cow::Borrowed(""),
        ns::CLIENT => Cow::Borrowed(ns::CLIENT),
        _ => match ns::interned(name) {
            Some(constant) => Cow::Borrowed(constant),
            None => Cow::Owned(name.to_owned()),
        },
    }
}

/// UTF-8 without forbidden characters.
pub(crate) fn checked(xml: &[u8]) -> Result<&str, XmlError> {
    let text = std::str::from_utf8(xml).map_err(|e| XmlError::NotUtf8 {
        at: e.valid_up_to(),
    })?;
    match chars::first_forbidden(text) {
        None => Ok(text),
        Some(at) => chars::check(&text[at..]).map(|()| text),
    }
}

/// Parses content: any number of elements and texts, inside given declarations.
pub(crate) fn parse_nodes(
    xml: &[u8],
    default_ns: &str,
    bindings: &[Binding],
) -> Result<Vec<Node>, XmlError> {
    let text = checked(xml)?;
    let base = base_of(default_ns, bindings);
    let mut tokens = Tokens::new(text, &base, Bounds::default());
    let mut holder = Element::new("content", "");
    loop {
        match tokens.next()? {
            Token::Start { prefix, local } => {
                let child = read_element(&mut tokens, prefix, local)?;
                holder.push(child);
            }
            Token::Text(text) => holder.push_text(&text),
            Token::End => return Err(XmlError::syntax("an end tag without its start tag")),
            Token::Eof => return Ok(holder.nodes),
        }
    }
}

/// What the content of a stanza is parsed in where it brings no declarations along.
static CLIENT: [Binding; 1] = [Binding {
    prefix: Cow::Borrowed(""),
    uri: Cow::Borrowed(ns::CLIENT),
}];

/// The declarations to parse content in.
pub(crate) fn base_of(default_ns: &str, bindings: &[Binding]) -> Cow<'static, [Binding]> {
    if bindings.is_empty() && default_ns == ns::CLIENT {
        return Cow::Borrowed(&CLIENT);
    }
    let mut base = Vec::with_capacity(bindings.len() + 1);
    base.push(Binding::declared("", default_ns));
    base.extend_from_slice(bindings);
    Cow::Owned(base)
}

/// Reads the rest of an element whose start tag was the last token.
pub(crate) fn read_element<'t>(
    tokens: &mut Tokens<'t>,
    prefix: &'t str,
    local: &'t str,
) -> Result<Element, XmlError> {
    // Open elements, outermost first; their number is bounded by the depth limit.
    let mut open = vec![start(tokens, prefix, local)?];
    loop {
        match tokens.next()? {
            Token::Start { prefix, local } => open.push(start(tokens, prefix, local)?),
            Token::Text(text) => {
                if let Some(element) = open.last_mut() {
                    element.push_text(&text);
                }
            }
            Token::End => match (open.pop(), open.last_mut()) {
                (Some(done), Some(parent)) => parent.push(done),
                (Some(done), None) => return Ok(done),
                (None, _) => return Err(XmlError::syntax("an end tag without its start tag")),
            },
            Token::Eof => return Err(XmlError::syntax("an element is not closed")),
        }
    }
}

fn start(tokens: &Tokens<'_>, prefix: &str, local: &str) -> Result<Element, XmlError> {
    let attrs = tokens
        .attrs
        .iter()
        .map(|raw| tokens.owned_attr(raw))
        .collect::<Result<_, _>>()?;
    let ns = known_ns(tokens.scope.resolve(prefix)?.0);
    Ok(Element {
        name: known_name(local),
        ns,
        attrs,
        nodes: Vec::new(),
    })
}
