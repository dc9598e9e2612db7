//! Chapter 1 of the specification: what a deployment may be, its services, its users.

mod common;

use common::*;
use std::time::Duration;
use takeover::ha::State;
use takeover::journal::{Event, Power};
use takeover::lab::{Builder, Lab, Severity};
use takeover::service::{ServiceCause, ServiceKind, ServiceState};

/// What a description is refused with.
fn refused(builder: Builder) -> String {
    builder.build().err().expect("it breaks a rule").to_string()
}

/// TOP-2, TOP-3: a cluster has at most six nodes, each in one group of its own cluster.
#[test]
fn top_2_cluster_size() {
    let six = |lab: Builder| {
        lab.cluster("c", |c| {
            c.pair("p1", "1", "2")
                .pair("p2", "3", "4")
                .pair("p3", "5", "6")
        })
    };
    let lab = started(six(Lab::virtual_time(1)));
    assert_eq!(lab.deployment().groups().len(), 3);
    let why = refused(Lab::virtual_time(1).cluster("c", |c| {
        c.pair("p1", "1", "2")
            .pair("p2", "3", "4")
            .pair("p3", "5", "6")
            .single("s", "7")
    }));
    assert!(why.contains('7') && why.contains("1 to 6"), "{why}");
}

/// TOP-5: a group's name is unique and of the allowed characters.
#[test]
fn top_5_group_names() {
    let why = refused(Lab::virtual_time(1).cluster("c", |c| c.pair("a b", "1", "2")));
    assert!(why.contains("a b"), "{why}");
    let why =
        refused(Lab::virtual_time(1).cluster("c", |c| c.pair("p", "1", "2").pair("p", "3", "4")));
    assert!(why.contains("\"p\"") && why.contains("unique"), "{why}");
}

/// TOP-6: HA may be on here and off there; a pair without it rests in row 24 and is never taken over.
#[test]
fn top_6_without_ha() {
    let one = Lab::virtual_time(1).cluster("c", |c| {
        c.pair("off", "1", "2").without_ha().pair("on", "3", "4")
    });
    let mut lab = started(one);
    assert_eq!((row(&lab, "off"), row(&lab, "on")), (Some(24), Some(1)));
    lab.node("1").unwrap().kill().unwrap();
    lab.node("3").unwrap().kill().unwrap();
    lab.pass(5 * MINUTE);
    assert_eq!(lab.state("2"), Some(State::Unknown));
    assert_eq!(lab.state("4"), Some(State::Backup));
}

/// TOP-4: both nodes of a pair have the same version; another one is refused, and both are named.
#[test]
fn top_4_one_version_a_pair() {
    let pair = |second: &'static str| {
        Lab::virtual_time(1).cluster("c", |c| {
            c.pair("p", "n1", "n2")
                .version("n1", "14.0.1")
                .version("n2", second)
        })
    };
    assert_eq!(started(pair("14.0.1")).state("n1"), Some(State::Normal));
    let why = refused(pair("12.5.1"));
    assert!(why.contains("14.0.1") && why.contains("12.5.1"), "{why}");
}

/// TOP-8: a node carries no more users than its size; without a word its size fits.
#[test]
fn top_8_node_size() {
    let one = |users| {
        Lab::virtual_time(1)
            .cluster("c", |c| c.pair("p", "n1", "n2").ova(500))
            .users(users)
    };
    let lab = one(1000).build().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(lab.assigned_users("n1").unwrap(), 500);
    let why = refused(one(1001));
    assert!(
        why.contains("n1") && why.contains("501") && why.contains("500"),
        "{why}"
    );
    let why = refused(one(1000).parameter("User Assignment Mode", "active-standby"));
    assert!(why.contains("1000") && why.contains("500"), "{why}");
    let fits = Lab::virtual_time(1)
        .cluster("c", |c| c.single("s", "n1"))
        .users(6000);
    fits.build().unwrap_or_else(|error| panic!("{error}"));
}

/// TOP-9: a long or a narrow way inside a cluster is accepted, with an alarm that names it; the pair
/// lives with it. Between clusters it is no matter.
#[test]
fn top_9_degraded_links() {
    let alarms = |lab: &Lab| -> Vec<String> {
        let alarm = |entry: takeover::journal::Entry| match entry.event {
            Event::Alarm { text } => Some(text),
            _ => None,
        };
        lab.journal()
            .entries()
            .into_iter()
            .filter_map(alarm)
            .collect()
    };
    let mut lab = lab(1);
    let mut link = lab.link("1A", "1B").unwrap();
    link.delay(Duration::from_millis(80));
    link.bandwidth(Some(10_000_000));
    assert_eq!(alarms(&lab), [""; 0]);
    let mut link = lab.link("1A", "1B").unwrap();
    link.delay(Duration::from_millis(81));
    link.bandwidth(Some(9_999_999));
    let told = alarms(&lab);
    assert!(
        told[0].contains("81ms") && told[0].contains("\"1A\""),
        "{told:?}"
    );
    assert!(told.last().unwrap().contains("9999999 bit/s"), "{told:?}");
    lab.pass(5 * MINUTE);
    assert_eq!(row(&lab, "pair-1"), Some(1));
    let two = Lab::virtual_time(1)
        .cluster("east", |east| east.single("e", "e1"))
        .cluster("west", |west| west.single("w", "w1"));
    let mut lab = started(two);
    lab.link("e1", "w1").unwrap().delay(SECOND);
    assert_eq!(alarms(&lab), [""; 0]);
}

