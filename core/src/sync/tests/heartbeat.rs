use super::*;

fn beat(incarnation: u32, second: u64) -> Beat {
    Beat {
        incarnation: Incarnation(incarnation),
        at: Moment::from_secs(second),
    }
}

fn hear(cell: &HeartbeatCell, beat: Beat) -> Heard {
    cell.beat(beat.incarnation, beat.at)
}

/// HA-1: silence counts from the last beat; a peer that was never heard has no silence.
#[test]
fn silence_counts_from_the_last_beat() {
    let cell = HeartbeatCell::new();
    assert_eq!(cell.silence(Moment::from_secs(9)), None);
    assert_eq!(hear(&cell, beat(1, 15)), Heard::First);
    assert_eq!(hear(&cell, beat(1, 30)), Heard::Steady);
    assert_eq!(
        cell.silence(Moment::from_secs(90)),
        Some(Duration::from_secs(60))
    );
    assert_eq!(
        cell.silence(Moment::from_secs(1)),
        Some(Duration::ZERO),
        "never negative"
    );
}

/// HA-1: a beat of an old life, arriving late, changes nothing and is told apart.
#[test]
fn an_old_life_is_not_a_sign_of_life() {
    let cell = HeartbeatCell::new();
    hear(&cell, beat(1, 15));
    assert_eq!(hear(&cell, beat(2, 20)), Heard::Reborn(beat(1, 15)));
    assert_eq!(hear(&cell, beat(1, 25)), Heard::Old(beat(2, 20)));
    assert_eq!(hear(&cell, beat(2, 20)), Heard::Old(beat(2, 20)), "doubled");
    assert_eq!(cell.last(), Some(beat(2, 20)));
}

/// HA-1: a beat between the watcher's look and its word keeps the peer up.
#[test]
fn a_beat_in_between_keeps_the_peer_up() {
    let cell = HeartbeatCell::new();
    hear(&cell, beat(1, 15));
    let seen = cell.last();
    hear(&cell, beat(1, 75));
    assert_eq!(
        cell.declare_down(seen),
        Err(NotDown::HeardSince(beat(1, 75)))
    );
    assert!(!cell.is_down());
}

/// HA-10: declared down once, back with the next beat, in the same life or another.
#[test]
fn a_peer_goes_down_once_and_returns() {
    let cell = HeartbeatCell::new();
    assert_eq!(cell.declare_down(None), Ok(()), "never heard, so silent");
    assert_eq!(hear(&cell, beat(1, 15)), Heard::Returned(None));
    assert_eq!(cell.declare_down(Some(beat(1, 15))), Ok(()));
    assert_eq!(cell.declare_down(Some(beat(1, 15))), Err(NotDown::Already));
    assert_eq!(
        hear(&cell, beat(1, 15)),
        Heard::Old(beat(1, 15)),
        "an echo is no return"
    );
    assert!(cell.is_down());
    assert_eq!(hear(&cell, beat(2, 99)), Heard::Returned(Some(beat(1, 15))));
    assert!(!cell.is_down());
}

proptest! {
    /// HA-1: whatever arrives, the cell keeps the newest life's latest beat.
    #[test]
    fn it_keeps_the_greatest_beat(beats in prop::collection::vec((0..4u32, 0..9u64), 1..30)) {
        let cell = HeartbeatCell::new();
        for (life, second) in &beats {
            hear(&cell, beat(*life, *second));
        }
        let (life, second) = beats.iter().max().copied().unwrap_or_default();
        prop_assert_eq!(cell.last(), Some(beat(life, second)));
    }
}
