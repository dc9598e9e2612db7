//! How long a stanza takes: `cargo run --release -p takeover-protocols --example stanza_speed`.
//!
//! Prints nanoseconds per stanza for framing with all checks, for reading the header too, and for
//! writing with a new sender. The messages arrive in reads of 16 KiB.

use std::hint::black_box;
use std::time::Instant;

use takeover_protocols::stanza::Stanza;
use takeover_protocols::xml::{Frame, Framer, Limits};
use takeover_protocols::{jid, ns};

const HEADER: &str = "<stream:stream to='example.org' version='1.0' xmlns='jabber:client' \
    xmlns:stream='http://etherx.jabber.org/streams'>";
const MESSAGE: &str = "<message to='bob@example.org/desk' id='8f3a2c' type='chat'>\
    <body>It was the best of times, it was the worst of times, it was the age</body></message>";
const COUNT: usize = 200_000;

/// Frames that came out of the stream of messages, shown to `each`.
fn frames(input: &[u8], mut each: impl FnMut(Frame)) {
    let mut framer = Framer::new(Limits::default());
    for read in input.chunks(16 * 1024) {
        framer.push(read);
        while let Some(frame) = framer.next().expect("the input is well-formed") {
            each(frame);
        }
    }
}

#[allow(clippy::disallowed_methods)] // A benchmark measures real time.
fn measure(name: &str, mut run: impl FnMut() -> usize) {
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let begun = Instant::now();
        let stanzas = run();
        assert_eq!(stanzas, COUNT, "every message is found");
        best = best.min(begun.elapsed().as_secs_f64() * 1e9 / COUNT as f64);
    }
    println!("{name:<28} {best:>7.0} ns a stanza");
}

fn main() {
    let mut input = HEADER.as_bytes().to_vec();
    for _ in 0..COUNT {
        input.extend_from_slice(MESSAGE.as_bytes());
    }
    println!("{COUNT} messages of {} octets", MESSAGE.len());
    measure("frame and check", || {
        let mut count = 0;
        frames(&input, |frame| {
            count += usize::from(matches!(black_box(frame), Frame::Element(_)))
        });
        count
    });
    measure("frame, check, read header", || {
        let mut count = 0;
        frames(&input, |frame| {
            if let Frame::Element(raw) = frame {
                count += usize::from(black_box(Stanza::from_raw(raw)).is_ok());
            }
        });
        count
    });
    let mut stanza = Stanza::parse(MESSAGE).expect("a stanza");
    let sender = jid::parse("andy@example.org/phone").expect("an address");
    measure("stamp sender and write", || {
        let mut out = Vec::with_capacity(64 * 1024);
        for _ in 0..COUNT {
            stanza.from = Some(sender.clone());
            if out.len() > 48 * 1024 {
                out.clear();
            }
            black_box(&stanza).write_into(&mut out);
        }
        black_box(out);
        COUNT
    });
    measure("parse an address", || {
        (0..COUNT)
            .filter(|_| jid::parse(black_box("bob@example.org/desk")).is_ok())
            .count()
    });
    measure("look for a child", || {
        (0..COUNT)
            .filter(|_| black_box(&stanza).has_child("body", ns::CLIENT))
            .count()
    });
}
