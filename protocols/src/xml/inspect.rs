//! One pass over a complete first-level element: all checks, the outer tag taken apart.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;

use super::element::{Attr, Element, Node, known_name, known_ns, parse_nodes};
use super::scope::{Binding, Found};
use super::token::{Bounds, Token, Tokens};
use super::{XmlError, chars};

/// A first-level child of the stream: checked, its outer tag parsed, its content still as sent.
#[derive(Clone, Debug)]
pub struct RawElement {
    name: Cow<'static, str>,
    ns: Cow<'static, str>,
    pub(crate) attrs: Vec<Attr>,
    xml: Bytes,
    inner: Range<usize>,
    bindings: Vec<Binding>,
    inner_default: Cow<'static, str>,
    children: usize,
}

impl RawElement {
    /// Checks one complete element and takes its outer tag apart.
    ///
    /// `base` are the declarations in force around it: those of the stream header.
    ///
    /// # Errors
    /// The first thing wrong with it.
    pub fn inspect(xml: Bytes, base: &[Binding], bounds: Bounds) -> Result<Self, XmlError> {
        let text = std::str::from_utf8(&xml).map_err(|e| XmlError::NotUtf8 {
            at: e.valid_up_to(),
        })?;
        if let Some(at) = chars::first_forbidden(text) {
            chars::check(&text[at..])?;
        }
        let mut tokens = Tokens::new(text, base, bounds);
        let Token::Start { prefix, local } = tokens.next()? else {
            return Err(XmlError::syntax("an element must begin with its start tag"));
        };
        let ns = known_ns(tokens.scope.resolve(prefix)?.0);
        let name = known_name(local);
        let attrs = attributes(&tokens)?;
        let inner_default = known_ns(tokens.scope.resolve("")?.0);
        let declared: Vec<Binding> = tokens.scope.declared_at(1).collect();
        tokens.used = 0;
        let (inner, children) = content(&mut tokens)?;
        let used = tokens.used;
        if !matches!(tokens.next()?, Token::Eof) {
            return Err(XmlError::syntax("something follows the element"));
        }
        let bindings = carried(declared, base, used);
        Ok(Self {
            name,
            ns,
            attrs,
            xml,
            inner,
            bindings,
            inner_default,
            children,
        })
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
        self.attrs
            .iter()
            .find(|a| a.ns.is_empty() && a.name == name)
            .map(|a| a.value.as_str())
    }

    /// The element as it was sent.
    #[must_use]
    pub fn as_sent(&self) -> &Bytes {
        &self.xml
    }

    /// What stands between its tags, as it was sent.
    #[must_use]
    pub fn inner(&self) -> Bytes {
        self.xml.slice(self.inner.clone())
    }

    /// The prefixes that [`RawElement::inner`] may use without declaring them.
    #[must_use]
    pub fn bindings(&self) -> &[Binding] {
        &self.bindings
    }

    /// The namespace of unprefixed names inside.
    #[must_use]
    pub fn inner_default(&self) -> &str {
        &self.inner_default
    }

    /// How many child elements it has.
    #[must_use]
    pub fn children(&self) -> usize {
        self.children
    }

    /// Parses the content too.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let mut element = Element::new(self.name.clone(), self.ns.clone());
        for attr in &self.attrs {
            element.put(attr.clone());
        }
        for node in self.nodes() {
            match node {
                Node::Element(child) => element.push(child),
                Node::Text(text) => element.push_text(&text),
            }
        }
        element
    }

    /// The content, parsed.
    pub(crate) fn nodes(&self) -> Vec<Node> {
        // It was checked by `inspect`, with the same tokens: parsing it again cannot fail.
        parse_nodes(
            &self.xml[self.inner.clone()],
            &self.inner_default,
            &self.bindings,
        )
        .unwrap_or_default()
    }
}

fn attributes(tokens: &Tokens<'_>) -> Result<Vec<Attr>, XmlError> {
    tokens
        .attrs
        .iter()
        .map(|raw| tokens.owned_attr(raw))
        .collect()
}

/// Runs to the end tag of the outer element; answers where its content is and how many child
/// elements there are.
fn content(tokens: &mut Tokens<'_>) -> Result<(Range<usize>, usize), XmlError> {
    let start = tokens.position();
    let (mut end, mut children) = (start, 0);
    loop {
        match tokens.next()? {
            Token::End if tokens.depth == 0 => return Ok((start..end, children)),
            Token::Start { .. } => {
                children += usize::from(tokens.depth == 2);
                end = tokens.position();
            }
            Token::End | Token::Text(_) => end = tokens.position(),
            Token::Eof => return Err(XmlError::syntax("an element is not closed")),
        }
    }
}

/// Declarations that the content may need wherever it goes: those of the element itself and the
/// inherited ones it uses in names. The default namespace is not among them. A prefix that occurs
/// only in text or in a value (as XML Schema types do) is carried only if the element declares it.
fn carried(declared: Vec<Binding>, base: &[Binding], used: u64) -> Vec<Binding> {
    let mut carried: Vec<Binding> = declared
        .into_iter()
        .filter(|binding| !binding.prefix.is_empty())
        .collect();
    for (index, binding) in base.iter().enumerate() {
        let inherited = !binding.prefix.is_empty() && used & bit(Found::Base(index)) != 0;
        if inherited && carried.iter().all(|own| own.prefix != binding.prefix) {
            carried.push(binding.clone());
        }
    }
    carried
}

/// The bit that marks an inherited binding as used. Indices past the word share its last bit, so
/// that none is ever forgotten.
pub(super) fn bit(found: Found) -> u64 {
    match found {
        Found::BuiltIn | Found::Local(_) => 0,
        Found::Base(index) => 1 << index.min(63),
    }
}
