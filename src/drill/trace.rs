//! What a pair went through, from the journal alone: which rows of the state table, and where it
//! rested.

use std::fmt;
use std::time::Duration;

use takeover_core::ha::table::{self, Row, Seen};
use takeover_core::ha::{Body, Reason, State};
use takeover_core::id::NodeId;
use takeover_core::journal::{Entry, Event, Power};
use takeover_core::service::ServiceKind;
use takeover_core::time::Moment;

/// Every transition is bounded by timers (HA-14); none of them, one after the other, takes longer.
pub(crate) const TRANSITION: Duration = Duration::from_secs(30 * 60);

/// What can be seen of a pair from one place: its first node, then its second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// The two nodes.
    pub nodes: [Seen; 2],
    /// The row of the table, if it has one.
    pub row: Option<&'static Row>,
    /// Whether the table has these very states, and none is presumed of a node that is not seen.
    pub exact: bool,
}

impl View {
    fn of(first: Seen, second: Seen) -> Self {
        let found = table::find(first, second);
        let exact = found.is_some_and(|found| {
            let sides = match found.first_is_node1 {
                true => [(first, &found.row.node1), (second, &found.row.node2)],
                false => [(second, &found.row.node1), (first, &found.row.node2)],
            };
            sides
                .iter()
                .all(|(seen, side)| (*seen == Seen::Unreachable) == side.states.is_empty())
        });
        Self {
            nodes: [first, second],
            row: found.map(|found| found.row),
            exact,
        }
    }

    /// Whether no node that is seen is on its way to another state.
    #[must_use]
    pub fn is_stable(&self) -> bool {
        self.nodes.iter().all(|seen| match seen {
            Seen::Reachable(state, _) => state.is_stable(),
            Seen::Unreachable => true,
        })
    }
}

/// A stretch of time in which nothing that can be seen of the pair changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Its begin.
    pub from: Moment,
    /// Its end; `None` while it lasts.
    pub to: Option<Moment>,
    /// What can be seen: one view, or, where the link is cut both ways, one from each side; none where
    /// no node can be seen. A node whose words do not get through cannot be seen.
    pub views: Vec<View>,
}

/// A pair that rested where the table has no row, or did not end a transition.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Misfit {
    /// Since when, in protocol seconds.
    pub from_s: f64,
    /// How long, in protocol seconds.
    pub for_s: f64,
    /// In which states.
    pub states: [String; 2],
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second] = &self.states;
        let (from, long) = (self.from_s, self.for_s);
        write!(f, "from {from:.1} s on for {long:.1} s: {first}, {second}")
    }
}

#[derive(Clone, Copy, Debug)]
struct Side {
    node: NodeId,
    /// What its SRM said last; before it said anything HA is off.
    last: (State, Reason),
    /// Whether its SRM runs and has found its state.
    answers: bool,
}

/// What a pair goes through; told by the journal's entries in order.
#[derive(Clone, Debug)]
pub struct Trace {
    sides: [Side; 2],
    /// Whether nothing of SRM gets through from the first node to the second, and back.
    cut: [bool; 2],
    port: u16,
    stretches: Vec<Stretch>,
}

impl Trace {
    /// Of the pair with these nodes, before anything has happened. `port` is the service port.
    #[must_use]
    pub fn new(nodes: [NodeId; 2], port: u16) -> Self {
        let side = |node| Side {
            node,
            last: (State::Unknown, Reason::HaNotEnabled),
            answers: false,
        };
        let nothing = Stretch {
            from: Moment::ZERO,
            to: None,
            views: Vec::new(),
        };
        Self {
            sides: nodes.map(side),
            cut: [false; 2],
            port,
            stretches: vec![nothing],
        }
    }

    /// Takes an entry in; whether what can be seen has changed.
    pub fn take(&mut self, entry: &Entry) -> bool {
        let before = self.seen();
        if let Event::Link { from, to, now } = &entry.event {
            self.link(*from, *to, now);
        }
        let of = |side: &&mut Side| Some(side.node) == entry.node;
        if let Some(side) = self.sides.iter_mut().find(of) {
            side.take(&entry.event);
        }
        if self.seen() == before {
            return false;
        }
        let views = self.look();
        let open = self.stretches.last_mut();
        if open.as_ref().is_some_and(|open| open.views == views) {
            return false;
        }
        if let Some(open) = open {
            open.to = Some(entry.at);
        }
        self.stretches.push(Stretch {
            from: entry.at,
            to: None,
            views,
        });
        true
    }

