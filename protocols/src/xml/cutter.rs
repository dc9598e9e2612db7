//! Where a first-level element ends, found while it arrives.
//!
//! Only tags are counted here; whether names match and everything else is right is checked on the
//! complete element. What XMPP forbids anyway (comments, processing instructions, DTDs) is refused
//! at its first octets.

use super::{Restricted, XmlError, chars};

/// What the scan came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// More octets are needed.
    More,
    /// White space between elements, this many octets.
    Space(usize),
    /// The stream header, with the XML declaration before it, ends here. `declared` octets of it
    /// are the declaration; `empty` if it was an empty element, which closes the stream too.
    Header {
        end: usize,
        declared: usize,
        empty: bool,
    },
    /// A first-level element ends here.
    Element(usize),
    /// The end tag of the stream ends here.
    Close(usize),
}

/// Inside of what the next octet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    /// Before the stream header.
    Prologue,
    /// The XML declaration.
    Declaration,
    /// Between first-level elements.
    Stream,
    /// Character data of an element.
    Text,
    /// Behind `<`.
    Markup,
    /// Behind `<!`.
    Bang,
    /// A CDATA section.
    CData,
    /// A start tag, outside of values.
    StartTag,
    /// An attribute value between these quotes.
    Value(u8),
    /// An end tag.
    EndTag,
}

/// A scan that goes on where it stopped. Offsets count from the start of the current element.
#[derive(Clone, Debug)]
pub(super) struct Cutter {
    inside: Inside,
    /// Octets looked at.
    at: usize,
    /// Where the current tag, declaration or section began.
    mark: usize,
    /// Octets of the XML declaration.
    declared: usize,
    /// Open elements below the stream.
    depth: usize,
    /// Levels allowed.
    limit: usize,
    /// The header has been seen.
    in_stream: bool,
    /// White space may come before the XML declaration: it belongs to the stream before.
    restarted: bool,
}

impl Cutter {
    /// A scan that expects a stream header.
    pub(super) fn new(depth_limit: usize) -> Self {
        Self {
            inside: Inside::Prologue,
            at: 0,
            mark: 0,
            declared: 0,
            depth: 0,
            limit: depth_limit,
            in_stream: false,
            restarted: false,
        }
    }

    /// A scan that expects the header of a stream that follows another on the same connection.
    pub(super) fn restarted(depth_limit: usize) -> Self {
        Self {
            restarted: true,
            ..Self::new(depth_limit)
        }
    }

    /// Whether an element has begun and not ended.
    pub(super) fn is_within(&self) -> bool {
        self.at > 0
    }

    /// Goes on through `octets`, which begin where the current element does and have only grown
    /// since the last call.
    pub(super) fn advance(&mut self, octets: &[u8]) -> Result<Cut, XmlError> {
        while self.at < octets.len() {
            let cut = match self.inside {
                Inside::Prologue => self.prologue(octets)?,
                Inside::Declaration => self.declaration(octets)?,
                Inside::Stream => self.stream(octets)?,
                Inside::Text => self.text(octets),
                Inside::Markup => self.markup(octets[self.at])?,
                Inside::Bang => self.bang(octets)?,
                Inside::CData => self.cdata(octets),
                Inside::StartTag => self.start_tag(octets),
                Inside::Value(quote) => self.value(quote, octets)?,
                Inside::EndTag => self.end_tag(octets),
            };
            match cut {
                None => {}
                Some(Cut::More) => break,
                Some(done) => {
                    (self.at, self.mark) = (0, 0);
                    return Ok(done);
                }
            }
        }
        Ok(Cut::More)
    }

    fn prologue(&mut self, octets: &[u8]) -> Result<Option<Cut>, XmlError> {
        match octets[self.at] {
            b'<' => {
                self.enter(Inside::Markup);
                Ok(None)
            }
            b if chars::is_space(b) && self.restarted && self.at == 0 => Ok(Some(Cut::Space(1))),
            b if chars::is_space(b) => {
                self.at += 1;
                Ok(None)
            }
            _ => Err(XmlError::syntax("text before the stream header")),
        }
    }

    fn declaration(&mut self, octets: &[u8]) -> Result<Option<Cut>, XmlError> {
        const START: &[u8] = b"<?xml";
        let given = &octets[self.mark..];
        let known = given.len().min(START.len());
        let named = given.get(START.len()).is_none_or(|b| chars::is_space(*b));
        if self.mark != 0 || given[..known] != START[..known] || !named {
            return Err(XmlError::Restricted(Restricted::ProcessingInstruction));
        }
        match memchr::memmem::find(given, b"?>") {
            Some(end) if given.len() > START.len() => {
                self.declared = self.mark + end + 2;
                self.at = self.declared;
                self.inside = Inside::Prologue;
                Ok(None)
            }
            Some(_) | None => Ok(Some(Cut::More)),
        }
    }

