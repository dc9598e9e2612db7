//! Chapter 1: services, nodes and their power (SVC-1 to SVC-5), in virtual time.

mod common;

use common::{A, B, FEATURES, Pair, pair, pair_with, seconds};
use std::sync::Arc;
use takeover_actors::node::{ServiceAction, ServiceFault};
use takeover_actors::rack::{PowerAction, PowerRefused, RackMsg};
use takeover_actors::rt::{Ctx, Exit};
use takeover_actors::service::{Idle, Readiness, ServiceActor, ServiceWork};
use takeover_actors::service_table::ServiceRefused;
use takeover_core::id::NodeId;
use takeover_core::journal::{Event, Power};
use takeover_core::service::{ServiceCause, ServiceKind as K, ServiceState as S};

fn states_of(pair: &Pair, node: NodeId, kind: K) -> Vec<S> {
    let changes = pair.entries(
        node,
        |event| matches!(event, Event::Service { kind: k, .. } if *k == kind),
    );
    let state = |event| match event {
        Event::Service { state, .. } => state,
        _ => unreachable!("picked above"),
    };
    changes
        .into_iter()
        .map(|entry| state(entry.event))
        .collect()
}

/// SVC-1: every change of a service is announced, and they start in the order of their needs.
#[test]
fn svc_1_services_start_in_order_and_announce_it() {
    let pair = pair(1).up();
    assert_eq!(states_of(&pair, A, K::XcpRouter), [S::Starting, S::Started]);
    let started = |kind: K| {
        let is = |event: &Event| matches!(event, Event::Service { kind: k, state: S::Started } if *k == kind);
        pair.entries(A, is)[0].seq
    };
    for kind in FEATURES {
        for needs in kind.dependencies() {
            assert!(started(*needs) < started(kind), "{needs} before {kind}");
        }
    }
    assert!(pair.gates.all_open(A, &[K::XcpRouter, K::TextConference]));
    assert_eq!(
        pair.service(A, K::XmppFederation),
        S::Stopped,
        "not activated"
    );
}

/// SVC-2: restarting the router restarts every XCP service that was running, and no other.
#[test]
fn svc_2_router_restart_restarts_what_was_running() {
    let mut pair = pair(2).up();
    pair.act(A, K::TextConference, ServiceAction::Stop).unwrap();
    pair.driver.pass(seconds(5));
    assert_eq!(pair.service(A, K::TextConference), S::Stopped);
    pair.act(A, K::XcpRouter, ServiceAction::Restart).unwrap();
    pair.driver.pass(seconds(2));
    assert!(
        !pair.gates.is_open(A, K::XcpConnectionManager),
        "closed while the router is down"
    );
    pair.driver.pass(seconds(30));
    assert!(pair.gates.all_open(
        A,
        &[K::XcpRouter, K::XcpConnectionManager, K::XcpAuthentication]
    ));
    assert_eq!(
        pair.service(A, K::TextConference),
        S::Stopped,
        "it was not running"
    );
    assert_eq!(
        states_of(&pair, A, K::PresenceEngine),
        [S::Starting, S::Started],
        "untouched"
    );
}

/// SVC-2: stopping the router stops the XCP services; starting it leaves them stopped.
#[test]
fn svc_2_router_stop_leaves_them_stopped() {
    let mut pair = pair(3).up();
    pair.act(A, K::XcpRouter, ServiceAction::Stop).unwrap();
    pair.driver.pass(seconds(10));
    for kind in [K::XcpRouter, K::XcpConnectionManager, K::TextConference] {
        assert_eq!(pair.service(A, kind), S::Stopped);
    }
    let refused = pair
        .act(A, K::TextConference, ServiceAction::Start)
        .unwrap_err();
    let needs = K::XcpRouter;
    let kind = K::TextConference;
    assert_eq!(
        refused,
        ServiceRefused::DependencyDown {
            kind,
            needs,
            state: S::Stopped
        }
    );
    pair.act(A, K::XcpRouter, ServiceAction::Start).unwrap();
    pair.await_service(A, K::XcpRouter, seconds(10));
    pair.driver.pass(seconds(10));
    assert_eq!(pair.service(A, K::TextConference), S::Stopped);
    pair.act(A, K::TextConference, ServiceAction::Start)
        .unwrap();
    pair.await_service(A, K::TextConference, seconds(10));
}