    fn link(&mut self, from: NodeId, to: NodeId, now: &str) {
        let [first, second] = self.sides.map(|side| side.node);
        let direction = match (from, to) {
            ends if ends == (first, second) => 0,
            ends if ends == (second, first) => 1,
            _ => return,
        };
        let is_cut = now.split(", ").any(|word| word == "cut" || word == "held");
        self.cut[direction] = is_cut || blocks(now, self.port);
    }

    /// What decides about what can be seen.
    fn seen(&self) -> ([Seen; 2], [bool; 2]) {
        (self.sides.map(|side| side.seen()), self.cut)
    }

    fn look(&self) -> Vec<View> {
        let [first, second] = self.sides.map(|side| side.seen());
        let views = match self.cut {
            [false, false] => vec![(first, second)],
            [true, false] => vec![(Seen::Unreachable, second)],
            [false, true] => vec![(first, Seen::Unreachable)],
            [true, true] => vec![(first, Seen::Unreachable), (Seen::Unreachable, second)],
        };
        let seen = |view: &(Seen, Seen)| *view != (Seen::Unreachable, Seen::Unreachable);
        let views = views.into_iter().filter(seen);
        views
            .map(|(first, second)| View::of(first, second))
            .collect()
    }

    /// Everything so far, in order.
    #[must_use]
    pub fn stretches(&self) -> &[Stretch] {
        &self.stretches
    }

    /// What can be seen now.
    #[must_use]
    pub fn views(&self) -> &[View] {
        self.stretches.last().map_or(&[], |open| &open.views)
    }

    /// Whether the pair is in a row now.
    #[must_use]
    pub fn is_in(&self, row: u8) -> bool {
        in_row(self.views(), row)
    }

    /// Whether the pair was in a row from stretch number `since` on.
    #[must_use]
    pub fn was_in(&self, row: u8, since: usize) -> bool {
        let later = self.stretches.get(since..).unwrap_or(&[]);
        later.iter().any(|stretch| in_row(&stretch.views, row))
    }

    /// Whether no node that is seen is on its way to another state.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.views().iter().all(View::is_stable)
    }

    /// Where the pair rested, or was, against the table; a stretch counts as a rest from `rest` on.
    #[must_use]
    pub fn misfits(&self, now: Moment, rest: Duration) -> Vec<Misfit> {
        let mut misfits = Vec::new();
        for stretch in &self.stretches {
            let long = stretch.to.unwrap_or(now).saturating_since(stretch.from);
            for view in &stretch.views {
                let limit = if view.is_stable() { rest } else { TRANSITION };
                let fits = view.is_stable() && view.row.is_some_and(|row| row.stable);
                if !fits && long > limit {
                    misfits.push(Misfit {
                        from_s: stretch.from.as_secs_f64(),
                        for_s: long.as_secs_f64(),
                        states: view.nodes.map(|seen| seen.to_string()),
                    });
                }
            }
        }
        misfits
    }

    /// The views of all stretches, in order of time.
    pub fn all_views(&self) -> impl Iterator<Item = &View> {
        self.stretches.iter().flat_map(|stretch| &stretch.views)
    }
}

fn in_row(views: &[View], number: u8) -> bool {
    views
        .iter()
        .any(|view| view.row.is_some_and(|row| row.number == number))
}

/// Whether conditions in words say that a port is blocked.
fn blocks(now: &str, port: u16) -> bool {
    let ports = now
        .split_once("ports {")
        .and_then(|(_, rest)| rest.split_once('}'));
    ports.is_some_and(|(list, _)| list.split(", ").any(|word| word == port.to_string()))
}

impl Side {
    fn seen(&self) -> Seen {
        let (state, reason) = self.last;
        match self.answers {
            true => Seen::Reachable(state, reason),
            false => Seen::Unreachable,
        }
    }

