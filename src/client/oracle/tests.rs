//! What was sent, and what was seen of it: judged rightly?

use takeover_protocols::muc::MAX_HISTORY;

use super::*;

fn to_bob() -> Target {
    Target::Client("bob".to_owned())
}

fn room() -> Target {
    Target::Room("tea@conference".to_owned())
}

#[test]
fn what_arrives_once_and_in_order_breaks_no_promise() {
    let mut oracle = Oracle::default();
    for _ in 0..3 {
        let (id, _) = oracle.sending("andy", to_bob(), Moment::ZERO);
        oracle.acknowledged(&id);
        assert!(!oracle.nothing_missing());
        oracle.delivered("bob", &id, Arrived::Live);
    }
    let finding = oracle.finding();
    assert!(finding.total.is_clean(), "{finding:?}");
    let (andy, bob) = (finding.clients["andy"], finding.clients["bob"]);
    assert_eq!((andy.sent, andy.acknowledged, bob.delivered), (3, 3, 3));
    assert!(oracle.nothing_missing());
}

/// CHAT-10: what came back as an error may have been stored all the same; a history that shows it
/// later breaks no promise, a second copy as it happens does.
#[test]
fn what_was_refused_may_turn_up_in_a_history() {
    let mut oracle = Oracle::default();
    oracle.entered("bob", "tea@conference", Moment::ZERO);
    let (unknown, _) = oracle.sending("andy", room(), Moment(1));
    let (seen, _) = oracle.sending("andy", room(), Moment(2));
    oracle.refused(&unknown);
    oracle.delivered("bob", &seen, Arrived::Live);
    assert!(oracle.delivered("bob", &unknown, Arrived::History));
    assert!(oracle.finding().total.is_clean());
    oracle.delivered("bob", &unknown, Arrived::Live);
    assert_eq!(oracle.finding().clients["bob"].doubled, 1);
}

/// CHAT-12: what was said while somebody was logged out may come late, with a history; what was said while it was
/// in the room may not.
#[test]
fn a_history_may_bring_late_what_was_said_in_absence() {
    let mut oracle = Oracle::default();
    oracle.entered("bob", "tea@conference", Moment::ZERO);
    let said = |at: u64, oracle: &mut Oracle| {
        let (id, _) = oracle.sending("andy", room(), Moment(at));
        oracle.acknowledged(&id);
        id
    };
    let present = said(1, &mut oracle);
    oracle.logged_out("bob", Moment(2));
    let absent = said(3, &mut oracle);
    oracle.entered("bob", "tea@conference", Moment(4));
    let later = said(5, &mut oracle);
    oracle.delivered("bob", &later, Arrived::Live);
    oracle.delivered("bob", &absent, Arrived::History);
    assert_eq!(oracle.finding().total.reordered, 0);
    oracle.delivered("bob", &present, Arrived::History);
    assert_eq!(oracle.finding().clients["bob"].reordered, 1);
}

/// CHAT-10: an acknowledged message is never lost; one without reflection has no promise.
#[test]
fn only_what_was_acknowledged_can_be_lost() {
    let mut oracle = Oracle::default();
    oracle.entered("bob", "tea@conference", Moment::ZERO);
    let (acknowledged, _) = oracle.sending("andy", room(), Moment(1));
    let (_unknown, _) = oracle.sending("andy", room(), Moment(2));
    oracle.acknowledged(&acknowledged);
    let finding = oracle.finding();
    assert_eq!(finding.clients["bob"].lost, 1);
    assert_eq!(
        finding.broken,
        ["bob never received andy-1, which was acknowledged"]
    );
    assert_eq!(oracle.unsettled("andy"), 1);
}

#[test]
fn a_message_that_came_back_as_an_error_is_not_lost() {
    let mut oracle = Oracle::default();
    let (id, _) = oracle.sending("andy", to_bob(), Moment::ZERO);
    oracle.acknowledged(&id);
    oracle.refused(&id);
    assert!(oracle.finding().total.is_clean());
    assert_eq!(oracle.finding().total.refused, 1);
}

