//! Nodes, their services, and what watches over them.

use super::*;

/// SVC-3, SVC-5: a node that panics is a crashed machine. Its rack takes its power; the peer takes
/// its users over; switched on again it is as good as new.
#[test]
fn a_node() {
    let mut scene = Scene::new(1);
    scene.strike(Some("1A"), "node", "1A");
    assert_eq!(
        scene.lab.power_of("1A"),
        Some(takeover::journal::Power::Killed)
    );
    scene.assert_beside_goes_on();
    await_that(&mut scene.lab, "1B takes over", 3 * MINUTE, |lab| {
        row(lab, "pair-1") == Some(16)
    });
    scene.lab.node("1A").unwrap().power_on().unwrap();
    scene.bring_home();
    scene.assert_all_well();
}

/// SVC-3: a service that panics is `Failed` with the text, and stays so until it is started; SRM and
/// ICSA are started again by those who watch them (ICP-14).
#[test]
fn a_service() {
    for kind in ServiceKind::ALL {
        let mut lab = lab(2);
        let since = mark(&lab);
        lab.panic_in(Some("1A"), "service", kind.short_name(), TEXT)
            .unwrap();
        let failed = ServiceState::Failed(ServiceCause::Panicked(TEXT.to_owned()));
        let heard = entries(
            &lab,
            "1A",
            since,
            |event| matches!(event, Event::Service { kind: k, state } if *k == kind && *state == failed),
        );
        assert_eq!(
            heard.len(),
            1,
            "{kind}: the node hears it once, with its text"
        );
        assert_eq!(panics(&lab, since).len(), 1, "{kind}");
        lab.pass(30 * SECOND);
        let watched = matches!(kind, ServiceKind::Srm | ServiceKind::InterclusterSyncAgent);
        assert_eq!(is_up(&lab, "1A", kind), watched, "{kind}");
        assert_eq!(row(&lab, "pair-2"), Some(1), "{kind}");
    }
}

/// SVC-3, HA-12: SRM that panics fails its service; the node starts it again, it resumes its state,
/// and nobody moves.
#[test]
fn srm() {
    let mut scene = Scene::new(3);
    let since = mark(&scene.lab);
    scene.strike(Some("1A"), "srm", "srm");
    let failed = ServiceState::Failed(ServiceCause::Panicked(TEXT.to_owned()));
    assert_eq!(scene.lab.service_state("1A", ServiceKind::Srm), failed);
    scene.assert_beside_goes_on();
    scene.await_row_1();
    let moved = |event: &Event| matches!(event, Event::UserMoved { .. });
    assert!(entries(&scene.lab, "1A", since, moved).is_empty());
    scene.assert_all_well();
}

/// ICP-14: ICSA that panics is noticed by SRM, which starts it again.
#[test]
fn icsa() {
    let mut scene = Scene::new(4);
    let since = mark(&scene.lab);
    scene.strike(Some("1A"), "icsa", "icsa");
    scene.assert_beside_goes_on();
    let noticed = |event: &Event| matches!(event, Event::WatchedEnded { watcher: ServiceKind::Srm, exit, .. } if exit.contains(TEXT));
    assert_eq!(entries(&scene.lab, "1A", since, noticed).len(), 1);
    await_that(&mut scene.lab, "ICSA is back", MINUTE, |lab| {
        is_up(lab, "1A", ServiceKind::InterclusterSyncAgent)
    });
    scene.assert_all_well();
}
