//! Juliet's roster, what is done to it, and what comes of that in lines.

use takeover_protocols::jid::BareJid;
use takeover_protocols::ns;
use takeover_protocols::roster::{Roster, RosterEffect, RosterLimits};
use takeover_protocols::stanza::{Condition, Stanza};

pub(crate) const JULIET: &str = "juliet@example.com/balcony";

pub(crate) fn roster() -> Roster {
    Roster::new(
        BareJid::new("juliet@example.com").unwrap(),
        RosterLimits::default(),
    )
}

pub(crate) fn stanza(xml: &str) -> Stanza {
    Stanza::parse(xml).unwrap_or_else(|refused| panic!("{xml}: {refused}"))
}

pub(crate) fn set(roster: &mut Roster, item: &str) -> Vec<RosterEffect> {
    roster.set(&stanza(&format!(
        "<iq from='{JULIET}' id='rs1' type='set'><query xmlns='jabber:iq:roster'>{item}</query></iq>"
    )))
}

pub(crate) fn get(roster: &mut Roster, version: Option<&str>) -> Vec<RosterEffect> {
    let ver = version
        .map(|version| format!(" ver='{version}'"))
        .unwrap_or_default();
    roster.get(&stanza(&format!(
        "<iq from='{JULIET}' id='rg1' type='get'><query xmlns='jabber:iq:roster'{ver}/></iq>"
    )))
}

pub(crate) fn sent(roster: &mut Roster, kind: &str, to: &str) -> Vec<RosterEffect> {
    roster.sent(&stanza(&format!(
        "<presence from='{JULIET}' to='{to}' id='s1' type='{kind}'/>"
    )))
}

pub(crate) fn received(roster: &mut Roster, kind: &str, from: &str) -> Vec<RosterEffect> {
    roster.received(&stanza(&format!(
        "<presence from='{from}' to='juliet@example.com' type='{kind}'><status>hi</status></presence>"
    )))
}

/// One line per effect, for comparison.
pub(crate) fn lines(effects: &[RosterEffect]) -> Vec<String> {
    let line = |effect: &RosterEffect| match effect {
        RosterEffect::Save(change) => match &change.item {
            Some(item) => format!("save {} {:?}", change.jid, item.state),
            None => format!("forget {}", change.jid),
        },
        RosterEffect::Push(push) => {
            let query = push.to_element();
            let item = query.child("item", ns::ROSTER).unwrap();
            format!(
                "push {} {}{}",
                item.attr("jid").unwrap(),
                item.attr("subscription").unwrap(),
                item.attr("ask").map(|_| " ask").unwrap_or_default()
            )
        }
        RosterEffect::PushTo(to, push) => format!("push to {to}: {}", push.to_element()),
        RosterEffect::Send(stanza) => format!(
            "send {} from {} to {}",
            stanza.kind,
            stanza.from.as_ref().map_or("-", |jid| jid.as_str()),
            stanza.to.as_ref().map_or("-", |jid| jid.as_str())
        ),
        RosterEffect::Deliver(stanza) => {
            format!(
                "deliver {} from {}",
                stanza.kind,
                stanza.from.as_ref().unwrap()
            )
        }
        RosterEffect::ShowPresence(contact) => format!("show {contact}"),
        RosterEffect::HidePresence(contact) => format!("hide {contact}"),
        RosterEffect::Interested(client) => format!("interested {client}"),
    };
    effects.iter().map(line).collect()
}

pub(crate) fn condition(effects: &[RosterEffect]) -> Condition {
    let [RosterEffect::Send(stanza)] = effects else {
        panic!("{effects:?}")
    };
    stanza.error().unwrap().condition
}
