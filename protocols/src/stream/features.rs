//! Stream features, in the order of XEP-0170.

use super::config::{C2sConfig, Tls};
use super::dual;
use crate::csi;
use crate::ns;
use crate::sasl::Mechanism;
use crate::xml::Element;

/// `<stream:features/>` on a stream that declares the prefix `stream`.
pub(super) fn write_into(features: &[Element], out: &mut Vec<u8>) {
    if features.is_empty() {
        return out.extend_from_slice(b"<stream:features/>");
    }
    out.extend_from_slice(b"<stream:features>");
    for feature in features {
        out.extend_from_slice(&feature.to_bytes_in(ns::CLIENT));
    }
    out.extend_from_slice(b"</stream:features>");
}

/// What is offered to a client that is not authenticated.
pub(super) fn before_login(config: &C2sConfig, secure: bool) -> Vec<Element> {
    let mut features = Vec::new();
    if !secure {
        match config.tls {
            Tls::Required => {
                let required = Element::new("required", ns::TLS);
                return vec![Element::new("starttls", ns::TLS).with_child(required)];
            }
            Tls::Optional => features.push(Element::new("starttls", ns::TLS)),
            Tls::Absent => {}
        }
    }
    let offered = mechanisms(config, secure);
    if !offered.is_empty() {
        let names = offered
            .iter()
            .map(|mechanism| Element::new("mechanism", ns::SASL).with_text(mechanism.name()));
        features.push(Element::new("mechanisms", ns::SASL).with_children(names));
    }
    features
}

/// The mechanisms that may be used now.
pub(super) fn mechanisms(config: &C2sConfig, secure: bool) -> Vec<Mechanism> {
    if !secure && config.tls == Tls::Required {
        return Vec::new();
    }
    let allowed =
        |mechanism: &Mechanism| secure || config.allow_plaintext || !mechanism.shows_password();
    config.mechanisms.iter().copied().filter(allowed).collect()
}

/// What is offered to an authenticated client.
pub(super) fn after_login(config: &C2sConfig, secure: bool) -> Vec<Element> {
    let mut features = vec![Element::new("bind", ns::BIND)];
    if config.session {
        let optional = Element::new("optional", ns::SESSION);
        features.push(Element::new("session", ns::SESSION).with_child(optional));
    }
    if config.stream_management {
        features.push(Element::new("sm", ns::SM));
    }
    features.push(csi::feature());
    if config.dual && secure {
        features.push(dual::feature());
    }
    features.extend(config.features.iter().cloned());
    features
}
