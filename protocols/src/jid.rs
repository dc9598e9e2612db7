//! Addresses (RFC 7622 by way of the `jid` crate) and what the crate does not offer.

pub use jid::{
    BareJid, DomainPart, DomainRef, Error as JidError, FullJid, Jid, NodePart, NodeRef,
    ResourcePart, ResourceRef,
};

/// What ends a label of a domain (RFC 3490, section 3.1).
const LABEL_ENDS: [char; 4] = ['.', '\u{3002}', '\u{ff0e}', '\u{ff61}'];

/// Parses an address. The dot of a root-anchored domain (`a@example.org./r`) is left out (RFC 7622,
/// section 3.2).
///
/// Use this for everything that comes from outside: `Jid::new` (0.12) keeps that dot in the text but not
/// in its offsets, and then answers a resource of `/r`.
///
/// # Errors
/// What is wrong with the part that is wrong; the standard's stanza error is `jid-malformed`.
pub fn parse(text: &str) -> Result<Jid, JidError> {
    let (bare, resource) = match text.split_once('/') {
        Some((bare, resource)) => (bare, Some(resource)),
        None => (text, None),
    };
    match (bare.strip_suffix(LABEL_ENDS), resource) {
        (None, _) => parse_rootless(text),
        // One dot more: an empty label.
        (Some(bare), _) if bare.ends_with(LABEL_ENDS) => Err(JidError::Idna),
        (Some(bare), None) => parse_rootless(bare),
        (Some(bare), Some(resource)) => parse_rootless(&format!("{bare}/{resource}")),
    }
}

/// An address whose normal form is one too, and its own: a character may become a dot on the way, or two
/// (`ß`), and what it stands in too long.
fn parse_rootless(text: &str) -> Result<Jid, JidError> {
    let jid = Jid::new(text)?;
    if jid.as_str() != text {
        let again = Jid::new(jid.as_str())?;
        if again != jid || jid.domain().as_str().ends_with('.') {
            return Err(JidError::Idna);
        }
    }
    Ok(jid)
}

/// The address that somebody has named last: who talks with one other names it again and again, and
/// checking an address is the dearest part of reading a stanza.
#[derive(Clone, Debug, Default)]
pub struct Familiar(Option<Jid>);

impl Familiar {
    /// As [`parse`], without parsing what was parsed just before.
    ///
    /// # Errors
    /// Those of [`parse`].
    pub fn parse(&mut self, text: &str) -> Result<Jid, JidError> {
        if let Some(jid) = &self.0
            && jid.as_str() == text
        {
            return Ok(jid.clone());
        }
        let jid = parse(text)?;
        // Only what is its own normal form is known to be parsed to itself.
        self.0 = (jid.as_str() == text).then(|| jid.clone());
        Ok(jid)
    }
}

/// Whether `jid` is the bare or a full address of `user`.
#[must_use]
pub fn belongs_to(jid: &Jid, user: &BareJid) -> bool {
    let user = user.as_str();
    match jid.as_str().strip_prefix(user) {
        None => false,
        Some(rest) => rest.is_empty() || rest.starts_with('/'),
    }
}

/// Escapes the characters that a localpart may not hold (XEP-0106, section 4): a nickname or a
/// foreign address becomes a valid localpart.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        let code = match c {
            ' ' => "20",
            '"' => "22",
            '&' => "26",
            '\'' => "27",
            '/' => "2f",
            ':' => "3a",
            '<' => "3c",
            '>' => "3e",
            '@' => "40",
            '\\' if is_escape(&text[at..]) => "5c",
            _ => {
                out.push(c);
                continue;
            }
        };
        out.push('\\');
        out.push_str(code);
    }
    out
}

