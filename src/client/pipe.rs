//! The octets of one connection: read as they come, written as fast as they go, never one waiting
//! for the other.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};

use super::BoxedWire;

/// Octets that may wait to be written before the client stops producing more.
const BACKLOG: usize = 256 * 1024;

/// What one turn of the pipe brought.
pub(super) enum Turn {
    /// Octets were read.
    Read(Vec<u8>),
    /// Octets were written.
    Wrote,
    /// The other side has ended.
    Ended,
}

pub(super) struct Pipe {
    reader: ReadHalf<BoxedWire>,
    writer: WriteHalf<BoxedWire>,
    out: Vec<u8>,
    unflushed: bool,
    buffer: Vec<u8>,
}

impl Pipe {
    pub(super) fn new(wire: BoxedWire) -> Self {
        let (reader, writer) = split(wire);
        Self {
            reader,
            writer,
            out: Vec::new(),
            unflushed: false,
            buffer: vec![0; 16 * 1024],
        }
    }

    /// Where to put what is to be written.
    pub(super) fn out(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    pub(super) fn is_full(&self) -> bool {
        self.out.len() >= BACKLOG
    }

    /// Waits for whatever comes first. Safe to be dropped at any point.
    pub(super) async fn turn(&mut self) -> io::Result<Turn> {
        let idle = self.out.is_empty() && !self.unflushed;
        let (writer, out) = (&mut self.writer, &self.out);
        let write = async {
            match out.is_empty() {
                true => writer.flush().await.map(|()| None),
                false => writer.write(out).await.map(Some),
            }
        };
        let wrote = tokio::select! {
            biased;
            read = self.reader.read(&mut self.buffer) => {
                return match read? {
                    0 => Ok(Turn::Ended),
                    count => Ok(Turn::Read(self.buffer[..count].to_vec())),
                };
            }
            wrote = write, if !idle => wrote?,
        };
        match wrote {
            Some(0) => return Err(io::ErrorKind::WriteZero.into()),
            Some(count) => drop(self.out.drain(..count)),
            None => {}
        }
        self.unflushed = wrote.is_some();
        Ok(Turn::Wrote)
    }

    /// Writes all that waits, without reading.
    pub(super) async fn drain(&mut self) -> io::Result<()> {
        self.writer
            .write_all(&std::mem::take(&mut self.out))
            .await?;
        self.unflushed = false;
        self.writer.flush().await
    }

    /// The wire itself, once everything is written.
    pub(super) fn into_wire(self) -> BoxedWire {
        self.reader.unsplit(self.writer)
    }
}
