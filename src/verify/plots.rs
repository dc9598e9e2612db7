//! Plots: deeds that together lead a pair into rows of the state table that chance alone seldom reaches.
//!
//! Each is one of the drills, loosened: its times vary, and whatever else the plan has may come in between.

use std::time::Duration;

use takeover_core::ha::Action;
use takeover_core::service::ServiceKind;

use super::generate::Draw;
use super::plan::Planned;
use crate::drill::{Deed, MovesDeed, PowerDeed, ServiceDeed};
use crate::lab::DatabaseFault;

/// A deed of a plot: seconds after its beginning, what, and for how many seconds.
type Turn = (u64, Deed, Option<u64>);

/// How many plots there are.
const PLOTS: u64 = 17;

/// How far each time of a plot may be off.
const OFF: Duration = Duration::from_secs(4);

/// A pair in a plot: whose home it happens to, and its peer.
struct Pair {
    name: String,
    home: String,
    peer: String,
}

impl Draw {
    /// A plot that begins at this time.
    pub(super) fn plot(&mut self, at: Duration) -> Vec<Planned> {
        let number = self.pair();
        let (home, peer) = self.one_of(&[("A", "B"), ("B", "A")]);
        let pair = Pair {
            name: format!("pair-{number}"),
            home: format!("{number}{home}"),
            peer: format!("{number}{peer}"),
        };
        let turns = match self.rng.below(PLOTS) {
            plot @ 0..=4 => self.of_services(plot, &pair),
            plot @ 5..=9 => self.of_transitions(plot, &pair),
            plot @ 10..=13 => self.of_nodes(plot, &pair),
            _ => self.of_doubt(&pair),
        };
        let turn = |(after, deed, span): Turn| Planned {
            at: at + Duration::from_secs(after) + self.millis(Duration::ZERO, OFF),
            deed,
            lasts: span.map(|span| Duration::from_secs(span) + self.millis(Duration::ZERO, OFF)),
        };
        turns.into_iter().map(turn).collect()
    }

    fn victim(&mut self) -> ServiceKind {
        self.one_of(&[ServiceKind::TextConference, ServiceKind::PresenceEngine])
    }

    /// Services fail on both nodes, one after the other (HA-2, HA-8, HA-9).
    fn of_services(&mut self, plot: u64, pair: &Pair) -> Vec<Turn> {
        let victim = self.victim();
        let kill = |kind, node: &String| Deed::Service(ServiceDeed::Kill, kind, node.clone());
        match plot {
            // Rows 12, 11, 22, 23: the home fails over and is well again, then the backup fails.
            0 | 1 => {
                let second = match plot {
                    0 => ServiceKind::Database,
                    _ => victim,
                };
                vec![
                    (0, kill(victim, &pair.home), Some(200)),
                    (220, kill(second, &pair.peer), Some(300)),
                ]
            }
            // Rows 12, 11, 10: the home stays well.
            2 => vec![(0, kill(victim, &pair.home), Some(200))],
            // Rows 3, 15, 21: the backup fails while its peer is idle; then SRM restarts.
            3 => vec![
                (0, over(&pair.home), None),
                (60, kill(victim, &pair.peer), Some(400)),
                (260, restart_srm(&pair.home), None),
            ],
            // Rows 24, 12, 15: HA is switched on beside what is down.
            _ => {
                let stop = |node: &String| Deed::Service(ServiceDeed::Stop, victim, node.clone());
                let off = Deed::OnPair(Action::DisableHa, pair.name.clone());
                let mut turns = vec![(0, off, Some(200)), (20, stop(&pair.home), Some(500))];
                if self.rng.chance(0.5) {
                    turns.push((30, stop(&pair.peer), Some(500)));
                }
                turns
            }
        }
    }

