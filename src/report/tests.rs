//! The page as a whole.

use takeover_core::time::Moment;

use super::*;

fn picture() -> Picture {
    let mut node = Lane::new("1A", LaneKind::Node);
    node.turn(Moment::ZERO, "Normal", Tone::Good);
    node.turn(Moment::from_secs(100), "Failing Over", Tone::Moving);
    node.turn(Moment::from_secs(100), "Failing Over", Tone::Moving);
    node.tell(
        Moment::from_secs(100),
        "Normal → Failing Over",
        Some("TC & friends".into()),
        Tone::Bad,
    );
    node.tell(Moment::from_secs(101), "second", None, Tone::Plain);
    let mut client = Lane::new("<andy>", LaneKind::Client);
    client.turn(Moment::ZERO, "at 1A", Tone::Good);
    client.end(Moment::from_secs(99));
    client.tick(Moment::from_secs(5), Tone::Plain);
    client.tell(Moment::from_secs(99), "logged out", None, Tone::Bad);
    Picture {
        title: "A run".into(),
        subtitle: "seed 1".into(),
        lanes: vec![node, client],
        until: Moment::from_secs(200),
    }
}

#[test]
fn events_are_numbered_in_order_of_time_over_all_lanes() {
    let picture = picture();
    let told: Vec<_> = picture
        .told()
        .iter()
        .map(|(n, lane, _)| (*n, lane.name.clone()))
        .collect();
    let expected = [
        (1, "<andy>".to_owned()),
        (2, "1A".to_owned()),
        (3, "1A".to_owned()),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_state_entered_twice_is_one_span() {
    let spans = &picture().lanes[0].spans;
    assert_eq!(spans.len(), 2);
    assert_eq!(spans[0].to, Some(Moment::from_secs(100)));
    assert_eq!(spans[1].to, None);
}

/// The page needs nothing else, escapes what it is given, and is well-formed where it is XML.
#[test]
fn the_page_is_self_contained_and_safe() {
    let mut table = Table::new(["client", "lost"]);
    table.row(["andy", "0"]);
    let page = page(&picture(), &[("Verdict", table)]);
    assert!(!page.contains("<andy>") && page.contains("&lt;andy&gt;"));
    for outside in ["src=", "href=", "@import", "<script"] {
        assert!(!page.contains(outside), "{outside}");
    }
    let svg = &page[page.find("<svg").unwrap()..page.find("</svg>").unwrap() + 6];
    for tag in ["g", "text", "title", "defs", "pattern"] {
        let opened =
            svg.matches(&format!("<{tag}>")).count() + svg.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, svg.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}
