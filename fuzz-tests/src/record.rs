//! Records as the stores keep them.

use serde::{Deserialize, Serialize};
use takeover_protocols::muc::{HistoryEntry, OccupantRecord, RoomRecord, RoomWrite};
use takeover_protocols::roster::{Roster, RosterItem};
use takeover_protocols::sasl::ScramKeys;
use takeover_storage::codec::{OVERHEAD, Record, decode, encode};

use crate::input::Input;

/// Everything that is kept of users and rooms.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Kept {
    Room(RoomRecord),
    Message(HistoryEntry),
    Occupant(OccupantRecord),
    Write(RoomWrite),
    Item(RosterItem),
    Roster(Box<Roster>),
    Keys(ScramKeys),
    Plain(Vec<(u64, Option<String>, bool)>),
}

impl Record for Kept {
    const NAME: &'static str = "kept";
    const VERSION: u8 = 1;
}

const KEY: &[u8] = b"key";

/// Octets that make no value are an error, whatever they claim to be; what is a value is written and
/// read as the same; a damaged record, or one of another key, is an error and never a value.
pub(crate) fn body(octets: &[u8]) {
    assert!(octets.len() < 64 || decode::<Kept>(KEY, octets).is_err() || is_sealed(octets));
    let mut input = Input::new(octets);
    let damage = Damage::draw(&mut input);
    let Ok(value) = decode::<Kept>(KEY, &sealed(input.rest())) else {
        return;
    };
    let written = match encode(KEY, &value) {
        Ok(written) => written,
        Err(error) => panic!("{error}: {value:?}"),
    };
    match decode::<Kept>(KEY, &written) {
        Ok(read) => assert_eq!(read, value),
        Err(error) => panic!("{error}: {value:?}"),
    }
    assert!(
        decode::<Kept>(b"kez", &written).is_err(),
        "a record of another key"
    );
    let damaged = damage.done_to(&written);
    assert!(
        damaged == written || decode::<Kept>(KEY, &damaged).is_err(),
        "{damage:?}: {value:?}"
    );
}

/// Four octets in a row, changed: what the checksum finds for certain.
#[derive(Debug)]
struct Damage {
    at: u64,
    flips: [u8; 4],
}

impl Damage {
    fn draw(input: &mut Input<'_>) -> Self {
        Self {
            at: input.number(0..=u64::from(u16::MAX)),
            flips: [input.octet(), input.octet(), input.octet(), input.octet()],
        }
    }

    fn done_to(&self, record: &[u8]) -> Vec<u8> {
        let mut damaged = record.to_vec();
        let at = self.at as usize % damaged.len();
        for (octet, flip) in damaged[at..].iter_mut().zip(self.flips) {
            *octet ^= flip;
        }
        damaged
    }
}

/// A record with this body and the right checksum.
fn sealed(body: &[u8]) -> Vec<u8> {
    let mut record = vec![Kept::VERSION];
    record.extend_from_slice(body);
    let sum = checksum(&record);
    record.extend_from_slice(&sum.to_le_bytes());
    record
}

fn is_sealed(octets: &[u8]) -> bool {
    let sum = octets.split_last_chunk::<4>();
    sum.is_some_and(|(sealed, sum)| {
        sealed.len() + 4 >= OVERHEAD && checksum(sealed) == u32::from_le_bytes(*sum)
    })
}

/// The checksum of the format (`takeover_storage::codec`).
fn checksum(sealed: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&(KEY.len() as u64).to_le_bytes());
    hasher.update(KEY);
    hasher.update(sealed);
    hasher.finalize()
}
