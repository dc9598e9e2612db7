//! A whole lab in virtual time: a small world, who talks in it, and what is done to it.

use std::time::Duration;

use takeover::verify::{Knobs, Plan, run};
use takeover_core::service::ServiceKind;

use crate::input::Input;

/// Steps of a schedule at most.
const STEPS: usize = 6;

/// What can be done, in the words of a plan; `N` is a node, `S` a service, `T` a time, `P` a percentage.
const DEEDS: [&str; 31] = [
    "drop clients of N",
    "fail over N",
    "fall back N",
    "recover N",
    "reboot N",
    "power cut N for T",
    "power off N for T",
    "kill S on N",
    "panic S on N",
    "fail S on N",
    "stop S on N for T",
    "restart S on N",
    "spoil S on N for T",
    "cut 1A 1B for T",
    "cut 1A -> 1B for T",
    "cut 1B -> 1A for T",
    "hold 1A 1B for T",
    "lose P 1A 1B for T",
    "double P 1A 1B for T",
    "shuffle 500ms 1A 1B for T",
    "delay 1A 1B 300ms for T",
    "database pair-1 down for T",
    "database pair-1 full for T",
    "database pair-1 forgets 2 for T",
    "database pair-1 slow 250ms for T",
    "dns down for T",
    "drift N 20000 for T",
    "lag N 40ms for T",
    "break replication on N for T",
    "fail moves on N for T",
    "crash N",
];
const SERVICES: [ServiceKind; 9] = [
    ServiceKind::TextConference,
    ServiceKind::XcpRouter,
    ServiceKind::PresenceEngine,
    ServiceKind::SipProxy,
    ServiceKind::Database,
    ServiceKind::Srm,
    ServiceKind::XcpConnectionManager,
    ServiceKind::XcpAuthentication,
    ServiceKind::InterclusterSyncAgent,
];
/// Seconds that straddle the timeouts.
const SPANS: [u64; 10] = [1, 4, 16, 29, 59, 61, 89, 91, 130, 400];

/// Every invariant of the fault search holds, whatever is done and when.
pub(crate) fn body(octets: &[u8]) {
    let Some(plan) = plan(octets) else {
        return;
    };
    match run(&plan) {
        Ok(run) => {
            if let Some(found) = run.outcome.found {
                panic!("{}\n{plan}", found.violation);
            }
        }
        Err(error) => panic!("{error}\n{plan}"),
    }
}

fn plan(octets: &[u8]) -> Option<Plan> {
    let mut input = Input::new(octets);
    let mut plan = Plan {
        seed: input.number(1..=1000),
        knobs: Knobs {
            length: Duration::from_secs(3600),
            pairs: 1,
            users: input.number(2..=6),
            rooms: input.number(0..=2),
            talkers: input.number(1..=3),
            every: Duration::from_secs(input.number(10..=60)),
            before: Duration::from_secs(30),
            after: Duration::from_secs(120),
            away: input.number(0..=2),
            contacts: input.number(0..=2),
            operator: Duration::from_secs(input.number(60..=900)),
            ..Knobs::default()
        },
        steps: Vec::new(),
    };
    let head = plan.to_string();
    let mut lines = String::new();
    let mut at = 60;
    while !input.is_empty() && lines.lines().count() < STEPS {
        at += input.pick(&SPANS);
        let deed = deed(&mut input);
        lines += &format!("at {at}s {deed}\n");
    }
    // Words that the language of plans does not have are a mistake of this file: see the test.
    plan = Plan::parse("fuzz.plan", &(head + &lines)).ok()?;
    Some(plan)
}

fn deed(input: &mut Input<'_>) -> String {
    let form = *input.pick(&DEEDS);
    let words = form.split(' ').map(|word| match word {
        "N" => (*input.pick(&["1A", "1B"])).to_owned(),
        "S" => input.pick(&SERVICES).short_name().to_owned(),
        "T" => format!("{}s", input.pick(&SPANS)),
        "P" => input.number(5..=60).to_string(),
        word => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every deed and service is one that plans have.
    #[test]
    fn every_deed_is_read() {
        for form in 0..DEEDS.len() as u8 {
            for service in 0..SERVICES.len() as u8 {
                let octets = [1; 18].into_iter().chain([0, form, service, service, 0, 0]);
                let octets: Vec<u8> = octets.collect();
                let read = plan(&octets);
                assert!(
                    read.is_some_and(|plan| !plan.steps.is_empty()),
                    "{}",
                    DEEDS[usize::from(form)]
                );
            }
        }
    }
}