    /// SRM restarts, or moves fail, in the middle of a failover or a fallback (HA-7, HA-12).
    fn of_transitions(&mut self, plot: u64, pair: &Pair) -> Vec<Turn> {
        let moves = |deed, node: &String| Deed::Moves(deed, node.clone());
        let node = self.one_of(&[pair.home.clone(), pair.peer.clone()]);
        let back = Deed::OnNode(Action::Fallback, pair.home.clone());
        let (home, peer) = (&pair.home, &pair.peer);
        match plot {
            // Rows 3, 5, 6, 7.
            5 => vec![
                (0, over(&pair.home), None),
                (60, restart_srm(&node), None),
                (120, restart_srm(&pair.peer), None),
            ],
            // Rows 2, 8, or 19: moves that hang are given up in time (HA-14).
            6 => {
                let (at, span) = self.one_of(&[(home, 60), (home, 2700), (peer, 2700)]);
                let mut turns = vec![
                    (0, moves(MovesDeed::Hold, at), Some(span)),
                    (5, over(home), None),
                ];
                if span == 60 {
                    turns.push((15, restart_srm(peer), None));
                }
                turns
            }
            // Rows 3, 4, 9.
            7 => vec![
                (0, over(&pair.home), None),
                (60, moves(MovesDeed::Hold, &pair.home), Some(90)),
                (70, back, None),
                (100, restart_srm(&pair.home), None),
            ],
            // Rows 3, 4, 20.
            8 => vec![
                (0, over(&pair.home), None),
                (60, moves(MovesDeed::Fail, &node), Some(120)),
                (70, back, None),
            ],
            // Rows 2, 19.
            _ => vec![
                (0, moves(MovesDeed::Fail, &pair.peer), Some(60)),
                (5, over(&pair.home), None),
            ],
        }
    }

    /// Nodes come back too late, without a service, or into what they left (HA-1, HA-12).
    fn of_nodes(&mut self, plot: u64, pair: &Pair) -> Vec<Turn> {
        let victim = self.victim();
        let cut = |node: &String| Deed::Power(PowerDeed::Cut, node.clone());
        let spoil = |node: &String| Deed::Service(ServiceDeed::Spoil, victim, node.clone());
        match plot {
            // Rows 27, 18: only one of two comes back in time, the other perhaps without a service.
            10 => vec![
                (0, cut(&pair.home), Some(600)),
                (1, cut(&pair.peer), Some(60)),
                (606, spoil(&pair.home), Some(300)),
            ],
            // Rows 3, 4, 14: services do not start while the home takes its users back.
            11 => vec![
                (0, over(&pair.home), None),
                (60, spoil(&pair.home), Some(500)),
                (70, Deed::OnNode(Action::Fallback, pair.home.clone()), None),
            ],
            // Row 16, 12 with Initialization: a service refuses to start while the node initializes.
            12 => vec![
                (0, cut(&pair.home), Some(90)),
                (91, spoil(&pair.home), Some(300)),
            ],
            // Rows 13, 11: the node's database, and the reboot that the table recommends.
            _ => {
                let database = ServiceKind::Database;
                let kill = Deed::Service(ServiceDeed::Kill, database, pair.home.clone());
                let reboot = Deed::Power(PowerDeed::Reboot, pair.home.clone());
                vec![(0, kill, None), (60, reboot, None)]
            }
        }
    }

    /// Clients lose their connections, or their node, while a room's database takes its time: what they have
    /// said is in doubt when they resume (CHAT-10).
    fn of_doubt(&mut self, pair: &Pair) -> Vec<Turn> {
        let drop = |node: &String| Deed::DropClients(node.clone());
        let span = self.millis(Duration::from_secs(3), Duration::from_secs(8));
        let slow = Deed::Database(DatabaseFault::Slow(span), pair.name.clone());
        let node = self.one_of(&[pair.home.clone(), pair.peer.clone()]);
        let last = match self.rng.below(3) {
            0 => (150, Deed::Power(PowerDeed::Cut, node), Some(90)),
            1 => (150, Deed::Power(PowerDeed::Crash, node), None),
            _ => (150, over(&node), None),
        };
        vec![
            (0, slow, Some(300)),
            (40, drop(&pair.home), None),
            (80, drop(&pair.peer), None),
            (110, drop(&pair.home), None),
            last,
        ]
    }
}

fn over(node: &str) -> Deed {
    Deed::OnNode(Action::Failover, node.to_owned())
}

fn restart_srm(node: &str) -> Deed {
    Deed::Service(ServiceDeed::Restart, ServiceKind::Srm, node.to_owned())
}
