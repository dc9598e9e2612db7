//! What an administrator can read of a lab: status, states, services, replication, counters.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use takeover_actors::plane::Link;
use takeover_core::ha::table::{self, Seen};
use takeover_core::id::NodeId;
use takeover_core::service::{ServiceKind, ServiceState};

use super::reply::{Refusal, Reply};
use crate::lab::Control;

/// The replication value of a database that is in step with the publisher's.
const REPLICATED: u8 = 2;

/// The replication value of a database that cannot be asked, or cannot reach the publisher's.
const NOT_REPLICATED: u8 = 0;

/// `show status`: nodes, groups and users at one glance.
pub(super) fn status(lab: &Control) -> Reply {
    let nodes: Vec<Value> = lab
        .node_names()
        .iter()
        .map(|name| node(lab, name))
        .collect();
    let groups = groups(lab);
    let users: Vec<Value> = lab
        .plane()
        .users()
        .iter()
        .map(|user| json!({"user": user.jid.to_string(), "node": lab.node_name(user.slot.owner().node())}))
        .collect();
    let mut text = format!("time {}\n", lab.now());
    for node in &nodes {
        let field = |name: &str| node[name].as_str().unwrap_or("-").to_owned();
        let (up, all) = (&node["services_up"], &node["services"]);
        let _ = writeln!(
            text,
            "{:<12} {:<10} {:<28} {up}/{all} services",
            field("name"),
            field("power"),
            field("state")
        );
    }
    text.push_str(&groups_in_words(&groups));
    let _ = write!(text, "{} users", users.len());
    Reply {
        text,
        data: json!({"nodes": nodes, "groups": groups, "users": users}),
    }
}

fn node(lab: &Control, name: &str) -> Value {
    let status = lab.status(name);
    let power = status.as_ref().map(|status| status.power.to_string());
    let up = |kind: &&ServiceKind| lab.service_state(name, **kind) == ServiceState::Started;
    json!({
        "name": name,
        "power": power,
        "state": lab.state(name).map(|state| state.to_string()),
        "reason": lab.reason(name).map(|reason| reason.to_string()),
        "services": ServiceKind::ALL.len(),
        "services_up": ServiceKind::ALL.iter().filter(up).count(),
    })
}

/// `utils ha status`: every group with its states, the table's row, its cause and what to do.
pub(super) fn ha(lab: &Control) -> Reply {
    let groups = groups(lab);
    Reply {
        text: groups_in_words(&groups).trim_end().to_owned(),
        data: json!({"groups": groups}),
    }
}

fn groups(lab: &Control) -> Vec<Value> {
    lab.deployment()
        .groups()
        .iter()
        .map(|group| {
            let seen = |node: &NodeId| {
                let name = lab.node_name(*node);
                match (lab.state(&name), lab.reason(&name)) {
                    (Some(state), Some(reason)) => Seen::Reachable(state, reason),
                    _ => Seen::Unreachable,
                }
            };
            let nodes: Vec<Value> = group
                .nodes
                .iter()
                .map(|node| {
                    let (state, reason) = match seen(node) {
                        Seen::Reachable(state, reason) => (state.to_string(), reason.to_string()),
                        Seen::Unreachable => ("(unreachable)".to_owned(), String::new()),
                    };
                    json!({"node": lab.node_name(*node), "state": state, "reason": reason})
                })
                .collect();
            let row = match &group.nodes[..] {
                [first, second] => table::find(seen(first), seen(second)).map(|found| found.row),
                _ => None,
            };
            json!({
                "group": group.name.to_string(),
                "nodes": nodes,
                "row": row.map(|row| row.number),
                "stable": row.map(|row| row.stable),
                "cause": row.map(|row| row.cause),
                "action": row.map(|row| row.recommended_action),
            })
        })
        .collect()
}

fn groups_in_words(groups: &[Value]) -> String {
    let mut text = String::new();
    for group in groups {
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let row = group["row"]
            .as_u64()
            .map_or("no row".to_owned(), |row| format!("row {row}"));
        let _ = writeln!(text, "{} ({row})", word(&group["group"]));
        for node in group["nodes"].as_array().into_iter().flatten() {
            let (name, state, reason) = (
                word(&node["node"]),
                word(&node["state"]),
                word(&node["reason"]),
            );
            let reason = match reason.as_str() {
                "" => String::new(),
                reason => format!(", {reason}"),
            };
            let _ = writeln!(text, "  {name:<12} {state}{reason}");
        }
        if group["row"].is_u64() {
            let _ = writeln!(
                text,
                "  cause: {}\n  action: {}",
                word(&group["cause"]),
                word(&group["action"])
            );
        }
    }
    text
}

/// `utils service list NODE`.
///
/// # Errors
/// [`Refusal::NoSuch`].
pub(super) fn services(lab: &Control, node: &str) -> Result<Reply, Refusal> {
    lab.node_id(node)?;
    let mut text = String::new();
    let mut data = serde_json::Map::new();
    for kind in ServiceKind::ALL {
        let state = lab.service_state(node, kind);
        let _ = writeln!(
            text,
            "{:<46} [{}]",
            kind.name(),
            state.to_string().to_uppercase()
        );
        data.insert(kind.short_name().to_owned(), state.to_string().into());
    }
    Ok(Reply {
        text: text.trim_end().to_owned(),
        data: data.into(),
    })
}

