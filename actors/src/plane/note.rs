//! What the data path writes into the journal: moves and sessions, never single stanzas.

use takeover_core::id::NodeId;
use takeover_core::journal::Event;
use takeover_core::sync::Ownership;
use takeover_protocols::jid::FullJid;

use super::Plane;
use super::user::User;

impl Plane {
    pub(super) fn note_moved(&self, user: &User, from: NodeId, now: Ownership) {
        let event = Event::UserMoved {
            user: user.jid.as_str().to_owned(),
            from,
            to: now.node(),
            epoch: now.epoch(),
        };
        self.world.journal().record(Some(now.node()), event);
    }

    pub(super) fn note_opened(&self, jid: &FullJid, at: NodeId) {
        self.note(at, Event::SessionOpened { jid: text(jid) });
    }

    pub(super) fn note_resumed(&self, jid: &FullJid, at: NodeId) {
        self.note(at, Event::SessionResumed { jid: text(jid) });
    }

    pub(super) fn note_detached(&self, jid: &FullJid, at: NodeId) {
        self.note(at, Event::SessionDetached { jid: text(jid) });
    }

    pub(super) fn note_closed(&self, jid: &FullJid, at: NodeId) {
        self.note(at, Event::SessionClosed { jid: text(jid) });
    }

    pub(super) fn note_pushed(&self, jid: &FullJid, unread: u64, at: NodeId) {
        let jid = text(jid);
        self.note(at, Event::Pushed { jid, unread });
    }

    pub(super) fn note_unread_lost(&self, jid: &FullJid, ids: Vec<String>, at: NodeId) {
        self.gateway.lose(jid, &ids);
        let jid = text(jid);
        self.note(at, Event::UnreadLost { jid, ids });
    }

    pub(super) fn note(&self, at: NodeId, event: Event) {
        self.world.journal().record(Some(at), event);
    }
}

/// An address in a copy of its size.
fn text(jid: &FullJid) -> String {
    jid.as_str().to_owned()
}
