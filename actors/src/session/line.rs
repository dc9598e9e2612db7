//! A wire with the server's stream machine on it.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use takeover_protocols::stream::{C2sServer, Effect, Timer};
use tokio::io::ReadBuf;

use crate::plane::{LentWire, Out};
use crate::rt::{Sleep, World};
use crate::wire::Wire;

/// Octets taken from a wire at once.
const INPUT: usize = 16 * 1024;

/// A wire with the server's stream machine on it.
pub(super) struct Line {
    world: World,
    wire: Arc<LentWire>,
    /// The machine.
    pub(super) machine: C2sServer,
    /// What the machine has asked for, in order.
    pub(super) effects: VecDeque<Effect>,
    /// What is to be written.
    pub(super) out: Vec<u8>,
    /// Something written is not flushed.
    unflushed: bool,
    /// Those that run: an idle connection has none.
    timers: Vec<(Timer, Sleep)>,
    ended: bool,
}

/// Why [`Line::event`] came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The machine was fed; look at its effects.
    Fed,
    /// The octets have ended; the machine knows.
    Ended,
}

impl Line {
    pub(super) fn new(
        world: World,
        wire: Box<dyn Wire>,
        machine: C2sServer,
        first: Vec<Effect>,
    ) -> Self {
        Self {
            world,
            wire: Arc::new(LentWire::new(wire)),
            machine,
            effects: first.into(),
            out: Vec::new(),
            unflushed: false,
            timers: Vec::new(),
            ended: false,
        }
    }

    /// Writes a stanza, if the machine says that there is somebody to write to.
    pub(super) fn write(&mut self, out: &Out) {
        self.machine
            .write_with(&mut self.out, |octets| out.write_into(octets));
    }

    /// Adds what the machine answered to what is to be done.
    pub(super) fn then(&mut self, effects: Vec<Effect>) {
        if self.effects.is_empty() {
            self.effects = effects.into();
        } else {
            self.effects.extend(effects);
        }
    }

    /// Gives back what a connection with nothing to do need not hold: most are idle.
    pub(super) fn rest(&mut self) {
        if self.effects.is_empty() {
            self.effects = VecDeque::new();
        }
        if self.out.is_empty() {
            self.out = Vec::new();
        }
        if self.timers.is_empty() {
            self.timers = Vec::new();
        }
    }

    /// Starts a timer of the machine, or starts it anew.
    pub(super) fn arm(&mut self, timer: Timer, after: Duration) {
        self.disarm(timer);
        self.timers.push((timer, self.world.sleep(after)));
    }

    /// Stops a timer of the machine.
    pub(super) fn disarm(&mut self, timer: Timer) {
        self.timers.retain(|(running, _)| *running != timer);
    }

