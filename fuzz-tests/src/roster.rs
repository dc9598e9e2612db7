//! A user's roster, which clients change and contacts ask to be in.

use takeover_protocols::jid::BareJid;
use takeover_protocols::roster::{Roster, RosterChange, RosterEffect, RosterLimits};
use takeover_protocols::stanza::{IqType, Stanza, StanzaKind};

use crate::input::{check_written, elements};

const LIMITS: RosterLimits = RosterLimits {
    items: 5,
    removals: 3,
};

/// The limits hold, versions only grow, everything for others can be read, and a roster that is
/// loaded from what was to be saved is the one that saved it.
pub(crate) fn body(octets: &[u8]) {
    let Ok(owner) = BareJid::new("andy@example.org") else {
        return;
    };
    let mut roster = Roster::new(owner.clone(), LIMITS);
    let mut saved = std::collections::BTreeMap::new();
    for raw in elements(octets) {
        let Ok(stanza) = Stanza::from_raw(raw) else {
            continue;
        };
        let before = roster.version();
        let effects = give(&mut roster, &stanza);
        assert!(roster.version() >= before);
        assert!(roster.items().count() <= LIMITS.items);
        assert!(roster.item(&owner).is_none(), "a contact of her own");
        for effect in effects {
            perform(effect, &mut saved);
        }
        roster.requests().iter().for_each(check_written);
        let kept: Vec<_> = saved.values().flatten().collect();
        assert_eq!(roster.items().collect::<Vec<_>>(), kept);
    }
}

fn give(roster: &mut Roster, stanza: &Stanza) -> Vec<RosterEffect> {
    match stanza.kind {
        StanzaKind::Iq(IqType::Get) => roster.get(stanza),
        StanzaKind::Iq(_) => roster.set(stanza),
        StanzaKind::Message(_) => roster.received(stanza),
        StanzaKind::Presence(_) => {
            let own = stanza
                .from
                .as_ref()
                .is_none_or(|from| from.to_bare() == *roster.owner());
            if own {
                roster.sent(stanza)
            } else {
                roster.received(stanza)
            }
        }
    }
}

type Saved = std::collections::BTreeMap<BareJid, Option<takeover_protocols::roster::RosterItem>>;

fn perform(effect: RosterEffect, saved: &mut Saved) {
    match effect {
        RosterEffect::Save(change) => {
            let RosterChange { jid, item, .. } = *change;
            saved.insert(jid, item);
        }
        RosterEffect::Send(stanza) | RosterEffect::Deliver(stanza) => check_written(&stanza),
        RosterEffect::PushTo(to, push) => check_written(&push.stanza_for(&to, "p")),
        RosterEffect::Push(_)
        | RosterEffect::ShowPresence(_)
        | RosterEffect::HidePresence(_)
        | RosterEffect::Interested(_) => {}
    }
}
