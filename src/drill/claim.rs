//! Whether something is so.

use takeover_core::ha::table::Seen;

use super::room;
use super::run::Watcher;
use super::script::Claim;
use super::trace::View;
use crate::client::Client;
use crate::lab::Control;

/// Whether a claim holds now.
pub(super) fn holds(claim: &Claim, lab: &Control, seen: &Watcher<'_>) -> bool {
    match claim {
        Claim::Row { pair, row } => seen.trace(pair).is_some_and(|trace| trace.is_in(*row)),
        Claim::Node {
            node,
            state,
            reason,
        } => node_is(seen, node, |seen| match seen {
            Seen::Reachable(is, why) => is == *state && reason.is_none_or(|reason| reason == why),
            Seen::Unreachable => false,
        }),
        Claim::Unreachable(node) => node_is(seen, node, |seen| seen == Seen::Unreachable),
        Claim::Online(user, place) => client_is(lab, user, |client| match place {
            Some(place) => client.is_at(place),
            None => client.is_online(),
        }),
        Claim::Offline(user) => !client_is(lab, user, Client::is_online),
        Claim::Alarm(name) => seen.raised(name),
        Claim::NoAlarm(name) => !seen.raised(name),
        Claim::Inside(user, node) => {
            room::of(lab, node).is_ok_and(|room| client_is(lab, user, |client| client.is_in(&room)))
        }
        Claim::Stayed(user, node) => room::of(lab, node)
            .is_ok_and(|room| client_is(lab, user, |client| room::stayed(client, &room))),
        Claim::Heard(user, text) => {
            client_is(lab, user, |client| room::was_told(client, text, false))
        }
        Claim::Recalled(user, text) => {
            client_is(lab, user, |client| room::was_told(client, text, true))
        }
        Claim::Hosted(home, host) => room::of(lab, home).is_ok_and(|room| {
            let now = seen.hosts.get(room.domain().as_str()).copied();
            now.is_some() && now == lab.node_id(host).ok()
        }),
        // What is stored is looked up once all the rest is so.
        Claim::NothingLost(_) => lab.nothing_missing() && lab.finding().total.is_clean(),
    }
}

fn client_is(lab: &Control, user: &str, so: impl FnOnce(&Client) -> bool) -> bool {
    lab.clients().get(user).is_some_and(so)
}

/// Whether a node is seen so from a side of its pair; one whose pair nobody sees is unreachable.
fn node_is(seen: &Watcher<'_>, node: &str, wanted: impl Fn(Seen) -> bool) -> bool {
    let found = seen.traces.iter().find_map(|(_, nodes, trace)| {
        let place = nodes.iter().position(|name| *name == node)?;
        Some((place, trace.views()))
    });
    let of_node = |(place, views): (usize, &[View])| {
        let of_view = |view: &View| view.nodes[place];
        views.iter().map(of_view).collect::<Vec<_>>()
    };
    found.map(of_node).is_some_and(|seen| {
        seen.iter().any(|seen| wanted(*seen)) || (seen.is_empty() && wanted(Seen::Unreachable))
    })
}
