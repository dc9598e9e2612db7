//! Dual registration (SES-7): the words by which a client has an inactive session at the backup node.
//!
//! The form is this deployment's own, since no standard has one. After authentication the features
//! offer `<dual xmlns='urn:takeover:dual:0'/>`. Instead of binding, the client sends
//!
//! ```xml
//! <inactive xmlns='urn:takeover:dual:0'/>
//! ```
//!
//! and the server says the same back, or `<unavailable xmlns='urn:takeover:dual:0'/>` with a text. The
//! stream then stays as it is, authenticated and without a resource, for as long as both like. To
//! activate it the client goes on as any client does: it resumes its session (XEP-0198, section 5) or
//! binds a resource. The answer comes when the user is hosted by this node.

use crate::ns;
use crate::xml::Element;

/// The feature that offers inactive sessions.
pub(super) fn feature() -> Element {
    Element::new("dual", ns::DUAL)
}

/// What asks for an inactive session, and what grants it.
pub(super) fn inactive() -> Element {
    Element::new("inactive", ns::DUAL)
}

/// What refuses it.
pub(super) fn unavailable(why: &str) -> Element {
    Element::new("unavailable", ns::DUAL).with_text(why)
}