#[test]
fn a_second_live_copy_is_a_double_and_a_repetition_in_history_is_not() {
    let mut oracle = Oracle::default();
    let (id, _) = oracle.sending("andy", room(), Moment::ZERO);
    assert!(oracle.delivered("bob", &id, Arrived::Live));
    assert!(!oracle.delivered("bob", &id, Arrived::History));
    assert_eq!(oracle.finding().total.doubled, 0);
    assert!(oracle.delivered("bob", &id, Arrived::Live));
    assert_eq!(oracle.finding().clients["bob"].doubled, 1);
    assert_eq!(oracle.finding().clients["bob"].delivered, 1);
}

#[test]
fn order_is_judged_per_sender_and_conversation() {
    let mut oracle = Oracle::default();
    let (first, _) = oracle.sending("andy", to_bob(), Moment::ZERO);
    let (in_room, _) = oracle.sending("andy", room(), Moment::ZERO);
    let (second, _) = oracle.sending("andy", to_bob(), Moment::ZERO);
    oracle.delivered("bob", &second, Arrived::Live);
    oracle.delivered("bob", &in_room, Arrived::Live);
    assert_eq!(oracle.finding().total.reordered, 0);
    oracle.delivered("bob", &first, Arrived::Live);
    assert_eq!(oracle.finding().clients["bob"].reordered, 1);
}

#[test]
fn a_room_owes_nothing_before_entering_and_after_leaving() {
    let mut oracle = Oracle::default();
    let (early, _) = oracle.sending("andy", room(), Moment(1));
    oracle.acknowledged(&early);
    oracle.entered("bob", "tea@conference", Moment(2));
    assert!(oracle.nothing_missing());
    oracle.left("bob", "tea@conference", Moment(3));
    let (late, _) = oracle.sending("andy", room(), Moment(4));
    oracle.acknowledged(&late);
    assert!(oracle.nothing_missing());
    oracle.entered("bob", "tea@conference", Moment(5));
    assert!(
        !oracle.nothing_missing(),
        "one who re-enters is owed what was said meanwhile"
    );
}

/// XEP-0045, section 7.2.14: a history is as long as the room lets it be; what is older is in the archive. A shorter one
/// has everything.
#[test]
fn a_history_owes_as_many_as_it_can_have() {
    for (shown, lost) in [(MAX_HISTORY - 2, 3), (MAX_HISTORY - 1, 0)] {
        let mut oracle = Oracle::default();
        oracle.entered("bob", "tea@conference", Moment::ZERO);
        oracle.logged_out("bob", Moment(1));
        let mut said = |at| {
            let (id, _) = oracle.sending("andy", room(), Moment(at));
            oracle.acknowledged(&id);
            id
        };
        let older = [2, 3, 4].map(&mut said);
        let latest: Vec<String> = (0..u64::from(shown)).map(|at| said(5 + at)).collect();
        // Said first of all, it was long on its way to the room.
        let (late, _) = oracle.sending("carol", room(), Moment(1));
        oracle.acknowledged(&late);
        oracle.entered("bob", "tea@conference", Moment(9_000));
        for id in &latest {
            oracle.delivered("bob", id, Arrived::History);
        }
        // It was being written as he entered.
        oracle.delivered("bob", &late, Arrived::Live);
        assert_eq!(oracle.finding().clients["bob"].lost, lost, "of {older:?}");
        // Of an earlier stay, it does not stand for the next.
        oracle.entered("bob", "tea@conference", Moment(9_001));
        assert_eq!(oracle.finding().clients["bob"].lost, 3);
    }
}

/// RFC 6121, section 8.5.2: a message to an account may reach any of its resources, or several.
#[test]
fn any_client_of_an_account_will_do() {
    let mut oracle = Oracle::default();
    oracle.know("bob");
    oracle.know_further("phone", "bob", "bob@example.test/phone");
    let (id, _) = oracle.sending("andy", to_bob(), Moment::ZERO);
    oracle.acknowledged(&id);
    assert!(!oracle.nothing_missing());
    oracle.delivered("phone", &id, Arrived::Live);
    assert!(oracle.nothing_missing());
    oracle.delivered("bob", &id, Arrived::Live);
    assert!(oracle.finding().total.is_clean());
    oracle.delivered("phone", &id, Arrived::Live);
    assert_eq!(oracle.finding().clients["phone"].doubled, 1);
}

#[test]
fn messages_of_strangers_are_not_counted() {
    let mut oracle = Oracle::default();
    assert!(!oracle.delivered("bob", "never-sent", Arrived::Live));
    assert_eq!(oracle.finding().total, Tally::default());
}
