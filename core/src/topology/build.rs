//! From what somebody asks for to a checked and numbered deployment.

use std::collections::{BTreeMap, BTreeSet};

use super::deployment::{Cluster, Deployment, Group, Node};
use super::error::{TopologyError, TopologyErrors, TopologyWarning};
use super::link::{Link, LinkSpec};
use super::name::{GroupName, InvalidName, NodeName, NodeNameKind, check_description};
use super::spec::{ClusterSpec, DeploymentSpec, GroupSpec};
use super::{MAX_NODES_PER_CLUSTER, MAX_NODES_PER_GROUP, MAX_PEERED_CLUSTERS};
use crate::id::{ClusterId, GroupId, NodeId};

/// What has been built and found so far.
struct Builder {
    deployment: Deployment,
    errors: Vec<TopologyError>,
    warnings: Vec<TopologyWarning>,
    names: BTreeSet<(&'static str, String)>,
}

impl Deployment {
    /// Checks a specification against TOP-1 to TOP-10 and numbers what it names.
    ///
    /// ```
    /// use takeover_core::topology::{ClusterSpec, Deployment, DeploymentSpec, GroupSpec, NodeSpec};
    ///
    /// let nodes = ["1A", "1B"].map(|name| NodeSpec::new(name.parse().unwrap())).to_vec();
    /// let cluster = ClusterSpec::new("main", vec![GroupSpec::new("pair-1", nodes)]);
    /// let (deployment, warnings) =
    ///     Deployment::build(&DeploymentSpec::new("example.org", vec![cluster])).unwrap();
    /// assert_eq!(deployment.nodes().len(), 2);
    /// assert!(warnings.is_empty());
    /// ```
    ///
    /// # Errors
    /// Everything that is wrong with it, each error naming the value and what is allowed.
    pub fn build(
        spec: &DeploymentSpec,
    ) -> Result<(Deployment, Vec<TopologyWarning>), TopologyErrors> {
        let mut builder = Builder {
            deployment: Deployment {
                domain: spec.domain.clone(),
                clusters: Vec::new(),
                groups: Vec::new(),
                nodes: Vec::new(),
                links: BTreeMap::new(),
                default_link: Link::default(),
            },
            errors: Vec::new(),
            warnings: Vec::new(),
            names: BTreeSet::new(),
        };
        builder.domain(&spec.domain);
        if spec.clusters.is_empty() {
            builder.errors.push(TopologyError::NoCluster);
        }
        for cluster in &spec.clusters {
            builder.cluster(cluster);
        }
        if builder.errors.is_empty() {
            builder.peers(&spec.clusters);
            spec.links.iter().for_each(|link| builder.link(link));
        }
        if builder.errors.is_empty() {
            Ok((builder.deployment, builder.warnings))
        } else {
            Err(TopologyErrors(builder.errors))
        }
    }
}

impl Builder {
    fn domain(&mut self, domain: &str) {
        let name: Result<NodeName, InvalidName> = domain.parse();
        if !name.is_ok_and(|name| name.kind() != NodeNameKind::Ip) {
            self.errors.push(TopologyError::Domain {
                value: domain.to_owned(),
            });
        }
    }

    fn unique(&mut self, what: &'static str, name: &str) {
        if !self.names.insert((what, name.to_ascii_lowercase())) {
            self.errors.push(TopologyError::Duplicate {
                what,
                name: name.to_owned(),
            });
        }
    }

    fn cluster(&mut self, spec: &ClusterSpec) {
        self.unique("cluster name", &spec.name);
        let count = spec.groups.iter().map(|group| group.nodes.len()).sum();
        let first_node = NodeId(narrow(self.deployment.nodes.len()));
        if !(1..=MAX_NODES_PER_CLUSTER).contains(&count) {
            let cluster = spec.name.clone();
            self.errors
                .push(TopologyError::ClusterSize { cluster, count });
            return;
        }
        let id = ClusterId(u8::try_from(self.deployment.clusters.len()).unwrap_or(u8::MAX));
        let first_group = self.deployment.groups.len();
        let publisher = spec
            .groups
            .iter()
            .flat_map(|group| &group.nodes)
            .map(|node| &node.name)
            .next();
        for group in &spec.groups {
            self.group(id, group, publisher);
        }
        let on = spec.groups.iter().filter(|group| group.ha).count();
        if on > 0 && on < spec.groups.len() {
            self.warnings.push(TopologyWarning::MixedHa {
                cluster: spec.name.clone(),
            });
        }
        self.deployment.clusters.push(Cluster {
            id,
            name: spec.name.clone(),
            business_edition: spec.business_edition,
            publisher: first_node,
            groups: self.deployment.groups[first_group..]
                .iter()
                .map(|group| group.id)
                .collect(),
            nodes: self.deployment.nodes[first_node.index()..]
                .iter()
                .map(|node| node.id)
                .collect(),
            peers: Vec::new(),
        });
    }

    fn group(&mut self, cluster: ClusterId, spec: &GroupSpec, publisher: Option<&NodeName>) {
        self.unique("group name", &spec.name);
        self.group_rules(spec, publisher);
        let id = GroupId(narrow(self.deployment.groups.len()));
        let first_node = self.deployment.nodes.len();
        for node in &spec.nodes {
            self.unique("node name", node.name.as_str());
            self.deployment.nodes.push(Node {
                id: NodeId(narrow(self.deployment.nodes.len())),
                name: node.name.clone(),
                ova: node.ova,
                version: node.version.clone(),
                cluster,
                group: id,
            });
        }
        match spec.name.parse::<GroupName>() {
            Ok(name) => self.deployment.groups.push(Group {
                id,
                name,
                description: spec.description.clone(),
                ha: spec.ha,
                cluster,
                nodes: self.deployment.nodes[first_node..]
                    .iter()
                    .map(|node| node.id)
                    .collect(),
            }),
            Err(error) => self.errors.push(error.into()),
        }
    }

