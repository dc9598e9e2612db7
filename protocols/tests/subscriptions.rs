//! The tables of RFC 6121, appendix A, against a copy of their own.

use takeover_protocols::roster::subscription::State::{
    Both, From, FromPendingOut, None as Neither, NonePendingIn, NonePendingOut, NonePendingOutIn,
    To, ToPendingIn,
};
use takeover_protocols::roster::subscription::{
    State, SubscriptionKind, inbound, inbound_pre_approved, outbound,
};

const MUST: bool = true;
const MUST_NOT: bool = false;
/// A row of the RFC: state, routed or delivered, new state.
type Row = (State, bool, State);

fn check_outbound(kind: SubscriptionKind, rows: [Row; 9]) {
    for (row, state) in rows.into_iter().zip(State::ALL) {
        assert_eq!(row.0, state, "the rows are in the order of the appendix");
        let got = outbound(row.0, kind);
        assert_eq!((row.0, got.route, got.next), row, "{kind:?} in {:?}", row.0);
    }
}

fn check_inbound(kind: SubscriptionKind, rows: [Row; 9]) {
    for (row, state) in rows.into_iter().zip(State::ALL) {
        assert_eq!(row.0, state, "the rows are in the order of the appendix");
        let got = inbound(row.0, kind);
        assert_eq!(
            (row.0, got.deliver, got.next),
            row,
            "{kind:?} in {:?}",
            row.0
        );
    }
}

/// RFC 6121, appendix A.2.1.
#[test]
fn outbound_subscribe() {
    check_outbound(
        SubscriptionKind::Subscribe,
        [
            (Neither, MUST, NonePendingOut),
            (NonePendingOut, MUST, NonePendingOut),
            (NonePendingIn, MUST, NonePendingOutIn),
            (NonePendingOutIn, MUST, NonePendingOutIn),
            (To, MUST, To),
            (ToPendingIn, MUST, ToPendingIn),
            (From, MUST, FromPendingOut),
            (FromPendingOut, MUST, FromPendingOut),
            (Both, MUST, Both),
        ],
    );
}

/// RFC 6121, appendix A.2.2.
#[test]
fn outbound_unsubscribe() {
    check_outbound(
        SubscriptionKind::Unsubscribe,
        [
            (Neither, MUST, Neither),
            (NonePendingOut, MUST, Neither),
            (NonePendingIn, MUST, NonePendingIn),
            (NonePendingOutIn, MUST, NonePendingIn),
            (To, MUST, Neither),
            (ToPendingIn, MUST, NonePendingIn),
            (From, MUST, From),
            (FromPendingOut, MUST, From),
            (Both, MUST, From),
        ],
    );
}

/// RFC 6121, appendix A.2.3.
#[test]
fn outbound_subscribed() {
    check_outbound(
        SubscriptionKind::Subscribed,
        [
            (Neither, MUST_NOT, Neither),
            (NonePendingOut, MUST_NOT, NonePendingOut),
            (NonePendingIn, MUST, From),
            (NonePendingOutIn, MUST, FromPendingOut),
            (To, MUST_NOT, To),
            (ToPendingIn, MUST, Both),
            (From, MUST_NOT, From),
            (FromPendingOut, MUST_NOT, FromPendingOut),
            (Both, MUST_NOT, Both),
        ],
    );
}

/// RFC 6121, appendix A.2.4.
#[test]
fn outbound_unsubscribed() {
    check_outbound(
        SubscriptionKind::Unsubscribed,
        [
            (Neither, MUST_NOT, Neither),
            (NonePendingOut, MUST_NOT, NonePendingOut),
            (NonePendingIn, MUST, Neither),
            (NonePendingOutIn, MUST, NonePendingOut),
            (To, MUST_NOT, To),
            (ToPendingIn, MUST, To),
            (From, MUST, Neither),
            (FromPendingOut, MUST, NonePendingOut),
            (Both, MUST, To),
        ],
    );
}