/// `utils dbreplication status` and `runtimestate`: the value of every node, 2 where its database
/// runs and reaches the publisher's.
pub(super) fn replication(lab: &Control) -> Reply {
    let nodes: Vec<Value> = lab
        .deployment()
        .nodes()
        .iter()
        .map(|node| {
            let publisher = lab.deployment().nodes().iter().find(|other| {
                other.cluster == node.cluster && lab.deployment().is_publisher(other.id)
            });
            let runs = |id: NodeId| {
                lab.service_state(&lab.node_name(id), ServiceKind::Database)
                    == ServiceState::Started
            };
            let linked = publisher.is_some_and(|publisher| {
                let network = lab.world().network();
                let whole = |a, b| !network.conditions(a, b).cut;
                publisher.id == node.id
                    || runs(publisher.id)
                        && whole(publisher.id, node.id)
                        && whole(node.id, publisher.id)
            });
            let value = if runs(node.id) && linked {
                REPLICATED
            } else {
                NOT_REPLICATED
            };
            json!({"node": node.name.to_string(), "value": value})
        })
        .collect();
    let mut text = String::new();
    for node in &nodes {
        let name = node["node"].as_str().unwrap_or_default();
        let _ = writeln!(text, "{name:<12} replication setup {}", node["value"]);
    }
    Reply {
        text: text.trim_end().to_owned(),
        data: json!({"nodes": nodes}),
    }
}

/// `show perf query counter CLASS COUNTER [NODE]` (chapter 6, *Counters*).
///
/// # Errors
/// [`Refusal::NoSuch`] for a class, a counter or a node that is not there.
pub(super) fn counters(
    lab: &Control,
    class: &str,
    counter: &str,
    node: Option<&str>,
) -> Result<Reply, Refusal> {
    let names = match node {
        Some(name) => vec![lab.node_name(lab.node_id(name)?)],
        None => lab.node_names(),
    };
    let mut text = String::new();
    let mut data = serde_json::Map::new();
    for name in names {
        let all = counters_of(lab, lab.node_id(&name)?);
        let wanted: Vec<_> = all
            .iter()
            .filter(|(of, what, _)| {
                (class == "*" || of == &class) && (counter == "*" || what == &counter)
            })
            .collect();
        if wanted.is_empty() {
            let known = all
                .iter()
                .map(|(of, what, _)| format!("{of}: {what}"))
                .collect();
            return Err(Refusal::NoSuch {
                what: "counter",
                name: format!("{class}: {counter}"),
                known,
            });
        }
        let mut values = serde_json::Map::new();
        for (of, what, value) in wanted {
            let _ = writeln!(text, "{name:<12} {of}\\{what} = {value}");
            values.insert((*what).to_owned(), (*value).into());
        }
        data.insert(name, values.into());
    }
    Ok(Reply {
        text: text.trim_end().to_owned(),
        data: data.into(),
    })
}

/// Sessions of a node: active, attached, detached, and waiting to be composed.
fn sessions_of(lab: &Control, node: NodeId) -> [u64; 4] {
    let (mut active, mut attached, mut inactive, mut waiting) = (0, 0, 0, 0);
    // A node without power has nobody logged in, whatever its peer still knows of them.
    let users = if lab.world().network().is_up(node) {
        lab.plane().hosted_by(node)
    } else {
        Vec::new()
    };
    for user in users {
        user.slot.peek(|state, _| {
            for session in &state.sessions {
                active += u64::from(session.is_active());
                waiting += u64::from(lab.plane().is_uncomposed(node, session));
                match session.link {
                    Link::Attached(_) => attached += 1,
                    Link::Detached { .. } => inactive += 1,
                }
            }
        });
    }
    [active, attached, inactive, waiting]
}

/// Class, name and value of every counter of a node.
fn counters_of(lab: &Control, node: NodeId) -> Vec<(&'static str, &'static str, u64)> {
    const JSM: &str = "Cisco XCP JSM";
    const ROUTER: &str = "Cisco XCP Router";
    const NETWORK: &str = "Network";
    let [active, attached, inactive, waiting] = sessions_of(lab, node);
    let counters = &lab.plane().node(node).counters;
    let read = |value: &std::sync::atomic::AtomicU64| value.load(Ordering::Relaxed);
    let network = lab.world().network().counters(node);
    let rooms: usize = lab
        .plane()
        .aliases()
        .filter(|alias| alias.owner().node() == node)
        .map(|alias| alias.rooms().occupied().len())
        .sum();
    vec![
        (JSM, "ActiveJsmSessions", active),
        (JSM, "InactiveJsmSessions", inactive),
        (JSM, "JsmSessionsClient", attached),
        (JSM, "JsmSessionsClientInactive", read(&counters.inactive)),
        (JSM, "JsmSessionsComposed", attached + inactive - waiting),
        (JSM, "PushSessionsWaiting", waiting),
        (JSM, "PushNotificationsSent", read(&counters.pushes)),
        (ROUTER, "StanzasRouted", read(&counters.routed)),
        (ROUTER, "MessagesDelivered", read(&counters.messages)),
        (ROUTER, "UsersMovedIn", read(&counters.moved_in)),
        (ROUTER, "UsersMovedOut", read(&counters.moved_out)),
        (ROUTER, "StanzasStale", read(&counters.stale)),
        (
            "Cisco XCP CM",
            "ConnectionsAccepted",
            read(&counters.connections),
        ),
        (
            "Cisco XCP CM",
            "LoginsRefused",
            read(&counters.refused_logins),
        ),
        ("Cisco XCP CM", "Logins", read(&counters.logins)),
        (
            "Cisco XCP CM",
            "LoginsWaiting",
            read(&counters.logins_waiting),
        ),
        (
            "Cisco XCP CM",
            "LoginsTurnedAway",
            read(&counters.crowded_out),
        ),
        ("Cisco XCP TC", "RoomsOccupied", rooms as u64),
        (NETWORK, "PacketsSent", network.sent),
        (NETWORK, "PacketsDropped", network.dropped),
    ]
}
