//! What the rules say of a link between two nodes of a lab (TOP-9).

use takeover_actors::rt::Conditions;
use takeover_core::id::NodeId;
use takeover_core::journal::Event;
use takeover_core::topology::{self, TopologyWarning};

use super::Control;

impl Control {
    /// Puts on record what is accepted, but degrades service: a long or a narrow way between two
    /// nodes of one cluster.
    pub(super) fn warn_of_link(&self, from: NodeId, to: NodeId) {
        for warning in self.link_warnings(from, to) {
            tracing::warn!("{warning}");
            let text = warning.to_string();
            self.journal().record(None, Event::Alarm { text });
        }
    }

    fn link_warnings(&self, from: NodeId, to: NodeId) -> Vec<TopologyWarning> {
        let deployment = self.deployment();
        if deployment.node(from).cluster != deployment.node(to).cluster {
            return Vec::new();
        }
        let network = self.world().network();
        let ways = [network.conditions(from, to), network.conditions(to, from)];
        let rtt = ways.iter().map(|way| way.delay).sum();
        let narrowest = |way: &Conditions| way.bandwidth;
        let bandwidth_bps = ways.iter().filter_map(narrowest).min();
        let (a, b) = (self.node_name(from), self.node_name(to));
        let mut warnings = Vec::new();
        if rtt > topology::Link::MAX_GOOD_RTT {
            let (a, b) = (a.clone(), b.clone());
            warnings.push(TopologyWarning::LongLink { a, b, rtt });
        }
        if let Some(bandwidth_bps) = bandwidth_bps
            && bandwidth_bps < topology::Link::MIN_GOOD_BANDWIDTH_BPS
        {
            warnings.push(TopologyWarning::NarrowLink {
                a,
                b,
                bandwidth_bps,
            });
        }
        warnings
    }
}
