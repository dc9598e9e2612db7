//! The life of one attached session: what comes from the wire goes to the plane, what the plane
//! has queued goes to the wire, until one of the two ends it.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use takeover_core::time::Moment;
use takeover_protocols::ns;
use takeover_protocols::sm::Nonza;
use takeover_protocols::stanza::{IqType, Stanza};
use takeover_protocols::stream::{Cause, Effect, StreamError};
use takeover_protocols::xml::Element;

use super::line::{Event, Line};
use super::login::Established;
use super::settings::Site;
use crate::plane::{Attached, Batch, Close, Fenced, Out, Outlet, Plane};
use crate::rt::Sleep;

/// The time over which stanzas are counted against a client's share.
const SECOND: Duration = Duration::from_secs(1);

/// Stanzas written at once.
const BATCH: usize = 256;

/// Says that the task is over, however it ends.
pub(super) struct End(Arc<Outlet>);

impl End {
    /// Of the task that owns this attachment.
    pub(super) fn of(attached: &Attached) -> Self {
        Self(attached.outlet.clone())
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.0.set_ended();
    }
}

/// How a session's task ended.
pub(super) enum Over {
    /// The client ended its stream.
    Left,
    /// The connection broke.
    Lost,
    /// The client broke the rules and was told so.
    Failed,
    /// The server ended it.
    Closed(Close),
}

impl Over {
    /// What an operator wants to know stands out from what happens all day.
    fn log(&self) {
        match self {
            Self::Left => tracing::debug!("the client has left"),
            Self::Lost => tracing::debug!("the connection is lost"),
            Self::Failed => tracing::info!("the client broke the rules"),
            Self::Closed(why @ (Close::MovedTo(_) | Close::Shutdown | Close::Conflict)) => {
                tracing::debug!(?why, "closed");
            }
            Self::Closed(why @ (Close::Silent | Close::Overrun | Close::Fault)) => {
                tracing::info!(?why, "closed");
            }
        }
    }
}

/// Runs a session until its connection is over, and leaves its place in order.
pub(super) async fn run(site: Site, established: Established) {
    let Established { line, attached } = established;
    let end = End::of(&attached);
    let mut task = Task {
        site: &site,
        line,
        attached,
        asked: false,
        owes: false,
        second: site.plane.world().now(),
        taken: 0,
    };
    let over = match task.live_in_time().await {
        Ok(over) => over,
        Err(_) => Over::Lost,
    };
    let Task {
        attached, mut line, ..
    } = task;
    over.log();
    let plane = &site.plane;
    match &over {
        Over::Left => plane.end(&attached),
        Over::Lost | Over::Failed | Over::Closed(Close::Overrun | Close::Silent | Close::Fault) => {
            plane.lost(&attached, site.settings.resume);
        }
        Over::Closed(Close::Shutdown) => plane.detach(&attached, site.settings.relogin),
        // Whoever took the session has seen to its place.
        Over::Closed(Close::MovedTo(_) | Close::Conflict) => {}
    }
    drop(end);
    match over {
        // So that the error reaches it.
        Over::Failed | Over::Closed(_) => {
            Box::pin(line.part(site.settings.c2s.limits.closing)).await;
        }
        Over::Left | Over::Lost => {}
    }
}

pub(super) struct Task<'a> {
    pub(super) site: &'a Site,
    /// Not in the task itself: a future holds what it owns once for each of its steps.
    pub(super) line: Box<Line>,
    pub(super) attached: Attached,
    /// The client was asked for its count and has not answered.
    asked: bool,
    /// The client has asked for the count while stanzas of its were in doubt.
    owes: bool,
    /// When the present second of its share of stanzas began.
    second: Moment,
    /// Stanzas taken in it.
    taken: u32,
}

