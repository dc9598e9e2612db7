use super::*;

/// TIM-1: after a cancel it does not fire, and says why.
#[test]
fn a_cancelled_deadline_does_not_fire() {
    let deadline = Deadline::new();
    let arming = deadline.arm();
    assert_eq!(deadline.cancel(arming), Ok(()));
    assert_eq!(
        deadline.fire(arming),
        Err(Ended {
            phase: Phase::Cancelled
        })
    );
    assert_eq!(
        deadline.cancel(arming),
        Err(Ended {
            phase: Phase::Cancelled
        })
    );
}

/// HA-2: once fired it can neither be cancelled nor fire again.
#[test]
fn a_fired_deadline_stays_fired() {
    let deadline = Deadline::new();
    let arming = deadline.arm();
    assert_eq!(deadline.fire(arming), Ok(()));
    assert_eq!(
        deadline.cancel(arming),
        Err(Ended {
            phase: Phase::Fired
        })
    );
    assert_eq!(
        deadline.fire(arming),
        Err(Ended {
            phase: Phase::Fired
        })
    );
}

/// HA-6: armed anew, the clock starts again: the old arming is worth nothing, the new one counts.
#[test]
fn a_new_arming_replaces_the_old_one() {
    let deadline = Deadline::default();
    let old = deadline.arm();
    let new = deadline.arm();
    assert_eq!(
        deadline.fire(old),
        Err(Ended {
            phase: Phase::Replaced
        })
    );
    assert_eq!(
        deadline.cancel(old),
        Err(Ended {
            phase: Phase::Replaced
        })
    );
    assert_eq!(deadline.phase(new), Phase::Armed);
    assert_eq!(deadline.fire(new), Ok(()));
    assert_eq!(deadline.phase(new), Phase::Fired);
}

#[derive(Debug, Clone)]
enum Step {
    Arm,
    Fire(usize),
    Cancel(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Arm),
        (0..4usize).prop_map(Step::Fire),
        (0..4usize).prop_map(Step::Cancel),
    ]
}

proptest! {
    /// TIM-1: over any steps every arming stands as a list of phases says, and ends once.
    #[test]
    fn it_follows_a_list_of_phases(steps in prop::collection::vec(step(), 0..40)) {
        let deadline = Deadline::new();
        let mut known: Vec<(Arming, Phase)> = Vec::new();
        for step in steps {
            match step {
                Step::Arm => {
                    if let Some((_, phase)) = known.last_mut()
                        && *phase == Phase::Armed
                    {
                        *phase = Phase::Replaced;
                    }
                    known.push((deadline.arm(), Phase::Armed));
                }
                Step::Fire(back) | Step::Cancel(back) if back < known.len() => {
                    let newest = back == 0;
                    let index = known.len() - 1 - back;
                    let (arming, phase) = &mut known[index];
                    let fires = matches!(step, Step::Fire(_));
                    let done = if fires { deadline.fire(*arming) } else { deadline.cancel(*arming) };
                    if *phase == Phase::Armed {
                        prop_assert_eq!(done, Ok(()));
                        *phase = if fires { Phase::Fired } else { Phase::Cancelled };
                    } else {
                        let phase = if newest { *phase } else { Phase::Replaced };
                        prop_assert_eq!(done, Err(Ended { phase }));
                    }
                }
                Step::Fire(_) | Step::Cancel(_) => {}
            }
        }
    }
}
