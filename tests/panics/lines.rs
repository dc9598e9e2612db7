//! Sessions that are served together.

use super::*;
use takeover::id::NodeId;
use takeover_actors::session::{CrowdArrival, CrowdHand, CrowdWord, Told, Wish, crowd_hands};
use takeover_protocols::jid::ResourcePart;

/// A crowd of one at a node, logged in as Andy with a resource of its own; the name to resume its session
/// by, and whether it is an earlier one.
fn log_in(scene: &mut Scene, node: NodeId, wish: Wish) -> (CrowdHand, std::sync::Arc<str>, bool) {
    let (hand, far) = crowd_hands();
    let resource = ResourcePart::new("crowd").expect("a resource").into_owned();
    let arrival = CrowdArrival {
        resource,
        hand: far,
    };
    let door = scene.lab.plane().node(node);
    door.receive_crowd(arrival).expect("the node serves");
    let user = scene.lab.jid("andy").expect("a name").to_string();
    assert!(hand.say(0, CrowdWord::LogIn { user, wish }));
    scene.lab.settle();
    let bound = hand.told().into_iter().find_map(|told| match told {
        (
            0,
            Told::Bound {
                previd, resumed, ..
            },
        ) => Some((previd, resumed.is_some())),
        _ => None,
    });
    let (previd, resumed) = bound.expect("a session");
    (hand, previd, resumed)
}

/// A line that panics loses the connections of its own clients and nothing else: their sessions are in
/// their users' places and are taken up again.
#[test]
fn a_line_of_sessions() {
    let mut scene = Scene::new(18);
    let node = scene.lab.node_id("1A").unwrap();
    let (hand, previd, resumed) = log_in(&mut scene, node, Wish::New);
    assert!(!resumed && !hand.is_over());
    scene.strike(Some("1A"), "SessionLine", "line");
    scene.assert_beside_goes_on();
    drop(hand.told());
    assert!(hand.is_over(), "the crowd has lost its connection");
    let (_hand, _, resumed) = log_in(&mut scene, node, Wish::Resume { previd, h: 0 });
    assert!(resumed, "the session goes on");
    scene.assert_all_well();
}