    fn take(&mut self, event: &Event) {
        match event {
            Event::Ha(change) => {
                self.last = (change.to, change.reason);
                self.answers = true;
            }
            Event::Service {
                kind: ServiceKind::Srm,
                state,
            } => {
                // With HA off there is nothing to find out; else SRM answers once it has its state.
                let off = self.last.0 == State::Unknown;
                self.answers = state.is_up() && (self.answers || off);
            }
            Event::Power { power, .. } if *power != Power::On => self.answers = false,
            Event::PeerSent { message, .. } if message.body == Body::Goodbye => {
                self.answers = false;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use takeover_core::ha::{Cause, StateChange};
    use takeover_core::service::{ServiceCause, ServiceState};

    use super::*;

    const NODES: [NodeId; 2] = [NodeId(0), NodeId(1)];

    struct Told(Trace, u64);

    impl Told {
        fn new() -> Self {
            Self(Trace::new(NODES, 22_001), 0)
        }

        fn at(&mut self, secs: u64, node: usize, event: Event) -> &mut Self {
            self.1 += 1;
            let entry = Entry {
                seq: self.1,
                at: Moment::from_secs(secs),
                node: Some(NODES[node]),
                event,
            };
            self.0.take(&entry);
            self
        }

        fn ha(&mut self, secs: u64, node: usize, to: State, reason: Reason) -> &mut Self {
            let change = StateChange {
                from: State::Normal,
                to,
                reason,
                cause: Cause::WorkDone,
            };
            self.at(secs, node, Event::Ha(change))
        }

        fn normal() -> Self {
            let mut told = Self::new();
            told.ha(1, 0, State::Normal, Reason::Normal);
            told.ha(1, 1, State::Normal, Reason::Normal);
            told
        }
    }

    fn srm(state: ServiceState) -> Event {
        Event::Service {
            kind: ServiceKind::Srm,
            state,
        }
    }

    #[test]
    fn rows_are_found_as_they_come() {
        let mut told = Told::normal();
        assert!(told.0.is_in(1));
        told.ha(5, 0, State::FailingOver, Reason::AdminRequest);
        assert!(!told.0.is_in(1) && told.0.is_at_rest() == State::FailingOver.is_stable());
        told.ha(5, 1, State::TakingOver, Reason::AdminRequest);
        assert!(told.0.is_in(2) && told.0.was_in(1, 0));
    }

    #[test]
    fn an_srm_that_does_not_run_is_not_seen() {
        let mut told = Told::normal();
        told.at(9, 0, srm(ServiceState::Failed(ServiceCause::Killed)));
        told.ha(60, 1, State::TakingOver, Reason::PeerDown);
        assert!(told.0.is_in(27));
        told.at(61, 0, srm(ServiceState::Started));
        assert!(told.0.is_in(27), "it has not found its state");
        told.ha(61, 0, State::Initializing, Reason::Initialization);
        assert!(!told.0.is_in(27));
    }

    /// HA-10: in a split there are two views, and each is a row.
    #[test]
    fn a_cut_link_gives_two_views() {
        let mut told = Told::normal();
        for (node, to) in [(0, 1), (1, 0)] {
            let now = "cut".to_owned();
            let (from, to) = (NODES[node], NODES[to]);
            told.at(10, node, Event::Link { from, to, now });
        }
        told.ha(70, 0, State::Backup, Reason::PeerDown);
        told.ha(70, 1, State::Backup, Reason::PeerDown);
        assert_eq!(told.0.views().len(), 2);
        assert!(told.0.is_in(16));
        let now = Moment::from_secs(1000);
        assert!(told.0.misfits(now, Duration::from_secs(100)).is_empty());
    }

    /// A pair that rests in states that the table does not have is found, and one that stays in a
    /// transition for ever (HA-14).
    #[test]
    fn a_rest_outside_the_table_is_found() {
        let mut told = Told::normal();
        told.ha(10, 1, State::Backup, Reason::PeerDown);
        let rest = Duration::from_secs(100);
        assert!(told.0.misfits(Moment::from_secs(110), rest).is_empty());
        assert_eq!(told.0.misfits(Moment::from_secs(111), rest).len(), 1);
        told.ha(112, 0, State::FailingOver, Reason::AdminRequest);
        told.ha(112, 1, State::TakingOver, Reason::AdminRequest);
        assert_eq!(told.0.misfits(Moment::from_secs(1900), rest).len(), 1);
        assert_eq!(told.0.misfits(Moment::from_secs(1913), rest).len(), 2);
    }

    #[test]
    fn a_blocked_service_port_is_a_cut() {
        assert!(blocks("ports {80, 22001} blocked, delay 1ms", 22_001));
        assert!(!blocks("ports {2200} blocked", 22_001) && !blocks("perfect", 22_001));
    }
}
