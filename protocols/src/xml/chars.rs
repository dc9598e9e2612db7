//! Which characters XML allows where.

use super::XmlError;

/// Whether `c` is a `Char` of XML 1.0 (section 2.2).
pub(crate) fn is_char(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' => true,
        '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => false,
        _ => true,
    }
}

/// The offset of the first character of `text` that XML 1.0 forbids.
pub(crate) fn first_forbidden(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    // A fold without a branch is vectorised; the position is searched only when there is one.
    let suspicious = bytes.iter().fold(false, |seen, b| {
        seen | ((*b < 0x20) & (*b != b'\t') & (*b != b'\n') & (*b != b'\r')) | (*b == 0xef)
    });
    if !suspicious {
        return None;
    }
    text.char_indices()
        .find(|(_, c)| !is_char(*c))
        .map(|(at, _)| at)
}

/// Checks a decoded text (after references were replaced).
pub(crate) fn check(text: &str) -> Result<(), XmlError> {
    match text.chars().find(|c| !is_char(*c)) {
        None => Ok(()),
        Some(c) => Err(XmlError::ForbiddenCharacter { code: u32::from(c) }),
    }
}

/// Whether `b` is white space to XML.
pub(crate) fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\r')
}

/// Splits a name into prefix and local part, checking both (Namespaces in XML, section 4).
pub(crate) fn split_name(name: &str) -> Result<(Option<&str>, &str), XmlError> {
    if is_plain(name) {
        return Ok((None, name));
    }
    let bad = || XmlError::BadName {
        name: shortened(name),
    };
    match memchr::memchr(b':', name.as_bytes()) {
        None if is_ncname(name) => Ok((None, name)),
        None => Err(bad()),
        Some(at) => {
            let (prefix, local) = (&name[..at], &name[at + 1..]);
            if is_ncname(prefix) && is_ncname(local) {
                Ok((Some(prefix), local))
            } else {
                Err(bad())
            }
        }
    }
}

/// Whether `name` is a name of ASCII letters, digits, `-`, `.` and `_`, as nearly all are.
fn is_plain(name: &str) -> bool {
    const START: u8 = 1;
    const INSIDE: u8 = 2;
    static CLASS: [u8; 256] = {
        let mut class = [0; 256];
        let mut b = 0;
        while b < 128 {
            let c = b as u8;
            if c.is_ascii_alphabetic() || c == b'_' {
                class[b] = START | INSIDE;
            } else if c.is_ascii_digit() || c == b'-' || c == b'.' {
                class[b] = INSIDE;
            }
            b += 1;
        }
        class
    };
    let class = |b: &u8| CLASS[usize::from(*b)];
    let starts = name
        .as_bytes()
        .first()
        .is_some_and(|b| class(b) & START != 0);
    starts && name.as_bytes().iter().all(|b| class(b) & INSIDE != 0)
}

/// Whether `name` is a name without a colon.
pub(crate) fn is_ncname(name: &str) -> bool {
    let mut chars = name.chars();
    is_plain(name) || chars.next().is_some_and(is_name_start) && chars.all(is_name_char)
}

fn is_name_start(c: char) -> bool {
    matches!(c,
        'A'..='Z' | '_' | 'a'..='z' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}'
        | '\u{f8}'..='\u{2ff}' | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}'
        | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}' | '\u{2c00}'..='\u{2fef}'
        | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}'
        | '\u{10000}'..='\u{effff}')
}

fn is_name_char(c: char) -> bool {
    is_name_start(c)
        || matches!(c, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}

/// At most 40 characters of what was sent, for an error text.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}
