//! Sample users of a crowd: they write to each other, and keep what the server has not acknowledged.

use std::collections::{BTreeMap, VecDeque};

use takeover_protocols::jid::BareJid;
use takeover_protocols::stanza::{MessageType, Stanza, StanzaKind};

use crate::client::message;
use crate::scale::tally::Tally;

/// Those that talk in each crowd: two at home on each node, where it has so many.
pub(in crate::scale) const TALKERS: u32 = 4;

/// What a crowd knows of its talkers.
pub(super) struct Talk {
    /// By their numbers in the crowd.
    talkers: BTreeMap<u32, Talker>,
}

/// One of them.
pub(super) struct Talker {
    /// Its number among those of all crowds.
    number: usize,
    /// To whom it writes in turn: somebody of the other node, somebody of its own.
    partners: [BareJid; 2],
    written: usize,
    /// Sent in its session and not acknowledged, presence included; behind the count of the server.
    unacked: VecDeque<Stanza>,
    handled: u32,
}

impl Talk {
    /// Of these users, by their numbers in the crowd; each with its number among all, and its partners.
    pub(super) fn of(talkers: impl Iterator<Item = (u32, usize, [BareJid; 2])>) -> Self {
        let talker = |(member, number, partners)| {
            let talker = Talker {
                number,
                partners,
                written: 0,
                unacked: VecDeque::new(),
                handled: 0,
            };
            (member, talker)
        };
        Self {
            talkers: talkers.map(talker).collect(),
        }
    }

    pub(super) fn members(&self) -> Vec<u32> {
        self.talkers.keys().copied().collect()
    }

    pub(super) fn get(&mut self, member: u32) -> Option<&mut Talker> {
        // Few talk; most are told apart by their number alone.
        (member < TALKERS).then(|| self.talkers.get_mut(&member))?
    }
}

impl Talker {
    /// The next message.
    pub(super) fn next(&mut self, tally: &mut Tally) -> Stanza {
        let to = self.partners[self.written % 2].clone();
        self.written += 1;
        let id = tally.write(self.number);
        message(MessageType::Chat, to, &id, "how are you?")
    }

    /// It has sent this.
    pub(super) fn sent(&mut self, stanza: &Stanza) {
        self.unacked.push_back(stanza.clone());
    }

    /// The server has handled so many of its stanzas.
    pub(super) fn acknowledged(&mut self, h: u32) {
        let more = h.wrapping_sub(self.handled) as usize;
        self.unacked.drain(..more.min(self.unacked.len()));
        self.handled = h;
    }

    /// A new session has begun: what the server had of the old one nobody knows.
    pub(super) fn begins(&mut self) {
        self.unacked.clear();
        self.handled = 0;
    }

    /// What it sends again after a resumption.
    pub(super) fn again(&self) -> Vec<Stanza> {
        self.unacked.iter().cloned().collect()
    }
}

/// What a talker hears.
pub(super) fn hear(stanza: &Stanza, tally: &mut Tally) {
    match (stanza.kind, &stanza.id) {
        (StanzaKind::Message(MessageType::Error), _) => tally.bounced += 1,
        (StanzaKind::Message(_), Some(id)) => tally.hear(id),
        _ => {}
    }
}
