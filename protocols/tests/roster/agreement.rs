//! Whatever is done: who follows a roster, and the rosters of two users, agree in the end.

use std::collections::BTreeSet;

use proptest::prelude::*;
use takeover_protocols::jid::{self, BareJid};
use takeover_protocols::ns;
use takeover_protocols::roster::subscription::{State, Subscription, SubscriptionKind};
use takeover_protocols::roster::{Roster, RosterChange, RosterEffect, RosterLimits};
use takeover_protocols::stanza::{IqType, StanzaKind};

use crate::stage::{get, received, sent, set, stanza};

/// What a database that follows the changes has.
fn follow(kept: &mut Vec<RosterChange>, effects: &[RosterEffect]) {
    for effect in effects {
        if let RosterEffect::Save(change) = effect {
            kept.retain(|old| old.jid != change.jid);
            kept.push((**change).clone());
        }
    }
}

/// What a client that follows the pushes shows.
fn show(shown: &mut BTreeSet<(String, String)>, effects: &[RosterEffect]) {
    for effect in effects {
        if let RosterEffect::Push(push) | RosterEffect::PushTo(_, push) = effect {
            let query = push.to_element();
            let item = query.child("item", ns::ROSTER).unwrap();
            let jid = item.attr("jid").unwrap().to_owned();
            shown.retain(|(old, _)| *old != jid);
            if item.attr("subscription") != Some("remove") {
                shown.insert((jid, item.to_string()));
            }
        }
    }
}

proptest! {
    /// Whatever happens: a database that follows the changes can load the same roster, a client
    /// that follows the pushes shows what it would get anew, and one that comes back with an old
    /// version too.
    #[test]
    fn followers_agree(steps in prop::collection::vec((0..7_u8, 0..4_u8), 1..60), away in 0..60_usize) {
        let mut roster = Roster::new(
            BareJid::new("juliet@example.com").unwrap(),
            RosterLimits { items: 100, removals: 2 },
        );
        let (mut kept, mut shown) = (Vec::new(), BTreeSet::new());
        let mut old = (String::from("0"), BTreeSet::new());
        for (index, (what, who)) in steps.into_iter().enumerate() {
            let who = format!("c{who}@x");
            let effects = match what {
                0 => set(&mut roster, &format!("<item jid='{who}' name='{index}'/>")),
                1 => set(&mut roster, &format!("<item jid='{who}' subscription='remove'/>")),
                2 => sent(&mut roster, "subscribe", &who),
                3 => sent(&mut roster, if index % 2 == 0 { "subscribed" } else { "unsubscribed" }, &who),
                4 => received(&mut roster, "subscribe", &who),
                5 => received(&mut roster, if index % 2 == 0 { "subscribed" } else { "unsubscribed" }, &who),
                _ => received(&mut roster, "unsubscribe", &who),
            };
            follow(&mut kept, &effects);
            show(&mut shown, &effects);
            if index == away {
                old = (roster.version().to_string(), shown.clone());
            }
        }
        let items = kept.iter().filter_map(|change| change.item.clone());
        let limits = RosterLimits { items: 100, removals: 2 };
        let loaded = Roster::load(roster.owner().clone(), items, roster.version(), limits);
        prop_assert!(loaded.items().eq(roster.items()));
        let expected: BTreeSet<(String, String)> = roster
            .items()
            .filter(|item| item.listed)
            .map(|item| (item.jid.to_string(), item.to_element().to_string()))
            .collect();
        prop_assert_eq!(&shown, &expected);
        let back = get(&mut roster, Some(&old.0));
        let RosterEffect::Send(answer) = &back[1] else { panic!() };
        prop_assert_eq!(answer.kind, StanzaKind::Iq(IqType::Result));
        if answer.first_child().is_none() {
            show(&mut old.1, &back);
            prop_assert_eq!(&old.1, &expected);
        }
    }

    /// RFC 6121, section 3: two users whose servers pass everything on agree in the end about who
    /// sees whom.
    #[test]
    fn two_rosters_agree(steps in prop::collection::vec((any::<bool>(), 0..5_usize), 1..40)) {
        let users = ["juliet@example.com", "romeo@example.net"];
        let mut rosters =
            users.map(|user| Roster::new(BareJid::new(user).unwrap(), RosterLimits::default()));
        for (who, what) in steps {
            let (me, other) = if who { (1, 0) } else { (0, 1) };
            let effects = match SubscriptionKind::ALL.get(what) {
                Some(kind) => rosters[me].sent(&stanza(&format!(
                    "<presence from='{}/r' to='{}' type='{}'/>",
                    users[me], users[other], kind.to_presence().as_str()
                ))),
                None => rosters[me].set(&stanza(&format!(
                    "<iq from='{}/r' id='1' type='set'><query xmlns='jabber:iq:roster'>\
                     <item jid='{}' subscription='remove'/></query></iq>",
                    users[me], users[other]
                ))),
            };
            pass_on(&mut rosters, other, effects);
        }
        let contact = |i: usize| jid::parse(users[i]).unwrap().to_bare();
        let of = |i: usize| rosters[i].state(&contact(1 - i));
        let sees = |state: State| {
            matches!(state.subscription(), Subscription::To | Subscription::Both)
        };
        prop_assert_eq!(sees(of(0)), of(1).seen_by_contact());
        prop_assert_eq!(sees(of(1)), of(0).seen_by_contact());
        prop_assert_eq!(of(0).pending_out(), of(1).pending_in());
        prop_assert_eq!(of(1).pending_out(), of(0).pending_in());
    }
}

/// Passes subscription stanzas on until there are none.
fn pass_on(rosters: &mut [Roster; 2], to: usize, effects: Vec<RosterEffect>) {
    for effect in effects {
        if let RosterEffect::Send(stanza) = effect
            && SubscriptionKind::of(&stanza).is_some()
        {
            let answer = rosters[to].received(&stanza);
            pass_on(rosters, 1 - to, answer);
        }
    }
}
