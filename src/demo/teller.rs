//! Tells a lab's run on a timeline as it happens.

use std::collections::BTreeMap;

use takeover_actors::rt::Tail;
use takeover_core::id::NodeId;
use takeover_core::journal::{Entry, Event};
use takeover_core::time::Moment;

use crate::client::{ClientState, Note, Noted};
use crate::lab::Control;
use crate::report::{Timeline, tell, tell_client};

/// Journal entries that may wait to be told.
const WAITING: usize = 65_536;

/// Follows the journal and the clients of a lab.
pub struct Teller {
    tail: Tail,
    timeline: Timeline,
    seen: BTreeMap<String, usize>,
    refused: BTreeMap<String, u64>,
}

impl Teller {
    /// Tells what happens in `lab` from now on.
    #[must_use]
    pub fn new(lab: &Control, timeline: Timeline) -> Self {
        let tail = lab.journal().tail(WAITING);
        Self {
            tail,
            timeline,
            seen: BTreeMap::new(),
            refused: BTreeMap::new(),
        }
    }

    /// Tells what has happened since it was last asked.
    pub fn catch_up(&mut self, lab: &Control) {
        let name = |node: NodeId| lab.node_name(node);
        for entry in self.tail.drain() {
            self.wait(&entry);
            if let (true, Some(line)) = (is_news(&entry.event), tell(&entry, &name)) {
                self.timeline.show(&line);
            }
        }
        for (client, handle) in &*lab.clients() {
            let seen = self.seen.entry(client.clone()).or_insert(0);
            let notes = handle.notes_after(*seen);
            *seen += notes.len();
            for noted in notes {
                self.note(client, &noted);
            }
        }
        self.timeline.tick(lab.now());
    }

    /// The delay before a failover is a wait that people want to see.
    fn wait(&mut self, entry: &Entry) {
        let (Event::TimerArmed { timer, .. }
        | Event::TimerFired { timer }
        | Event::TimerCancelled { timer }) = &entry.event
        else {
            return;
        };
        if !timer.contains("ServiceDelay") {
            return;
        }
        let key = format!("{:?} {timer}", entry.node);
        match &entry.event {
            Event::TimerArmed { deadline, .. } => {
                let label = "critical service down, SRM waits before it fails over";
                self.timeline.wait_begins(&key, label, entry.at, *deadline);
            }
            _ => self.timeline.wait_ends(&key),
        }
    }

    fn note(&mut self, client: &str, noted: &Noted) {
        match &noted.note {
            Note::Error { .. } => {
                let refused = self.refused.entry(client.to_owned()).or_insert(0);
                *refused += 1;
                if *refused > 1 {
                    return;
                }
            }
            Note::State(state) => self.client_wait(client, noted.at, state),
            Note::StreamEnded { .. } | Note::Entered { .. } | Note::Left { .. } => {}
        }
        if let Some(line) = tell_client(client, noted) {
            self.timeline.show(&line);
        }
    }

    fn client_wait(&mut self, client: &str, at: Moment, state: &ClientState) {
        match state {
            ClientState::Waiting { until, .. } => {
                let label = format!("{client} waits before it logs in again");
                self.timeline.wait_begins(client, &label, at, *until);
            }
            ClientState::Idle
            | ClientState::Connecting { .. }
            | ClientState::Online { .. }
            | ClientState::Away { .. }
            | ClientState::Refused { .. } => self.timeline.wait_ends(client),
        }
    }

    /// The timeline, for words of one's own.
    pub fn timeline(&mut self) -> &mut Timeline {
        &mut self.timeline
    }
}

/// What clients tell themselves is not told twice.
fn is_news(event: &Event) -> bool {
    !matches!(
        event,
        Event::SessionOpened { .. } | Event::SessionResumed { .. } | Event::SessionClosed { .. }
    )
}
