//! Keys that sort as their parts do.

/// A key: the instance, a tag that says what is kept, then texts and numbers. Texts end with two
/// zero bytes (a zero inside is followed by 0xFF), numbers are big endian, so keys sort part by part
/// and no text can reach into the next part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key(Vec<u8>);

impl Key {
    pub(crate) fn new(instance: &str, tag: u8) -> Self {
        let mut key = Self(Vec::with_capacity(64)).text(instance);
        key.0.push(tag);
        key
    }

    /// The instance of a key, and the first key behind all of that instance.
    pub(crate) fn instance_of(key: &[u8]) -> (String, Vec<u8>) {
        let instance = Self(Vec::new()).text_behind(key);
        let end = Self(Vec::new()).text(&instance).end();
        (instance, end)
    }

    /// This key, then a text.
    pub(crate) fn text(mut self, text: &str) -> Self {
        for &byte in text.as_bytes() {
            self.0.push(byte);
            if byte == 0 {
                self.0.push(0xFF);
            }
        }
        self.0.extend_from_slice(&[0, 0]);
        self
    }

    /// This key, then a number.
    pub(crate) fn number(mut self, number: u64) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// First key behind all keys that begin with this one (which ends with a part, never in 0xFF
    /// alone: its instance ends with zeros).
    pub(crate) fn end(&self) -> Vec<u8> {
        let mut end = self.0.clone();
        while let Some(last) = end.pop() {
            if last < u8::MAX {
                end.push(last + 1);
                break;
            }
        }
        end
    }

    /// The number that follows this key in a longer one; 0 if there is none.
    pub(crate) fn number_behind(&self, longer: &[u8]) -> u64 {
        let rest = longer.get(self.0.len()..).unwrap_or_default();
        rest.first_chunk()
            .map_or(0, |bytes| u64::from_be_bytes(*bytes))
    }

    /// The text that follows this key in a longer one.
    pub(crate) fn text_behind(&self, longer: &[u8]) -> String {
        let mut text = Vec::new();
        let mut rest = longer
            .get(self.0.len()..)
            .unwrap_or_default()
            .iter()
            .copied()
            .peekable();
        while let Some(byte) = rest.next() {
            match (byte, rest.peek()) {
                (0, Some(0xFF)) => {
                    rest.next();
                    text.push(0);
                }
                (0, _) => break,
                (other, _) => text.push(other),
            }
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Keys sort as their parts do, and a part can be read back.
        #[test]
        fn keys_sort_as_their_parts(a in "[\\x00a-c]{0,4}", b in "[\\x00a-c]{0,4}", m: u64, n: u64) {
            let key = |text: &str, number| Key::new("i", 1).text(text).number(number).0;
            prop_assert_eq!(key(&a, m).cmp(&key(&b, n)), (&a, m).cmp(&(&b, n)));
            prop_assert_eq!(Key::new("i", 1).text_behind(&key(&a, m)), a);
        }

        /// The end of a prefix lies behind all keys with it and before all others that follow.
        #[test]
        fn the_end_of_a_prefix(a in "[\\x00a-c]{0,3}", b in "[\\x00a-c]{0,3}", n: u64) {
            let prefix = Key::new("i", 1).text(&a);
            let key = Key::new("i", 1).text(&b).number(n).0;
            let within = prefix.bytes() <= &key[..] && key < prefix.end();
            prop_assert_eq!(within, a == b);
        }
    }
}
