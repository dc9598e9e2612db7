//! The control plane: a step of the HA machine, an entry of the journal, a move of all users.

use std::sync::Arc;
use std::time::Duration;

use takeover::Lab;
use takeover_actors::plane::{Outlet, User};
use takeover_actors::rt::{VirtualDriver, WorldSpec};
use takeover_core::ha::{BootKind, Event, HaNode, HaParams, HaRecord, Health, step};
use takeover_core::id::NodeId;
use takeover_core::journal;
use takeover_core::service::ServiceKind;
use takeover_protocols::jid::FullJid;

use super::measure::{Bench, Cost};

/// Sessions that move: half a pair of the largest size.
const MOVED: u64 = 12_500;

/// The floor of what hands something over.
pub const CHANNEL: &str = "a message through a tokio channel";

/// A message of so many octets through a channel of tokio's, there and taken.
pub fn channel(bench: &mut Bench, name: &str) -> Option<Cost> {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel::<[u64; 8]>();
    bench.cost(name, 100, || {
        for number in 0..100 {
            tell.send([number; 8]).expect("an open channel");
            assert!(told.try_recv().is_ok());
        }
    })
}

pub fn measure(bench: &mut Bench) {
    ha_step(bench);
    journal(bench);
    moving(bench);
}

fn ha_step(bench: &mut Bench) {
    let name = "step of the HA machine";
    if !bench.wants(name) {
        return;
    }
    let params = HaParams::default();
    let record = HaRecord::fresh(true);
    let (node, _) = HaNode::boot(&record, true, BootKind::SrmRestart, Health::GOOD, &params);
    let turns = [
        Event::ServiceDown(ServiceKind::XcpRouter),
        Event::ServiceUp(ServiceKind::XcpRouter),
    ];
    let cost = bench.cost(name, 2, || {
        let (down, _) = step(&node, turns[0].clone(), &params);
        let (up, _) = step(&down, turns[1].clone(), &params);
        assert!(up.health.is_good());
    });
    let least = channel(bench, &format!("{name}/floor"));
    bench.beside(name, CHANNEL, (cost, least));
}

fn journal(bench: &mut Bench) {
    let name = "entry of the journal";
    if !bench.wants(name) {
        return;
    }
    let mut spec = WorldSpec::new(1, 1);
    spec.journal_capacity = 1000;
    let driver = VirtualDriver::new(spec).expect("a runtime");
    let book = driver.world().journal().clone();
    let cost = bench.cost(name, 1, || {
        let jid = "andy@example.com/desk".to_owned();
        book.record(Some(NodeId(0)), journal::Event::SessionOpened { jid });
    });
    let least = channel(bench, &format!("{name}/floor"));
    bench.beside(name, CHANNEL, (cost, least));
}

/// All users of a node with their sessions to its peer and back (SES-4).
fn moving(bench: &mut Bench) {
    let name = "move of a session, 12 500 at once";
    if !bench.wants(name) {
        return;
    }
    let pair =
        Lab::virtual_time(1).cluster("c", |cluster| cluster.ova(25_000).pair("pair", "1A", "1B"));
    let lab = pair.users(MOVED * 2).start().expect("a lab");
    let plane = lab.plane().clone();
    let home = lab.node_id("1A").expect("a node of the lab");
    let peer = lab.node_id("1B").expect("a node of the lab");
    let users = plane.hosted_by(home);
    for user in &users {
        open(&lab, home, user);
    }
    let mut at = home;
    let cost = bench.cost(name, MOVED, || {
        let to = if at == home { peer } else { home };
        let until = plane.world().now() + Duration::from_secs(600);
        for user in &users {
            plane.take_over(user, to, until).expect("a user to move");
        }
        at = to;
    });
    let least = channel(bench, &format!("{name}/floor"));
    bench.beside(name, CHANNEL, (cost, least));
}

fn open(lab: &Lab, node: NodeId, user: &Arc<User>) {
    let jid = FullJid::new(&format!("{}/desk", user.jid)).expect("an address");
    let opened = lab.plane().open_session(node, user, jid, Outlet::new());
    let mut attached = opened.expect("a session");
    lab.plane().enable(&mut attached, true).expect("a session");
}
