//! Commands that show something.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use takeover_core::id::NodeId;
use takeover_core::service::{ServiceKind, ServiceState};
use takeover_core::topology::Group;

use super::{LabAdministrator, refusal};
use crate::admin::reply::{Refusal, Reply};
use crate::lab::PairStates;

/// The class under which the vendor lists the counters of sessions.
const CLASS: &str = "Cisco XCP JSM";

impl LabAdministrator {
    fn group_states(&self, group: &Group) -> Result<PairStates, Refusal> {
        self.lab.pair_states(group.name.as_str()).map_err(refusal)
    }

    fn group_nodes(&self, group: &Group, states: &PairStates) -> Vec<Value> {
        let nodes = group.nodes.iter().zip(states.nodes);
        let shown = nodes.map(|(node, state)| {
            json!({
                "node": self.lab.node_name(*node),
                "state": state.map(|(state, _)| state.to_string()),
                "reason": state.map(|(_, reason)| reason.to_string()),
            })
        });
        shown.collect()
    }

    pub(super) fn ha_status(&self) -> Result<Reply, Refusal> {
        let mut text = String::new();
        let mut groups = Vec::new();
        for group in self.lab.deployment().groups() {
            let states = self.group_states(group)?;
            let row = states.row().filter(|_| group.nodes.len() == 2);
            let number = row.map_or_else(|| "-".to_owned(), |row| row.number.to_string());
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{}: row {number}", group.name);
            for (node, state) in group.nodes.iter().zip(states.nodes) {
                let state = state.map_or_else(
                    || "(unreachable)".to_owned(),
                    |(state, reason)| format!("{} ({reason})", state.console_name()),
                );
                let _ = writeln!(text, "  {:<12} {state}", self.lab.node_name(*node));
            }
            if let Some(row) = row {
                let _ = writeln!(text, "  cause: {}", row.cause);
                let _ = writeln!(text, "  recommended: {}", row.recommended_action);
            }
            groups.push(json!({
                "group": group.name.to_string(),
                "row": row.map(|row| row.number),
                "nodes": self.group_nodes(group, &states),
                "cause": row.map(|row| row.cause),
                "action": row.map(|row| row.recommended_action),
            }));
        }
        Ok(Reply {
            text: text.trim_end().to_owned(),
            data: json!({ "groups": groups }),
        })
    }

    pub(super) fn status(&self) -> Result<Reply, Refusal> {
        let mut groups = Vec::new();
        for group in self.lab.deployment().groups() {
            let states = self.group_states(group)?;
            let shown = |pick: fn(&Value) -> Value| {
                self.group_nodes(group, &states)
                    .iter()
                    .map(pick)
                    .collect::<Vec<_>>()
            };
            groups.push(json!({
                "group": group.name.to_string(),
                "row": states.row().map(|row| row.number),
                "states": shown(|node| node["state"].clone()),
                "reasons": shown(|node| node["reason"].clone()),
            }));
        }
        let nodes: Vec<Value> = self
            .lab
            .deployment()
            .nodes()
            .iter()
            .map(|node| self.node_status(node.id))
            .collect();
        let users: Vec<Value> = self
            .lab
            .plane()
            .users()
            .iter()
            .map(|user| {
                let owner = self.lab.node_name(user.slot.owner().node());
                let home = self.lab.node_name(user.home);
                json!({ "user": user.jid.to_string(), "node": owner, "home": home })
            })
            .collect();
        let mut text = format!("time {}, {} users\n", self.lab.now(), users.len());
        for node in &nodes {
            let _ = writeln!(
                text,
                "{:<12} power {}, {}, {} services up, {} sessions",
                word(&node["node"]),
                word(&node["power"]),
                word(&node["state"]),
                node["services_up"],
                node["sessions"]
            );
        }
        let now = self.lab.now().as_secs_f64();
        let data = json!({ "time_s": now, "users": users, "nodes": nodes, "groups": groups });
        Ok(Reply {
            text: text.trim_end().to_owned(),
            data,
        })
    }

    fn node_status(&self, node: NodeId) -> Value {
        let name = self.lab.node_name(node);
        let status = self.lab.status(&name).unwrap_or_default();
        let up = status
            .services
            .values()
            .filter(|state| state.is_up())
            .count();
        let sessions = self
            .lab
            .plane()
            .node(node)
            .counters
            .attached
            .load(Ordering::Relaxed);
        let addresses = self.lab.addresses(&name);
        json!({
            "node": name,
            "power": status.power.to_string(),
            "state": status.ha.map(|ha| ha.state.to_string()),
            "reason": status.ha.map(|ha| ha.reason.to_string()),
            "services_up": up,
            "sessions": sessions,
            "xmpp": addresses.map(|addresses| addresses.xmpp.to_string()),
        })
    }

