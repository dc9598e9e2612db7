//! What a client sends, and the books it keeps until the server has it (XEP-0198).

use std::sync::atomic::Ordering;

use takeover_protocols::jid::FullJid;
use takeover_protocols::sm::Outbound;
use takeover_protocols::stanza::{MessageType, Stanza};
use takeover_protocols::stream::Earlier;

use super::session::Session;
use super::way::Way;
use super::{Target, words};

/// Stanzas without acknowledgement at most; then the client waits before it sends more.
pub(super) const UNACKNOWLEDGED: usize = 10_000;

/// A stanza on its way to the server.
#[derive(Clone)]
pub(super) struct Sent {
    stanza: Stanza,
    /// The id of a one-to-one message: the server's answer is its acknowledgement.
    promise: Option<String>,
}

/// A session with stream management.
pub(super) struct Managed {
    pub(super) previd: Option<String>,
    pub(super) jid: FullJid,
    /// Stanzas received in it, modulo 2³².
    pub(super) handled: u32,
    pub(super) outbound: Outbound<Sent>,
}

impl Managed {
    pub(super) fn new(previd: Option<String>, jid: FullJid) -> Self {
        Self {
            previd,
            jid,
            handled: 0,
            outbound: Outbound::new(UNACKNOWLEDGED),
        }
    }

    /// What it takes to resume, where the server allowed it.
    pub(super) fn earlier(&self) -> Option<Earlier> {
        let previd = self.previd.clone()?;
        Some(Earlier {
            previd,
            h: self.handled,
            jid: self.jid.clone(),
        })
    }
}

impl Session {
    /// Whether another stanza may be sent now.
    pub(super) fn may_send(&self) -> bool {
        self.managed
            .as_ref()
            .is_none_or(|managed| managed.outbound.len() < UNACKNOWLEDGED)
    }

    /// Sends a stanza; `promise` is the id of a one-to-one message.
    pub(super) fn send(&mut self, stanza: &Stanza, promise: Option<String>, way: &mut Way<'_>) {
        way.stanza(stanza);
        if let Some(managed) = &mut self.managed {
            let stanza = stanza.clone();
            // `may_send` was asked before: the queue has room, and else only the promise is lost.
            let _ = managed.outbound.push(Sent { stanza, promise });
            self.shared
                .unacknowledged
                .store(managed.outbound.len(), Ordering::Relaxed);
            way.ask();
        }
    }

    /// Sends a message and enters it into the oracle's books.
    pub(super) fn post(&mut self, target: &Target, body: Option<&str>, way: &mut Way<'_>) {
        let Some((kind, to)) = self.address(target) else {
            return;
        };
        let now = self.shared.now();
        let (id, number) =
            self.shared
                .oracle
                .lock()
                .sending(&self.shared.name, target.clone(), now);
        let numbered = format!("{} says number {number}", self.shared.name);
        let stanza = words::message(kind, to, &id, body.unwrap_or(&numbered));
        self.shared.view.lock().sent.push(now);
        let promise = matches!(target, Target::Client(_)).then_some(id);
        self.send(&stanza, promise, way);
    }

    fn address(&self, target: &Target) -> Option<(MessageType, takeover_protocols::jid::Jid)> {
        let (kind, text) = match target {
            Target::Client(name) => {
                let domain = self.spec.user.domain();
                let further = self
                    .shared
                    .oracle
                    .lock()
                    .address_of(name)
                    .map(str::to_owned);
                let of_account = || format!("{}@{domain}", takeover_protocols::jid::escape(name));
                (MessageType::Chat, further.unwrap_or_else(of_account))
            }
            Target::Room(room) => (MessageType::Groupchat, room.clone()),
        };
        Some((kind, takeover_protocols::jid::parse(&text).ok()?))
    }

    /// The server has handled `h` stanzas. False if it claims more than were sent.
    pub(super) fn acknowledged(&mut self, h: u32) -> bool {
        let Some(managed) = &mut self.managed else {
            return true;
        };
        let Ok(handled) = managed.outbound.ack(h) else {
            return false;
        };
        let left = managed.outbound.len();
        self.shared.unacknowledged.store(left, Ordering::Relaxed);
        let mut oracle = self.shared.oracle.lock();
        for id in handled.into_iter().filter_map(|sent| sent.promise) {
            oracle.acknowledged(&id);
        }
        true
    }

    /// Sends again what the server has not handled.
    pub(super) fn send_again(&mut self, way: &mut Way<'_>) {
        let Some(managed) = &self.managed else { return };
        for sent in managed.outbound.unacked() {
            way.stanza(&sent.stanza);
        }
        if !managed.outbound.is_empty() {
            way.ask();
        }
    }
}