    /// TOP-3 to TOP-6.
    fn group_rules(&mut self, spec: &GroupSpec, publisher: Option<&NodeName>) {
        let group = spec.name.clone();
        let count = spec.nodes.len();
        if let Err(error) = check_description(&spec.description) {
            self.errors.push(error.into());
        }
        if !(1..=MAX_NODES_PER_GROUP).contains(&count) {
            self.errors.push(TopologyError::GroupSize { group, count });
            return;
        }
        if spec.ha && count < MAX_NODES_PER_GROUP {
            self.errors.push(TopologyError::HaNeedsTwo {
                group: group.clone(),
                count,
            });
        }
        let publishers: Vec<String> = spec
            .nodes
            .iter()
            .map(|node| {
                node.publisher
                    .as_ref()
                    .or(publisher)
                    .map_or_else(String::new, NodeName::to_string)
            })
            .collect();
        if let ([a, b], [first, second]) = (&spec.nodes[..], &publishers[..]) {
            if !first.eq_ignore_ascii_case(second) {
                let (first, second) = (first.clone(), second.clone());
                self.errors.push(TopologyError::Publishers {
                    group,
                    first,
                    second,
                });
                return;
            }
            if a.version != b.version {
                let (first, second) = (a.version.clone(), b.version.clone());
                self.errors.push(TopologyError::Versions {
                    group,
                    first,
                    second,
                });
            }
        }
        self.own_publisher(spec, &publishers, publisher);
    }

    fn own_publisher(&mut self, spec: &GroupSpec, named: &[String], publisher: Option<&NodeName>) {
        let Some(allowed) = publisher else { return };
        for (node, named) in spec.nodes.iter().zip(named) {
            if !named.eq_ignore_ascii_case(allowed.as_str()) {
                self.errors.push(TopologyError::ForeignPublisher {
                    node: node.name.to_string(),
                    publisher: named.clone(),
                    allowed: allowed.to_string(),
                });
            }
        }
    }

    /// TOP-1 and TOP-10. A peering named on one side holds on both.
    fn peers(&mut self, specs: &[ClusterSpec]) {
        for (place, spec) in specs.iter().enumerate() {
            for peer in &spec.peers {
                let found = self
                    .deployment
                    .cluster_named(peer)
                    .map(|cluster| cluster.id);
                let own = self.deployment.clusters[place].id;
                let Some(other) = found else {
                    let (cluster, peer) = (spec.name.clone(), peer.clone());
                    self.errors
                        .push(TopologyError::UnknownPeer { cluster, peer });
                    continue;
                };
                match self.deployment.check_peering(own, other) {
                    Ok(()) => self.join(own, other),
                    Err(error) => self.errors.push(error),
                }
            }
        }
        debug_assert!(
            !self.errors.is_empty()
                || self.deployment.clusters.iter().all(|cluster| {
                    self.deployment.mesh(cluster.id).len() <= MAX_PEERED_CLUSTERS
                })
        );
    }

    fn join(&mut self, a: ClusterId, b: ClusterId) {
        for (from, to) in [(a, b), (b, a)] {
            let peers = &mut self.deployment.clusters[from.index()].peers;
            if !peers.contains(&to) {
                peers.push(to);
            }
        }
    }

    /// TOP-9.
    fn link(&mut self, spec: &LinkSpec) {
        let (a, b) = (spec.a.to_string(), spec.b.to_string());
        let ends = [&a, &b].map(|name| {
            self.deployment
                .node_named(name)
                .map(|node| (node.id, node.cluster))
        });
        let [Some((first, first_cluster)), Some((second, second_cluster))] = ends else {
            self.errors.push(TopologyError::LinkEnds { a, b });
            return;
        };
        if first == second {
            self.errors.push(TopologyError::LinkEnds { a, b });
            return;
        }
        let link = spec.link.clone();
        if link.loss_ppm > 1_000_000 {
            let (what, value, allowed) = ("loss (ppm)", u64::from(link.loss_ppm), "0 to 1000000");
            self.errors.push(TopologyError::LinkValue {
                a,
                b,
                what,
                value,
                allowed,
            });
            return;
        }
        if link.bandwidth_bps == 0 {
            let (what, value, allowed) = ("bandwidth (bit/s)", 0, "1 or more");
            self.errors.push(TopologyError::LinkValue {
                a,
                b,
                what,
                value,
                allowed,
            });
            return;
        }
        if first_cluster == second_cluster {
            self.wan_warnings(a, b, &link);
        }
        self.deployment
            .links
            .insert((first.min(second), first.max(second)), link);
    }

    fn wan_warnings(&mut self, a: String, b: String, link: &Link) {
        if link.rtt > Link::MAX_GOOD_RTT {
            let (a, b, rtt) = (a.clone(), b.clone(), link.rtt);
            self.warnings.push(TopologyWarning::LongLink { a, b, rtt });
        }
        if link.bandwidth_bps < Link::MIN_GOOD_BANDWIDTH_BPS {
            let bandwidth_bps = link.bandwidth_bps;
            self.warnings.push(TopologyWarning::NarrowLink {
                a,
                b,
                bandwidth_bps,
            });
        }
    }
}

/// A count that fits by the checks made (at most 6 nodes a cluster and 256 clusters).
fn narrow(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}
