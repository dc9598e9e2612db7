//! The messages of SCRAM (RFC 5802, sections 5 and 7).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// `client-first-message`, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClientFirst<'m> {
    /// `n,,` or `y,,`, with an authorization identity between the commas perhaps.
    pub(super) gs2_header: &'m str,
    /// Identity to act as, decoded.
    pub(super) authzid: Option<String>,
    /// The message without the header.
    pub(super) bare: &'m str,
    /// User name, decoded, not prepared.
    pub(super) username: String,
    /// The client's part of the nonce.
    pub(super) nonce: &'m str,
}

impl<'m> ClientFirst<'m> {
    /// Reads the message; `None` if it is malformed or wants channel binding, which is not offered.
    pub(super) fn parse(message: &'m [u8]) -> Option<Self> {
        let message = std::str::from_utf8(message).ok()?;
        let rest = message
            .strip_prefix("n,")
            .or_else(|| message.strip_prefix("y,"))?;
        let (authzid, bare) = rest.split_once(',')?;
        let authzid = match authzid {
            "" => None,
            given => Some(decode_name(given.strip_prefix("a=")?)?),
        };
        let mut attributes = bare.split(',');
        let username = decode_name(attributes.next()?.strip_prefix("n=")?)?;
        let nonce = attributes.next()?.strip_prefix("r=")?;
        (is_nonce(nonce) && attributes.all(is_attribute)).then(|| Self {
            gs2_header: &message[..message.len() - bare.len()],
            authzid,
            bare,
            username,
            nonce,
        })
    }
}

/// `server-first-message`, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ServerFirst<'m> {
    /// Both parts of the nonce.
    pub(super) nonce: &'m str,
    pub(super) salt: Vec<u8>,
    pub(super) iterations: u32,
}

impl<'m> ServerFirst<'m> {
    pub(super) fn parse(message: &'m str) -> Option<Self> {
        let mut attributes = message.split(',');
        let nonce = attributes.next()?.strip_prefix("r=")?;
        let salt = STANDARD
            .decode(attributes.next()?.strip_prefix("s=")?)
            .ok()?;
        let iterations = attributes.next()?.strip_prefix("i=")?.parse().ok()?;
        let whole = is_nonce(nonce) && iterations > 0 && attributes.all(is_attribute);
        whole.then_some(Self {
            nonce,
            salt,
            iterations,
        })
    }
}

/// `client-final-message`, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClientFinal<'m> {
    /// The header of the first message again, decoded.
    pub(super) binding: Vec<u8>,
    pub(super) nonce: &'m str,
    pub(super) proof: Vec<u8>,
    /// The message up to the proof.
    pub(super) without_proof: &'m str,
}

impl<'m> ClientFinal<'m> {
    pub(super) fn parse(message: &'m [u8]) -> Option<Self> {
        let message = std::str::from_utf8(message).ok()?;
        let (without_proof, proof) = message.rsplit_once(",p=")?;
        let mut attributes = without_proof.split(',');
        let binding = STANDARD
            .decode(attributes.next()?.strip_prefix("c=")?)
            .ok()?;
        let nonce = attributes.next()?.strip_prefix("r=")?;
        let proof = STANDARD.decode(proof).ok()?;
        attributes.all(is_attribute).then_some(Self {
            binding,
            nonce,
            proof,
            without_proof,
        })
    }
}

/// An optional extension: a letter, `=`, anything. `m` is mandatory, and none is known.
fn is_attribute(text: &str) -> bool {
    let mut chars = text.chars();
    let letter = chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() && c != 'm');
    letter && chars.next() == Some('=')
}

fn is_nonce(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && b != b',')
}

/// `saslname`: `=2C` is a comma, `=3D` an equals sign.
fn decode_name(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('=') {
        out.push_str(&rest[..at]);
        out.push(match rest.get(at..at + 3)? {
            "=2C" => ',',
            "=3D" => '=',
            _ => return None,
        });
        rest = &rest[at + 3..];
    }
    out.push_str(rest);
    (!out.is_empty() && !out.contains('\0')).then_some(out)
}

/// The inverse of [`decode_name`].
pub(super) fn encode_name(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

pub(super) fn base64(data: &[u8]) -> String {
    STANDARD.encode(data)
}

pub(super) fn unbase64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

pub(super) fn xor(left: &[u8], right: &[u8]) -> Vec<u8> {
    left.iter().zip(right).map(|(a, b)| a ^ b).collect()
}
