//! What stands inside stanzas: forms, pages, archive queries, service discovery, errors and the rest.

use bytes::Bytes;
use takeover_protocols::delay::Delay;
use takeover_protocols::disco::{Info, items_of};
use takeover_protocols::forms::{Form, FormKind};
use takeover_protocols::muc::HistoryRequest;
use takeover_protocols::sm::Nonza;
use takeover_protocols::stanza::StanzaError;
use takeover_protocols::version::Version;
use takeover_protocols::xml::{Bounds, Element, RawElement};
use takeover_protocols::{mam, rsm};

/// What was read is written and read as the same, by every reader; each error has words.
pub(crate) fn body(octets: &[u8]) {
    let Ok(element) = Element::parse(octets) else {
        return;
    };
    again(&element);
    readers(&element);
    element.children().for_each(readers);
    nonza(octets);
}

/// The element itself, written and read.
fn again(element: &Element) {
    match Element::parse(element.to_bytes()) {
        Ok(read) => assert_eq!(&read, element),
        Err(error) => panic!("{error}: {element}"),
    }
}

/// Reads what `write` wrote; what came of it must be `value`.
fn twice<T: PartialEq + std::fmt::Debug>(
    value: &T,
    write: impl Fn(&T) -> Element,
    read: impl Fn(&Element) -> Option<T>,
) {
    let written = write(value);
    again(&written);
    assert_eq!(read(&written).as_ref(), Some(value), "{written}");
}

fn readers(element: &Element) {
    if let Some(form) = Form::from_element(element) {
        self::form(&form);
    }
    if let Some(delay) = Delay::from_element(element) {
        twice(&delay, Delay::to_element, Delay::from_element);
    }
    if let Some(version) = Version::from_element(element) {
        twice(&version, Version::to_element, Version::from_element);
    }
    if let Some(error) = StanzaError::from_element(element) {
        twice(&error, StanzaError::to_element, StanzaError::from_element);
        assert!(!error.to_string().is_empty());
    }
    if let Some(info) = Info::from_element(element) {
        let forms = info.forms.iter().all(|form| form.kind == FormKind::Form);
        if forms {
            twice(&info, Info::to_element, Info::from_element);
        }
    }
    items_of(element)
        .iter()
        .for_each(|item| assert!(!item.jid.as_str().is_empty()));
    let _ = HistoryRequest::from_join(element);
    match rsm::Request::from_element(element) {
        Ok(_) => {}
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    match mam::Query::from_element(element) {
        Ok(query) => {
            let numbers = query.named();
            assert!(numbers.iter().all(|number| *number > 0), "{numbers:?}");
        }
        Err(error) => again(&error.to_error().to_element()),
    }
}

/// A form that is no question loses its options when it is written: once, and never more.
fn form(form: &Form) {
    let written = form.to_element();
    again(&written);
    let Some(read) = Form::from_element(&written) else {
        panic!("{written}");
    };
    assert!(form.kind != FormKind::Form || read == *form, "{written}");
    twice(&read, Form::to_element, Form::from_element);
}

fn nonza(octets: &[u8]) {
    let inspect = |octets: &[u8]| {
        RawElement::inspect(Bytes::copy_from_slice(octets), &[], Bounds::default()).ok()
    };
    let read = |octets: &[u8]| inspect(octets).and_then(|raw| Nonza::from_raw(&raw));
    match read(octets) {
        Some(Ok(nonza)) => assert_eq!(read(&nonza.to_bytes()), Some(Ok(nonza))),
        Some(Err(error)) => assert!(!error.to_string().is_empty()),
        None => {}
    }
}
