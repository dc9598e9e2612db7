//! The one codec of everything that is kept.
//!
//! A record on disk is
//!
//! ```text
//! version: u8 | body: bincode 1.3 format | CRC-32 (IEEE, little endian) over context, version, body
//! ```
//!
//! The *context* is the key the record is stored under. It is not part of the bytes, but it is part
//! of the checksum: an intact record that turns up under another key is refused like a damaged one.
//! A record that does not check is a [`CodecError`], never a value.
//!
//! # Why bincode 1.3
//! `bincode` is unmaintained (RUSTSEC-2025-0141, a notice, not a vulnerability) and its 3.0 is an
//! empty shell. The kept crate with the same bytes, `wincode`, has its own schema traits in the
//! place of serde: every value type of `core` and `protocols` that is stored would need a second
//! derive and two descriptions of its layout that can drift apart. All our values are serde types
//! already, the format of 1.3 is frozen, the checksum is verified before a byte is parsed, and the
//! parser is bounded ([`MAX_RECORD`]) and refuses left-over bytes. So 1.3 it is, as a reasoned
//! exception; the way out stays open and is tested: `tests/codec.rs` shows that `wincode` writes
//! and reads the very same bytes.

use bincode::Options;
use serde::{Serialize, de::DeserializeOwned};

/// Largest record body in bytes that is written or read (16 MiB): far above any stanza that a
/// stream lets through, far below what would hurt.
pub const MAX_RECORD: u64 = 16 * 1024 * 1024;

/// Bytes around a body: one version byte before it, four of checksum behind it.
pub const OVERHEAD: usize = 5;

/// A value that is kept in the store.
pub trait Record: Serialize + DeserializeOwned {
    /// What this record is called in errors.
    const NAME: &'static str;
    /// Version that is written today. Starts with 1; grows when the layout changes.
    const VERSION: u8;

    /// Reads the body of a record of another version; `None` if that version is not known.
    #[must_use]
    fn upgrade(version: u8, body: &[u8]) -> Option<Result<Self, CodecError>> {
        let _ = (version, body);
        None
    }
}

/// Why bytes are not a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Fewer bytes than an empty record has.
    #[error("{name}: {length} bytes are fewer than the {OVERHEAD} that every record has")]
    TooShort {
        /// What was to be read.
        name: &'static str,
        /// Bytes there are.
        length: usize,
    },
    /// The checksum does not fit: the bytes, or the key they were found under, are damaged.
    #[error("{name}: checksum is {found:08x}, its bytes and its key make {computed:08x}")]
    Checksum {
        /// What was to be read.
        name: &'static str,
        /// Checksum stored with the record.
        found: u32,
        /// Checksum of what is there.
        computed: u32,
    },
    /// An intact record of a version this program does not know.
    #[error("{name}: version {found} is not known, this program writes {known}")]
    Version {
        /// What was to be read.
        name: &'static str,
        /// Version of the record.
        found: u8,
        /// Version written today.
        known: u8,
    },
    /// An intact record whose body is not such a value.
    #[error("{name}: the body is no such value: {reason}")]
    Body {
        /// What was to be read.
        name: &'static str,
        /// What the parser says.
        reason: String,
    },
    /// The value is too large to be kept.
    #[error("{name}: larger than the {MAX_RECORD} bytes that are allowed: {reason}")]
    TooLarge {
        /// What was to be written.
        name: &'static str,
        /// What the writer says.
        reason: String,
    },
}

fn format() -> impl Options {
    bincode::DefaultOptions::new()
        .with_fixint_encoding()
        .with_limit(MAX_RECORD)
}

/// Writes a value as a record for the key `context`.
///
/// # Errors
/// [`CodecError::TooLarge`] if the body would exceed [`MAX_RECORD`].
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// use takeover_storage::codec::{Record, decode, encode};
///
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// struct Topic(String);
/// impl Record for Topic {
///     const NAME: &'static str = "topic";
///     const VERSION: u8 = 1;
/// }
///
/// let bytes = encode(b"room/1", &Topic("lunch".into()))?;
/// assert_eq!(decode::<Topic>(b"room/1", &bytes)?, Topic("lunch".into()));
/// assert!(decode::<Topic>(b"room/2", &bytes).is_err());
/// # Ok::<(), takeover_storage::codec::CodecError>(())
/// ```
pub fn encode<R: Record>(context: &[u8], value: &R) -> Result<Vec<u8>, CodecError> {
    let mut bytes = vec![R::VERSION];
    format()
        .serialize_into(&mut bytes, value)
        .map_err(|error| CodecError::TooLarge {
            name: R::NAME,
            reason: error.to_string(),
        })?;
    let sum = checksum(context, &bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    Ok(bytes)
}

/// Reads the record that was stored under the key `context`.
///
/// # Errors
/// A [`CodecError`] if the bytes are not an intact record of this kind, version and key.
pub fn decode<R: Record>(context: &[u8], bytes: &[u8]) -> Result<R, CodecError> {
    let too_short = CodecError::TooShort {
        name: R::NAME,
        length: bytes.len(),
    };
    let Some((sealed, sum)) = bytes.split_last_chunk::<4>() else {
        return Err(too_short);
    };
    let Some((&version, body)) = sealed.split_first() else {
        return Err(too_short);
    };
    let (found, computed) = (u32::from_le_bytes(*sum), checksum(context, sealed));
    if found != computed {
        return Err(CodecError::Checksum {
            name: R::NAME,
            found,
            computed,
        });
    }
    if version == R::VERSION {
        return decode_body(body);
    }
    let unknown = CodecError::Version {
        name: R::NAME,
        found: version,
        known: R::VERSION,
    };
    R::upgrade(version, body).unwrap_or(Err(unknown))
}

/// Reads a bare body (for [`Record::upgrade`]).
///
/// # Errors
/// [`CodecError::Body`] if the bytes are not exactly one such value.
pub fn decode_body<R: Record>(body: &[u8]) -> Result<R, CodecError> {
    format()
        .deserialize(body)
        .map_err(|error| CodecError::Body {
            name: R::NAME,
            reason: error.to_string(),
        })
}

/// Writes a bare value in the format of the records, for values that are kept as opaque bytes.
pub(crate) fn body<T: Serialize>(value: &T) -> Result<Vec<u8>, CodecError> {
    let name = std::any::type_name::<T>();
    format()
        .serialize(value)
        .map_err(|error| CodecError::TooLarge {
            name,
            reason: error.to_string(),
        })
}

/// Reads a value that [`body`] wrote.
pub(crate) fn value<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let name = std::any::type_name::<T>();
    format()
        .deserialize(bytes)
        .map_err(|error| CodecError::Body {
            name,
            reason: error.to_string(),
        })
}

/// Writes a group of records that are encoded already; as long as a log record may be.
pub(crate) fn group<T: Serialize>(group: &T) -> Result<Vec<u8>, CodecError> {
    bincode::DefaultOptions::new()
        .with_fixint_encoding()
        .with_limit(u64::from(u32::MAX))
        .serialize(group)
        .map_err(|error| CodecError::TooLarge {
            name: "group",
            reason: error.to_string(),
        })
}

/// Reads a group that [`group`] wrote.
pub(crate) fn read_group<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    bincode::DefaultOptions::new()
        .with_fixint_encoding()
        .with_limit(bytes.len() as u64)
        .deserialize(bytes)
        .map_err(|error| CodecError::Body {
            name: "group",
            reason: error.to_string(),
        })
}

fn checksum(context: &[u8], sealed: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&(context.len() as u64).to_le_bytes());
    hasher.update(context);
    hasher.update(sealed);
    hasher.finalize()
}
