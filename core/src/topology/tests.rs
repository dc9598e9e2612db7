use std::time::Duration;

use super::*;

fn node(name: &str) -> NodeSpec {
    NodeSpec::new(name.parse().unwrap())
}

fn pair(name: &str, nodes: [&str; 2]) -> GroupSpec {
    GroupSpec::new(name, nodes.map(node).to_vec())
}

fn one_cluster(groups: Vec<GroupSpec>) -> DeploymentSpec {
    DeploymentSpec::new("example.org", vec![ClusterSpec::new("main", groups)])
}

fn refusal(spec: &DeploymentSpec) -> String {
    Deployment::build(spec)
        .expect_err("must be refused")
        .to_string()
}

/// TOP-2, TOP-3: four nodes in two pairs; the first is the publisher.
#[test]
fn two_pairs_are_numbered_in_order() {
    let spec = one_cluster(vec![
        pair("pair-1", ["1A", "1B"]),
        pair("pair-2", ["2A", "2B"]),
    ]);
    let (built, warnings) = Deployment::build(&spec).unwrap();
    assert!(warnings.is_empty());
    let id = |name: &str| built.node_named(name).unwrap().id;
    assert!(built.is_publisher(id("1A")) && !built.is_publisher(id("2A")));
    assert_eq!(built.peer_of(id("2b")), Some(id("2A")));
    assert!(built.is_first(id("2A")) && !built.is_first(id("1B")));
    assert_eq!(built.host_name(id("1A")), "1a.example.org");
    assert_eq!(
        built.group_named("PAIR-2").unwrap().nodes,
        [id("2A"), id("2B")]
    );
}

/// TOP-2: seven nodes are refused.
#[test]
fn a_cluster_has_at_most_six_nodes() {
    let mut groups: Vec<GroupSpec> = (0..3)
        .map(|i| pair(&format!("g{i}"), [&format!("{i}a"), &format!("{i}b")]))
        .collect();
    assert!(Deployment::build(&one_cluster(groups.clone())).is_ok());
    groups.push(GroupSpec::new("g4", vec![node("4a")]));
    assert!(refusal(&one_cluster(groups)).contains("has 7 nodes; 1 to 6"));
    assert!(refusal(&one_cluster(vec![])).contains("has 0 nodes"));
}

/// TOP-3: three nodes in a group, or none, are refused.
#[test]
fn a_group_has_one_or_two_nodes() {
    let three = GroupSpec {
        ha: false,
        ..GroupSpec::new("g", ["a", "b", "c"].map(node).to_vec())
    };
    assert!(refusal(&one_cluster(vec![three])).contains("group \"g\" has 3 nodes; 1 to 2"));
}

/// TOP-4: versions and publishers of a group must be the same; the error names both.
#[test]
fn a_group_has_one_version_and_one_publisher() {
    let mut group = pair("g", ["a", "b"]);
    group.nodes[1].version = "12.5".to_owned();
    let text = refusal(&one_cluster(vec![group.clone()]));
    assert!(
        text.contains("\"14.0.1\"") && text.contains("\"12.5\""),
        "{text}"
    );
    group.nodes[1].version = NodeSpec::DEFAULT_VERSION.to_owned();
    group.nodes[1].publisher = Some("other".parse().unwrap());
    let text = refusal(&one_cluster(vec![group.clone()]));
    assert!(text.contains("publishers \"a\" and \"other\""), "{text}");
    group.nodes[0].publisher = group.nodes[1].publisher.clone();
    assert!(refusal(&one_cluster(vec![group])).contains("its cluster's is \"a\""));
}

/// TOP-5: names and descriptions of groups.
#[test]
fn group_names_and_descriptions_have_rules() {
    assert!("a-b_9".parse::<GroupName>().is_ok());
    assert!("x".repeat(128).parse::<GroupName>().is_ok());
    for bad in ["", "a b", "a.b", &"x".repeat(129)] {
        let text = refusal(&one_cluster(vec![pair(bad, ["a", "b"])]));
        assert!(text.contains("1 to 128 characters"), "{text}");
    }
    for bad in ["a\"", "50%", "a&b", "a\\b", "<", ">", &"d".repeat(129)] {
        let mut group = pair("g", ["a", "b"]);
        group.description = bad.to_owned();
        assert!(
            refusal(&one_cluster(vec![group])).contains("group description"),
            "{bad}"
        );
    }
    let twice = vec![pair("g", ["a", "b"]), pair("G", ["c", "d"])];
    assert!(refusal(&one_cluster(twice)).contains("used more than once"));
}

/// TOP-6: HA needs two nodes; mixed is accepted with a warning.
#[test]
fn ha_needs_two_nodes_and_may_be_mixed() {
    let mut single = GroupSpec::new("g", vec![node("a")]);
    assert!(!single.ha);
    let mixed = one_cluster(vec![pair("h", ["x", "y"]), single.clone()]);
    let (_, warnings) = Deployment::build(&mixed).unwrap();
    assert_eq!(
        warnings,
        [TopologyWarning::MixedHa {
            cluster: "main".to_owned()
        }]
    );
    single.ha = true;
    assert!(refusal(&one_cluster(vec![single])).contains("HA is on in group \"g\""));
}

