//! What the server answers in its own name and for accounts: disco, ping, version
//! (XEP-0030, XEP-0199, XEP-0092).

use takeover_core::id::NodeId;
use takeover_protocols::ns;
use takeover_protocols::stanza::{Condition, IqType, Stanza, StanzaKind};
use takeover_protocols::xml::Element;

use super::Plane;
use super::parcel::Parcel;
use super::route::{Left, finished};

/// What works at the server's own address.
const SERVER_FEATURES: [&str; 8] = [
    ns::DISCO_INFO,
    ns::DISCO_ITEMS,
    ns::ROSTER,
    ns::VERSION,
    ns::PING,
    "msgoffline",
    "urn:xmpp:delay",
    ns::SM,
];

impl Plane {
    /// A parcel for the server itself.
    pub(super) fn at_server(&self, _at: NodeId, parcel: Parcel) -> Left {
        let parcel = match parcel.claim() {
            super::Claim::Go(parcel) => parcel,
            super::Claim::Parked | super::Claim::Stale(_) => return Left::new(),
        };
        match parcel.stanza.kind {
            StanzaKind::Iq(IqType::Get | IqType::Set) => match self.answer(&parcel.stanza) {
                Ok(answer) => {
                    let mut left = finished(parcel.origin);
                    left.push(Parcel::of(answer));
                    left
                }
                Err(condition) => self.bounce(parcel, condition),
            },
            // RFC 6121, section 8.4 leaves it to the server: nobody reads messages here.
            StanzaKind::Message(_) => self.bounce(parcel, Condition::ServiceUnavailable),
            StanzaKind::Presence(_) | StanzaKind::Iq(IqType::Result | IqType::Error) => {
                finished(parcel.origin)
            }
        }
    }

    fn answer(&self, request: &Stanza) -> Result<Stanza, Condition> {
        let child = request.first_child().ok_or(Condition::BadRequest)?;
        let get = request.kind == StanzaKind::Iq(IqType::Get);
        if get && child.is("query", ns::DISCO_INFO) {
            no_node(&child)?;
            let identity = identity("server", "im", "takeover");
            return Ok(request.result_with(&info(identity, &SERVER_FEATURES)));
        }
        if get && child.is("query", ns::DISCO_ITEMS) {
            no_node(&child)?;
            let items = self.aliases().map(|alias| {
                Element::new("item", ns::DISCO_ITEMS)
                    .with_attr("jid", alias.domain())
                    .with_attr("name", "Text conferences")
            });
            let query = Element::new("query", ns::DISCO_ITEMS).with_children(items);
            return Ok(request.result_with(&query));
        }
        if get && child.is("query", ns::VERSION) {
            return Ok(request.result_with(&version()));
        }
        if get && child.is("ping", ns::PING) {
            return Ok(request.result());
        }
        Err(Condition::ServiceUnavailable)
    }
}

/// Answers a request to a bare address for its account; `own` if its user asks.
pub(super) fn for_account(
    request: &Stanza,
    child: &Element,
    own: bool,
) -> Result<Stanza, Condition> {
    let get = request.kind == StanzaKind::Iq(IqType::Get);
    if let Some(answer) = takeover_protocols::stream::answer_stream_request(request) {
        return Ok(answer);
    }
    if get && child.is("ping", ns::PING) && own {
        return Ok(request.result());
    }
    if get && child.is("query", ns::DISCO_INFO) && own {
        no_node(child)?;
        let features = [ns::DISCO_INFO, ns::DISCO_ITEMS];
        return Ok(request.result_with(&info(identity("account", "registered", ""), &features)));
    }
    if get && child.is("query", ns::DISCO_ITEMS) && own {
        no_node(child)?;
        return Ok(request.result_with(&Element::new("query", ns::DISCO_ITEMS)));
    }
    Err(Condition::ServiceUnavailable)
}

/// No address here has nodes (XEP-0030, section 3.2).
fn no_node(query: &Element) -> Result<(), Condition> {
    match query.attr("node") {
        None => Ok(()),
        Some(_) => Err(Condition::ItemNotFound),
    }
}

fn identity(category: &'static str, kind: &'static str, name: &'static str) -> Element {
    Element::new("identity", ns::DISCO_INFO)
        .with_attr("category", category)
        .with_attr("type", kind)
        .with_attr_opt("name", (!name.is_empty()).then_some(name))
}

fn info(identity: Element, features: &[&'static str]) -> Element {
    let feature =
        |var: &&'static str| Element::new("feature", ns::DISCO_INFO).with_attr("var", *var);
    Element::new("query", ns::DISCO_INFO)
        .with_child(identity)
        .with_children(features.iter().map(feature))
}

fn version() -> Element {
    let text = |name: &'static str, value: &str| Element::new(name, ns::VERSION).with_text(value);
    Element::new("query", ns::VERSION)
        .with_child(text("name", "takeover"))
        .with_child(text("version", env!("CARGO_PKG_VERSION")))
}