    pub(super) fn services(&self, node: &str) -> Result<Reply, Refusal> {
        self.lab.node_id(node).map_err(refusal)?;
        let state = |kind: ServiceKind| (kind, self.lab.service_state(node, kind));
        let states: Vec<(ServiceKind, ServiceState)> =
            ServiceKind::ALL.into_iter().map(state).collect();
        let line = |(kind, state): &(ServiceKind, ServiceState)| {
            format!(
                "{:<46} {:<10} {state}",
                kind.name(),
                kind.family().to_string()
            )
        };
        let services: Vec<Value> = states
            .iter()
            .map(|(kind, state)| {
                json!({ "service": kind.short_name(), "name": kind.name(), "state": state.to_string() })
            })
            .collect();
        let text = states.iter().map(line).collect::<Vec<_>>().join("\n");
        Ok(Reply {
            text,
            data: json!({ "node": node, "services": services }),
        })
    }

    /// The database of a node that serves is in step with the publisher's: value 2.
    pub(super) fn replication(&self) -> Result<Reply, Refusal> {
        let value = |name: &String| match self.lab.service_state(name, ServiceKind::Database) {
            ServiceState::Started => 2,
            ServiceState::Starting | ServiceState::Stopping => 1,
            ServiceState::Stopped | ServiceState::Failed(_) => 0,
        };
        let names = self.lab.node_names();
        let line = |name: &String| format!("{name:<12} replication value {}", value(name));
        let text = names.iter().map(line).collect::<Vec<_>>().join("\n");
        let nodes: Vec<Value> = names
            .iter()
            .map(|name| json!({ "node": name, "value": value(name) }))
            .collect();
        Ok(Reply {
            text,
            data: json!({ "nodes": nodes }),
        })
    }

    pub(super) fn counter(
        &self,
        class: &str,
        counter: &str,
        node: Option<&str>,
    ) -> Result<Reply, Refusal> {
        let all = self
            .lab
            .deployment()
            .nodes()
            .iter()
            .map(|node| node.id)
            .collect();
        let nodes: Vec<NodeId> = match node {
            Some(name) => vec![self.lab.node_id(name).map_err(refusal)?],
            None => all,
        };
        let mut found = Vec::new();
        for node in nodes {
            let name = self.lab.node_name(node);
            let wanted = self.counters(node).into_iter();
            let wanted = wanted.filter(|(known, _)| counter == "*" || *known == counter);
            found.extend(wanted.map(|(known, value)| (name.clone(), known, value)));
        }
        if found.is_empty() || class != CLASS {
            let counters = self.counters(NodeId(0)).into_iter();
            let known = counters
                .map(|(name, _)| format!("{CLASS:?} {name}"))
                .collect();
            let name = format!("{class:?} {counter}");
            return Err(Refusal::NoSuch {
                what: "counter",
                name,
                known,
            });
        }
        let line =
            |(node, name, value): &(String, &str, u64)| format!("{node:<12} {name:<28} {value}");
        let text = found.iter().map(line).collect::<Vec<_>>().join("\n");
        let counters: Vec<Value> = found
            .iter()
            .map(|(node, name, value)| json!({ "node": node, "counter": name, "value": value }))
            .collect();
        Ok(Reply {
            text,
            data: json!({ "counters": counters }),
        })
    }

    /// The counters of chapter 6 that are counted today.
    fn counters(&self, node: NodeId) -> Vec<(&'static str, u64)> {
        let counters = &self.lab.plane().node(node).counters;
        [
            ("ActiveJsmSessions", &counters.attached),
            ("ClientConnections", &counters.connections),
            ("FailedLogins", &counters.refused_logins),
            ("MessagesDelivered", &counters.messages),
            ("StanzasRouted", &counters.routed),
            ("StaleStanzasDropped", &counters.stale),
            ("UsersMovedAway", &counters.moved_out),
            ("UsersMovedHere", &counters.moved_in),
        ]
        .map(|(name, counter)| (name, counter.load(Ordering::Relaxed)))
        .to_vec()
    }
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}
