use super::*;

const TERM: Duration = Duration::from_secs(30);

fn at(second: u64) -> Moment {
    Moment::from_secs(second)
}

/// CHAT-10: while one node holds the lease the other does not get it, to the last microsecond.
#[test]
fn a_take_over_waits_for_the_end() {
    let lease = Lease::new();
    let held = lease.acquire(A, at(0), TERM).expect("free");
    let early = Moment(at(30).0 - 1);
    assert_eq!(lease.acquire(B, early, TERM), Err(LeaseError::Held(held)));
    let taken = lease.acquire(B, at(30), TERM).expect("expired");
    assert_eq!(taken.ownership, Ownership::new(B, 2));
}

/// CHAT-10: after a take-over the old holder can neither renew, release nor write.
#[test]
fn the_old_holder_is_fenced() {
    let lease = Lease::new();
    let old = lease.acquire(A, at(0), TERM).expect("free");
    let new = lease.acquire(B, at(31), TERM).expect("expired");
    let lost = LeaseError::Lost {
        mine: old.ownership,
        newest: 2,
    };
    assert_eq!(lease.renew(&old, at(31), TERM), Err(lost));
    assert_eq!(lease.release(&old), Err(lost));
    assert_eq!(
        lease.fenced(&old, at(31), || unreachable!()),
        Err::<(), _>(lost)
    );
    assert_eq!(
        lease.grant(),
        Some(new),
        "nothing of it has touched the new grant"
    );
}

/// CHAT-10: an expired holder does not write, but may renew while nobody has followed.
#[test]
fn an_expired_holder_renews_before_it_writes() {
    let lease = Lease::new();
    let grant = lease.acquire(A, at(0), TERM).expect("free");
    let expired = LeaseError::Expired {
        mine: grant.ownership,
        until: at(30),
    };
    assert_eq!(lease.fenced(&grant, at(40), || ()), Err(expired));
    let renewed = lease
        .renew(&grant, at(40), TERM)
        .expect("nobody has followed");
    assert_eq!(
        (renewed.ownership, renewed.until),
        (grant.ownership, at(70))
    );
    assert_eq!(
        lease.fenced(&grant, at(40), || 7),
        Ok(7),
        "the epoch is what counts"
    );
}

/// CHAT-9: a release lets the next one in at once, at the next epoch.
#[test]
fn a_release_ends_it_at_once() {
    let lease = Lease::new();
    let grant = lease.acquire(A, at(0), TERM).expect("free");
    assert_eq!(lease.release(&grant), Ok(()));
    let lost = LeaseError::Lost {
        mine: grant.ownership,
        newest: 1,
    };
    assert_eq!(lease.renew(&grant, at(1), TERM), Err(lost));
    assert_eq!(
        lease.acquire(B, at(1), TERM).map(|g| g.ownership.epoch()),
        Ok(2)
    );
}

/// CHAT-10: a restarted service fences its own former life.
#[test]
fn a_holder_that_acquires_again_ends_its_former_grant() {
    let lease = Lease::new();
    let former = lease.acquire(A, at(0), TERM).expect("free");
    let present = lease.acquire(A, at(5), TERM).expect("its own");
    assert_eq!(present.ownership, Ownership::new(A, 2));
    assert!(lease.fenced(&former, at(5), || ()).is_err());
}

/// CHAT-10: a renewal with a shorter term does not shorten the grant.
#[test]
fn a_renewal_never_shortens() {
    let lease = Lease::new();
    let grant = lease.acquire(A, at(0), TERM).expect("free");
    let renewed = lease
        .renew(&grant, at(1), Duration::from_secs(1))
        .expect("held");
    assert_eq!(renewed.until, at(30));
}

#[derive(Debug, Clone)]
enum Step {
    Pass(u64),
    Acquire(u16),
    Renew(u16),
    Release(u16),
    Write(u16),
}

fn step() -> impl Strategy<Value = Step> {
    let node = 0..3u16;
    prop_oneof![
        (0..40u64).prop_map(Step::Pass),
        node.clone().prop_map(Step::Acquire),
        node.clone().prop_map(Step::Renew),
        node.clone().prop_map(Step::Release),
        node.prop_map(Step::Write),
    ]
}

proptest! {
    /// CHAT-10: over any steps the epochs of what was written never go back, each epoch has one
    /// writer, and nobody writes while another node's grant runs.
    #[test]
    fn writes_have_one_holder_per_epoch(steps in prop::collection::vec(step(), 0..60)) {
        let lease = Lease::new();
        let mut now = Moment::ZERO;
        let mut grants: [Option<Grant>; 3] = [None; 3];
        let mut written: Vec<Ownership> = Vec::new();
        for step in steps {
            match step {
                Step::Pass(seconds) => now += Duration::from_secs(seconds),
                Step::Acquire(n) => {
                    let others = grants.iter().enumerate().any(|(i, grant)| {
                        i != usize::from(n) && grant.is_some_and(|g| lease.grant() == Some(g)
                            && !g.has_expired(now))
                    });
                    let granted = lease.acquire(NodeId(n), now, TERM);
                    prop_assert_eq!(granted.is_err(), others);
                    if let Ok(grant) = granted {
                        grants[usize::from(n)] = Some(grant);
                    }
                }
                Step::Renew(n) => {
                    let mine = grants[usize::from(n)];
                    if let Some(Ok(grant)) = mine.map(|mine| lease.renew(&mine, now, TERM)) {
                        grants[usize::from(n)] = Some(grant);
                    }
                }
                Step::Release(n) => if let Some(mine) = grants[usize::from(n)] {
                    let _ = lease.release(&mine);
                },
                Step::Write(n) => if let Some(mine) = grants[usize::from(n)] {
                    let _ = lease.fenced(&mine, now, || written.push(mine.ownership));
                },
            }
        }
        for pair in written.windows(2) {
            prop_assert!(pair[0] == pair[1] || pair[0].epoch() < pair[1].epoch());
        }
    }
}
