//! A stream of octets, cut into header, first-level elements and end.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use bytes::{Buf, Bytes, BytesMut};

use super::XmlError;
use super::cutter::{Cut, Cutter};
use super::header::StreamHeader;
use super::inspect::RawElement;
use super::scope::Binding;
use super::token::Bounds;
use crate::ns;

/// Octets of buffer that a connection keeps while nothing is in it.
const KEPT_WHEN_IDLE: usize = 4096;

/// How large what arrives on a stream may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets of one first-level element, or of the stream header with its XML declaration.
    /// The standard asks for no less than 10 000 (RFC 6120, section 13.12).
    pub octets: usize,
    /// Nesting and attributes.
    pub bounds: Bounds,
}

impl Default for Limits {
    /// 256 KiB an element, which lets avatars through; bounds as [`Bounds::default`].
    fn default() -> Self {
        Self {
            octets: 256 * 1024,
            bounds: Bounds::default(),
        }
    }
}

/// What a stream consists of.
#[derive(Clone, Debug)]
pub enum Frame {
    /// The stream header.
    Open(StreamHeader),
    /// A complete first-level element.
    Element(RawElement),
    /// The end tag of the stream: nothing comes after it.
    Close,
}

/// Cuts a stream into [`Frame`]s.
///
/// The frames, and the error if there is one, depend on the octets only, not on how they were
/// split. After an error or the end, further octets are dropped.
///
/// ```
/// use takeover_protocols::xml::{Frame, Framer, Limits};
/// let mut framer = Framer::new(Limits::default());
/// framer.push(b"<s:stream xmlns:s='http://etherx.jabber.org/streams' xmlns='jabber:client'><a");
/// assert!(matches!(framer.next(), Ok(Some(Frame::Open(_)))));
/// assert!(matches!(framer.next(), Ok(None)));
/// framer.push(b"/></s:stream>");
/// assert!(matches!(framer.next(), Ok(Some(Frame::Element(_)))));
/// assert!(matches!(framer.next(), Ok(Some(Frame::Close))));
/// ```
#[derive(Debug)]
pub struct Framer {
    limits: Limits,
    /// Octets not yet cut, from the start of the current element.
    buffer: BytesMut,
    /// How many of them are known to be UTF-8.
    valid: usize,
    /// The octet behind those is wrong for certain.
    broken: bool,
    cutter: Cutter,
    /// Declarations of the stream header.
    bindings: Arc<[Binding]>,
    /// Name of the header as it was sent, prefix included.
    root: Cow<'static, str>,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    /// Frames are read.
    Open,
    /// The header was an empty element; its end is still to be told.
    Empty,
    /// Nothing more is read.
    Ended,
    /// It went wrong.
    Failed(XmlError),
}

