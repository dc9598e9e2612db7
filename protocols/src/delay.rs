//! Delayed delivery: when a stanza was sent that arrives late (XEP-0203).
//!
//! ```
//! use takeover_protocols::{datetime::Timestamp, delay::Delay};
//! let delay = Delay::new(Timestamp::from_millis(0));
//! let element = delay.to_element();
//! assert_eq!(element.to_string(), "<delay xmlns='urn:xmpp:delay' stamp='1970-01-01T00:00:00Z'/>");
//! assert_eq!(Delay::from_element(&element), Some(delay));
//! ```

use crate::datetime::Timestamp;
use crate::jid::{self, Jid};
use crate::ns;
use crate::stanza::Stanza;
use crate::xml::Element;

/// `<delay/>` of XEP-0203.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delay {
    /// When the stanza was originally sent.
    pub stamp: Timestamp,
    /// Who kept it meanwhile (or, in a non-anonymous room's history, who sent it).
    pub from: Option<Jid>,
    /// Why it is late, in words; empty for none.
    pub reason: String,
}

impl Delay {
    /// A delay that names nobody.
    #[must_use]
    pub fn new(stamp: Timestamp) -> Self {
        Self {
            stamp,
            from: None,
            reason: String::new(),
        }
    }

    /// This delay with who kept the stanza.
    #[must_use]
    pub fn with_from(mut self, from: impl Into<Jid>) -> Self {
        self.from = Some(from.into());
        self
    }

    /// This delay with a reason.
    #[must_use]
    pub fn with_reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }

    /// The element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        Element::new("delay", ns::DELAY)
            .with_attr_opt("from", self.from.as_ref().map(|from| from.as_str()))
            .with_attr("stamp", self.stamp.to_string())
            .with_text(&self.reason)
    }

    /// Reads the element; `None` if it is another one or has no valid stamp.
    #[must_use]
    pub fn from_element(element: &Element) -> Option<Self> {
        if !element.is("delay", ns::DELAY) {
            return None;
        }
        Some(Self {
            stamp: element.attr("stamp")?.parse().ok()?,
            from: element.attr("from").and_then(|from| jid::parse(from).ok()),
            reason: element.text().trim().to_owned(),
        })
    }

    /// The first delay of a stanza.
    #[must_use]
    pub fn of(stanza: &Stanza) -> Option<Self> {
        stanza
            .child("delay", ns::DELAY)
            .and_then(|element| Self::from_element(&element))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// XEP-0203, section 2: example 1 and its parts.
    #[test]
    fn xep_0203_example() {
        let stanza = Stanza::parse(
            "<message from='romeo@montague.net/orchard' to='juliet@capulet.com' type='chat'>\
             <body>O blessed</body><delay xmlns='urn:xmpp:delay' from='capulet.com' \
             stamp='2002-09-10T23:08:25Z'> Offline Storage </delay></message>",
        )
        .unwrap();
        let delay = Delay::of(&stanza).unwrap();
        assert_eq!(delay.stamp.as_millis(), 1_031_699_305_000);
        assert_eq!(delay.from.as_ref().unwrap().as_str(), "capulet.com");
        assert_eq!(delay.reason, "Offline Storage");
        assert_eq!(Delay::from_element(&delay.to_element()), Some(delay));
    }

    #[test]
    fn without_a_valid_stamp_it_is_none() {
        let element = Element::new("delay", ns::DELAY).with_attr("stamp", "yesterday");
        assert_eq!(Delay::from_element(&element), None);
        assert_eq!(
            Delay::from_element(&Element::new("delay", "jabber:x:delay")),
            None
        );
        let forged = Element::new("delay", ns::DELAY)
            .with_attr("stamp", "2002-09-10T23:08:25Z")
            .with_attr("from", "@@");
        assert_eq!(Delay::from_element(&forged).unwrap().from, None);
    }
}