    fn stream(&mut self, octets: &[u8]) -> Result<Option<Cut>, XmlError> {
        let spaces = octets.iter().take_while(|b| chars::is_space(**b)).count();
        if spaces > 0 {
            return Ok(Some(Cut::Space(spaces)));
        }
        if octets[0] != b'<' {
            return Err(XmlError::TextBetween);
        }
        self.enter(Inside::Markup);
        Ok(None)
    }

    fn text(&mut self, octets: &[u8]) -> Option<Cut> {
        match memchr::memchr(b'<', &octets[self.at..]) {
            None => self.at = octets.len(),
            Some(offset) => {
                self.at += offset;
                self.enter(Inside::Markup);
            }
        }
        None
    }

    /// Steps over `<` (or what else opens it) and notes where it was.
    fn enter(&mut self, inside: Inside) {
        self.mark = self.at;
        self.at += 1;
        self.inside = inside;
    }

    fn markup(&mut self, octet: u8) -> Result<Option<Cut>, XmlError> {
        match octet {
            b'?' if !self.in_stream => {
                self.inside = Inside::Declaration;
                self.at += 1;
            }
            b'?' => return Err(XmlError::Restricted(Restricted::ProcessingInstruction)),
            b'!' => {
                self.inside = Inside::Bang;
                self.at += 1;
            }
            b'/' if !self.in_stream => {
                return Err(XmlError::syntax("an end tag before the stream header"));
            }
            b'/' => {
                self.inside = Inside::EndTag;
                self.at += 1;
            }
            _ => {
                if self.depth >= self.limit {
                    return Err(XmlError::TooDeep { limit: self.limit });
                }
                self.inside = Inside::StartTag;
            }
        }
        Ok(None)
    }

    fn bang(&mut self, octets: &[u8]) -> Result<Option<Cut>, XmlError> {
        const CDATA: &[u8] = b"[CDATA[";
        let given = &octets[self.mark + 2..];
        let wrong = || XmlError::syntax("<! that begins neither CDATA nor anything else known");
        match given {
            [b'-'] => Ok(Some(Cut::More)),
            [b'-', b'-', ..] => Err(XmlError::Restricted(Restricted::Comment)),
            [b'D' | b'E' | b'A' | b'N', ..] => Err(XmlError::Restricted(Restricted::Dtd)),
            _ if given.len() < CDATA.len() && CDATA.starts_with(given) => Ok(Some(Cut::More)),
            _ if given.starts_with(CDATA) && self.depth > 0 => {
                self.at = self.mark + 2 + CDATA.len();
                self.mark = self.at;
                self.inside = Inside::CData;
                Ok(None)
            }
            _ if given.starts_with(CDATA) && self.in_stream => Err(XmlError::TextBetween),
            _ => Err(wrong()),
        }
    }

    fn cdata(&mut self, octets: &[u8]) -> Option<Cut> {
        // The end may have begun two octets before what is new.
        let from = self.at.saturating_sub(2).max(self.mark);
        match memchr::memmem::find(&octets[from..], b"]]>") {
            None => self.at = octets.len(),
            Some(offset) => {
                self.at = from + offset + 3;
                self.inside = Inside::Text;
            }
        }
        None
    }

    fn start_tag(&mut self, octets: &[u8]) -> Option<Cut> {
        let Some(offset) = memchr::memchr3(b'>', b'\'', b'"', &octets[self.at..]) else {
            self.at = octets.len();
            return None;
        };
        let found = self.at + offset;
        self.at = found + 1;
        if octets[found] != b'>' {
            self.inside = Inside::Value(octets[found]);
            return None;
        }
        let empty = octets[found - 1] == b'/';
        if !self.in_stream {
            self.in_stream = true;
            self.inside = Inside::Stream;
            return Some(Cut::Header {
                end: self.at,
                declared: self.declared,
                empty,
            });
        }
        if empty {
            return self.closed();
        }
        self.depth += 1;
        self.inside = Inside::Text;
        None
    }

    fn value(&mut self, quote: u8, octets: &[u8]) -> Result<Option<Cut>, XmlError> {
        match memchr::memchr2(quote, b'<', &octets[self.at..]) {
            None => self.at = octets.len(),
            Some(offset) if octets[self.at + offset] == b'<' => {
                return Err(XmlError::syntax("< in an attribute value"));
            }
            Some(offset) => {
                self.at += offset + 1;
                self.inside = Inside::StartTag;
            }
        }
        Ok(None)
    }

    fn end_tag(&mut self, octets: &[u8]) -> Option<Cut> {
        let Some(offset) = memchr::memchr(b'>', &octets[self.at..]) else {
            self.at = octets.len();
            return None;
        };
        self.at += offset + 1;
        if self.depth == 0 {
            return Some(Cut::Close(self.at));
        }
        self.depth -= 1;
        self.closed()
    }

    /// An element ended: the first-level one, or one inside it.
    fn closed(&mut self) -> Option<Cut> {
        if self.depth == 0 {
            self.inside = Inside::Stream;
            return Some(Cut::Element(self.at));
        }
        self.inside = Inside::Text;
        None
    }
}
