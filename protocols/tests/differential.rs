//! The same documents for `rxml`, a strict parser made for XMPP by others: both refuse the same
//! ones, and see the same in the rest.

use std::fmt::Write;

use proptest::prelude::*;
use rxml::Event;
use takeover_protocols::xml::{Element, Node};

/// The tree in one notation, or `None` if the document is refused.
fn ours(xml: &str) -> Option<String> {
    let mut out = String::new();
    show(&Element::parse(xml).ok()?, &mut out);
    Some(out)
}

fn show(element: &Element, out: &mut String) {
    let attrs = element.attrs().iter();
    let attrs = attrs.map(|attr| {
        (
            attr.ns.to_string(),
            attr.name.to_string(),
            attr.value.clone(),
        )
    });
    start(element.ns(), element.name(), attrs.collect(), out);
    for node in element.nodes() {
        match node {
            Node::Element(child) => show(child, out),
            Node::Text(text) => write!(out, "{text:?}").unwrap(),
        }
    }
    out.push_str("</>");
}

fn start(ns: &str, name: &str, mut attrs: Vec<(String, String, String)>, out: &mut String) {
    attrs.sort();
    write!(out, "<{{{ns}}}{name} {attrs:?}>").unwrap();
}

fn theirs(xml: &str) -> Option<String> {
    let mut octets = xml.as_bytes();
    let mut reader = rxml::Reader::new(&mut octets);
    let (mut out, mut text) = (String::new(), String::new());
    let whole = reader.read_all_eof(|event| {
        if let Event::Text(_, piece) = &event {
            text.push_str(piece);
            return;
        }
        if !text.is_empty() {
            write!(out, "{:?}", std::mem::take(&mut text)).unwrap();
        }
        match event {
            Event::StartElement(_, (ns, name), attrs) => {
                let attrs = attrs
                    .iter()
                    .map(|((ns, name), value)| (ns.to_string(), name.to_string(), value.clone()));
                start(&ns, &name, attrs.collect(), &mut out);
            }
            Event::EndElement(_) => out.push_str("</>"),
            Event::XmlDeclaration(..) | Event::Text(..) => {}
        }
    });
    matches!(whole, Ok(true)).then_some(out)
}

/// Parts of documents. No carriage returns: `rxml` 0.14 leaves one alone behind `]]` in a CDATA
/// section, where XML 1.0, section 2.11, wants a line feed.
fn piece() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        "<a>",
        "</a>",
        "<b c='d'>",
        "</b>",
        "<a/>",
        "x",
        " ",
        "&amp;",
        "&#65;",
        "&#x9;",
        "&#0;",
        "<![CDATA[",
        "]]>",
        "]]",
        "<",
        ">",
        "'",
        "\"",
        "/",
        "=",
        "&",
        ";",
        "<a ",
        "c='&lt;'",
        "c=\"\n\"",
        "xmlns='u'",
        " xmlns:p='v'",
        "<p:a",
        "</p:a>",
        " p:c='1'",
        " q:c='2'",
        " xmlns:q='v'",
        "<q:b>",
        "</q:b>",
        "xmlns=''",
        " xml:lang='de'",
        "<!--",
        "-->",
        "<?x",
        "?>",
        "\u{1}",
        "\u{fffe}",
        "\u{e9}",
        "<\u{e9}/>",
        "<1/>",
        "<a:b:c/>",
        "\t",
        " d='\t\r\n'",
        "&x;",
        "<!DOCTYPE a>",
        "<a b>",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn soup(pieces in proptest::collection::vec(piece(), 0..9)) {
        let xml = format!("<m xmlns='n' xmlns:p='w'>{}</m>", pieces.concat());
        prop_assert_eq!(ours(&xml), theirs(&xml), "{:?}", xml);
    }

    #[test]
    fn tags(pieces in proptest::collection::vec(piece(), 0..6)) {
        let xml = format!("<m xmlns:p='w'{}/>", pieces.concat());
        prop_assert_eq!(ours(&xml), theirs(&xml), "{:?}", xml);
    }
}
