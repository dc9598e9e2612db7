//! Fault plans.

use takeover::verify::Plan;

/// A plan is written as it is read; an error names a line that there is.
pub(crate) fn body(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else {
        return;
    };
    match Plan::parse("x.plan", text) {
        Ok(plan) => {
            let written = plan.to_string();
            match Plan::parse("again.plan", &written) {
                Ok(again) => assert_eq!(again, plan, "{written}"),
                Err(error) => panic!("{error}\n{written}"),
            }
            assert!(plan.steps.is_sorted_by_key(|step| step.at));
            assert!(plan.steps.iter().all(|step| step.end() >= step.at));
        }
        Err(error) => {
            assert!(
                (1..=text.lines().count().max(1)).contains(&error.line),
                "{error}"
            );
            assert!(!error.allowed.is_empty(), "{error}");
        }
    }
}
