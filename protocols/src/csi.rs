//! Client state indication (XEP-0352): a client tells whether its user looks at it.
//!
//! The server may hold back what is not urgent while the client is inactive. A client that resumes or
//! binds is active until it says otherwise (section 5.1).

use crate::ns;
use crate::xml::{Element, RawElement};

/// What a client says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientState {
    /// It is in use.
    Active,
    /// Nobody looks at it; it may be stopped by its system at any time.
    Inactive,
}

impl ClientState {
    /// Reads a first-level element; `None` if it is neither of the two.
    #[must_use]
    pub fn from_raw(raw: &RawElement) -> Option<Self> {
        if raw.is("active", ns::CSI) {
            Some(Self::Active)
        } else if raw.is("inactive", ns::CSI) {
            Some(Self::Inactive)
        } else {
            None
        }
    }

    /// The element as octets. It is no stanza: it is neither routed nor counted.
    #[must_use]
    pub fn as_bytes(self) -> &'static [u8] {
        match self {
            Self::Active => b"<active xmlns='urn:xmpp:csi:0'/>",
            Self::Inactive => b"<inactive xmlns='urn:xmpp:csi:0'/>",
        }
    }
}

/// The stream feature (section 3).
pub(crate) fn feature() -> Element {
    Element::new("csi", ns::CSI)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Bounds;

    /// XEP-0352, section 4: both words are read as they are written, and nothing else is.
    #[test]
    fn words() {
        let read = |xml: &'static [u8]| {
            let raw = RawElement::inspect(xml.into(), &[], Bounds::default());
            ClientState::from_raw(&raw.expect("well-formed"))
        };
        for state in [ClientState::Active, ClientState::Inactive] {
            assert_eq!(read(state.as_bytes()), Some(state));
        }
        assert_eq!(read(b"<other xmlns='urn:xmpp:csi:0'/>"), None);
        assert_eq!(read(b"<active xmlns='urn:other'/>"), None);
    }
}
