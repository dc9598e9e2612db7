//! Addresses (RFC 7622) and their escapes (XEP-0106).

use takeover_protocols::jid::{Jid, belongs_to, escape, parse, unescape};

/// What was read is printed and read as the same; the parts are the whole, within their limits.
pub(crate) fn body(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else {
        return;
    };
    if let Ok(jid) = parse(text) {
        check(&jid);
    }
    escapes(text);
}

fn check(jid: &Jid) {
    let printed = jid.to_string();
    match parse(&printed) {
        Ok(again) => {
            assert_eq!(&again, jid);
            assert_eq!(again.as_str(), jid.as_str());
            assert_eq!(parts(&again), parts(jid));
        }
        Err(error) => panic!("{printed:?} was read before: {error}"),
    }
    let (node, domain, resource) = parts(jid);
    let mut whole = node
        .as_ref()
        .map(|node| format!("{node}@"))
        .unwrap_or_default();
    whole.push_str(&domain);
    whole.extend(resource.iter().map(|resource| format!("/{resource}")));
    assert_eq!(whole, printed);
    assert!(!domain.is_empty() && !domain.ends_with('.') && domain.len() <= 1023);
    let forbidden = ['"', '&', '\'', '/', ':', '<', '>', '@', ' '];
    let node = node.unwrap_or_default();
    assert!(node.len() <= 1023 && !node.contains(forbidden), "{node:?}");
    assert!(!node.contains(|c: char| c.is_ascii_uppercase()), "{node:?}");
    assert!(resource.is_none_or(|resource| (1..=1023).contains(&resource.len())));
    let bare = jid.to_bare();
    assert!(belongs_to(jid, &bare));
    assert_eq!(
        parse(bare.as_str()).ok().map(|jid| jid.to_bare()),
        Some(bare)
    );
}

/// Localpart, domain, resource.
fn parts(jid: &Jid) -> (Option<String>, String, Option<String>) {
    (
        jid.node().map(|node| node.as_str().to_owned()),
        jid.domain().as_str().to_owned(),
        jid.resource().map(|resource| resource.as_str().to_owned()),
    )
}

fn escapes(text: &str) {
    let escaped = escape(text);
    assert_eq!(unescape(&escaped), text);
    let forbidden = [' ', '"', '&', '\'', '/', ':', '<', '>', '@'];
    assert!(!escaped.contains(forbidden), "{escaped:?}");
}
