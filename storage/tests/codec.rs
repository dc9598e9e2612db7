//! The codec: bincode 1.3's bytes, which a kept crate reads and writes too; and what is refused.

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use takeover_storage::codec::{CodecError, MAX_RECORD, Record, decode, decode_body, encode};

/// Every shape that our records are made of, described twice.
#[derive(
    Clone, Debug, PartialEq, Serialize, Deserialize, wincode::SchemaWrite, wincode::SchemaRead,
)]
struct Shapes {
    flag: bool,
    small: u8,
    port: u16,
    seq: u64,
    at: i64,
    text: String,
    bytes: Vec<u8>,
    maybe: Option<String>,
    list: Vec<(String, u32)>,
    kind: Kind,
}

#[derive(
    Clone, Debug, PartialEq, Serialize, Deserialize, wincode::SchemaWrite, wincode::SchemaRead,
)]
enum Kind {
    Plain,
    Tuple(u64, String),
    Named { by: Option<u16> },
}

impl Record for Shapes {
    const NAME: &'static str = "shapes";
    const VERSION: u8 = 3;

    fn upgrade(version: u8, body: &[u8]) -> Option<Result<Self, CodecError>> {
        (version == 2).then(|| {
            let old: Old = decode_body(body)?;
            Ok(Self {
                text: old.0,
                ..empty()
            })
        })
    }
}

/// What version 2 of [`Shapes`] was.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Old(String);

impl Record for Old {
    const NAME: &'static str = "shapes";
    const VERSION: u8 = 2;
}

fn empty() -> Shapes {
    Shapes {
        flag: false,
        small: 0,
        port: 0,
        seq: 0,
        at: 0,
        text: String::new(),
        bytes: Vec::new(),
        maybe: None,
        list: Vec::new(),
        kind: Kind::Plain,
    }
}

fn shapes() -> impl Strategy<Value = Shapes> {
    let kind = prop_oneof![
        Just(Kind::Plain),
        (any::<u64>(), ".*").prop_map(|(number, text)| Kind::Tuple(number, text)),
        any::<Option<u16>>().prop_map(|by| Kind::Named { by }),
    ];
    let numbers = any::<(bool, u8, u16, u64, i64)>();
    let texts = (
        ".*",
        any::<Vec<u8>>(),
        any::<Option<String>>(),
        any::<Vec<(String, u32)>>(),
    );
    (numbers, texts, kind).prop_map(
        |((flag, small, port, seq, at), (text, bytes, maybe, list), kind)| Shapes {
            flag,
            small,
            port,
            seq,
            at,
            text,
            bytes,
            maybe,
            list,
            kind,
        },
    )
}

proptest! {
    /// What is written is read.
    #[test]
    fn records_come_back(value in shapes(), key: Vec<u8>) {
        let bytes = encode(&key, &value).unwrap();
        prop_assert_eq!(bytes[0], Shapes::VERSION);
        prop_assert_eq!(decode::<Shapes>(&key, &bytes).unwrap(), value);
    }

    /// The body is what `bincode` 1.3 writes by default, and what `wincode` reads and writes: the
    /// way out of an unmaintained crate is open.
    #[test]
    fn the_body_is_wincode_s_too(value in shapes()) {
        let bytes = encode(b"key", &value).unwrap();
        let body = &bytes[1..bytes.len() - 4];
        prop_assert_eq!(body, &bincode::serialize(&value).unwrap()[..]);
        prop_assert_eq!(body, &wincode::serialize(&value).unwrap()[..]);
        prop_assert_eq!(wincode::deserialize::<Shapes>(body).unwrap(), value);
    }

    /// A changed byte, a missing end, an added one, another key: errors all of them.
    #[test]
    fn damage_is_an_error(value in shapes(), at: prop::sample::Index, flip in 1_u8.., cut: prop::sample::Index) {
        let bytes = encode(b"key", &value).unwrap();
        let mut changed = bytes.clone();
        changed[at.index(bytes.len())] ^= flip;
        prop_assert!(decode::<Shapes>(b"key", &changed).is_err());
        prop_assert!(decode::<Shapes>(b"key", &bytes[..cut.index(bytes.len())]).is_err());
        prop_assert!(decode::<Shapes>(b"kez", &bytes).is_err());
        let mut longer = bytes;
        longer.push(0);
        prop_assert!(decode::<Shapes>(b"key", &longer).is_err());
    }

    /// Bytes from anywhere are refused without a panic.
    #[test]
    fn noise_is_an_error(noise: Vec<u8>) {
        prop_assert!(decode::<Shapes>(b"key", &noise).is_err());
    }
}

/// Old versions are upgraded, unknown ones named.
#[test]
fn versions() {
    let old = encode(b"key", &Old("soup".into())).unwrap();
    assert_eq!(
        decode::<Shapes>(b"key", &old).unwrap(),
        Shapes {
            text: "soup".into(),
            ..empty()
        }
    );
    let new = encode(b"key", &empty()).unwrap();
    let unknown = CodecError::Version {
        name: "shapes",
        found: 3,
        known: 2,
    };
    assert_eq!(decode::<Old>(b"key", &new), Err(unknown));
}

/// A value beyond the limit is refused when it is written, not when it is needed.
#[test]
fn too_large() {
    let length = usize::try_from(MAX_RECORD).unwrap();
    let large = Shapes {
        bytes: vec![0; length],
        ..empty()
    };
    assert!(matches!(
        encode(b"key", &large),
        Err(CodecError::TooLarge { .. })
    ));
}
