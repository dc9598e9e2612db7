//! What can be wrong with XML on a stream, one variant each.

use thiserror::Error;

/// A feature of XML that XMPP forbids (RFC 6120, section 11.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restricted {
    /// `<!-- … -->`
    Comment,
    /// `<?target … ?>` other than the XML declaration at the start of the stream.
    ProcessingInstruction,
    /// `<!DOCTYPE …>` or any other declaration of a DTD.
    Dtd,
    /// A reference to an entity other than the five predefined ones; holds its name.
    EntityReference(String),
}

impl std::fmt::Display for Restricted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Comment => f.write_str("a comment"),
            Self::ProcessingInstruction => f.write_str("a processing instruction"),
            Self::Dtd => f.write_str("a document type declaration"),
            Self::EntityReference(name) => write!(f, "the entity reference &{name};"),
        }
    }
}

/// Why a piece of XML was refused. The stream error that answers it is
/// [`crate::stream::StreamError`]'s `From` of it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum XmlError {
    /// The octets are not UTF-8 (RFC 6120, section 4.9.3.22).
    #[error("octet {at} of the input is not UTF-8, the only encoding allowed")]
    NotUtf8 {
        /// Offset of the first wrong octet within the element (or header).
        at: usize,
    },
    /// The XML declaration names another encoding (RFC 6120, section 4.9.3.22).
    #[error("encoding {named:?} is not supported, only UTF-8 is")]
    Encoding {
        /// The encoding that was declared.
        named: String,
    },
    /// A character that XML 1.0 does not allow, literally or by reference.
    #[error("character U+{code:04X} is not allowed in XML 1.0")]
    ForbiddenCharacter {
        /// The code point.
        code: u32,
    },
    /// A restricted feature (RFC 6120, sections 4.9.3.18 and 11.1).
    #[error("{0} is not allowed in XMPP (RFC 6120, section 11.1)")]
    Restricted(Restricted),
    /// Not well-formed in any other way.
    #[error("not well-formed: {what}")]
    Syntax {
        /// What was found, and what was expected.
        what: String,
    },
    /// A name that XML with namespaces does not allow.
    #[error("{name:?} is not a qualified XML name")]
    BadName {
        /// The name as it was sent.
        name: String,
    },
    /// A prefix that nothing declares.
    #[error("namespace prefix {prefix:?} is not declared")]
    UndeclaredPrefix {
        /// The prefix.
        prefix: String,
    },
    /// A declaration that namespaces in XML forbids (reserved prefix or name, or an empty name).
    #[error("prefix {prefix:?} may not be bound to {uri:?}")]
    BadBinding {
        /// The prefix, empty for the default namespace.
        prefix: String,
        /// The namespace name.
        uri: String,
    },
    /// Two attributes of one element have the same expanded name.
    #[error("attribute {name:?} is given twice")]
    DuplicateAttribute {
        /// The name as it was sent the second time.
        name: String,
    },
    /// The element (or stream header) is longer than allowed.
    #[error("longer than the {limit} octets allowed")]
    TooLarge {
        /// Octets allowed.
        limit: usize,
    },
    /// Elements are nested deeper than allowed.
    #[error("nested deeper than the {limit} levels allowed")]
    TooDeep {
        /// Levels allowed; the first-level child of the stream is level 1.
        limit: usize,
    },
    /// An element has more attributes (declarations included) than allowed.
    #[error("more than the {limit} attributes allowed on one element")]
    TooManyAttributes {
        /// Attributes allowed.
        limit: usize,
    },
    /// More namespace declarations are in force than allowed.
    #[error("more than the {limit} namespace declarations allowed at a time")]
    TooManyDeclarations {
        /// Declarations allowed.
        limit: usize,
    },
    /// Character data between the first-level children of the stream (RFC 6120, section 4.9.3.1).
    #[error("text between the first-level elements of the stream")]
    TextBetween,
}

impl XmlError {
    pub(crate) fn syntax(what: impl Into<String>) -> Self {
        Self::Syntax { what: what.into() }
    }
}