/// Undoes [`escape`]; a backslash that begins no escape stays.
#[must_use]
pub fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        match decoded(rest) {
            Some(c) => {
                out.push(c);
                rest = &rest[3..];
            }
            None => {
                out.push('\\');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn is_escape(text: &str) -> bool {
    decoded(text).is_some()
}

fn decoded(text: &str) -> Option<char> {
    let code = text.strip_prefix('\\')?.get(..2)?;
    Some(match code {
        "20" => ' ',
        "22" => '"',
        "26" => '&',
        "27" => '\'',
        "2f" => '/',
        "3a" => ':',
        "3c" => '<',
        "3e" => '>',
        "40" => '@',
        "5c" => '\\',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7622, section 3.2: a final dot of the domain is removed.
    #[test]
    fn a_root_dot_is_removed_and_the_parts_stay_right() {
        let jid = parse("a@example.org./r").unwrap();
        assert_eq!(jid.as_str(), "a@example.org/r");
        assert_eq!(jid.resource().unwrap().as_str(), "r");
        for rooted in ["example.org.", "example.org\u{3002}", "example.org\u{ff0e}"] {
            assert_eq!(parse(rooted).unwrap().as_str(), "example.org");
        }
        // Two of them, and what is made a dot of on the way.
        for wrong in ["a@example.org../r", "example.org..", "example.org\u{2024}"] {
            assert_eq!(parse(wrong), Err(JidError::Idna), "{wrong}");
        }
    }

    /// RFC 7622, section 3.2: a label has 63 octets at most, and that of the normal form, in which `ß` is `ss`,
    /// has more.
    #[test]
    fn what_is_read_can_be_read_again() {
        let long = format!("a@{}\u{fc}", "\u{df}".repeat(30));
        assert!(Jid::new(&long).is_ok_and(|jid| Jid::new(jid.as_str()).is_err()));
        assert_eq!(parse(&long), Err(JidError::Idna));
    }

    /// Whatever was named before, an address is read as [`parse`] reads it.
    #[test]
    fn a_familiar_address_is_parsed_as_any_other() {
        let mut familiar = Familiar::default();
        let texts = [
            "andy@example.org/x",
            "ANDY@example.org/x",
            "andy@example.org",
            "andy@example.org.",
            "@example.org",
        ];
        for (one, other) in texts
            .iter()
            .flat_map(|one| texts.map(|other| (*one, other)))
        {
            for text in [one, other, one] {
                let read = familiar.parse(text).ok();
                assert_eq!(read, parse(text).ok(), "{text} after {one} and {other}");
                let slash = |jid: &Jid| jid.resource().map(|resource| resource.to_string());
                assert_eq!(
                    read.as_ref().map(slash),
                    parse(text).ok().as_ref().map(slash)
                );
            }
        }
    }

    #[test]
    fn a_longer_name_does_not_belong_to_its_prefix() {
        let andy = BareJid::new("andy@example.org").unwrap();
        let of = |text: &str| belongs_to(&parse(text).unwrap(), &andy);
        assert!(of("andy@example.org") && of("andy@example.org/x"));
        assert!(!of("andy@example.organic/x") && !of("example.org"));
    }

    /// XEP-0106, section 5: the examples of the specification.
    #[test]
    fn xep_0106_examples() {
        for (plain, escaped) in [
            ("space cadet", r"space\20cadet"),
            ("call me \"ishmael\"", r"call\20me\20\22ishmael\22"),
            ("at&t guy", r"at\26t\20guy"),
            ("d'artagnan", r"d\27artagnan"),
            ("/.fanboy", r"\2f.fanboy"),
            ("::foo::", r"\3a\3afoo\3a\3a"),
            ("<foo>", r"\3cfoo\3e"),
            ("user@host", r"user\40host"),
            (r"c:\net", r"c\3a\net"),
            (r"c:\\net", r"c\3a\\net"),
            (r"c:\cool stuff", r"c\3a\cool\20stuff"),
            (r"c:\5commas", r"c\3a\5c5commas"),
        ] {
            assert_eq!(escape(plain), escaped);
            assert_eq!(unescape(escaped), plain);
        }
    }
}
