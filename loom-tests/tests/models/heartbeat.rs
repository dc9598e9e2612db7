//! `HeartbeatCell`: silent, dead, and back.

use super::common::*;

const LIFE: Incarnation = Incarnation(1);

/// A peer last heard at 15 s.
fn heard() -> Arc<HeartbeatCell> {
    let cell = Arc::new(HeartbeatCell::new());
    cell.beat(LIFE, at(15));
    cell
}

model! {
    /// HA-1: a beat as the watcher speaks: the peer was declared down and is back, or it was not
    /// declared. It never stays down after it was heard.
    a_beat_beside_the_verdict, Exhaustive;
    Bug::HeartbeatDeclaresUnchecked => "down though heard",
    Bug::HeartbeatStaysDown => "down though heard";
    {
        let cell = heard();
        let seen = cell.last();
        let peer = beside(&cell, |cell| cell.beat(LIFE, at(75)));
        let declared = cell.declare_down(seen).is_ok();
        let told = join(peer);
        assert!(!cell.is_down(), "down though heard");
        assert_eq!(declared, matches!(told, Heard::Returned(_)), "the beat says that it is back");
    }
}

model! {
    /// HA-1: of two watchers one declares the peer down, and one take-over begins.
    two_watchers, Exhaustive;
    Bug::HeartbeatDeclaresTwice => "one watcher declares";
    {
        let cell = heard();
        let watch = |cell: &HeartbeatCell| cell.declare_down(cell.last()).is_ok();
        let other = beside(&cell, watch);
        let mine = watch(&cell);
        assert!(mine != join(other), "one watcher declares");
    }
}

model! {
    /// HA-12: a beat of the old life that was delayed on its way does not hide the new life.
    a_beat_of_an_old_life, Exhaustive;
    Bug::HeartbeatTakesOldLives => "an old life counts";
    {
        let cell = heard();
        let delayed = beside(&cell, |cell| cell.beat(LIFE, at(80)));
        cell.beat(LIFE.next(), at(79));
        join(delayed);
        let last = cell.last().expect("heard");
        assert_eq!(last.incarnation, LIFE.next(), "an old life counts");
    }
}

model! {
    /// HA-10: declared down, back, and silent again: each return is told once.
    each_return_is_told_once, Exhaustive;
    Bug::HeartbeatTakesOldLives => "told once";
    {
        let cell = heard();
        cell.declare_down(cell.last()).expect("silent");
        let told = |heard| usize::from(matches!(heard, Heard::Returned(_)));
        let other = beside(&cell, move |cell| told(cell.beat(LIFE, at(75))));
        let mine = told(cell.beat(LIFE, at(90)));
        assert_eq!(mine + join(other), 1, "told once");
        assert_eq!(cell.last().map(|beat| beat.at), Some(at(90)), "told once, and the last one counts");
    }
}
