//! XML as XMPP has it: UTF-8, namespaces, none of the restricted features (RFC 6120, section 11).
//!
//! `quick-xml` cuts text into tags and attributes. It is lenient by design, so `token` checks
//! what it does not: names, forbidden characters, `<` in attribute values, `]]>` in text,
//! whitespace between attributes, duplicate attributes after namespace expansion, undeclared
//! prefixes, reserved namespaces, restricted features and the limits. Both the framer's inspection
//! and the [`Element`] parser stand on it, so what one lets through the other can read.

mod chars;
mod cutter;
mod element;
mod error;
mod framer;
mod header;
mod inspect;
mod scope;
mod token;
mod writer;

pub use element::{Attr, Element, Node};
pub(crate) use element::{base_of, read_element};
pub use error::{Restricted, XmlError};
pub use framer::{Frame, Framer, Limits};
pub use header::StreamHeader;
pub use inspect::RawElement;
pub use scope::Binding;
pub use token::Bounds;
pub(crate) use token::{Token, Tokens};
pub use writer::{Writer, escape_into};
