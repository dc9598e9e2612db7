//! Ping (XEP-0199): is the other end still there?
//!
//! ```
//! use takeover_protocols::ping;
//! use takeover_protocols::stanza::Stanza;
//! let ping = ping::request("p1");
//! assert!(ping::is_request(&ping));
//! assert_eq!(ping.result().to_string(), "<iq id='p1' type='result'/>");
//! ```

use crate::ns;
use crate::stanza::{IqType, Stanza};
use crate::xml::Element;

/// A ping; an answer of either type, result or error, shows that the other end is there.
#[must_use]
pub fn request(id: &str) -> Stanza {
    Stanza::iq(IqType::Get, id).with_child(&Element::new("ping", ns::PING))
}

/// Whether a stanza is a ping; [`Stanza::result`] answers it.
#[must_use]
pub fn is_request(stanza: &Stanza) -> bool {
    stanza.asks(IqType::Get, "ping", ns::PING)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// XEP-0199, section 4.1: example 1, and what is none.
    #[test]
    fn xep_0199_example() {
        let ping = Stanza::parse(
            "<iq from='capulet.lit' to='juliet@capulet.lit/balcony' id='s2c1' type='get'>\
             <ping xmlns='urn:xmpp:ping'/></iq>",
        )
        .unwrap();
        assert!(is_request(&ping));
        assert_eq!(ping.result().from, ping.to);
        for other in [
            "<iq id='1' type='set'><ping xmlns='urn:xmpp:ping'/></iq>",
            "<iq id='1' type='get'><ping xmlns='urn:other'/></iq>",
            "<message><ping xmlns='urn:xmpp:ping'/></message>",
        ] {
            assert!(!is_request(&Stanza::parse(other).unwrap()));
        }
    }
}
