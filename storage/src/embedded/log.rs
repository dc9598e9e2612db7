//! The log in front of sled: what is acknowledged is here first, synced.
//!
//! ```text
//! file   = head record*
//! head   = "takeover log 1\n\0" | seq u64 | digest u64 | crc u32
//! record = length u32 | seq u64 | digest u64 | crc of the payload u32 | crc of these u32 | payload
//! ```
//! Numbers are little endian. `digest` is that of the whole database after the record (after the
//! checkpoint, in the head). The payload is the group's writes in bincode 1.3's format.
//!
//! The file is ahead of its records: zeros that are written in large steps, so that a sync has neither
//! a length nor a new block to write, but the record alone.
//!
//! A process that is killed leaves a beginning of its last record, a loss of power may leave it full
//! of zeros: either was never acknowledged and is cut off. Anything else that does not check is
//! damage. (A torn record is told from a damaged one by its own checksum over the length: a length
//! that was flipped does not pass for a torn tail.)

use std::{
    fs,
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use super::{
    KIND, broken,
    pages::{Pages, SetDigest},
};
use crate::{StoreError, codec, kv::Writes};

const MAGIC: &[u8; 16] = b"takeover log 1\n\0";
const HEAD: usize = 36;
const RECORD_HEAD: usize = 28;

/// Zeros that are written ahead at once.
const AHEAD: usize = 256 * 1024;

/// The open log.
#[derive(Debug)]
pub(super) struct Log {
    folder: PathBuf,
    file: fs::File,
    /// Bytes that are in order.
    length: u64,
    /// Bytes of the file: those in order, and zeros.
    ahead: u64,
    /// Number of the last record.
    seq: u64,
    /// Digest of the database after it.
    digest: SetDigest,
}

impl Log {
    /// A fresh log in the place of whatever there was: the database is synced up to here.
    fn begin(folder: &Path, seq: u64, digest: SetDigest) -> io::Result<Self> {
        let fresh = folder.join("log.new");
        let mut file = fs::File::create(&fresh)?;
        let mut head = Vec::with_capacity(HEAD);
        head.extend_from_slice(MAGIC);
        head.extend_from_slice(&seq.to_le_bytes());
        head.extend_from_slice(&digest.0.to_le_bytes());
        head.extend_from_slice(&crc32fast::hash(&head).to_le_bytes());
        file.write_all(&head)?;
        file.sync_all()?;
        fs::rename(&fresh, path(folder))?;
        fs::File::open(folder)?.sync_all()?;
        Ok(Self {
            folder: folder.to_owned(),
            file,
            length: HEAD as u64,
            ahead: HEAD as u64,
            seq,
            digest,
        })
    }

    /// Begins anew after a checkpoint.
    pub(super) fn restart(&mut self) -> Result<(), StoreError> {
        *self = Self::begin(&self.folder, self.seq, self.digest)
            .map_err(broken("beginning a fresh log"))?;
        Ok(())
    }

    /// Bytes of records.
    pub(super) fn grown(&self) -> u64 {
        self.length - HEAD as u64
    }

    pub(super) fn digest(&self) -> SetDigest {
        self.digest
    }

    /// Makes a group of writes durable. After [`StoreError::DiskFull`] the log is as it was.
    pub(super) fn append(&mut self, writes: &Writes, digest: SetDigest) -> Result<(), StoreError> {
        let seq = self.seq + 1;
        let record = encode(seq, digest, &codec::group(writes)?)?;
        if let Err(error) = self.put(&record) {
            return Err(self.cut_back(error));
        }
        self.file.sync_data().map_err(broken("syncing the log"))?;
        self.length += record.len() as u64;
        (self.seq, self.digest) = (seq, digest);
        Ok(())
    }

    /// Writes a record, and zeros behind it where there are none. A disk without room for these has
    /// room for the record perhaps.
    fn put(&mut self, record: &[u8]) -> io::Result<()> {
        let end = self.length + record.len() as u64;
        if end <= self.ahead {
            return self.file.write_all(record);
        }
        let mut more = record.to_vec();
        more.resize(record.len() + AHEAD, 0);
        if self.file.write_all(&more).is_ok() {
            self.ahead = self.length + more.len() as u64;
            return self.file.seek(SeekFrom::Start(end)).map(drop);
        }
        self.cut()?;
        self.file.write_all(record)
    }

    /// Cuts the file to what is in order.
    fn cut(&mut self) -> io::Result<()> {
        self.file.set_len(self.length)?;
        self.ahead = self.length;
        self.file.seek(SeekFrom::Start(self.length)).map(drop)
    }

    /// After a failed write: nothing was synced, so the log can be cut to where it was.
    fn cut_back(&mut self, error: io::Error) -> StoreError {
        match (self.cut(), error.kind()) {
            (Ok(()), io::ErrorKind::StorageFull | io::ErrorKind::FileTooLarge) => {
                StoreError::DiskFull { engine: KIND }
            }
            _ => broken("writing the log")(error),
        }
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join("log")
}

fn encode(seq: u64, digest: SetDigest, payload: &[u8]) -> Result<Vec<u8>, StoreError> {
    let length = u32::try_from(payload.len()).map_err(broken("writing a group of that size"))?;
    let mut record = Vec::with_capacity(RECORD_HEAD + payload.len());
    record.extend_from_slice(&length.to_le_bytes());
    record.extend_from_slice(&seq.to_le_bytes());
    record.extend_from_slice(&digest.0.to_le_bytes());
    record.extend_from_slice(&crc32fast::hash(payload).to_le_bytes());
    record.extend_from_slice(&crc32fast::hash(&record).to_le_bytes());
    record.extend_from_slice(payload);
    Ok(record)
}

/// What a log holds.
struct Contents {
    seq: u64,
    digest: SetDigest,
    groups: Vec<Writes>,
}

/// Brings sled up to what the log says, checks the whole of it, and begins a fresh log.
pub(super) fn recover(folder: &Path, pages: &Pages) -> Result<Log, StoreError> {
    let there = match fs::File::open(path(folder)) {
        Ok(mut file) => {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)
                .map_err(broken("reading the log"))?;
            Some(read(&bytes, &path(folder))?)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(broken("reading the log")(error)),
    };
    let Contents {
        seq,
        digest,
        groups,
    } = there.unwrap_or(Contents {
        seq: 0,
        digest: SetDigest::default(),
        groups: Vec::new(),
    });
    for writes in groups {
        pages.apply(writes);
        pages.pour_if_full()?;
    }
    let found = pages.digest()?;
    if found != digest {
        return Err(StoreError::DamagedFile {
            file: pages.folder().display().to_string(),
            offset: 0,
            reason: format!(
                "its records make digest {:016x}, the log says {:016x}: some are lost or changed",
                found.0, digest.0
            ),
        });
    }
    pages.sync()?;
    Log::begin(folder, seq, digest).map_err(broken("beginning a fresh log"))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..]
        .first_chunk()
        .map_or(0, |chunk| u32::from_le_bytes(*chunk))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes[at..]
        .first_chunk()
        .map_or(0, |chunk| u64::from_le_bytes(*chunk))
}

fn read(bytes: &[u8], file: &Path) -> Result<Contents, StoreError> {
    let damaged = |offset: usize, reason: &str| StoreError::DamagedFile {
        file: file.display().to_string(),
        offset: offset as u64,
        reason: reason.to_owned(),
    };
    let intact = bytes.len() >= HEAD
        && bytes.starts_with(MAGIC)
        && crc32fast::hash(&bytes[..HEAD - 4]) == u32_at(bytes, HEAD - 4);
    if !intact {
        return Err(damaged(0, "the head of the log does not check"));
    }
    let digest = SetDigest(u64_at(bytes, 24));
    let mut contents = Contents {
        seq: u64_at(bytes, 16),
        digest,
        groups: Vec::new(),
    };
    let mut at = HEAD;
    loop {
        let rest = &bytes[at..];
        if is_zero(rest) || rest.len() < RECORD_HEAD {
            return Ok(contents);
        }
        let (head, behind) = rest.split_at(RECORD_HEAD);
        if crc32fast::hash(&head[..RECORD_HEAD - 4]) != u32_at(head, RECORD_HEAD - 4) {
            return if is_zero(behind) && has_zeroed_block(head, at) {
                Ok(contents)
            } else {
                Err(damaged(at, "the head of a record does not check"))
            };
        }
        let length = u32_at(rest, 0) as usize;
        let Some(payload) = rest.get(RECORD_HEAD..RECORD_HEAD + length) else {
            return Ok(contents);
        };
        let seq = u64_at(rest, 4);
        if seq != contents.seq + 1 {
            return Err(damaged(at, "a record is not the next one"));
        }
        if crc32fast::hash(payload) != u32_at(rest, 20) {
            let last = is_zero(&behind[length..]);
            return if last && has_zeroed_block(payload, at + RECORD_HEAD) {
                Ok(contents)
            } else {
                Err(damaged(at, "a record does not check"))
            };
        }
        contents.groups.push(codec::read_group(payload)?);
        (contents.seq, contents.digest) = (seq, SetDigest(u64_at(rest, 12)));
        at += RECORD_HEAD + length;
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == 0)
}

/// Whether a block of the file that lies in these bytes was never written, or their end was not.
fn has_zeroed_block(payload: &[u8], offset: usize) -> bool {
    const BLOCK: usize = 512;
    let first = offset.next_multiple_of(BLOCK) - offset;
    let blocks = payload.get(first..).unwrap_or_default().chunks(BLOCK);
    blocks.into_iter().any(is_zero)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn writes(number: u64) -> Writes {
        sized(number, 30)
    }

    fn sized(number: u64, size: usize) -> Writes {
        Writes::from([(number.to_be_bytes().to_vec(), Some(vec![7; size]))])
    }

    /// A log of `count` records, and where each ends.
    fn log(count: u64) -> (Vec<u8>, Vec<usize>) {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::begin(folder.path(), 0, SetDigest(0)).unwrap();
        let mut ends = vec![HEAD];
        for number in 1..=count {
            log.append(&writes(number), SetDigest(number)).unwrap();
            ends.push(usize::try_from(log.length).unwrap());
        }
        let mut bytes = fs::read(path(folder.path())).unwrap();
        let zeros = bytes.split_off(*ends.last().unwrap());
        assert!(is_zero(&zeros), "what is ahead is empty");
        (bytes, ends)
    }

    fn groups(bytes: &[u8]) -> Result<u64, StoreError> {
        let contents = read(bytes, Path::new("log"))?;
        assert_eq!(contents.seq, contents.groups.len() as u64);
        for (number, group) in (1..).zip(&contents.groups) {
            assert_eq!(*group, writes(number));
        }
        Ok(contents.seq)
    }

    /// A log that ends anywhere holds exactly the records that are whole; also with zeros behind.
    #[test]
    fn a_torn_log_holds_what_is_whole() {
        let (bytes, ends) = log(3);
        for cut in HEAD..=bytes.len() {
            let whole = ends.iter().filter(|&&end| end <= cut).count() as u64 - 1;
            assert_eq!(groups(&bytes[..cut]), Ok(whole), "cut at {cut}");
        }
        for &end in &ends {
            let mut zeros = bytes[..end].to_vec();
            zeros.extend([0; 4096]);
            assert_eq!(
                groups(&zeros).unwrap(),
                ends.iter().position(|&e| e == end).unwrap() as u64
            );
        }
        for cut in 0..HEAD {
            assert!(groups(&bytes[..cut]).is_err(), "head cut at {cut}");
        }
    }

    /// A record of which only the first blocks came to the disk is no damage, with zeros ahead or not;
    /// wherever in a block it begins, so that its head may be torn as well.
    #[test]
    fn a_record_torn_between_blocks_is_cut_off() {
        for shift in (0..512).step_by(9) {
            let folder = tempfile::tempdir().unwrap();
            let mut log = Log::begin(folder.path(), 0, SetDigest(0)).unwrap();
            log.append(&sized(1, 400 + shift), SetDigest(1)).unwrap();
            let first = usize::try_from(log.length).unwrap();
            log.append(&sized(2, 2_000), SetDigest(2)).unwrap();
            let end = usize::try_from(log.length).unwrap();
            let bytes = fs::read(path(folder.path())).unwrap();
            for cut in (0..end).step_by(512).filter(|cut| *cut > first) {
                let mut torn = bytes[..end + 4096].to_vec();
                torn[cut..].fill(0);
                let found = read(&torn, Path::new("log")).map(|contents| contents.seq);
                assert_eq!(found, Ok(1), "{shift} more, cut at {cut}");
            }
        }
    }

    /// The zeros ahead are overwritten, and written anew when they are used up.
    #[test]
    fn records_go_over_the_zeros_ahead() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::begin(folder.path(), 0, SetDigest(0)).unwrap();
        let size = || fs::metadata(path(folder.path())).unwrap().len();
        for number in 1..=8 {
            log.append(&sized(number, 100_000), SetDigest(number))
                .unwrap();
            assert_eq!(size(), log.ahead);
            assert!(log.length <= log.ahead);
        }
        assert!(log.ahead < log.length + AHEAD as u64 + 1);
        let bytes = fs::read(path(folder.path())).unwrap();
        assert_eq!(read(&bytes, Path::new("log")).unwrap().seq, 8);
    }

    proptest! {
        /// One changed byte anywhere is an error, never another content.
        #[test]
        fn a_changed_byte_is_an_error(at in 0_usize..400, flip in 1_u8..) {
            static LOG: std::sync::LazyLock<(Vec<u8>, Vec<usize>)> = std::sync::LazyLock::new(|| log(4));
            let mut bytes = LOG.0.clone();
            let at = at % bytes.len();
            bytes[at] ^= flip;
            let damaged = matches!(groups(&bytes), Err(StoreError::DamagedFile { .. }));
            prop_assert!(damaged);
        }
    }

    /// A full disk is refused, and the log goes on behind the last good record.
    #[test]
    fn a_failed_write_is_cut_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::begin(folder.path(), 0, SetDigest(0)).unwrap();
        log.append(&writes(1), SetDigest(1)).unwrap();
        log.file.write_all(b"half a record").unwrap();
        let full = log.cut_back(io::ErrorKind::StorageFull.into());
        assert_eq!(full, StoreError::DiskFull { engine: KIND });
        log.append(&writes(2), SetDigest(2)).unwrap();
        assert_eq!(groups(&fs::read(path(folder.path())).unwrap()), Ok(2));
    }
}