/// USR-1: users are spread evenly over the nodes; totals differ by at most one.
#[test]
fn usr_1_balanced() {
    for users in [1, 7, 40, 41] {
        let lab = started(Lab::virtual_time(1).users(users));
        let counts = HOMES.map(|node| lab.assigned_users(node).unwrap());
        assert_eq!(counts.iter().sum::<usize>() as u64, users);
        let (least, most) = (counts.iter().min(), counts.iter().max());
        assert!(most.unwrap() - least.unwrap() <= 1, "{counts:?}");
    }
}

/// USR-1: *Active-Standby* gives all users of a pair to its first node.
#[test]
fn usr_1_active_standby() {
    let lab = started(
        Lab::virtual_time(1)
            .users(10)
            .parameter("User Assignment Mode", "active-standby"),
    );
    let counts = HOMES.map(|node| lab.assigned_users(node).unwrap());
    assert_eq!((counts[0] + counts[2], counts[1], counts[3]), (10, 0, 0));
}

/// SVC-2: restarting the router restarts the XCP services that ran; stopping and starting it leaves them
/// stopped. While it is down nobody at the node is logged in.
#[test]
fn svc_2_the_router_carries_the_others() {
    let mut lab = lab(10);
    let [andy] = online(&mut lab, ["andy"]);
    lab.node("1A")
        .unwrap()
        .service(ServiceKind::XcpRouter)
        .restart()
        .unwrap();
    lab.pass(30 * SECOND);
    for kind in [
        ServiceKind::XcpRouter,
        ServiceKind::TextConference,
        ServiceKind::XcpConnectionManager,
    ] {
        assert!(is_up(&lab, "1A", kind), "{kind}");
    }
    await_that(&mut lab, "Andy is back", LONG, |_| andy.is_online());
    lab.node("1A")
        .unwrap()
        .service(ServiceKind::XcpRouter)
        .stop()
        .unwrap();
    lab.pass(10 * SECOND);
    assert!(!andy.is_online());
    lab.node("1A")
        .unwrap()
        .service(ServiceKind::XcpRouter)
        .start()
        .unwrap();
    lab.pass(10 * SECOND);
    assert!(is_up(&lab, "1A", ServiceKind::XcpRouter));
    assert_eq!(
        lab.service_state("1A", ServiceKind::TextConference),
        ServiceState::Stopped
    );
}

/// SVC-3: a service of any kind that panics is `Failed` with the panic's text; its node and all
/// other services live on, except those that need it.
#[test]
fn svc_3_a_panic_has_its_text() {
    for kind in ServiceKind::ALL {
        let mut lab = lab(20);
        let text = format!("{} lost its mind", kind.short_name());
        lab.node("1A").unwrap().service(kind).panic(&text).unwrap();
        lab.pass(SECOND);
        assert!(lab.journal().lines().contains(&text), "{kind}");
        let watched = matches!(kind, ServiceKind::Srm | ServiceKind::InterclusterSyncAgent);
        if !watched {
            let state = lab.service_state("1A", kind);
            assert_eq!(
                state,
                ServiceState::Failed(ServiceCause::Panicked(text)),
                "{kind}"
            );
        }
        assert_eq!(lab.power_of("1A"), Some(Power::On));
        assert_eq!(lab.state("1B").map(State::is_stable), Some(true), "{kind}");
    }
}

/// SVC-4: TC whose database cannot be reached at start does not run: it fails with that cause and a
/// critical notification asks for the restart, which brings TC up once the database is back, and then
/// is over.
#[test]
fn svc_4_no_conference_without_its_database() {
    let mut lab = lab(11);
    let tc = ServiceKind::TextConference;
    lab.database("pair-1").unwrap().down();
    // Its answer is that it does not run.
    let _ = lab.node("1A").unwrap().service(tc).restart();
    let because = |lab: &takeover::Control| {
        matches!(
            lab.service_state("1A", tc),
            ServiceState::Failed(ServiceCause::ExternalDatabaseUnreachable(_))
        )
    };
    await_that(&mut lab, "TC fails, and says why", MINUTE, because);
    assert!(is_up(&lab, "2A", tc), "another pair has its own database");
    let active = lab.notifications();
    let [told] = &active[..] else {
        panic!("{active:?}");
    };
    assert_eq!(told.severity, Severity::Critical);
    assert!(told.change.contains("external database"), "{}", told.change);
    let restart = told.restart.clone().unwrap();
    assert_eq!(restart.node, "1A");
    lab.database("pair-1").unwrap().heal();
    typed(&mut lab, &restart.command()).unwrap();
    await_that(
        &mut lab,
        "TC runs, and nothing is left to do",
        5 * MINUTE,
        |lab| is_up(lab, "1A", tc) && lab.notifications().is_empty(),
    );
}

/// SVC-5: on, off, killed: what is done to a node's power is refused where it makes no sense.
#[test]
fn svc_5_power() {
    let mut lab = lab(30);
    assert!(lab.node("2A").unwrap().power_on().is_err());
    lab.node("2A").unwrap().power_off().unwrap();
    lab.pass(MINUTE);
    assert_eq!(lab.power_of("2A"), Some(Power::Off));
    let why = lab.node("2A").unwrap().kill().unwrap_err().to_string();
    assert!(why.contains("off"), "{why}");
    lab.node("2A").unwrap().power_on().unwrap();
    lab.pass(MINUTE);
    assert_eq!(lab.power_of("2A"), Some(Power::On));
}