impl Framer {
    /// A framer that expects a stream header.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            buffer: BytesMut::new(),
            valid: 0,
            broken: false,
            cutter: Cutter::new(limits.bounds.depth),
            bindings: Arc::default(),
            root: Cow::Borrowed(""),
            state: State::Open,
        }
    }

    /// Takes octets in.
    pub fn push(&mut self, octets: &[u8]) {
        match self.state {
            State::Open | State::Empty => self.buffer.extend_from_slice(octets),
            State::Ended | State::Failed(_) => {}
        }
    }

    /// Expects a new stream header (RFC 6120, section 4.3.3). Octets that were not cut yet belong
    /// to the new stream; white space before its header is ignored.
    pub fn restart(&mut self) {
        self.cutter = Cutter::restarted(self.limits.bounds.depth);
        self.state = State::Open;
    }

    /// Expects a new stream header on a new security layer: what was not cut yet is thrown away,
    /// for it came without protection. Answers how many octets that were.
    pub fn reset(&mut self) -> usize {
        let dropped = self.buffer.len();
        *self = Self::new(self.limits);
        dropped
    }

    /// Changes the limits; they hold for what has not been cut yet.
    pub fn set_octets(&mut self, octets: usize) {
        self.limits.octets = octets;
    }

    /// Whether more octets wait than one element may have.
    #[must_use]
    pub fn is_overfull(&self) -> bool {
        self.buffer.len() > self.limits.octets
    }

    /// Whether a header or element has begun and not ended.
    #[must_use]
    pub fn is_within(&self) -> bool {
        self.cutter.is_within()
    }

    /// The next frame, or `None` until more octets come.
    ///
    /// # Errors
    /// What is wrong with the stream; the same one ever after.
    #[allow(clippy::should_implement_trait)] // An iterator would end at the first `None`.
    pub fn next(&mut self) -> Result<Option<Frame>, XmlError> {
        match &self.state {
            State::Open => {}
            State::Empty => {
                self.end();
                return Ok(Some(Frame::Close));
            }
            State::Ended => return Ok(None),
            State::Failed(error) => return Err(error.clone()),
        }
        let result = self.cut();
        if let Err(error) = &result {
            self.buffer.clear();
            self.state = State::Failed(error.clone());
        }
        result
    }

    fn cut(&mut self) -> Result<Option<Frame>, XmlError> {
        loop {
            self.validate();
            let seen = self.valid.min(self.limits.octets);
            match self.cutter.advance(&self.buffer[..seen])? {
                Cut::Space(octets) => self.consume(octets),
                Cut::Header {
                    end,
                    declared,
                    empty,
                } => {
                    return self.header(end, declared, empty).map(Some);
                }
                Cut::Element(end) => {
                    let xml = self.take(end);
                    let raw = RawElement::inspect(xml, &self.bindings, self.limits.bounds)?;
                    return Ok(Some(Frame::Element(raw)));
                }
                Cut::Close(end) => {
                    let tag = self.take(end);
                    self.check_end(&tag)?;
                    self.end();
                    return Ok(Some(Frame::Close));
                }
                Cut::More if seen == self.limits.octets => {
                    return Err(XmlError::TooLarge {
                        limit: self.limits.octets,
                    });
                }
                Cut::More if self.broken => return Err(XmlError::NotUtf8 { at: self.valid }),
                Cut::More => {
                    self.rest();
                    return Ok(None);
                }
            }
        }
    }

    /// Gives a large buffer back when nothing is in it: most connections are idle.
    fn rest(&mut self) {
        if self.buffer.is_empty() && self.buffer.capacity() > KEPT_WHEN_IDLE {
            self.buffer = BytesMut::new();
        }
    }

    /// Finds how far the octets are UTF-8.
    fn validate(&mut self) {
        if self.broken || self.valid == self.buffer.len() {
            return;
        }
        match std::str::from_utf8(&self.buffer[self.valid..]) {
            Ok(text) => self.valid += text.len(),
            Err(error) => {
                self.valid += error.valid_up_to();
                // Without a length the octets may be the start of a character still to come.
                self.broken = error.error_len().is_some();
            }
        }
    }

    fn header(&mut self, end: usize, declared: usize, empty: bool) -> Result<Frame, XmlError> {
        let xml = self.take(end);
        let (header, root) = StreamHeader::read(&xml, declared, self.limits.bounds)?;
        self.bindings = shared(&header.bindings);
        self.root = root;
        if empty {
            self.state = State::Empty;
        }
        Ok(Frame::Open(header))
    }

    fn check_end(&self, tag: &[u8]) -> Result<(), XmlError> {
        let name = tag
            .strip_prefix(b"</")
            .and_then(|rest| rest.strip_suffix(b">"));
        if name.map(<[u8]>::trim_ascii_end) == Some(self.root.as_bytes()) {
            return Ok(());
        }
        Err(XmlError::syntax("an end tag that is not the stream's"))
    }

    fn end(&mut self) {
        self.state = State::Ended;
        self.buffer.clear();
        (self.valid, self.broken) = (0, false);
    }

    fn take(&mut self, octets: usize) -> Bytes {
        // A copy of its own: a stanza may be kept for long and must not hold the buffer.
        let taken = Bytes::copy_from_slice(&self.buffer[..octets]);
        self.consume(octets);
        taken
    }

    fn consume(&mut self, octets: usize) {
        self.buffer.advance(octets);
        self.valid = self.valid.saturating_sub(octets);
    }
}

/// Declarations as a stream keeps them. Those that nearly all clients make are kept once for all.
fn shared(bindings: &[Binding]) -> Arc<[Binding]> {
    static USUAL: LazyLock<[Arc<[Binding]>; 2]> = LazyLock::new(|| {
        let (default, streams) = (
            Binding::new("", ns::CLIENT),
            Binding::new("stream", ns::STREAM),
        );
        let other = Arc::new([streams.clone(), default.clone()]);
        [Arc::new([default, streams]), other]
    });
    let usual = USUAL.iter().find(|usual| ***usual == *bindings);
    usual.map_or_else(|| bindings.into(), Arc::clone)
}
