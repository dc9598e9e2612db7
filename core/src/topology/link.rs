//! The link between two nodes (TOP-9).

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::name::NodeName;

/// How a link between two nodes behaves, in both directions (TOP-9).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Round-trip time.
    pub rtt: Duration,
    /// Bandwidth in bits per second.
    pub bandwidth_bps: u64,
    /// Lost packets per million.
    pub loss_ppm: u32,
    /// Whether nothing gets through.
    pub partitioned: bool,
    /// Ports a firewall blocks.
    pub blocked_ports: BTreeSet<u16>,
}

impl Link {
    /// The longest round-trip time inside a cluster that draws no warning (TOP-9).
    pub const MAX_GOOD_RTT: Duration = Duration::from_millis(80);
    /// The least bandwidth inside a cluster that draws no warning, in bits per second (TOP-9).
    pub const MIN_GOOD_BANDWIDTH_BPS: u64 = 10_000_000;
}

impl Default for Link {
    /// A good local network: 1 ms, 1 Gbit/s, no loss, nothing blocked.
    fn default() -> Self {
        Link {
            rtt: Duration::from_millis(1),
            bandwidth_bps: 1_000_000_000,
            loss_ppm: 0,
            partitioned: false,
            blocked_ports: BTreeSet::new(),
        }
    }
}

/// A link that differs from the default one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkSpec {
    /// One end.
    pub a: NodeName,
    /// The other end.
    pub b: NodeName,
    /// How it behaves.
    pub link: Link,
}
