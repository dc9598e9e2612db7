//! How a pair comes to each row of the table. `A` is node 1 of the row, `B` node 2; in rows 22 and 23 the
//! former backup is node 2.

use takeover_core::ha::{Action, HaParams};

use super::run::is_row;
use crate::rows::ROUTER;
use crate::sim::{Broken, Pair, secs};

/// Every start: the name in a case, and the row.
pub const STARTS: [(&str, u8); 36] = [
    ("row 1", 1),
    ("row 2", 2),
    ("row 3", 3),
    ("row 4", 4),
    ("row 5", 5),
    ("row 6", 6),
    ("row 7", 7),
    ("row 8", 8),
    ("row 9", 9),
    ("row 10", 10),
    ("row 11", 11),
    ("row 11 after a reboot", 11),
    ("row 12", 12),
    ("row 13", 13),
    ("row 14", 14),
    ("row 15", 15),
    ("row 15 alone", 15),
    ("row 16", 16),
    ("row 16 srm down", 16),
    ("row 16 cut", 16),
    ("row 17", 17),
    ("row 18", 18),
    ("row 18 services down", 18),
    ("row 19", 19),
    ("row 20", 20),
    ("row 21", 21),
    ("row 21 after a split", 21),
    ("row 22", 22),
    ("row 23", 23),
    ("row 24", 24),
    ("row 24 half", 24),
    ("row 25", 25),
    ("row 26", 26),
    ("row 26 database", 26),
    ("row 27", 27),
    ("row 27 after a goodbye", 27),
];

/// A pair at a start; `None` if there is none of this name. What has happened on the way is forgotten.
pub fn start(name: &str, params: HaParams) -> Option<Pair> {
    let (_, row) = STARTS.iter().find(|(known, _)| *known == name)?;
    let mut pair = come_to(name, params);
    is_row(&pair, *row).unwrap_or_else(|why| panic!("{name}: {why}"));
    for host in &mut pair.hosts {
        host.broken = Broken::default();
        host.changes.clear();
        host.refusals.clear();
        host.stale.clear();
        host.alarms.clear();
    }
    pair.moves.clear();
    Some(pair)
}

fn come_to(name: &str, mut params: HaParams) -> Pair {
    if name == "row 25" {
        return Pair::starting(params);
    }
    if name == "row 10" {
        params.automatic_fallback = Some(HaParams::FALLBACK_HEALTH);
    }
    let mut pair = Pair::normal_with(params);
    match name {
        "row 1" => {}
        "row 2" | "row 3" | "row 4" | "row 5" | "row 6" | "row 7" | "row 8" | "row 9" => {
            by_hand(&mut pair, name);
        }
        "row 10" | "row 11" | "row 12" | "row 13" | "row 22" | "row 23" | "row 26"
        | "row 26 database" => by_itself(&mut pair, name),
        "row 14"
        | "row 15"
        | "row 15 alone"
        | "row 19"
        | "row 20"
        | "row 21"
        | "row 21 after a split" => failed(&mut pair, name),
        "row 24" => switch_off(&mut pair, &[0, 1]),
        "row 24 half" => switch_off(&mut pair, &[0]),
        _ => alone(&mut pair, name),
    }
    pair
}

fn switch_off(pair: &mut Pair, nodes: &[usize]) {
    nodes.iter().for_each(|i| pair.admin(*i, Action::DisableHa));
    pair.run(secs(5));
}

fn by_hand(pair: &mut Pair, name: &str) {
    pair.admin(0, Action::Failover);
    pair.run(secs(1));
    match name {
        "row 2" => return,
        "row 8" => {
            pair.restart_srm(1);
            return pair.run(secs(1));
        }
        _ => pair.run(secs(30)),
    }
    match name {
        "row 4" | "row 9" => {
            pair.admin(0, Action::Fallback);
            pair.run(secs(1));
        }
        "row 5" => pair.restart_srm(0),
        "row 6" => (0..2).for_each(|i| pair.restart_srm(i)),
        "row 7" => pair.restart_srm(1),
        _ => {}
    }
    if name == "row 9" {
        pair.restart_srm(0);
        pair.run(secs(1));
    } else if name != "row 4" {
        pair.run(secs(30));
    }
}

fn by_itself(pair: &mut Pair, name: &str) {
    if name.ends_with("database") || name == "row 13" {
        pair.database(0, false);
        return pair.run(secs(if name == "row 13" { 30 } else { 1 }));
    }
    pair.stop(0, ROUTER);
    if name == "row 26" {
        return pair.run(secs(91));
    }
    pair.run(secs(120));
    if name == "row 12" {
        return;
    }
    pair.start(0, ROUTER);
    pair.run(secs(1));
    match name {
        "row 10" => pair.run(secs(1800)),
        "row 22" => mirrored(pair, |pair| pair.database(1, false), 30),
        "row 23" => mirrored(pair, |pair| pair.stop(1, ROUTER), 120),
        _ => {}
    }
}

/// Something befalls the backup of a pair in row 11.
fn mirrored(pair: &mut Pair, befall: impl Fn(&mut Pair), span: u64) {
    befall(pair);
    pair.run(secs(span));
}

fn failed(pair: &mut Pair, name: &str) {
    match name {
        "row 19" => {
            pair.hosts[1].broken.take_over = true;
            pair.admin(0, Action::Failover);
        }
        "row 21 after a split" => {
            pair.cut();
            pair.run(secs(90));
            pair.heal();
        }
        _ => by_hand(pair, "row 3"),
    }
    match name {
        "row 14" => {
            pair.hosts[0].broken.start = Some(ROUTER);
            pair.admin(0, Action::Fallback);
        }
        "row 15" | "row 21" => pair.stop(1, ROUTER),
        "row 15 alone" => {
            pair.crash(0);
            pair.run(secs(90));
            pair.stop(1, ROUTER);
        }
        "row 20" => {
            pair.hosts[1].broken.hand_back = true;
            pair.admin(0, Action::Fallback);
        }
        _ => {}
    }
    pair.run(secs(100));
    if name == "row 21" {
        pair.restart_srm(0);
        pair.run(secs(30));
    }
}

fn alone(pair: &mut Pair, name: &str) {
    match name {
        "row 16" | "row 11 after a reboot" => pair.crash(0),
        "row 16 srm down" => pair.kill_srm(0),
        "row 16 cut" => pair.cut(),
        "row 17" | "row 27 after a goodbye" => pair.shut_down(0),
        "row 18" | "row 18 services down" => {
            (0..2).for_each(|i| pair.crash(i));
            pair.power_on(1);
            pair.run(secs(200));
            pair.hosts[0].broken.start = (name != "row 18").then_some(ROUTER);
            pair.power_on(0);
        }
        _ => {
            pair.crash(0);
            while pair.row() != Some(27) {
                pair.run(secs(1));
            }
            return;
        }
    }
    if name == "row 27 after a goodbye" {
        return pair.run(secs(1));
    }
    pair.run(secs(100));
    if name == "row 11 after a reboot" {
        pair.power_on(0);
        pair.run(secs(60));
    }
}
