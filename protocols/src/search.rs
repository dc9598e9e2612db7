//! Searches: temporary presence subscriptions (SES-9).
//!
//! The form is this deployment's own, since no standard has one. Who searches for a user asks its bare
//! address:
//!
//! ```xml
//! <iq type='set' to='bob@example.com' id='s1'><search xmlns='urn:takeover:search:0'/></iq>
//! ```
//!
//! The result is empty. Before it come the user's presences, as directed presence; after it each change,
//! until the search is over: when one of the two sessions ends, or one of the two users gets another
//! node. Nobody is told of that end, and the searcher keeps what it has seen last.

use crate::jid::BareJid;
use crate::ns;
use crate::stanza::{IqType, Stanza};
use crate::xml::Element;

/// The request.
#[must_use]
pub fn request(user: &BareJid, id: &str) -> Stanza {
    Stanza::iq(IqType::Set, id)
        .with_to(user.clone())
        .with_child(&Element::new("search", ns::TEMPORARY_PRESENCE))
}

/// Whether a stanza is such a request.
#[must_use]
pub fn is_request(stanza: &Stanza) -> bool {
    stanza.asks(IqType::Set, "search", ns::TEMPORARY_PRESENCE)
}
