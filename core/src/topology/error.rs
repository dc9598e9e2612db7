//! What a topology is refused for, and what it is warned about.

use std::fmt;
use std::time::Duration;

use super::name::InvalidName;
use super::ova::OvaSize;
use super::{Link, MAX_NODES_PER_CLUSTER, MAX_NODES_PER_GROUP, MAX_PEERED_CLUSTERS};

/// Why a topology is refused. Each names the value and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopologyError {
    /// No cluster at all.
    #[error("a deployment needs at least one cluster; it has none")]
    NoCluster,
    /// TOP-1: too many clusters in one mesh.
    #[error("{count} clusters are peered with each other; at most {MAX_PEERED_CLUSTERS} may be")]
    TooManyPeers {
        /// How many.
        count: usize,
    },
    /// A peer that is not there, or the cluster itself.
    #[error(
        "cluster {cluster:?} is peered with {peer:?}; a peer is another cluster of the deployment"
    )]
    UnknownPeer {
        /// The cluster.
        cluster: String,
        /// The peer asked for.
        peer: String,
    },
    /// TOP-10: Business Edition 6000 is not peered.
    #[error(
        "cluster {cluster:?} cannot be peered: Business Edition 6000 deployments have no peers"
    )]
    BusinessEditionPeer {
        /// The cluster.
        cluster: String,
    },
    /// TOP-2: the number of nodes.
    #[error("cluster {cluster:?} has {count} nodes; 1 to {MAX_NODES_PER_CLUSTER} are allowed")]
    ClusterSize {
        /// The cluster.
        cluster: String,
        /// How many.
        count: usize,
    },
    /// TOP-3: the number of nodes of a group.
    #[error("group {group:?} has {count} nodes; 1 to {MAX_NODES_PER_GROUP} are allowed")]
    GroupSize {
        /// The group.
        group: String,
        /// How many.
        count: usize,
    },
    /// TOP-4: two publishers in a group.
    #[error(
        "the nodes of group {group:?} have the publishers {first:?} and {second:?}; they must be the same"
    )]
    Publishers {
        /// The group.
        group: String,
        /// The first node's.
        first: String,
        /// The second node's.
        second: String,
    },
    /// TOP-4: two versions in a group.
    #[error(
        "the nodes of group {group:?} have the versions {first:?} and {second:?}; they must be the same"
    )]
    Versions {
        /// The group.
        group: String,
        /// The first node's.
        first: String,
        /// The second node's.
        second: String,
    },
    /// TOP-2: a node that follows another publisher than its cluster's.
    #[error("node {node:?} names the publisher {publisher:?}; its cluster's is {allowed:?}")]
    ForeignPublisher {
        /// The node.
        node: String,
        /// What it names.
        publisher: String,
        /// The cluster's first node.
        allowed: String,
    },
    /// TOP-5, TOP-7: a name.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// A name used twice.
    #[error("{what} {name:?} is used more than once; it must be unique")]
    Duplicate {
        /// What is named.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// TOP-6: HA on a single node.
    #[error("HA is on in group {group:?}, which has {count} node; it needs {MAX_NODES_PER_GROUP}")]
    HaNeedsTwo {
        /// The group.
        group: String,
        /// How many nodes it has.
        count: usize,
    },
    /// TOP-8: more users than the node's size carries.
    #[error("node {node:?} would carry {users} users; its OVA profile carries at most {allowed}")]
    TooManyUsers {
        /// The node.
        node: String,
        /// The users it would have.
        users: usize,
        /// Its size.
        allowed: OvaSize,
    },
    /// TOP-9: a link to a node that is not there, or to itself.
    #[error("a link joins {a:?} and {b:?}; its ends are two different nodes of the deployment")]
    LinkEnds {
        /// One end.
        a: String,
        /// The other.
        b: String,
    },
    /// TOP-9: a loss of more than everything, or no bandwidth.
    #[error("the link of {a:?} and {b:?} has {what} {value}; allowed: {allowed}")]
    LinkValue {
        /// One end.
        a: String,
        /// The other.
        b: String,
        /// What is wrong.
        what: &'static str,
        /// The value.
        value: u64,
        /// What is allowed.
        allowed: &'static str,
    },
    /// The domain is not one.
    #[error(
        "domain {value:?} is not allowed: labels of 1 to 63 letters, digits and inner hyphens, joined by dots"
    )]
    Domain {
        /// The value refused.
        value: String,
    },
}

/// Everything that is wrong with a topology.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct TopologyErrors(pub Vec<TopologyError>);

impl fmt::Display for TopologyErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, error) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str("; ")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

/// What is accepted, but not well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopologyWarning {
    /// TOP-6: HA is on in some groups of the cluster only.
    MixedHa {
        /// The cluster.
        cluster: String,
    },
    /// TOP-9: a long way between two nodes of a cluster.
    LongLink {
        /// One end.
        a: String,
        /// The other.
        b: String,
        /// The round-trip time.
        rtt: Duration,
    },
    /// TOP-9: a narrow way between two nodes of a cluster.
    NarrowLink {
        /// One end.
        a: String,
        /// The other.
        b: String,
        /// Bits per second.
        bandwidth_bps: u64,
    },
}

impl fmt::Display for TopologyWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TopologyWarning::MixedHa { cluster } => {
                write!(
                    f,
                    "HA is on in some groups of cluster {cluster:?} and off in others"
                )
            }
            TopologyWarning::LongLink { a, b, rtt } => write!(
                f,
                "the link of {a:?} and {b:?} has a round-trip time of {rtt:?}; over {:?} service degrades",
                Link::MAX_GOOD_RTT
            ),
            TopologyWarning::NarrowLink {
                a,
                b,
                bandwidth_bps,
            } => write!(
                f,
                "the link of {a:?} and {b:?} has {bandwidth_bps} bit/s; under {} service degrades",
                Link::MIN_GOOD_BANDWIDTH_BPS
            ),
        }
    }
}
