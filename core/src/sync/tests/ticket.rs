use super::*;

fn claimed(window: &mut TicketWindow, issuer: &mut Issuer) -> Claim {
    window.claim(issuer.issue()).expect("in turn, of this life")
}

/// XEP-0198 section 4: `h` counts without a gap, in whatever order the stanzas are finished.
#[test]
fn h_has_no_gaps() {
    let mut window = TicketWindow::new();
    let mut issuer = window.begin();
    let [first, second, third] = [(); 3].map(|()| claimed(&mut window, &mut issuer));
    assert!(window.finish(third));
    assert!(window.finish(second));
    assert_eq!((window.h(), window.settled()), (0, None));
    assert_eq!(window.in_doubt().collect::<Vec<_>>(), [1]);
    assert!(window.finish(first));
    assert_eq!((window.h(), window.settled()), (3, Some(3)));
}

/// XEP-0198 section 5: after a resumption the old connection's stanzas are not carried out; the
/// client sends them again and they have the same numbers.
#[test]
fn unclaimed_tickets_end_with_their_connection() {
    let mut window = TicketWindow::new();
    let mut old = window.begin();
    let doubt = claimed(&mut window, &mut old);
    let unclaimed = old.issue();
    let mut new = window.begin();
    let refused = TicketError::OldLife {
        number: 2,
        life: 1,
        newest: 2,
    };
    assert_eq!(window.claim(unclaimed), Err(refused));
    assert_eq!(window.settled(), None, "the claimed one is in doubt");
    assert!(window.finish(doubt));
    assert_eq!(
        window.settled(),
        Some(1),
        "the client sends the second again"
    );
    let again = new.issue();
    assert_eq!(again.number(), unclaimed.number());
    assert!(window.claim(again).is_ok());
}

/// XEP-0198 section 4: a ticket is claimed once and in turn.
#[test]
fn tickets_are_claimed_once_and_in_turn() {
    let mut window = TicketWindow::new();
    let mut issuer = window.begin();
    let (first, second) = (issuer.issue(), issuer.issue());
    let early = TicketError::OutOfTurn {
        number: 2,
        expected: 1,
    };
    assert_eq!(window.claim(second), Err(early));
    assert!(window.claim(first).is_ok());
    assert_eq!(window.claim(first), Err(TicketError::Again { number: 1 }));
}

/// SES-3: a node that takes over finishes what the dead one had in doubt, and a late word of the
/// dead one counts for nothing.
#[test]
fn a_successor_settles_what_was_in_doubt() {
    let mut window = TicketWindow::new();
    let mut issuer = window.begin();
    let late = claimed(&mut window, &mut issuer);
    let taken: Vec<Claim> = window
        .in_doubt()
        .filter_map(|n| window.reclaim(n))
        .collect();
    assert_eq!(taken.len(), 1);
    for claim in taken {
        assert!(window.finish(claim));
    }
    assert!(!window.finish(late));
    assert_eq!((window.h(), window.reclaim(1)), (1, None));
}

/// XEP-0198: at most 64 stanzas are in doubt; the oldest one's end makes room, up to all 64.
#[test]
fn the_window_is_bounded() {
    let mut window = TicketWindow::new();
    let mut issuer = window.begin();
    let mut claims: Vec<Claim> = (0..64).map(|_| claimed(&mut window, &mut issuer)).collect();
    let waiting = issuer.issue();
    let full = TicketError::Full {
        number: 65,
        handled: 0,
        limit: 64,
    };
    assert_eq!(window.claim(waiting), Err(full));
    let first = claims.remove(0);
    for claim in claims {
        assert!(window.finish(claim));
    }
    assert_eq!(
        window.claim(waiting),
        Err(full),
        "the first one is still in doubt"
    );
    assert!(window.finish(first));
    assert_eq!(window.h(), 64);
    assert!(window.claim(waiting).is_ok());
}

/// Memory per session matters at two million of them.
#[test]
fn it_is_small() {
    assert_eq!(size_of::<TicketWindow>(), 32);
}

proptest! {
    /// XEP-0198: claims finished in any order, with connections lost in between: what is handled
    /// is the longest run, and each stanza is settled once.
    #[test]
    fn it_follows_a_set(steps in prop::collection::vec((0..4u8, any::<prop::sample::Index>()), 0..200)) {
        let mut window = TicketWindow::new();
        let mut issuer = window.begin();
        let mut claims: Vec<Claim> = Vec::new();
        let mut finished = std::collections::BTreeSet::new();
        let mut count = 0;
        for (what, which) in steps {
            match what {
                0 | 1 => match window.claim(issuer.issue()) {
                    Ok(claim) => {
                        count += 1;
                        prop_assert_eq!(claim.number(), count);
                        claims.push(claim);
                    }
                    // Refused: the client sends it again over a new connection.
                    Err(_) => issuer = window.begin(),
                },
                2 if !claims.is_empty() => {
                    let claim = claims.swap_remove(which.index(claims.len()));
                    prop_assert_eq!(finished.insert(claim.number()), window.finish(claim));
                }
                2 => {}
                _ => issuer = window.begin(),
            }
            let run = (1..).take_while(|n| finished.contains(n)).count() as u32;
            prop_assert_eq!(window.h(), run);
            prop_assert_eq!(window.settled().is_some(), claims.is_empty());
            prop_assert_eq!(window.in_doubt().count(), claims.len());
        }
    }
}