    /// Waits for octets of the client or for a timer, and feeds the machine.
    pub(super) async fn event(&mut self) -> Event {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    pub(super) fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        let mut timers = self.timers.iter_mut();
        let over = timers.position(|(_, sleep)| Pin::new(sleep).poll(cx).is_ready());
        if let Some(over) = over {
            let (timer, _) = self.timers.remove(over);
            let effects = self.machine.expired(timer);
            self.then(effects);
            return Poll::Ready(Event::Fed);
        }
        if self.ended || !self.machine.wants_input() {
            return Poll::Pending;
        }
        // On the stack, so that an idle connection holds no buffer.
        let mut octets = [MaybeUninit::uninit(); INPUT];
        let mut input = ReadBuf::uninit(&mut octets);
        match self.wire.poll_read(cx, &mut input) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(())) if !input.filled().is_empty() => {
                let effects = self.machine.handle(input.filled());
                self.then(effects);
                Poll::Ready(Event::Fed)
            }
            // A broken wire is an ended one.
            Poll::Ready(Ok(()) | Err(_)) => {
                self.ended = true;
                let effects = self.machine.input_ended();
                self.then(effects);
                Poll::Ready(Event::Ended)
            }
        }
    }

    /// Writes some of what is to be written; how much.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        from: usize,
    ) -> Poll<io::Result<usize>> {
        self.wire.poll_write(cx, &self.out[from..])
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.wire.poll_flush(cx)
    }

    /// Writes all that is to be written.
    ///
    /// # Errors
    /// The wire's.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        if self.out.is_empty() && !self.unflushed {
            return Ok(());
        }
        let mut done = 0;
        poll_fn(|cx| {
            while done < self.out.len() {
                match ready!(self.poll_write(cx, done))? {
                    0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    more => done += more,
                }
            }
            self.poll_flush(cx)
        })
        .await?;
        self.out.clear();
        self.unflushed = false;
        Ok(())
    }

    /// The wire, to be written to by others while it is lent.
    pub(super) fn wire(&self) -> Arc<LentWire> {
        self.wire.clone()
    }

    /// Lends the wire to whoever has something for the client, until [`Line::take_back`]. To be called
    /// when everything is written.
    pub(super) fn lend(&self) {
        if self.machine.may_write() {
            self.wire.lend();
        }
    }

    /// Takes the wire back, with what is left to be written of what others have begun.
    pub(super) fn take_back(&mut self) {
        if let Some(rest) = self.wire.take_back() {
            self.out.extend_from_slice(&rest);
            self.unflushed = true;
        }
    }

    /// Ends the octets to the client in order.
    pub(super) async fn shut_down(&mut self) {
        // The client may be gone already; then there is nobody to tell.
        let _ = poll_fn(|cx| self.wire.poll_shutdown(cx)).await;
    }

    /// Writes what is to be written, ends the octets to the client, and reads away what it still
    /// sends until it ends its own; all that within `limit` of protocol time. A socket that is
    /// closed with input unread is reset, and the client may never see the error it was told.
    pub(super) async fn part(&mut self, limit: Duration) {
        self.take_back();
        let over = self.world.sleep(limit);
        let parting = async {
            self.end().await;
            self.read_away().await;
        };
        tokio::select! {
            biased;
            () = parting => {}
            () = over => {}
        }
    }

    /// Writes what is to be written and ends the octets to the client, within `limit`.
    pub(super) async fn end_in_time(&mut self, limit: Duration) {
        let over = self.world.sleep(limit);
        tokio::select! {
            biased;
            () = self.end() => {}
            () = over => {}
        }
    }

    async fn end(&mut self) {
        // A broken wire is as good as an ended one.
        if self.flush().await.is_ok() {
            self.shut_down().await;
        } else {
            self.ended = true;
        }
    }

    async fn read_away(&mut self) {
        while !self.ended {
            self.ended = poll_fn(|cx| {
                let mut octets = [MaybeUninit::uninit(); INPUT];
                let mut input = ReadBuf::uninit(&mut octets);
                let read = self.wire.poll_read(cx, &mut input);
                read.map(|read| read.is_err() || input.filled().is_empty())
            })
            .await;
        }
    }

    /// Takes the wire, to put a layer around it.
    pub(super) fn take_wire(&mut self) -> Option<Box<dyn Wire>> {
        self.wire.take()
    }

    /// Goes on with this wire.
    pub(super) fn put_wire(&mut self, wire: Box<dyn Wire>) {
        self.wire.put(wire);
    }

    /// The lab.
    pub(super) fn world(&self) -> &World {
        &self.world
    }
}

impl Drop for Line {
    /// The connection ends with its task, whoever else knows of the wire.
    fn drop(&mut self) {
        drop(self.wire.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every session has one, and most are idle: of the 4 KiB that one may cost (docs/PERFORMANCE.md) it has half a
    /// kibioctet, and one octet more would be a larger piece of the allocator's.
    #[test]
    fn a_line_is_small() {
        assert!(size_of::<Line>() <= 512, "{}", size_of::<Line>());
    }
}