/// RFC 6121, appendix A.3.1.
#[test]
fn inbound_subscribe() {
    check_inbound(
        SubscriptionKind::Subscribe,
        [
            (Neither, MUST, NonePendingIn),
            (NonePendingOut, MUST, NonePendingOutIn),
            (NonePendingIn, MUST_NOT, NonePendingIn),
            (NonePendingOutIn, MUST_NOT, NonePendingOutIn),
            (To, MUST, ToPendingIn),
            (ToPendingIn, MUST_NOT, ToPendingIn),
            (From, MUST_NOT, From),
            (FromPendingOut, MUST_NOT, FromPendingOut),
            (Both, MUST_NOT, Both),
        ],
    );
}

/// RFC 6121, appendix A.3.2.
#[test]
fn inbound_unsubscribe() {
    check_inbound(
        SubscriptionKind::Unsubscribe,
        [
            (Neither, MUST_NOT, Neither),
            (NonePendingOut, MUST_NOT, NonePendingOut),
            (NonePendingIn, MUST, Neither),
            (NonePendingOutIn, MUST, NonePendingOut),
            (To, MUST_NOT, To),
            (ToPendingIn, MUST, To),
            (From, MUST, Neither),
            (FromPendingOut, MUST, NonePendingOut),
            (Both, MUST, To),
        ],
    );
}

/// RFC 6121, appendix A.3.3.
#[test]
fn inbound_subscribed() {
    check_inbound(
        SubscriptionKind::Subscribed,
        [
            (Neither, MUST_NOT, Neither),
            (NonePendingOut, MUST, To),
            (NonePendingIn, MUST_NOT, NonePendingIn),
            (NonePendingOutIn, MUST, ToPendingIn),
            (To, MUST_NOT, To),
            (ToPendingIn, MUST_NOT, ToPendingIn),
            (From, MUST_NOT, From),
            (FromPendingOut, MUST, Both),
            (Both, MUST_NOT, Both),
        ],
    );
}

/// RFC 6121, appendix A.3.4.
#[test]
fn inbound_unsubscribed() {
    check_inbound(
        SubscriptionKind::Unsubscribed,
        [
            (Neither, MUST_NOT, Neither),
            (NonePendingOut, MUST, Neither),
            (NonePendingIn, MUST_NOT, NonePendingIn),
            (NonePendingOutIn, MUST, NonePendingIn),
            (To, MUST, Neither),
            (ToPendingIn, MUST, NonePendingIn),
            (From, MUST_NOT, From),
            (FromPendingOut, MUST, From),
            (Both, MUST, From),
        ],
    );
}

/// RFC 6121, appendix A.3.1 note 2 and A.3.2 note 1: what the server answers by itself.
#[test]
fn answers_on_the_users_behalf() {
    use SubscriptionKind::{Subscribe, Subscribed, Unsubscribe, Unsubscribed};
    for state in State::ALL {
        let sees = [From, FromPendingOut, Both].contains(&state);
        let asked = [NonePendingIn, NonePendingOutIn, ToPendingIn].contains(&state);
        assert_eq!(inbound(state, Subscribe).reply, sees.then_some(Subscribed));
        let gone = (sees || asked).then_some(Unsubscribed);
        assert_eq!(inbound(state, Unsubscribe).reply, gone);
        assert_eq!(inbound(state, Subscribed).reply, None);
        assert_eq!(inbound(state, Unsubscribed).reply, None);
    }
}

/// RFC 6121, section 3.4: `subscribed` without a request approves the next one beforehand,
/// `unsubscribed` takes that back.
#[test]
fn pre_approval() {
    for state in State::ALL {
        let without = [Neither, NonePendingOut, To].contains(&state);
        let set = outbound(state, SubscriptionKind::Subscribed).approval;
        assert_eq!(set, without.then_some(true), "{state:?}");
        let cancelled = outbound(state, SubscriptionKind::Unsubscribed).approval;
        assert_eq!(cancelled, Some(false), "{state:?}");
    }
    assert_eq!(inbound_pre_approved(Neither).next, From);
    assert_eq!(inbound_pre_approved(NonePendingOut).next, FromPendingOut);
    assert_eq!(inbound_pre_approved(To).next, Both);
}
