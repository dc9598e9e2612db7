//! A wire that the task which owns it lends while it waits: who has something for the client writes it
//! there and then, and no task is woken for it.
//!
//! The task takes the wire back before it takes from the session's queue. Who borrows it holds the lock
//! of the user's place, and finds the queue empty: what came before is written. So there is one order,
//! whoever writes ([`Loan`], whose models prove it).

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use takeover_core::sync::{After, Loan};
use tokio::io::{AsyncWrite, ReadBuf};

use crate::wire::Wire;

/// A wire that can be lent.
pub struct LentWire(Loan<Inside>);

struct Inside {
    /// Nothing while a layer is put around it, and once its task has ended.
    wire: Option<Box<dyn Wire>>,
    /// What the wire has not taken of what was written last, if that is not done.
    begun: Option<Vec<u8>>,
}

/// What became of octets for a wire that may be lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Borrowed {
    /// They are written.
    Written,
    /// They are the task's to finish: it is to be woken.
    Begun,
    /// Nothing is written: the wire is not lent, or takes nothing now.
    Refused,
}

impl LentWire {
    /// A wire that is not lent.
    pub(crate) fn new(wire: Box<dyn Wire>) -> Self {
        Self(Loan::new(Inside {
            wire: Some(wire),
            begun: None,
        }))
    }

    /// Lends it until it is taken back. Only by its task, which has nothing left to write.
    pub(crate) fn lend(&self) {
        self.0.lend();
    }

    /// Takes it back, with what is still to be written and flushed before anything else.
    pub(crate) fn take_back(&self) -> Option<Vec<u8>> {
        self.0.take_back();
        self.0.own(|inside| inside.begun.take())
    }

    /// Takes the wire out; nobody else can write to it from now on.
    pub(crate) fn take(&self) -> Option<Box<dyn Wire>> {
        self.0.own(|inside| inside.wire.take())
    }

    /// Puts a wire in.
    pub(crate) fn put(&self, wire: Box<dyn Wire>) {
        self.0.own(|inside| inside.wire = Some(wire));
    }

    /// Writes what `compose` appends to `octets`, if the wire is lent. Waits for nobody.
    pub(super) fn write(
        &self,
        octets: &mut Vec<u8>,
        compose: impl FnOnce(&mut Vec<u8>),
    ) -> Borrowed {
        let written = self.0.borrow(|inside| {
            let written = inside.write(octets, compose);
            let after = match written {
                Borrowed::Begun => After::IsOver,
                Borrowed::Written | Borrowed::Refused => After::GoesOn,
            };
            (written, after)
        });
        written.unwrap_or(Borrowed::Refused)
    }

    pub(crate) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        input: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll(|wire| wire.poll_read(cx, input))
    }

    pub(crate) fn poll_write(
        &self,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll(|wire| wire.poll_write(cx, octets))
    }

    pub(crate) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(|wire| wire.poll_flush(cx))
    }

    pub(crate) fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(|wire| wire.poll_shutdown(cx))
    }

    fn poll<T>(
        &self,
        work: impl FnOnce(Pin<&mut dyn Wire>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        self.0.own(|inside| match &mut inside.wire {
            Some(wire) => work(Pin::new(&mut **wire)),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        })
    }
}

impl Inside {
    fn write(&mut self, octets: &mut Vec<u8>, compose: impl FnOnce(&mut Vec<u8>)) -> Borrowed {
        let Some(wire) = &mut self.wire else {
            return Borrowed::Refused;
        };
        octets.clear();
        compose(octets);
        // What cannot go on at once is the task's, which will ask again with its own waker.
        let mut context = Context::from_waker(Waker::noop());
        let mut wire = Pin::new(wire);
        let written = match wire.as_mut().poll_write(&mut context, octets) {
            Poll::Ready(Ok(written)) if written > 0 => written,
            Poll::Ready(Ok(_) | Err(_)) | Poll::Pending => return Borrowed::Refused,
        };
        let flushed = wire.poll_flush(&mut context);
        if written == octets.len() && matches!(flushed, Poll::Ready(Ok(()))) {
            return Borrowed::Written;
        }
        self.begun = Some(octets.split_off(written));
        Borrowed::Begun
    }
}

impl fmt::Debug for LentWire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LentWire").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncRead;

    use super::*;

    /// A pipe that takes `room` octets, and the end at which they are read.
    fn pipe(room: usize) -> (LentWire, tokio::io::DuplexStream) {
        let (ours, theirs) = tokio::io::duplex(room);
        (LentWire::new(Box::new(ours)), theirs)
    }

    fn write(wire: &LentWire, text: &str) -> Borrowed {
        let compose = |octets: &mut Vec<u8>| octets.extend_from_slice(text.as_bytes());
        wire.write(&mut Vec::new(), compose)
    }

    fn read(mut end: tokio::io::DuplexStream) -> String {
        let (mut octets, mut context) = ([0; 64], Context::from_waker(Waker::noop()));
        let mut input = ReadBuf::new(&mut octets);
        let _ = AsyncRead::poll_read(Pin::new(&mut end), &mut context, &mut input);
        String::from_utf8(input.filled().to_vec()).unwrap()
    }

    #[test]
    fn only_what_is_lent_is_written_to() {
        let (wire, end) = pipe(64);
        assert_eq!(write(&wire, "early"), Borrowed::Refused);
        wire.lend();
        assert_eq!(write(&wire, "now"), Borrowed::Written);
        assert_eq!(wire.take_back(), None);
        assert_eq!(write(&wire, "late"), Borrowed::Refused);
        assert_eq!(read(end), "now");
    }

    /// Nothing is written behind a part: the task gets the rest of it first.
    #[test]
    fn what_the_wire_takes_in_part_is_left_to_the_task() {
        let (wire, end) = pipe(4);
        wire.lend();
        assert_eq!(write(&wire, "stanza"), Borrowed::Begun);
        assert_eq!(write(&wire, "another"), Borrowed::Refused);
        assert_eq!(wire.take_back(), Some(b"za".to_vec()));
        assert_eq!(read(end), "stan");
    }

    #[test]
    fn a_wire_that_takes_nothing_is_not_begun() {
        let (wire, end) = pipe(4);
        wire.lend();
        assert_eq!(write(&wire, "full"), Borrowed::Written);
        assert_eq!(write(&wire, "more"), Borrowed::Refused);
        assert_eq!(wire.take_back(), None);
        assert_eq!(read(end), "full");
    }

    /// A task that ends takes the wire along.
    #[test]
    fn nobody_writes_to_a_wire_that_was_taken_out() {
        let (wire, end) = pipe(64);
        wire.lend();
        drop(wire.take());
        assert_eq!(write(&wire, "late"), Borrowed::Refused);
        assert_eq!(read(end), "");
    }
}