/// TOP-7: what a node may be called, and which names need DNS.
#[test]
fn node_names_are_addresses_hosts_or_fqdns() {
    let kind = |text: &str| text.parse::<NodeName>().map(|name| name.kind());
    assert_eq!(kind("10.0.0.1"), Ok(NodeNameKind::Ip));
    assert_eq!(kind("2001:db8::1"), Ok(NodeNameKind::Ip));
    assert_eq!(kind("imp-1a"), Ok(NodeNameKind::Host));
    assert_eq!(kind("imp-1a.example.org"), Ok(NodeNameKind::Fqdn));
    for bad in ["", "-a", "a-", "a..b", "10.0.0.999", "a_b", &"x".repeat(64)] {
        assert!(kind(bad).is_err(), "{bad}");
    }
    assert!("imp".parse::<NodeName>().unwrap().needs_dns());
    assert!(!"10.0.0.1".parse::<NodeName>().unwrap().needs_dns());
}

/// TOP-8: a node carries no more users than its size.
#[test]
fn a_node_carries_what_its_size_allows() {
    let mut group = pair("g", ["a", "b"]);
    group.nodes[0].ova = OvaSize::U500;
    let (built, _) = Deployment::build(&one_cluster(vec![group])).unwrap();
    let id = built.node_named("a").unwrap().id;
    assert!(built.check_users(id, 500).is_ok());
    let text = built.check_users(id, 501).unwrap_err().to_string();
    assert!(
        text.contains("501 users") && text.contains("at most 500"),
        "{text}"
    );
    assert!(
        "750"
            .parse::<OvaSize>()
            .unwrap_err()
            .to_string()
            .contains("25000")
    );
}

/// TOP-9: a long or narrow link inside a cluster is accepted with a warning, an impossible one refused.
#[test]
fn links_inside_a_cluster_draw_warnings() {
    let mut spec = one_cluster(vec![pair("g", ["a", "b"])]);
    let link = |rtt, bandwidth_bps| LinkSpec {
        a: "a".parse().unwrap(),
        b: "b".parse().unwrap(),
        link: Link {
            rtt: Duration::from_millis(rtt),
            bandwidth_bps,
            ..Link::default()
        },
    };
    spec.links = vec![link(80, 10_000_000)];
    assert!(Deployment::build(&spec).unwrap().1.is_empty());
    spec.links = vec![link(81, 9_999_999)];
    let (built, warnings) = Deployment::build(&spec).unwrap();
    assert_eq!(warnings.len(), 2);
    let ids = [0, 1].map(|i| built.nodes()[i].id);
    assert_eq!(built.link(ids[1], ids[0]).rtt, Duration::from_millis(81));
    spec.links = vec![link(1, 0)];
    assert!(refusal(&spec).contains("bandwidth"));
    spec.links[0].b = "nobody".parse().unwrap();
    assert!(refusal(&spec).contains("two different nodes"));
}

/// TOP-9: a blocked port is blocked in both directions, the others pass.
#[test]
fn ports_can_be_blocked() {
    let mut spec = one_cluster(vec![pair("g", ["a", "b"])]);
    let blocked_ports = [Port::Srm.number()].into();
    spec.links = vec![LinkSpec {
        a: "b".parse().unwrap(),
        b: "a".parse().unwrap(),
        link: Link {
            blocked_ports,
            ..Link::default()
        },
    }];
    let (built, _) = Deployment::build(&spec).unwrap();
    let ids = [0, 1].map(|i| built.nodes()[i].id);
    assert!(!built.passes(ids[0], ids[1], Port::Srm) && built.passes(ids[1], ids[0], Port::Router));
}

fn clusters(count: usize) -> Vec<ClusterSpec> {
    (0..count)
        .map(|i| {
            ClusterSpec::new(
                format!("c{i}"),
                vec![pair(&format!("g{i}"), [&format!("a{i}"), &format!("b{i}")])],
            )
        })
        .collect()
}

/// TOP-1: thirty peered clusters are allowed, thirty-one are not.
#[test]
fn at_most_thirty_clusters_are_peered() {
    let chain = |count: usize| {
        let mut all = clusters(count);
        for (before, cluster) in all.iter_mut().skip(1).enumerate() {
            cluster.peers = vec![format!("c{before}")];
        }
        DeploymentSpec::new("example.org", all)
    };
    let (built, _) = Deployment::build(&chain(30)).unwrap();
    assert_eq!(built.mesh(built.clusters()[7].id).len(), 30);
    assert!(refusal(&chain(31)).contains("31 clusters are peered"));
}

/// TOP-10: a Business Edition 6000 has no peers.
#[test]
fn business_edition_is_not_peered() {
    let mut all = clusters(2);
    all[1].business_edition = true;
    all[0].peers = vec!["c1".to_owned()];
    let text = refusal(&DeploymentSpec::new("example.org", all.clone()));
    assert!(text.contains("\"c1\" cannot be peered"), "{text}");
    all[0].peers = vec!["c9".to_owned()];
    assert!(refusal(&DeploymentSpec::new("example.org", all)).contains("another cluster"));
}

/// Every error is told at once.
#[test]
fn all_errors_are_told_together() {
    let mut spec = one_cluster(vec![pair("bad name", ["a", "a"])]);
    spec.domain = "not a domain".to_owned();
    let TopologyErrors(errors) = Deployment::build(&spec).unwrap_err();
    assert_eq!(errors.len(), 3, "{errors:?}");
}
