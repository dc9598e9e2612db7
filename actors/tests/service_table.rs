//! The table of a node's services under any order of actions and ends (SVC-1, SVC-2).

use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use takeover_actors::rt::Exit;
use takeover_actors::service_table::{CriticalOutcome, Order, ServiceTable};
use takeover_core::service::{ServiceKind, ServiceState};

#[derive(Clone, Copy, Debug)]
enum Act {
    Start(usize),
    Stop(usize),
    Restart(usize),
    Kill(usize),
    Halt,
    Resume,
    /// One run that starts or stops gets there.
    Progress(usize),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let one = prop_oneof![
        2 => (0..17usize).prop_map(Act::Start),
        2 => (0..17usize).prop_map(Act::Stop),
        2 => (0..17usize).prop_map(Act::Restart),
        2 => (0..17usize).prop_map(Act::Kill),
        1 => Just(Act::Halt),
        1 => Just(Act::Resume),
        12 => (0..17usize).prop_map(Act::Progress),
    ];
    proptest::collection::vec(one, 1..80)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Run {
    Starting,
    Up,
    Stopping,
}

struct Bench {
    table: ServiceTable,
    runs: BTreeMap<ServiceKind, Run>,
}

impl Bench {
    fn new() -> Self {
        let activated: BTreeSet<_> = ServiceKind::ALL.into_iter().collect();
        let critical = |kind: ServiceKind| kind.is_critical(true, false);
        let mut table = ServiceTable::new(&activated, critical, BTreeSet::new());
        table.want_all();
        let mut bench = Self {
            table,
            runs: BTreeMap::new(),
        };
        bench.carry_out();
        bench
    }

    /// Carries the orders out and checks each: nothing starts without what it needs, nothing is
    /// stopped before what needs it, no run is started twice.
    fn carry_out(&mut self) {
        loop {
            let orders = self.table.orders();
            if orders.is_empty() {
                return;
            }
            for order in orders {
                match order {
                    Order::Start(kind) => {
                        for needs in kind.dependencies() {
                            assert_eq!(
                                self.runs.get(needs),
                                Some(&Run::Up),
                                "{kind} needs {needs}"
                            );
                        }
                        assert!(
                            self.runs.insert(kind, Run::Starting).is_none(),
                            "{kind} twice"
                        );
                    }
                    Order::Stop(kind) => {
                        let needed = |other: &&ServiceKind| other.dependencies().contains(&kind);
                        assert_eq!(self.runs.keys().find(needed), None, "{kind} is needed");
                        let before = self.runs.insert(kind, Run::Stopping);
                        assert!(before.is_some_and(|run| run != Run::Stopping), "{kind}");
                    }
                }
            }
        }
    }

    fn act(&mut self, act: Act) {
        let kind = |index: usize| ServiceKind::ALL[index];
        match act {
            // Refusals are answers; what matters here is that nothing breaks.
            Act::Start(index) => drop(self.table.start(kind(index))),
            Act::Stop(index) => drop(self.table.stop(kind(index))),
            Act::Restart(index) => drop(self.table.restart(kind(index))),
            Act::Kill(index) => {
                if self.runs.remove(&kind(index)).is_some() {
                    self.table.ended(kind(index), &Exit::Killed);
                }
            }
            Act::Halt => self.table.halt(),
            Act::Resume => self.table.resume(),
            Act::Progress(index) => self.progress(kind(index)),
        }
        self.carry_out();
    }

    fn progress(&mut self, kind: ServiceKind) {
        match self.runs.get(&kind) {
            Some(Run::Starting) => {
                self.runs.insert(kind, Run::Up);
                self.table.reported(kind, ServiceState::Started);
            }
            Some(Run::Stopping) => {
                self.runs.remove(&kind);
                self.table.ended(kind, &Exit::Stopped);
            }
            Some(Run::Up) | None => {}
        }
    }

    /// Lets everything under way get there; bounded, or it would never end.
    fn finish(&mut self) {
        for _ in 0..200 {
            let under_way = self
                .runs
                .iter()
                .find(|(_, run)| **run != Run::Up)
                .map(|(kind, _)| *kind);
            let Some(kind) = under_way else { return };
            self.progress(kind);
            self.carry_out();
        }
        panic!("the table never comes to rest: {:?}", self.table.states());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// SVC-1, SVC-2: orders respect the dependencies, and the table always comes to rest with
    /// every service up, stopped or failed, as its runs are.
    #[test]
    fn svc_2_the_table_respects_needs_and_comes_to_rest(acts in acts()) {
        let mut bench = Bench::new();
        for act in acts {
            bench.act(act);
        }
        bench.finish();
        for (kind, state) in bench.table.states() {
            prop_assert!(!state.is_in_transition(), "{kind} is {state}");
            prop_assert_eq!(state.is_up(), bench.runs.contains_key(&kind), "{} is {}", kind, state);
        }
    }

    /// HA-5: whatever came before, SRM can bring every critical service up again, and hears of it.
    #[test]
    fn ha_5_resume_brings_the_critical_services_up(acts in acts()) {
        let mut bench = Bench::new();
        for act in acts {
            bench.act(act);
        }
        bench.finish();
        bench.table.take_outcome();
        bench.table.resume();
        bench.carry_out();
        bench.finish();
        prop_assert_eq!(bench.table.take_outcome(), Some(CriticalOutcome::Started));
        for kind in ServiceKind::ALL.into_iter().filter(|kind| kind.is_critical(true, false)) {
            prop_assert!(bench.table.state(kind).is_up(), "{kind}");
        }
    }
}
