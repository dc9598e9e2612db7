//! What the server answers in its own name and for accounts: disco, ping, version
//! (XEP-0030, XEP-0199, XEP-0092).

use takeover_core::id::NodeId;
use takeover_core::sync::Claim;
use takeover_protocols::disco::{self, Identity, Info, Item};
use takeover_protocols::stanza::{Condition, IqType, Stanza, StanzaKind};
use takeover_protocols::version::Version;
use takeover_protocols::xml::Element;
use takeover_protocols::{jid, ns};

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
            Claim::Go(parcel) => parcel,
            Claim::Parked | Claim::Stale(_) => return Left::new(),
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
            let info = Info::new([Identity::new("server", "im", "takeover")], SERVER_FEATURES);
            return Ok(request.result_with(&info.to_element()));
        }
        if get && child.is("query", ns::DISCO_ITEMS) {
            no_node(&child)?;
            // An alias is a domain of the deployment's own.
            let domains = self
                .aliases()
                .filter_map(|alias| jid::parse(alias.domain()).ok());
            let items = domains.map(|domain| Item::new(domain, "Text conferences"));
            return Ok(request.result_with(&disco::items(None, items)));
        }
        if get && child.is("query", ns::VERSION) {
            return Ok(request.result_with(&version().to_element()));
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
        let features = [ns::DISCO_INFO, ns::DISCO_ITEMS, ns::PUSH];
        let info = Info::new([Identity::new("account", "registered", "")], features);
        return Ok(request.result_with(&info.to_element()));
    }
    if get && child.is("query", ns::DISCO_ITEMS) && own {
        no_node(child)?;
        return Ok(request.result_with(&disco::items(None, [])));
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

/// Which software the server and its services are (XEP-0092).
pub(crate) fn version() -> Version {
    Version::new("takeover", env!("CARGO_PKG_VERSION"))
}
