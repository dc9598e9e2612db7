//! Elements to octets.

use super::element::{Attr, Element, Node};
use super::scope::Binding;
use crate::ns;

/// Writes XML behind what a buffer already holds.
///
/// Everything it is given as a *value* (text, attribute values, namespace names) is escaped;
/// characters that XML 1.0 cannot carry become U+FFFD. Names are the caller's and written as
/// they are.
pub struct Writer<'o> {
    out: &'o mut Vec<u8>,
}

impl<'o> Writer<'o> {
    /// A writer that appends to `out`.
    pub fn new(out: &'o mut Vec<u8>) -> Self {
        Self { out }
    }

    /// Writes an element to stand where `default_ns` is the default namespace.
    pub fn element(&mut self, element: &Element, default_ns: &str) {
        self.raw(b"<");
        self.raw(element.name().as_bytes());
        if element.ns() != default_ns {
            self.attr("xmlns", element.ns());
        }
        for (index, attr) in element.attrs().iter().enumerate() {
            self.any_attr(attr, index);
        }
        if element.nodes().is_empty() {
            self.raw(b"/>");
            return;
        }
        self.raw(b">");
        for node in element.nodes() {
            self.node(node, element.ns());
        }
        self.raw(b"</");
        self.raw(element.name().as_bytes());
        self.raw(b">");
    }

    /// Writes a child to stand where `default_ns` is the default namespace.
    pub fn node(&mut self, node: &Node, default_ns: &str) {
        match node {
            Node::Element(child) => self.element(child, default_ns),
            Node::Text(text) => escape_into(self.out, text),
        }
    }

    /// Writes ` name='value'`.
    pub fn attr(&mut self, name: &str, value: &str) {
        self.raw(b" ");
        self.raw(name.as_bytes());
        self.raw(b"='");
        escape(self.out, value, true);
        self.raw(b"'");
    }

    /// Writes ` name='value'` if there is a value.
    pub fn attr_opt(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.attr(name, value);
        }
    }

    /// Writes any attribute; `index` makes the prefix of a foreign one unique in its element.
    pub fn any_attr(&mut self, attr: &Attr, index: usize) {
        if attr.ns.is_empty() {
            return self.attr(&attr.name, &attr.value);
        }
        if attr.ns == ns::XML {
            return self.attr(&format!("xml:{}", attr.name), &attr.value);
        }
        let prefix = format!("ns{index}");
        self.attr(&format!("xmlns:{prefix}"), &attr.ns);
        self.attr(&format!("{prefix}:{}", attr.name), &attr.value);
    }

    /// Writes ` xmlns:prefix='uri'`.
    pub fn binding(&mut self, binding: &Binding) {
        self.raw(b" xmlns:");
        self.raw(binding.prefix.as_bytes());
        self.raw(b"='");
        escape(self.out, &binding.uri, true);
        self.raw(b"'");
    }

    /// Writes octets as they are: markup, or content that was checked before.
    pub fn raw(&mut self, octets: &[u8]) {
        self.out.extend_from_slice(octets);
    }
}

/// Appends `text`, escaped as character data.
pub fn escape_into(out: &mut Vec<u8>, text: &str) {
    escape(out, text, false);
}

/// Appends `text` with its markup escaped; in a value also white space that a parser would change.
fn escape(out: &mut Vec<u8>, text: &str, value: bool) {
    let bytes = text.as_bytes();
    if is_plain(bytes) {
        return out.extend_from_slice(bytes);
    }
    let mut done = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let (replacement, length): (&[u8], usize) = match byte {
            b'&' => (b"&amp;", 1),
            b'<' => (b"&lt;", 1),
            b'>' => (b"&gt;", 1),
            b'\'' if value => (b"&apos;", 1),
            b'\t' if value => (b"&#9;", 1),
            b'\n' if value => (b"&#10;", 1),
            b'\r' => (b"&#13;", 1),
            b'\t' | b'\n' => continue,
            0..0x20 => ("\u{fffd}".as_bytes(), 1),
            0xef if is_noncharacter(&bytes[at..]) => ("\u{fffd}".as_bytes(), 3),
            _ => continue,
        };
        out.extend_from_slice(&bytes[done..at]);
        out.extend_from_slice(replacement);
        done = at + length;
    }
    out.extend_from_slice(&bytes[done..]);
}

/// Whether nothing in it is ever replaced, as in most texts. A fold without a branch is vectorised.
fn is_plain(bytes: &[u8]) -> bool {
    bytes.iter().fold(true, |plain, b| {
        plain
            & (*b >= 0x20)
            & (*b != b'&')
            & (*b != b'<')
            & (*b != b'>')
            & (*b != b'\'')
            & (*b != 0xef)
    })
}

/// U+FFFE and U+FFFF, as UTF-8.
fn is_noncharacter(bytes: &[u8]) -> bool {
    matches!(bytes, [0xef, 0xbf, 0xbe | 0xbf, ..])
}
