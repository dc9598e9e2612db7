//! Long random histories of a pair in virtual time: whatever happens, it heals once the causes are gone.

use proptest::prelude::*;
use takeover_core::ha::{Action, BootKind, HaParams, State};
use takeover_core::service::ServiceKind::{PresenceEngine, XcpRouter};

use crate::sim::{Broken, Pair, secs};

/// What can befall a pair.
#[derive(Clone, Debug)]
enum Blow {
    Pass(u64),
    Crash(usize),
    ShutDown(usize),
    PowerOn(usize),
    RestartSrm(usize),
    KillSrm(usize),
    Stop(usize, bool),
    Start(usize, bool),
    Database(usize, bool),
    Cut,
    CutOneWay(usize),
    Heal,
    Act(usize, Action),
    Break(usize, u8),
    Mend(usize),
}

fn blow() -> impl Strategy<Value = Blow> {
    let node = 0usize..2;
    prop_oneof![
        8 => (0u64..200).prop_map(Blow::Pass),
        1 => node.clone().prop_map(Blow::Crash),
        1 => node.clone().prop_map(Blow::ShutDown),
        2 => node.clone().prop_map(Blow::PowerOn),
        1 => node.clone().prop_map(Blow::RestartSrm),
        1 => node.clone().prop_map(Blow::KillSrm),
        2 => (node.clone(), any::<bool>()).prop_map(|(i, which)| Blow::Stop(i, which)),
        2 => (node.clone(), any::<bool>()).prop_map(|(i, which)| Blow::Start(i, which)),
        1 => (node.clone(), any::<bool>()).prop_map(|(i, up)| Blow::Database(i, up)),
        1 => Just(Blow::Cut),
        1 => node.clone().prop_map(Blow::CutOneWay),
        2 => Just(Blow::Heal),
        3 => (node.clone(), prop::sample::select(Action::ALL.to_vec()))
            .prop_map(|(i, action)| Blow::Act(i, action)),
        1 => (node.clone(), 0u8..6).prop_map(|(i, what)| Blow::Break(i, what)),
        1 => node.prop_map(Blow::Mend),
    ]
}

fn strike(pair: &mut Pair, blow: &Blow) {
    let service = |which: bool| if which { XcpRouter } else { PresenceEngine };
    match *blow {
        Blow::Pass(span) => pair.run(secs(span)),
        Blow::Crash(i) => pair.crash(i),
        Blow::ShutDown(i) => pair.shut_down(i),
        Blow::PowerOn(i) if !pair.hosts[i].powered => pair.power_on(i),
        Blow::PowerOn(_) => {}
        Blow::RestartSrm(i) if pair.hosts[i].powered => pair.restart_srm(i),
        Blow::RestartSrm(_) => {}
        Blow::KillSrm(i) => pair.kill_srm(i),
        Blow::Stop(i, which) => pair.stop(i, service(which)),
        Blow::Start(i, which) if pair.hosts[i].powered => pair.start(i, service(which)),
        Blow::Start(..) => {}
        Blow::Database(i, up) => pair.database(i, up),
        Blow::Cut => pair.cut(),
        Blow::CutOneWay(i) => pair.link[i] = false,
        Blow::Heal => pair.heal(),
        Blow::Act(i, action) => pair.admin(i, action),
        Blow::Break(i, what) => broken(&mut pair.hosts[i].broken, what),
        Blow::Mend(i) => pair.hosts[i].broken = Broken::default(),
    }
}

fn broken(broken: &mut Broken, what: u8) {
    match what {
        0 => broken.take_over = true,
        1 => broken.hand_back = true,
        2 => broken.take_back = true,
        3 => broken.release = true,
        4 => broken.hangs = true,
        _ => broken.start = Some(XcpRouter),
    }
}

/// Everything that was broken is mended; HA is on.
fn mend(pair: &mut Pair) {
    pair.heal();
    for i in 0..2 {
        pair.hosts[i].broken = Broken::default();
        if !pair.hosts[i].powered {
            pair.power_on(i);
        } else if pair.hosts[i].srm.is_none() {
            pair.boot(i, BootKind::SrmRestart);
        }
        pair.database(i, true);
    }
    pair.run(secs(1_500));
}

/// What the table recommends in the present state of a node.
fn operate(pair: &mut Pair) {
    for i in 0..2 {
        let Some((state, _)) = pair.state(i) else {
            continue;
        };
        let by_hand = state == State::Idle;
        if !by_hand {
            for kind in pair.hosts[i].down.iter() {
                pair.start(i, kind);
            }
        }
    }
    pair.run(secs(700));
    for i in 0..2 {
        match pair.state(i).map(|(state, _)| state) {
            Some(State::Idle | State::FailedOver) => pair.admin(i, Action::Fallback),
            Some(State::FailedMode) => pair.admin(i, Action::Recover),
            Some(State::Unknown) => pair.admin(i, Action::EnableHa),
            _ => {}
        }
    }
    pair.run(secs(1_500));
}

/// HA-14: once the blows have ended no node is left in a transition.
fn nobody_is_stuck(pair: &mut Pair) -> Result<(), TestCaseError> {
    // An automatic fallback may be under way just now; it ends, and another one does not begin so soon.
    if (0..2).any(|i| pair.state(i).is_some_and(|(state, _)| !state.is_stable())) {
        pair.run(secs(1_300));
    }
    for i in 0..2 {
        let state = pair.state(i).map(|(state, _)| state);
        prop_assert!(state.is_some_and(State::is_stable), "node {i} is {state:?}");
    }
    prop_assert!(
        pair.row().is_some(),
        "{:?} / {:?}",
        pair.state(0),
        pair.state(1)
    );
    Ok(())
}

fn survives(params: HaParams, blows: &[Blow]) -> Result<(), TestCaseError> {
    let mut pair = Pair::normal_with(params);
    blows.iter().for_each(|blow| strike(&mut pair, blow));
    mend(&mut pair);
    nobody_is_stuck(&mut pair)?;
    for _ in 0..4 {
        operate(&mut pair);
        nobody_is_stuck(&mut pair)?;
    }
    prop_assert_eq!(
        pair.row(),
        Some(1),
        "{:?} / {:?}",
        pair.state(0),
        pair.state(1)
    );
    prop_assert_eq!(pair.owner, [0, 1]);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// HA-7, HA-10, HA-12, HA-14: after any history, repairs and the recommended actions lead to row 1.
    #[test]
    fn any_history_heals(blows in prop::collection::vec(blow(), 1..60)) {
        survives(HaParams::default(), &blows)?;
    }

    /// The same with the older release's detection and with automatic fallback (HA-6).
    #[test]
    fn any_history_heals_with_the_older_detection(blows in prop::collection::vec(blow(), 1..60)) {
        let detection = takeover_core::ha::Detection::ConnectTimeout {
            interval: secs(60),
            connect_timeout: secs(30),
        };
        let automatic_fallback = Some(HaParams::FALLBACK_HEALTH);
        survives(HaParams { detection, automatic_fallback, ..HaParams::default() }, &blows)?;
    }
}
