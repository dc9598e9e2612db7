//! The secret that opens the administration port.

use std::fmt::{self, Write as _};

/// A bearer token: 128 bits from the system's random source, as 32 hexadecimal digits.
///
/// It is printed once, when the server starts; its `Debug` form hides it.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// Draws a fresh token. A lab's seed has no part in it: a token that follows from a seed
    /// is no secret, and nothing that a lab does depends on it.
    ///
    /// # Errors
    /// Where the system's random source fails.
    pub fn draw() -> Result<Self, rustls::Error> {
        let mut bytes = [0_u8; 16];
        rustls::crypto::ring::default_provider()
            .secure_random
            .fill(&mut bytes)
            .map_err(|_| rustls::Error::FailedToGetRandomBytes)?;
        let mut text = String::with_capacity(32);
        for byte in bytes {
            write!(text, "{byte:02x}").map_err(|_| rustls::Error::FailedToGetRandomBytes)?;
        }
        Ok(Self(text))
    }

    /// Takes a token that was printed by a server, to call it.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The token itself, to be printed or sent.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether `offered` is this token, in a time that does not tell how much of it fits.
    #[must_use]
    pub fn opens(&self, offered: &str) -> bool {
        use subtle::ConstantTimeEq;
        self.0.as_bytes().ct_eq(offered.as_bytes()).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_for_itself_alone_and_hides_in_logs() {
        let token = Token::draw().unwrap();
        let other = Token::draw().unwrap();
        assert_eq!(token.reveal().len(), 32);
        assert!(token.opens(token.reveal()));
        assert!(!token.opens(other.reveal()));
        assert!(!token.opens(""));
        assert!(!format!("{token:?}").contains(token.reveal()));
    }
}