/// SVC-3: a service that panics is `Failed` with the panic's text; siblings and node go on.
#[test]
fn svc_3_every_service_panics_with_its_text() {
    for kind in K::ALL {
        let mut pair = pair_with(4, |setup| setup.activated.extend(K::ALL)).up();
        pair.driver.pass(seconds(30));
        let text = format!("{kind} is broken");
        pair.fault(A, kind, ServiceFault::Panic(text.clone()));
        let failed = S::Failed(ServiceCause::Panicked(text.clone()));
        assert_eq!(pair.service(A, kind), failed, "{}", pair.lines());
        assert!(
            pair.lines()
                .contains(&format!("service {} panicked: {text}", kind.short_name()))
        );
        assert!(!pair.gates.is_open(A, kind), "closed in the same instant");
        pair.driver.pass(seconds(5));
        for other in K::ALL.into_iter().filter(|other| *other != kind) {
            assert!(pair.service(B, other).is_up(), "{other} on the other node");
            assert_eq!(
                pair.service(A, other).is_up(),
                !pair_needs(other, kind),
                "{other}"
            );
        }
    }
}

/// Whether `kind` needs `fallen`, directly or not, and falls with it.
fn pair_needs(kind: K, fallen: K) -> bool {
    kind.dependencies()
        .iter()
        .any(|needs| *needs == fallen || pair_needs(*needs, fallen))
}

/// SVC-2, SVC-3: what needs a failed service fails with that cause, and restarts with it.
#[test]
fn svc_3_dependents_fall_with_a_failed_service_and_come_back() {
    let mut pair = pair(5).up();
    pair.fault(A, K::XcpRouter, ServiceFault::Kill);
    assert_eq!(
        pair.service(A, K::XcpRouter),
        S::Failed(ServiceCause::Killed)
    );
    pair.driver.pass(seconds(5));
    let fell = S::Failed(ServiceCause::Dependency(K::XcpRouter));
    assert_eq!(pair.service(A, K::XcpConnectionManager), fell);
    pair.act(A, K::XcpRouter, ServiceAction::Restart).unwrap();
    pair.await_service(A, K::XcpConnectionManager, seconds(20));
    pair.await_service(A, K::TextConference, seconds(20));
}

struct NoDatabase;

impl ServiceWork for NoDatabase {
    fn start(&mut self, _ctx: &mut Ctx<ServiceActor>) -> Readiness {
        Readiness::Refuse(ServiceCause::ExternalDatabaseUnreachable(
            "db.example".to_owned(),
        ))
    }
}

/// SVC-4: TC that cannot reach its database at start does not run, says why, and is notified of.
#[test]
fn svc_4_tc_without_its_database_does_not_run() {
    let mut pair = pair_with(6, |setup| {
        setup
            .works
            .insert(K::TextConference, Arc::new(|_| Box::new(NoDatabase)));
    });
    pair.power(A, PowerAction::On).unwrap();
    pair.driver.pass(seconds(60));
    let cause = ServiceCause::ExternalDatabaseUnreachable("db.example".to_owned());
    assert_eq!(pair.service(A, K::TextConference), S::Failed(cause));
    let alarms = pair.entries(A, |event| matches!(event, Event::Alarm { .. }));
    assert_eq!(alarms.len(), 1);
    assert!(alarms[0].event.to_string().contains("db.example"));
    assert!(pair.service(A, K::XcpConnectionManager).is_up());
}

struct NeverReady;

impl ServiceWork for NeverReady {
    fn start(&mut self, _ctx: &mut Ctx<ServiceActor>) -> Readiness {
        Readiness::Wait
    }
}

/// SVC-1: a start that never ends is a failure, in bounded time.
#[test]
fn svc_1_a_start_that_hangs_times_out() {
    let mut pair = pair_with(7, |setup| {
        setup
            .works
            .insert(K::SipProxy, Arc::new(|_| Box::new(NeverReady)));
    });
    pair.power(A, PowerAction::On).unwrap();
    pair.driver.pass(seconds(90));
    assert_eq!(
        pair.service(A, K::SipProxy),
        S::Failed(ServiceCause::StartTimedOut)
    );
}