impl Task<'_> {
    /// As [`Task::live`], but a client that does not read cannot keep the task from ending: once it
    /// is told to close it has the time of a farewell to finish what it writes, and as long for the
    /// farewell itself.
    async fn live_in_time(&mut self) -> io::Result<Over> {
        let (site, outlet) = (self.site, self.attached.outlet.clone());
        let mut stuck = None;
        let mut live = pin!(self.live());
        poll_fn(|cx| {
            if let Poll::Ready(over) = live.as_mut().poll(cx) {
                return Poll::Ready(over);
            }
            let why = ready!(outlet.poll_closing(cx));
            let patience = site.settings.farewell * 2;
            let stuck = stuck.get_or_insert_with(|| site.plane.world().sleep(patience));
            Pin::new(stuck).poll(cx).map(|()| Ok(Over::Closed(why)))
        })
        .await
    }

    async fn live(&mut self) -> io::Result<Over> {
        loop {
            if let Some(over) = self.effects().await? {
                return Ok(over);
            }
            self.attached.outlet.look();
            if let Some(why) = self.attached.outlet.closing() {
                return Box::pin(self.farewell(why)).await;
            }
            self.site.plane.route_returned(&self.attached);
            if let Err(Fenced(why)) = self.write_queue().await? {
                return Box::pin(self.farewell(why)).await;
            }
            if self.attached.outlet.take_ask() {
                self.ask();
            }
            self.line.flush().await?;
            self.wait().await;
        }
    }

    /// Asks the client whether it is there (XEP-0198, section 4; XEP-0199).
    fn ask(&mut self) {
        if self.line.machine.is_managed() {
            self.line
                .machine
                .write_nonza(&Nonza::Request, &mut self.line.out);
            return;
        }
        let ping = Stanza::iq(IqType::Get, "are-you-there")
            .with_to(self.attached.jid.clone())
            .with_child(&Element::new("ping", ns::PING));
        self.line.machine.write(&ping, &mut self.line.out);
    }

    /// When reading may go on, if the client has sent its share of this second.
    fn pause(&mut self) -> Option<Sleep> {
        if self.taken == 0 {
            return None;
        }
        let now = self.line.world().now();
        let over = self.second + SECOND;
        if now >= over {
            (self.second, self.taken) = (now, 0);
            return None;
        }
        let pause = || self.line.world().sleep(over.saturating_since(now));
        (self.taken >= self.site.settings.rate).then(pause)
    }

    /// Waits until there is something to write, to read or to close.
    async fn wait(&mut self) {
        self.line.rest();
        let mut pause = self.pause();
        self.line.lend();
        let (line, owes) = (&mut self.line, self.owes);
        let Attached {
            outlet, tickets, ..
        } = &self.attached;
        poll_fn(|cx| {
            if outlet.poll_woken(cx).is_ready() || tickets.poll_returned(cx).is_ready() {
                return Poll::Ready(());
            }
            if owes && tickets.poll_drained(cx).is_ready() {
                return Poll::Ready(());
            }
            if let Some(sleep) = &mut pause {
                return Pin::new(sleep).poll(cx);
            }
            line.poll_event(cx).map(|event| match event {
                Event::Fed | Event::Ended => outlet.heard(line.world().now()),
            })
        })
        .await;
        self.line.take_back();
        if self.owes && self.attached.tickets.is_drained() {
            self.owes = false;
            self.acknowledge();
        }
    }

    pub(super) fn acknowledge(&mut self) {
        let ack = Nonza::Ack {
            h: self.attached.handled(),
        };
        self.line.machine.write_nonza(&ack, &mut self.line.out);
    }

    /// Does what the machine has asked for.
    async fn effects(&mut self) -> io::Result<Option<Over>> {
        while let Some(effect) = self.line.effects.pop_front() {
            match self.effect(effect).await? {
                Ok(None) => {}
                Ok(Some(over)) => return Ok(Some(over)),
                Err(Fenced(why)) => return Box::pin(self.farewell(why)).await.map(Some),
            }
        }
        Ok(None)
    }

    async fn effect(&mut self, effect: Effect) -> io::Result<Result<Option<Over>, Fenced>> {
        let plane = &self.site.plane;
        match effect {
            Effect::Send(octets) => self.line.out.extend_from_slice(&octets),
            Effect::Stanza(stanza) => {
                self.taken += 1;
                if let Err(fenced) = plane.from_client(&self.attached, stanza) {
                    return Ok(Err(fenced));
                }
            }
            Effect::RefusedStanza { reply, .. } => {
                if let Err(fenced) = plane.refused(&self.attached, reply.map(|reply| *reply)) {
                    return Ok(Err(fenced));
                }
            }
            Effect::Enable { resume, .. } => match plane.enable(&mut self.attached, resume) {
                Ok(name) => self.enabled(&name),
                Err(fenced) => return Ok(Err(fenced)),
            },
            Effect::ClientState(state) => {
                if let Err(fenced) = plane.client_state(&self.attached, state) {
                    return Ok(Err(fenced));
                }
            }
            Effect::Acked { h } => match plane.acked(&self.attached, h) {
                Ok(Ok(())) => {
                    // What was written after the question is not covered by its answer.
                    self.asked = plane.unacknowledged(&self.attached) > 0;
                    if self.asked {
                        self.line
                            .machine
                            .write_nonza(&Nonza::Request, &mut self.line.out);
                    }
                }
                Ok(Err(fenced)) => return Ok(Err(fenced)),
                Err(error) => {
                    let effects = self.line.machine.fail(StreamError::from(&error));
                    self.line.then(effects);
                }
            },
            Effect::AckRequested => {
                self.acknowledge();
                self.owes = !self.attached.tickets.is_drained();
            }
            Effect::Arm(timer, after) => self.line.arm(timer, after),
            Effect::Disarm(timer) => self.line.disarm(timer),
            Effect::Close(cause) => return Ok(Ok(Some(Box::pin(self.closed(cause)).await))),
            // Only a client that is not bound yet has these.
            Effect::StartTls
            | Effect::LookUp { .. }
            | Effect::Authenticated { .. }
            | Effect::AuthenticationFailed { .. }
            | Effect::Inactive { .. }
            | Effect::Bind { .. }
            | Effect::Resume { .. } => {}
        }
        Ok(Ok(None))
    }

    fn enabled(&mut self, name: &str) {
        let (id, max) = match name.is_empty() {
            true => (None, None),
            false => {
                let seconds = u32::try_from(self.site.settings.resume.as_secs());
                (Some(name.to_owned()), seconds.ok())
            }
        };
        let effects = self.line.machine.sm_enabled(id, max, None);
        self.line.then(effects);
    }

    /// The machine has closed the stream.
    async fn closed(&mut self, cause: Cause) -> Over {
        let limit = self.site.settings.c2s.limits.closing;
        match cause {
            Cause::Client | Cause::Server | Cause::ClosingTimeout => {
                self.line.end_in_time(limit).await;
                Over::Left
            }
            Cause::Error(_) => {
                self.line.end_in_time(limit).await;
                Over::Failed
            }
            Cause::ClientError(_) | Cause::NoTls | Cause::Lost => {
                self.line.end_in_time(limit).await;
                Over::Lost
            }
        }
    }

    /// Writes what is queued, as one write.
    async fn write_queue(&mut self) -> io::Result<Result<(), Fenced>> {
        loop {
            match self.write_batch().await? {
                Ok(Some(true)) => {}
                // What comes to an empty queue wakes this task.
                Ok(Some(false) | None) => return Ok(Ok(())),
                Err(fenced) => return Ok(Err(fenced)),
            }
        }
    }

    /// Whether the queue held more than was written; `None` where it held nothing.
    pub(super) async fn write_batch(&mut self) -> io::Result<Result<Option<bool>, Fenced>> {
        let batch = match self.site.plane.take_batch(&self.attached, BATCH) {
            Ok(batch) => batch,
            Err(fenced) => return Ok(Err(fenced)),
        };
        if batch.outs.is_empty() {
            return Ok(Ok(None));
        }
        let more = batch.more;
        if batch.managed {
            self.write_managed(&batch);
            self.line.flush().await?;
        } else {
            self.write_unmanaged(batch).await?;
        }
        Ok(Ok(Some(more)))
    }

    fn write_managed(&mut self, batch: &Batch) {
        for out in &batch.outs {
            self.line.write(out);
        }
        if !std::mem::replace(&mut self.asked, true) {
            self.line
                .machine
                .write_nonza(&Nonza::Request, &mut self.line.out);
        }
    }

    /// Without stream management the write itself is all that is known of a stanza's way: what the
    /// wire has not taken goes back, also if this task is killed in between.
    async fn write_unmanaged(&mut self, batch: Batch) -> io::Result<()> {
        self.line.flush().await?;
        for out in &batch.outs {
            self.line.write(out);
        }
        let mut writing = Writing {
            plane: &self.site.plane,
            attached: &self.attached,
            open: self.line.machine.may_write(),
            left: self.line.out.len(),
            batch: Some(batch),
            done: 0,
        };
        let line = &mut self.line;
        poll_fn(|cx| {
            while writing.done < line.out.len() {
                match line.poll_write(cx, writing.done) {
                    Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    Poll::Ready(Ok(more)) => writing.wrote(more),
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => return Poll::Pending,
                }
            }
            line.poll_flush(cx)
        })
        .await?;
        drop(writing);
        self.line.out.clear();
        Ok(())
    }
}

/// A batch on its way into the wire.
struct Writing<'a> {
    plane: &'a Plane,
    attached: &'a Attached,
    batch: Option<Batch>,
    /// There is somebody to write to; otherwise stanzas take no octets.
    open: bool,
    /// Octets that the wire has not taken.
    left: usize,
    /// Octets that it has.
    done: usize,
}

impl Writing<'_> {
    fn wrote(&mut self, octets: usize) {
        self.done += octets;
        self.left = self.left.saturating_sub(octets);
    }

    /// How many stanzas the wire has to the end.
    fn whole(&self, outs: &[Out]) -> usize {
        if self.left == 0 || !self.open {
            return outs.len();
        }
        // Written once more, to be measured: it is seldom that a wire takes a part.
        let mut again = Vec::new();
        let fits = |out: &&Out| {
            out.write_into(&mut again);
            again.len() <= self.done
        };
        outs.iter().take_while(fits).count()
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        if let Some(batch) = self.batch.take() {
            let count = self.whole(&batch.outs);
            self.plane.written(self.attached, batch, count);
        }
    }
}
