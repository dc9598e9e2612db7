//! Streams of octets, cut into frames.

use takeover_protocols::xml::{Bounds, Element, Frame, Framer, Limits};

use crate::input::{Input, chunks};

const DEPTH: usize = 8;

/// The frames depend on the octets alone, never on how they came; the limits hold.
pub(crate) fn body(octets: &[u8]) {
    let mut input = Input::new(octets);
    let limits = Limits {
        octets: *input.pick(&[40, 200, 1000, 10_000]),
        bounds: Bounds {
            depth: DEPTH,
            attributes: 6,
            declarations: 8,
        },
    };
    let seed = input.octet();
    let stream = input.rest();
    let whole = frames(&[stream], limits);
    assert_eq!(frames(&chunks(stream, seed), limits), whole);
    assert_eq!(frames(&stream.chunks(1).collect::<Vec<_>>(), limits), whole);
}

/// Frames in words, then the error if there was one.
fn frames(chunks: &[&[u8]], limits: Limits) -> Vec<String> {
    let mut framer = Framer::new(limits);
    let mut seen = Vec::new();
    for chunk in chunks {
        framer.push(chunk);
        loop {
            match framer.next() {
                Ok(None) => break,
                Ok(Some(frame)) => seen.push(frame_in_words(frame, limits)),
                Err(error) => {
                    seen.push(format!("error {error}"));
                    return seen;
                }
            }
        }
        assert!(
            !framer.is_overfull(),
            "more is kept than one element may have"
        );
    }
    let within = framer.is_within();
    assert!(framer.reset() <= limits.octets);
    seen.push(format!("within {within}"));
    seen
}

fn frame_in_words(frame: Frame, limits: Limits) -> String {
    match frame {
        Frame::Open(header) => format!("open {header:?}"),
        Frame::Close => "close".to_owned(),
        Frame::Element(raw) => {
            assert!(raw.as_sent().len() <= limits.octets);
            let element = raw.to_element();
            assert!(depth(&element) <= DEPTH);
            assert_eq!(element.children().count(), raw.children());
            let written = element.to_string();
            match Element::parse(&written) {
                Ok(again) => assert_eq!(again, element),
                Err(error) => panic!("{error}: {written}"),
            }
            written
        }
    }
}

fn depth(element: &Element) -> usize {
    1 + element.children().map(depth).max().unwrap_or(0)
}