/// SVC-5: a killed node runs nothing and sends nothing, from that instant on.
#[test]
fn svc_5_a_killed_node_is_silent() {
    let mut pair = pair(8).up();
    pair.power(A, PowerAction::Kill).unwrap();
    assert_eq!(pair.board.node(A).power, Power::Killed);
    let after = pair.driver.world().journal().len();
    let sent = pair.driver.world().network().counters(A).sent;
    pair.driver.pass(seconds(600));
    assert_eq!(pair.driver.world().network().counters(A).sent, sent);
    assert!(
        pair.driver
            .world()
            .journal()
            .find(after, |entry| entry.node == Some(A))
            .is_none()
    );
    for kind in K::ALL {
        assert!(!pair.gates.is_open(A, kind));
    }
    let refused = pair.power(A, PowerAction::Reboot).unwrap_err();
    assert_eq!(
        refused,
        PowerRefused::NotNow {
            power: Power::Killed
        }
    );
    pair.power(A, PowerAction::On).unwrap();
    pair.await_service(A, K::XcpConnectionManager, seconds(60));
    assert_eq!(pair.board.node(A).incarnation, 2);
}

/// SVC-5: an orderly shutdown stops every service in order; a reboot starts the next life.
#[test]
fn svc_5_off_and_reboot_are_orderly() {
    let mut pair = pair(9).up();
    pair.power(A, PowerAction::Off).unwrap();
    pair.driver.pass(seconds(30));
    assert_eq!(pair.board.node(A).power, Power::Off);
    for kind in FEATURES {
        assert_eq!(
            states_of(&pair, A, kind).last(),
            Some(&S::Stopped),
            "{kind}"
        );
    }
    assert!(!pair.lines().contains("killed"), "{}", pair.lines());
    pair.power(B, PowerAction::Reboot).unwrap();
    pair.driver.pass(seconds(90));
    assert_eq!(
        (pair.board.node(B).power, pair.board.node(B).incarnation),
        (Power::On, 2)
    );
    pair.await_service(B, K::XcpConnectionManager, seconds(60));
}

/// SVC-5: a node whose own actor panics is a crashed machine; the other node goes on.
#[test]
fn svc_3_a_work_factory_that_panics_crashes_its_node_alone() {
    let mut pair = pair_with(10, |setup| {
        if setup.node == A {
            setup
                .works
                .insert(K::SipProxy, Arc::new(|_| panic!("no such board")));
        }
    });
    pair.power(A, PowerAction::On).unwrap();
    pair.power(B, PowerAction::On).unwrap();
    pair.driver.pass(seconds(60));
    assert_eq!(pair.board.node(A).power, Power::Killed);
    assert!(pair.lines().contains("node 1A panicked: no such board"));
    assert!(pair.service(B, K::SipProxy).is_up());
}

/// The lab's shutdown ends every node in order, and then the rack.
#[test]
fn the_rack_shuts_down_in_order() {
    let mut pair = pair(11).up();
    pair.rack.addr().send(RackMsg::ShutDown).unwrap();
    pair.driver.pass(seconds(60));
    assert_eq!(pair.rack.exit(), Some(Exit::Stopped));
    assert_eq!(pair.driver.timers(), 0, "nothing is left armed");
}

/// A service that is not activated, or a node that is off, refuses with the reason.
#[test]
fn actions_are_refused_with_a_reason() {
    let mut pair = pair_with(12, |setup| {
        setup
            .works
            .insert(K::SipProxy, Arc::new(|_| Box::new(Idle)));
    })
    .up();
    let refused = pair.act(A, K::Axl, ServiceAction::Start).unwrap_err();
    assert_eq!(refused, ServiceRefused::NotActivated { kind: K::Axl });
    let refused = pair.power(NodeId(7), PowerAction::On).unwrap_err();
    assert_eq!(refused, PowerRefused::NoSuchNode(NodeId(7)));
}
