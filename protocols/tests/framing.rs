//! Framing: the frames depend on the octets alone (XMPP-1, RFC 6120 sections 4.9 and 11).

use proptest::prelude::*;
use takeover_protocols::xml::{Bounds, Element, Frame, Framer, Limits, Restricted, XmlError};

const HEADER: &str = "<?xml version='1.0'?><stream:stream to='x' version='1.0' \
    xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' xmlns:p='urn:p'>";

/// Frames as text, then the error if there was one.
fn frames<'a>(chunks: impl IntoIterator<Item = &'a [u8]>, limits: Limits) -> Vec<String> {
    let mut framer = Framer::new(limits);
    let mut seen = Vec::new();
    for chunk in chunks {
        framer.push(chunk);
        loop {
            match framer.next() {
                Ok(None) => break,
                Ok(Some(Frame::Open(header))) => seen.push(format!("open {header:?}")),
                Ok(Some(Frame::Element(raw))) => seen.push(raw.to_element().to_string()),
                Ok(Some(Frame::Close)) => seen.push("close".to_owned()),
                Err(error) => {
                    seen.push(format!("error {error}"));
                    return seen;
                }
            }
        }
    }
    seen
}

fn error_after_header(rest: &[u8]) -> XmlError {
    let mut framer = Framer::new(Limits {
        octets: 1000,
        ..Limits::default()
    });
    framer.push(HEADER.as_bytes());
    assert!(matches!(framer.next(), Ok(Some(Frame::Open(_)))));
    framer.push(rest);
    loop {
        match framer.next() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("{:?} was not refused", String::from_utf8_lossy(rest)),
            Err(error) => return error,
        }
    }
}

/// Conversations with everything that makes cutting hard, some of them wrong.
fn corpus() -> Vec<Vec<u8>> {
    let tails: &[&[u8]] = &[
        b"<message to='a@b'><body>it&apos;s &lt;b&gt; > 'x' \"y\"</body></message>\n \t<iq id='1' type='get'><p:q a='>/>'/></iq></stream:stream>",
        b"<a><![CDATA[<b>]]]]><![CDATA[></a>]]></a><presence/></stream:stream >",
        "<m><b>\u{1f600}\u{e9}\u{20ac}</b></m><m a='\u{1f600}'/>".as_bytes(),
        b"<m><b>\xff</b></m>",
        b"<ok/><m><b>\xe2\x82</b></m>",
        b"<ok/>  <!-- c --><m/>",
        b"<ok/><m><![CDATA[x]]y]]></m><![CDATA[z]]>",
        b"<ok/><?pi?>", b"<ok/><!DOCTYPE x>", b"<ok/>text<m/>", b"<m></n><ok/>", b"<q:m/>",
        b"<m a='<'/>", b"<m><a></a></m></other>", b"<m a=\"'\" b='\"'/><m/ >", b"<ok/>&amp;",
        b"<stream:features><x/></stream:features><stream:error/></stream:stream>trailing",
        b"<!", b"<!-x", b"<m><!-x--></m>", b"</stream:stream><ok/>", b"<a b='1'", b"<a>\x01</a>",
    ];
    let heads: &[&[u8]] = &[
        b"<?xml version=\"1.0\" encoding='utf-8'?>\n<s xmlns='http://etherx.jabber.org/streams'/>",
        b" <?xml version='1.0'?><s/>",
        b"<?xml version='1.1'?><s>",
        b"<?xmlx version='1.0'?><s>",
        b"<?xml version='1.0' encoding='latin1'?><s>",
        b"\xef\xbb\xbf<s>",
        b"x<s>",
        b"<s:s>",
        b"<!DOCTYPE s><s>",
        b"<!-- --><s>",
        b"</s>",
        b"<s a='1' a='1'>",
        b"\xfe\xff<s>",
        b"<?xml?><s>",
        b"<?xml encoding='UTF-8' version='1.0'?><s>",
        b"<?php ?><s>",
    ];
    let whole = tails.iter().map(|tail| [HEADER.as_bytes(), tail].concat());
    whole
        .chain(heads.iter().map(|head| head.to_vec()))
        .collect()
}

