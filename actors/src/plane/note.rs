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
            user: user.jid.to_string(),
            from,
            to: now.node(),
            epoch: now.epoch(),
        };
        self.world.journal().record(Some(now.node()), event);
    }

    pub(super) fn note_opened(&self, jid: &FullJid, at: NodeId) {
        self.note(
            at,
            Event::SessionOpened {
                jid: jid.to_string(),
            },
        );
    }

    pub(super) fn note_resumed(&self, jid: &FullJid, at: NodeId) {
        self.note(
            at,
            Event::SessionResumed {
                jid: jid.to_string(),
            },
        );
    }

    pub(super) fn note_detached(&self, jid: &FullJid, at: NodeId) {
        self.note(
            at,
            Event::SessionDetached {
                jid: jid.to_string(),
            },
        );
    }

    pub(super) fn note_closed(&self, jid: &FullJid, at: NodeId) {
        self.note(
            at,
            Event::SessionClosed {
                jid: jid.to_string(),
            },
        );
    }

    pub(super) fn note_pushed(&self, jid: &FullJid, unread: u64, at: NodeId) {
        let jid = jid.to_string();
        self.note(at, Event::Pushed { jid, unread });
    }

    pub(super) fn note_unread_lost(&self, jid: &FullJid, ids: Vec<String>, at: NodeId) {
        self.gateway.lose(jid, &ids);
        let jid = jid.to_string();
        self.note(at, Event::UnreadLost { jid, ids });
    }

    pub(super) fn note(&self, at: NodeId, event: Event) {
        self.world.journal().record(Some(at), event);
    }
}
