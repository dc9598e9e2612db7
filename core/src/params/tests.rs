use std::time::Duration;

use super::*;
use crate::assignment::AssignmentMode;
use crate::ha::{Detection, HaParams};
use crate::id::NodeId;
use crate::service::ServiceKind;
use crate::topology::{ClusterSpec, Deployment, DeploymentSpec, GroupSpec, NodeSpec};

fn cluster<'a>(name: &'a str, value: &'a str) -> Setting<'a> {
    Setting {
        name,
        node: None,
        value,
    }
}

fn refusal(settings: &[Setting<'_>]) -> String {
    let mut params = Params::new();
    let error = params.set_all(settings).unwrap_err().to_string();
    assert_eq!(params, Params::new(), "nothing is changed");
    error
}

/// The list is in the order of the parameters, each default is allowed, each name and key leads back.
#[test]
fn the_list_is_sound() {
    for spec in Param::all() {
        assert_eq!(spec.param.spec(), spec);
        assert_eq!(Param::named(spec.name), Some(spec.param));
        assert_eq!(Param::named(spec.key), Some(spec.param));
        assert_eq!(
            spec.kind.read(&spec.default.to_string()),
            Some(spec.default)
        );
    }
    assert!(Params::new().set_all(&[]).is_ok());
    assert_eq!(
        Param::named("Keep Alive Timeout"),
        Some(Param::KeepAliveTimeout)
    );
}

/// Chapter 2: the defaults of the parameters are those of the machine.
#[test]
fn defaults_are_those_of_the_specification() {
    assert_eq!(Params::new().ha(), HaParams::default());
    let limits = Params::new().re_login_limits(NodeId(0));
    assert_eq!(limits, (Duration::from_secs(120), Duration::from_secs(537)));
}

/// CFG-6: unknown, of the wrong type, out of range: refused with name, value, range and unit.
#[test]
fn bad_settings_are_refused_with_what_is_allowed() {
    let text = refusal(&[cluster("Critical Service Down Delay", "0")]);
    assert_eq!(
        text,
        "Critical Service Down Delay is \"0\"; allowed: a whole number from 1 to 3600 s"
    );
    assert!(refusal(&[cluster("keep-alive-interval", "soon")]).contains("\"soon\""));
    assert!(refusal(&[cluster("Enable Automatic Fallback", "maybe")]).contains("true or false"));
    assert!(refusal(&[cluster("Service Down Delay", "1")]).contains("Critical Service Down Delay"));
    assert!(refusal(&[cluster("user-assignment-mode", "x")]).contains("active-standby"));
    let sync = "Inter Clustering Peers Periodic Sync Interval (mins)";
    for bad in ["29", "1445"] {
        assert!(refusal(&[cluster(sync, bad)]).contains("from 30 to 1444 min"));
    }
}

/// CFG-6: one bad setting of a batch leaves all as it was; all errors are told.
#[test]
fn a_batch_is_all_or_nothing() {
    let text = refusal(&[
        cluster("connect-timeout", "10"),
        cluster("service-port", "80"),
        cluster("nonsense", "1"),
    ]);
    assert!(
        text.contains("Service Port is \"80\"") && text.contains("\"nonsense\""),
        "{text}"
    );
}

/// Chapter 2: interval < timeout <= initialization timeout; a batch may move all three.
#[test]
fn times_keep_their_order() {
    let text = refusal(&[cluster("keep-alive-interval", "60")]);
    assert!(
        text.contains("(60 s) must be less than Keep Alive (Heartbeat) Timeout (60 s)"),
        "{text}"
    );
    assert!(refusal(&[cluster("keep-alive-timeout", "121")]).contains("must not exceed"));
    let mut params = Params::new();
    let batch = [
        cluster("keep-alive-interval", "100"),
        cluster("keep-alive-timeout", "200"),
        cluster("initialization-keep-alive-timeout", "200"),
    ];
    assert_eq!(params.set_all(&batch).unwrap().len(), 3);
}

/// SES-5: lower <= upper on each node; a node's parameter is set for a node.
#[test]
fn re_login_limits_are_the_nodes() {
    let lower = |node, value| Setting {
        name: "Client Re-Login Lower Limit",
        node,
        value,
    };
    assert!(refusal(&[lower(None, "1")]).contains("is set for a node, not for a cluster"));
    assert!(refusal(&[lower(Some(NodeId(1)), "538")]).contains("must not exceed"));
    let both = [lower(Some(NodeId(0)), "538"), lower(Some(NodeId(1)), "538")];
    let said = refusal(&both);
    assert_eq!(said.matches("must not exceed").count(), 1, "{said}");
    let mut params = Params::new();
    params.set_all(&[lower(Some(NodeId(1)), "300")]).unwrap();
    assert_eq!(params.number_of(Param::ReLoginLowerLimit, NodeId(1)), 300);
    assert_eq!(params.number_of(Param::ReLoginLowerLimit, NodeId(0)), 120);
}

/// SES-5: limits that differ inside a group, or are below the delay, draw a warning.
#[test]
fn unequal_limits_draw_a_warning() {
    let nodes = ["a", "b"]
        .map(|name| NodeSpec::new(name.parse().unwrap()))
        .to_vec();
    let spec = ClusterSpec::new("main", vec![GroupSpec::new("g", nodes)]);
    let (built, _) = Deployment::build(&DeploymentSpec::new("example.org", vec![spec])).unwrap();
    let id = built.clusters()[0].id;
    let mut params = Params::new();
    assert!(params.warnings(&built, id).is_empty());
    let name = "Client Re-Login Lower Limit";
    params
        .set_all(&[Setting {
            name,
            node: Some(NodeId(1)),
            value: "60",
        }])
        .unwrap();
    let texts: Vec<String> = params
        .warnings(&built, id)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(
        texts[0].contains("(120 and 60)") && texts[1].contains("below"),
        "{texts:?}"
    );
}

/// HA-16: Multiple Device Messaging doubles the times; the older detection is a choice.
#[test]
fn settings_reach_the_machine() {
    let mut params = Params::new();
    let batch = [
        cluster("Enable Multiple Device Messaging", "on"),
        cluster("Peer Detection", "connect-timeout"),
        cluster("Enable Persistent Chat", "yes"),
        cluster("Enable Automatic Fallback", "true"),
    ];
    params.set_all(&batch).unwrap();
    let ha = params.ha();
    let secs = Duration::from_secs;
    let expected = Detection::ConnectTimeout {
        interval: secs(120),
        connect_timeout: secs(60),
    };
    assert_eq!(ha.detection, expected);
    assert_eq!(ha.critical_service_delay, secs(180));
    assert_eq!(ha.automatic_fallback, Some(HaParams::FALLBACK_HEALTH));
    assert!(ha.critical.contains(ServiceKind::TextConference));
}

/// USR-1: the words of the parameter are the modes.
#[test]
fn assignment_modes_are_the_words() {
    for mode in AssignmentMode::ALL {
        let mut params = Params::new();
        params
            .set_all(&[cluster("user-assignment-mode", mode.name())])
            .unwrap();
        assert_eq!(params.assignment_mode(), mode);
    }
}
