//! Crowds of clients at a node: one hand and one line for all of them, and for each the rules that a client
//! with a hand of its own meets.

mod common;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use common::*;
use takeover::Lab;
use takeover::id::NodeId;
use takeover::service::{ServiceKind, ServiceState};
use takeover_actors::session::{
    CrowdArrival, CrowdHand, CrowdWord, HandEnd, Member, Told, Wish, Word, crowd_hands,
};
use takeover_protocols::jid::ResourcePart;
use takeover_protocols::ns;
use takeover_protocols::stanza::{MessageType, PresenceType, Stanza, StanzaKind};
use takeover_protocols::stream::StreamCondition;
use takeover_protocols::xml::Element;

const CM: ServiceKind = ServiceKind::XcpConnectionManager;

/// A crowd at the door of a node.
fn crowd(lab: &Lab, node: NodeId) -> CrowdHand {
    let (near, hand) = crowd_hands();
    let resource = ResourcePart::new("crowd").expect("a resource").into_owned();
    let arrival = CrowdArrival { resource, hand };
    let received = lab.plane().node(node).receive_crowd(arrival);
    received.expect("the node serves");
    near
}

fn log_in(lab: &mut Lab, hand: &CrowdHand, whose: Member, user: &str, wish: Wish) -> Vec<Told> {
    let user = lab.jid(user).expect("a name").to_string();
    assert!(hand.say(whose, CrowdWord::LogIn { user, wish }));
    lab.settle();
    told(hand, whose)
}

/// What one of them was told; the others are told nothing meanwhile.
fn told(hand: &CrowdHand, whose: Member) -> Vec<Told> {
    let told = hand.told().into_iter();
    told.map(|(whom, told)| {
        assert_eq!(whom, whose, "{told:?}");
        told
    })
    .collect()
}

fn bound(told: &[Told]) -> (Arc<str>, Option<u32>) {
    let bound = told.iter().find_map(|one| match one {
        Told::Bound {
            previd, resumed, ..
        } => Some((previd.clone(), *resumed)),
        _ => None,
    });
    bound.unwrap_or_else(|| panic!("no session: {told:?}"))
}

fn end(told: &[Told]) -> HandEnd {
    match told.last() {
        Some(Told::Ended(end)) => end.clone(),
        other => panic!("no end: {other:?}"),
    }
}

fn attached(lab: &Lab, node: NodeId) -> u64 {
    let counters = &lab.plane().node(node).counters;
    counters.attached.load(Ordering::Relaxed)
}

/// SES-2, SES-3: who is at home here gets a session, who lives elsewhere is sent there, who is nobody's is
/// refused; what one says is counted, and a failover by hand takes the session along with its count.
#[test]
fn a_session_in_a_line_moves_with_its_user() {
    let mut lab = lab(1);
    let [here, there] = ["1A", "1B"].map(|node| lab.node_id(node).unwrap());
    let hand = crowd(&lab, here);
    let (previd, resumed) = bound(&log_in(&mut lab, &hand, 0, "andy", Wish::New));
    assert_eq!((resumed, attached(&lab, here)), (None, 1));
    let sent_away = end(&log_in(&mut lab, &hand, 1, "bob", Wish::New));
    assert_eq!(sent_away, HandEnd::SeeOtherHost("1B".to_owned()));
    let nobody = end(&log_in(&mut lab, &hand, 2, "zoe", Wish::New));
    assert_eq!(nobody, HandEnd::NoSuchUser);
    let presence = Stanza::presence(PresenceType::Available);
    hand.say(0, CrowdWord::Say(Word::Stanza(presence)));
    lab.settle();
    let answers = told(&hand, 0);
    let handled = answers.iter().any(|one| matches!(one, Told::Handled(1)));
    assert!(handled, "{answers:?}");
    lab.node("1A").unwrap().fail_over().unwrap();
    lab.pass(MINUTE);
    let moved = end(&told(&hand, 0));
    assert_eq!(moved, HandEnd::SeeOtherHost("1B".to_owned()));
    assert_eq!(attached(&lab, here), 0);
    let peer = crowd(&lab, there);
    // Its own presence is all that it was sent, and it has not said that it has it.
    let back = log_in(&mut lab, &peer, 0, "andy", Wish::Resume { previd, h: 0 });
    assert_eq!(bound(&back).1, Some(1), "what it said was handled");
    let again = back.iter().any(|one| matches!(one, Told::Stanzas(_)));
    assert!(again, "what it had not acknowledged comes again: {back:?}");
    assert_eq!(attached(&lab, there), 1);
}

