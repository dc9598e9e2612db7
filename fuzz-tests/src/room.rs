//! A room, with everything that can be asked of it (XEP-0045) and its archive (XEP-0313).

use std::collections::{BTreeMap, VecDeque};

use takeover_protocols::datetime::Timestamp;
use takeover_protocols::jid::{BareJid, FullJid, Jid};
use takeover_protocols::muc::{
    OccupantChange, OccupantRecord, Phase, Room, RoomConfig, RoomEffect, RoomLimits, StoreFailure,
    Ticket, WriteId,
};
use takeover_protocols::stanza::Stanza;

use crate::input::{check_written, elements};

const LIMITS: RoomLimits = RoomLimits {
    history: 4,
    history_fetch: 4,
    outstanding: 4,
    deferred: 4,
};

/// Every stanza comes back exactly once, the soft state is who is in the room, the limits hold, and
/// all that is sent can be read.
///
/// The first-level elements are stanzas of real addresses, and what the database does: from `<wait/>` on
/// it is slow, `<stored/>` and `<failed/>` tell of the oldest write, `<gone jid='…'/>` ends a session.
pub(crate) fn body(octets: &[u8]) {
    let Ok(room) = BareJid::new("cave@rooms.example.org") else {
        return;
    };
    let config = RoomConfig {
        persistent: octets.len().is_multiple_of(2),
        ..RoomConfig::default()
    };
    let mut stage = Stage {
        room: Room::vacant(room, config, LIMITS),
        prompt: true,
        given: 0,
        outstanding: VecDeque::new(),
        back: BTreeMap::new(),
        soft: BTreeMap::new(),
        over: false,
    };
    for raw in elements(octets) {
        match raw.name() {
            "wait" => stage.prompt = false,
            "stored" => stage.report(Ok(())),
            "failed" => stage.report(Err(StoreFailure::Failed)),
            "gone" => stage.gone(raw.attr("jid").unwrap_or_default()),
            _ => {
                if let Ok(stanza) = Stanza::from_raw(raw) {
                    stage.give(stanza);
                }
            }
        }
        stage.check();
    }
    stage.end();
}

struct Stage {
    room: Room,
    /// Whether writes are confirmed at once.
    prompt: bool,
    given: u64,
    outstanding: VecDeque<WriteId>,
    /// How often each ticket came back.
    back: BTreeMap<Ticket, u32>,
    soft: BTreeMap<FullJid, OccupantRecord>,
    over: bool,
}

impl Stage {
    fn give(&mut self, mut stanza: Stanza) {
        let Some(Ok(from)) = stanza.from.clone().map(Jid::try_into_full) else {
            return;
        };
        let here = stanza
            .to
            .as_ref()
            .is_some_and(|to| to.to_bare() == *self.room.jid());
        if !here || self.over {
            return;
        }
        stanza.from = Some(from.into());
        self.given += 1;
        let now = Timestamp::from_millis(1_000_000 + self.given.cast_signed() * 1000);
        let effects = self.room.handle(Ticket(self.given), stanza, now);
        self.perform(effects);
    }

    fn report(&mut self, outcome: Result<(), StoreFailure>) {
        let Some(write) = self.outstanding.pop_front() else {
            return;
        };
        let effects = match outcome {
            Ok(()) => self.room.stored(write),
            Err(cause) => self.room.store_failed(write, cause),
        };
        self.perform(effects);
    }

    fn gone(&mut self, jid: &str) {
        if let (Ok(jid), false) = (FullJid::new(jid), self.over) {
            let effects = self.room.session_ended(&jid);
            self.perform(effects);
        }
    }

    fn perform(&mut self, effects: Vec<RoomEffect>) {
        for effect in effects {
            assert!(!self.over, "{effect:?} after the end");
            match effect {
                RoomEffect::Store { id, .. } => self.outstanding.push_back(id),
                RoomEffect::Handled(ticket) => *self.back.entry(ticket).or_default() += 1,
                RoomEffect::Reroute(ticket, stanza) => {
                    check_written(&stanza);
                    *self.back.entry(ticket).or_default() += 1;
                }
                RoomEffect::Occupant(OccupantChange::Put(record)) => {
                    self.soft.insert(record.jid.clone(), *record);
                }
                RoomEffect::Occupant(OccupantChange::Gone(jid)) => {
                    self.soft.remove(&jid);
                }
                RoomEffect::Send(stanza) => check_written(&stanza),
                RoomEffect::Broadcast(all) => {
                    let copies = all.recipients().iter().map(|to| all.stanza_for(to));
                    copies.for_each(|copy| check_written(&copy));
                }
                RoomEffect::Recall(recall) => {
                    let answer = recall.refused(&StoreFailure::Unreachable.to_error());
                    answer.iter().for_each(check_written);
                    let shown = self.room.history().filter_map(|entry| recall.shown(entry));
                    shown.for_each(|stanza| check_written(&stanza));
                }
                RoomEffect::Closed(_) => self.over = true,
            }
        }
        while self.prompt && !self.outstanding.is_empty() && !self.over {
            self.report(Ok(()));
        }
    }

    fn check(&self) {
        assert!(
            self.back.values().all(|times| *times == 1),
            "{:?}",
            self.back
        );
        assert!(self.room.history().count() <= LIMITS.history);
        assert!(self.outstanding.len() <= LIMITS.outstanding || self.over);
        assert_eq!(self.over, matches!(self.room.phase(), Phase::Closed(_)));
        if !self.over {
            let inside = self.room.occupants().into_iter();
            let inside: BTreeMap<_, _> =
                inside.map(|record| (record.jid.clone(), record)).collect();
            assert_eq!(inside, self.soft);
        }
    }

    fn end(mut self) {
        while !self.outstanding.is_empty() && !self.over {
            self.report(Ok(()));
            self.check();
        }
        if !self.over {
            let effects = self.room.shut_down();
            self.perform(effects);
        }
        self.check();
        assert!(self.over);
        assert_eq!(
            self.back.len() as u64,
            self.given,
            "a stanza did not come back"
        );
    }
}
