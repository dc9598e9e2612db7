//! A lab's run as a picture: a lane for each node, for what failed on it, and for each client.

use std::collections::BTreeMap;

use takeover_core::id::NodeId;
use takeover_core::journal::{Entry, Event, Power};
use takeover_core::service::ServiceKind;
use takeover_core::time::Moment;

use super::srm::srm_lanes;
use super::tell::{tell, tell_client, tone_of, tone_of_client, tone_of_service};
use super::{Lane, LaneKind, Picture, Tone};
use crate::client::{Client, ClientState, Note};
use crate::lab::Control;

/// Draws what happened in a lab so far. Lanes of services are there for those that failed or were
/// stopped after the lab was up, which is when its first client logged in.
#[must_use]
pub fn paint(lab: &Control, title: &str, subtitle: &str) -> Picture {
    let up = lab.journal().find(0, |entry| {
        matches!(entry.event, Event::SessionOpened { .. })
    });
    let up = up.map_or(Moment::ZERO, |entry| entry.at);
    paint_since(lab, title, subtitle, up)
}

/// As [`paint`]; the lab was up at `up`.
#[must_use]
pub fn paint_since(lab: &Control, title: &str, subtitle: &str, up: Moment) -> Picture {
    let entries = lab.journal().entries();
    let name = |node: NodeId| lab.node_name(node);
    let mut painter = Painter {
        nodes: BTreeMap::new(),
        services: BTreeMap::new(),
        up,
    };
    for node in lab.deployment().nodes() {
        painter
            .nodes
            .insert(node.id, Lane::new(node.name.to_string(), LaneKind::Node));
    }
    for entry in &entries {
        painter.entry(entry, &name);
    }
    let mut lanes = painter.into_lanes(|node| srm_lanes(lab, node, up));
    lanes.extend(lab.clients().values().map(client_lane));
    Picture {
        title: title.to_owned(),
        subtitle: subtitle.to_owned(),
        lanes,
        until: lab.now(),
    }
}

struct Painter {
    nodes: BTreeMap<NodeId, Lane>,
    services: BTreeMap<(NodeId, ServiceKind), Lane>,
    up: Moment,
}

impl Painter {
    fn entry(&mut self, entry: &Entry, name: &dyn Fn(NodeId) -> String) {
        let Some(node) = entry.node else { return };
        self.spans(node, entry, name);
        let told = matches!(
            entry.event,
            Event::Ha(_) | Event::Fault { .. } | Event::UserMoved { .. } | Event::Power { .. }
        );
        let line = (told && entry.at > self.up)
            .then(|| tell(entry, name))
            .flatten();
        if let (Some(line), Some(lane)) = (line, self.nodes.get_mut(&node)) {
            lane.tell(line.at, line.what, line.why, line.tone);
        }
    }

    fn spans(&mut self, node: NodeId, entry: &Entry, name: &dyn Fn(NodeId) -> String) {
        let Some(lane) = self.nodes.get_mut(&node) else {
            return;
        };
        match &entry.event {
            Event::Ha(change) => lane.turn(entry.at, change.to.to_string(), tone_of(change.to)),
            Event::Power {
                power: power @ (Power::Off | Power::Killed | Power::Rebooting),
                ..
            } => {
                lane.turn(entry.at, power.to_string(), Tone::Dark);
            }
            Event::Service { kind, state } if entry.at > self.up => {
                let title = format!("{} {}", name(node), kind.short_name());
                let fresh = || {
                    let mut lane = Lane::new(title, LaneKind::Service);
                    lane.turn(self.up, "Started", Tone::Good);
                    lane
                };
                let lane = self.services.entry((node, *kind)).or_insert_with(fresh);
                lane.turn(entry.at, state.to_string(), tone_of_service(state));
                if let Some(line) = tell(entry, name) {
                    lane.tell(line.at, line.what, line.why, line.tone);
                }
            }
            _ => {}
        }
    }

    /// Each node, and below it its services and what its SRM does.
    fn into_lanes(self, of_srm: impl Fn(NodeId) -> Vec<Lane>) -> Vec<Lane> {
        let mut services = self.services;
        let mut lanes = Vec::new();
        for (node, lane) in self.nodes {
            lanes.push(lane);
            let later =
                services.split_off(&(NodeId(node.0.saturating_add(1)), ServiceKind::Database));
            lanes.extend(services.into_values());
            lanes.extend(of_srm(node));
            services = later;
        }
        lanes
    }
}

fn client_lane(client: &Client) -> Lane {
    let mut lane = Lane::new(client.name(), LaneKind::Client);
    let mut was_refused = false;
    for noted in client.notes() {
        if let Note::State(state) = &noted.note {
            let label = match state {
                ClientState::Online { place, .. } => format!("at {place}"),
                ClientState::Waiting { .. } => "waits".to_owned(),
                other => other.to_string(),
            };
            lane.turn(noted.at, label, tone_of_client(state));
        }
        match &noted.note {
            // The first refusal says it all; the others are ticks.
            Note::Error { .. } if was_refused => {
                lane.tick(noted.at, Tone::Bad);
                continue;
            }
            Note::Error { .. } => was_refused = true,
            Note::State(_)
            | Note::StreamEnded { .. }
            | Note::Entered { .. }
            | Note::Left { .. } => {}
        }
        if let Some(line) = tell_client(client.name(), &noted) {
            lane.tell(line.at, line.what, line.why, line.tone);
        }
    }
    client
        .sent_at()
        .into_iter()
        .for_each(|at| lane.tick(at, Tone::Plain));
    lane
}