/// SVC-2: a connection manager that stops tells everybody in the line `system-shutdown`, and is stopped when
/// they are gone; the crowd has lost its hand.
#[test]
fn a_line_is_drained() {
    let mut lab = lab(2);
    let node = lab.node_id("1A").unwrap();
    let hand = crowd(&lab, node);
    let (previd, _) = bound(&log_in(&mut lab, &hand, 7, "andy", Wish::New));
    lab.node("1A").unwrap().service(CM).stop().unwrap();
    lab.pass(MINUTE);
    assert_eq!(lab.service_state("1A", CM), ServiceState::Stopped);
    match end(&told(&hand, 7)) {
        HandEnd::Error(error) => assert_eq!(error.condition, StreamCondition::SystemShutdown),
        other => panic!("{other:?}"),
    }
    assert!(hand.is_over());
    assert_eq!(attached(&lab, node), 0);
    lab.node("1A").unwrap().service(CM).start().unwrap();
    lab.pass(MINUTE);
    let hand = crowd(&lab, node);
    let back = log_in(&mut lab, &hand, 7, "andy", Wish::Resume { previd, h: 0 });
    assert_eq!(bound(&back).1, Some(0), "the session has waited");
}

/// RFC 6120, section 4.9.3.3: who logs in again with the same resource takes the place of the session before;
/// who logs out is told so and leaves its seat.
#[test]
fn seats_are_taken_and_left() {
    let mut lab = lab(3);
    let node = lab.node_id("1A").unwrap();
    let (one, other) = (crowd(&lab, node), crowd(&lab, node));
    bound(&log_in(&mut lab, &one, 0, "andy", Wish::New));
    bound(&log_in(&mut lab, &other, 0, "andy", Wish::New));
    match end(&told(&one, 0)) {
        HandEnd::Error(error) => assert_eq!(error.condition, StreamCondition::Conflict),
        ended => panic!("{ended:?}"),
    }
    assert_eq!(attached(&lab, node), 1);
    other.say(0, CrowdWord::Say(Word::LogOut));
    lab.settle();
    assert_eq!(end(&told(&other, 0)), HandEnd::LoggedOut);
    assert_eq!(attached(&lab, node), 0);
}

/// SES-3, MSG-2: while a node settles what one in the line has said before it sends it away, its counts are heard: what
/// it has does not come again. Nothing else that it says then counts.
#[test]
fn a_last_count_is_heard_while_all_is_settled() {
    let mut lab = lab(4);
    let [here, there] = ["1A", "1B"].map(|node| lab.node_id(node).unwrap());
    let (hand, peer) = (crowd(&lab, here), crowd(&lab, there));
    let presence = || CrowdWord::Say(Word::Stanza(Stanza::presence(PresenceType::Available)));
    let letter = |lab: &Lab, to: &str, text: &str| {
        let body = Element::new("body", ns::CLIENT).with_text(text);
        let to = lab.jid(to).expect("a name");
        let message = Stanza::message(MessageType::Chat).with_to(to);
        CrowdWord::Say(Word::Stanza(message.with_child(&body)))
    };
    bound(&log_in(&mut lab, &peer, 0, "bob", Wish::New));
    peer.say(0, letter(&lab, "andy", "while you were away"));
    lab.pass(SECOND);
    bound(&log_in(&mut lab, &hand, 0, "andy", Wish::New));
    hand.say(0, presence());
    lab.pass(SECOND);
    let heard = told(&hand, 0);
    let shown = stanzas(&heard);
    assert_eq!(letters(&shown), 1, "{shown:?}");
    lab.link("1A", "1B").unwrap().hold();
    hand.say(0, letter(&lab, "bob", "on its way"));
    lab.settle();
    lab.node("1A").unwrap().fail_over().unwrap();
    lab.pass(SECOND);
    let count = u32::try_from(shown.len()).expect("few");
    hand.say(0, CrowdWord::Say(Word::Acked(count)));
    hand.say(0, CrowdWord::Say(Word::LogOut));
    lab.pass(MINUTE);
    let sent_away = end(&told(&hand, 0));
    assert_eq!(sent_away, HandEnd::SeeOtherHost("1B".to_owned()));
    // What bob was told is his.
    drop(peer.told());
    bound(&log_in(&mut lab, &peer, 1, "andy", Wish::New));
    peer.say(1, presence());
    lab.pass(SECOND);
    let again = peer.told().into_iter().filter(|(whose, _)| *whose == 1);
    let again: Vec<Told> = again.map(|(_, told)| told).collect();
    assert_eq!(letters(&stanzas(&again)), 0, "{again:?}");
}

fn stanzas(told: &[Told]) -> Vec<&Stanza> {
    let shown = told.iter().map(|one| match one {
        Told::Stanzas(stanzas) => stanzas.as_slice(),
        _ => &[],
    });
    shown.flatten().collect()
}

fn letters(shown: &[&Stanza]) -> usize {
    let is_letter = |one: &&&Stanza| matches!(one.kind, StanzaKind::Message(_));
    shown.iter().filter(is_letter).count()
}