#[test]
fn every_split_in_two_and_octet_by_octet_gives_the_same() {
    for octets in [40, 230, 1000] {
        let limits = Limits {
            octets,
            ..Limits::default()
        };
        for text in corpus() {
            let whole = frames([&text[..]], limits);
            assert_eq!(
                frames(text.chunks(1), limits),
                whole,
                "{}",
                String::from_utf8_lossy(&text)
            );
            for at in 0..text.len() {
                let (left, right) = text.split_at(at);
                let split = frames([left, right], limits);
                assert_eq!(split, whole, "{} at {at}", String::from_utf8_lossy(&text));
            }
        }
    }
}

/// XMPP-1: each sin by its name.
#[test]
fn sins_between_and_in_elements() {
    assert_eq!(error_after_header(b"hello"), XmlError::TextBetween);
    assert_eq!(error_after_header(b"&amp;"), XmlError::TextBetween);
    assert_eq!(
        error_after_header(b"<a/><![CDATA[x]]>"),
        XmlError::TextBetween
    );
    assert_eq!(
        error_after_header(b"<!--"),
        XmlError::Restricted(Restricted::Comment)
    );
    assert_eq!(
        error_after_header(b"<a><!--"),
        XmlError::Restricted(Restricted::Comment)
    );
    assert_eq!(
        error_after_header(b"<?"),
        XmlError::Restricted(Restricted::ProcessingInstruction)
    );
    assert_eq!(
        error_after_header(b"<a><!DOC"),
        XmlError::Restricted(Restricted::Dtd)
    );
    assert_eq!(
        error_after_header(b"<a>\xc3\x28"),
        XmlError::NotUtf8 { at: 3 }
    );
    assert!(matches!(
        error_after_header(b"</stream>"),
        XmlError::Syntax { .. }
    ));
    assert!(matches!(
        error_after_header(b"<a b='<"),
        XmlError::Syntax { .. }
    ));
    let long = [&b"<a>"[..], &[b'x'; 1000]].concat();
    assert_eq!(
        error_after_header(&long),
        XmlError::TooLarge { limit: 1000 }
    );
    let deep = "<a>".repeat(101);
    assert_eq!(
        error_after_header(deep.as_bytes()),
        XmlError::TooDeep { limit: 100 }
    );
}

#[test]
fn the_limit_is_exact_and_white_space_is_free() {
    let limits = Limits {
        octets: HEADER.len(),
        bounds: Bounds::default(),
    };
    let body = "x".repeat(HEADER.len() - "<a></a>".len());
    let exact = format!("{HEADER}{}<a>{body}</a>", " ".repeat(5000));
    assert_eq!(frames([exact.as_bytes()], limits).len(), 2);
    let more = format!("{HEADER}<a>{body}x</a>");
    let last = frames([more.as_bytes()], limits).pop().unwrap();
    assert_eq!(
        last,
        format!("error longer than the {} octets allowed", HEADER.len())
    );
}

/// RFC 6120, section 5.4.3.3: what was sent before TLS was there is not believed.
#[test]
fn a_reset_drops_what_came_without_protection() {
    let mut framer = Framer::new(Limits::default());
    framer.push(HEADER.as_bytes());
    framer.push(b"<starttls/><auth>stolen</auth>");
    assert!(matches!(framer.next(), Ok(Some(Frame::Open(_)))));
    assert!(matches!(framer.next(), Ok(Some(Frame::Element(_)))));
    assert_eq!(framer.reset(), "<auth>stolen</auth>".len());
    assert!(matches!(framer.next(), Ok(None)));
    framer.push(HEADER.as_bytes());
    assert!(matches!(framer.next(), Ok(Some(Frame::Open(_)))));
}

#[test]
fn a_restart_takes_what_was_sent_ahead() {
    let mut framer = Framer::new(Limits::default());
    framer.push(format!("{HEADER}<auth/>\n{HEADER}<iq/>").as_bytes());
    assert!(matches!(framer.next(), Ok(Some(Frame::Open(_)))));
    assert!(matches!(framer.next(), Ok(Some(Frame::Element(_)))));
    framer.restart();
    assert!(matches!(framer.next(), Ok(Some(Frame::Open(_)))));
    assert!(matches!(framer.next(), Ok(Some(Frame::Element(_)))));
}

fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        prop_oneof![
            Just('<'),
            Just('>'),
            Just('&'),
            Just('\''),
            Just('"'),
            Just(']'),
            Just('\n'),
            Just('\r'),
            Just('\t'),
            Just('\u{fffd}'),
            Just('\u{1f600}'),
            proptest::char::range(' ', '~'),
        ],
        1..12,
    )
    .prop_map(|chars| chars.into_iter().collect())
}

fn element() -> impl Strategy<Value = Element> {
    let name = || proptest::sample::select(vec!["a", "b-1", "_c", "\u{e9}", "message", "x.y"]);
    let ns = || proptest::sample::select(vec!["", "jabber:client", "urn:x", "a'b<&\">"]);
    let attrs = proptest::collection::vec((name(), text()), 0..3);
    let leaf =
        (name(), ns(), attrs, proptest::option::of(text())).prop_map(|(name, ns, attrs, text)| {
            let element = Element::new(name, ns).with_text(text.unwrap_or_default());
            attrs.into_iter().fold(element, |element, (name, value)| {
                element.with_attr(name, value)
            })
        });
    leaf.prop_recursive(4, 24, 4, |inner| {
        (
            inner.clone(),
            proptest::collection::vec((inner, text()), 0..4),
        )
            .prop_map(|(outer, children)| {
                children.into_iter().fold(outer, |outer, (child, text)| {
                    outer.with_child(child).with_text(text)
                })
            })
    })
}

proptest! {
    /// What is written is read as the same.
    #[test]
    fn parse_undoes_write(element in element()) {
        prop_assert_eq!(Element::parse(element.to_string()).unwrap(), element);
    }

    #[test]
    fn random_octets_never_panic(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
        let after = [HEADER.as_bytes(), &octets].concat();
        frames([&octets[..]], Limits::default());
        frames([&after[..]], Limits::default());
    }

    /// Random neighbours of good input: same frames however split.
    #[test]
    fn damaged_input_is_framed_the_same_however_split(
        which in any::<prop::sample::Index>(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        splits in proptest::collection::vec(1usize..9, 1..40),
    ) {
        let corpus = corpus();
        let mut input = corpus[which.index(corpus.len())].clone();
        for (at, octet) in damage {
            let at = at.index(input.len());
            input[at] = octet;
        }
        let limits = Limits { octets: 300, ..Limits::default() };
        let whole = frames([&input[..]], limits);
        let (mut rest, mut chunks) = (&input[..], Vec::new());
        for size in splits.iter().cycle() {
            if rest.is_empty() { break; }
            let (chunk, left) = rest.split_at((*size).min(rest.len()));
            chunks.push(chunk);
            rest = left;
        }
        prop_assert_eq!(frames(chunks, limits), whole);
    }

    /// What the framer lets through, the element parser reads, and its own words are read again.
    #[test]
    fn soup_of_markup_is_consistent(
        parts in proptest::collection::vec(proptest::sample::select(vec![
            "<a>", "</a>", "<b c='d'>", "</b>", "<a/>", "x", "&amp;", "&#65;", "<![CDATA[", "]]>",
            "<", ">", "'", "\"", "/", " ", "xmlns='u'", "xmlns:p='v'", "<p:a", "=", "&", ";", "<a ",
        ]), 0..14),
    ) {
        let soup = format!("<m xmlns:p='w'>{}</m>", parts.concat());
        if let Ok(element) = Element::parse(&soup) {
            prop_assert_eq!(&Element::parse(element.to_string()).unwrap(), &element);
            let framed = frames([HEADER.as_bytes(), soup.as_bytes()], Limits::default());
            let inside = Element::parse(format!("<w xmlns='jabber:client' xmlns:p='urn:p'>{soup}</w>"));
            let child = inside.unwrap().children().next().unwrap().to_string();
            prop_assert_eq!(&framed[1], &child);
        }
    }
}
