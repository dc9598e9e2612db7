//! A pair full of users: simulated clients that keep the rules of chapter 3, as many as the largest
//! node carries. One test, so that its memory is its own.

mod common;

use std::sync::atomic::Ordering;

use common::*;
use takeover::client::Client;
use takeover::lab::Lab;

const USERS: u64 = 25_000;

/// The most memory that the process has had, in KiB; nothing where the system does not tell.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn logins(lab: &Lab, node: &str) -> u64 {
    let node = lab.node_id(node).expect("a node of the lab");
    let counters = &lab.plane().node(node).counters;
    counters.logins.load(Ordering::Relaxed)
}

/// SES-3, SES-5: 25 000 users of one pair, all logged in; one node loses its power, and each of its
/// users is back at the other one within the re-login window, its session going on.
#[test]
fn a_pair_of_25_000() {
    let pair = Lab::virtual_time(1).cluster("big", |cluster| {
        cluster.ova(25_000).pair("pair", "1A", "1B")
    });
    let mut lab = started(pair.users(USERS));
    let clients: Vec<Client> = (1..=USERS)
        .map(|number| {
            let made = lab.client_with(&format!("user{number}"), |spec| spec.hands_over = true);
            made.expect("a user of the lab")
        })
        .collect();
    timed("25 000 logins", || {
        clients.iter().for_each(Client::log_in);
        lab.pass(SECOND);
    });
    assert!(clients.iter().all(Client::is_online));
    assert_eq!((logins(&lab, "1A"), logins(&lab, "1B")), (12_500, 12_500));
    timed("failover", || {
        lab.node("1A").unwrap().kill().unwrap();
        lab.pass(119 * SECOND);
        assert_eq!(logins(&lab, "1B"), 12_500, "nobody before the lower limit");
        lab.pass(420 * SECOND);
    });
    assert_eq!(logins(&lab, "1B"), 25_000, "all by the upper limit");
    let lost = clients.iter().filter(|one| places(one).len() == 2);
    assert_eq!(lost.count(), 12_500);
    assert!(clients.iter().all(|one| one.place().unwrap() == "1B"));
    let resumed = clients.iter().filter(|one| places(one).last().unwrap().1);
    assert_eq!(resumed.count(), 12_500, "the sessions went on");
    let peak = peak_memory();
    println!("peak memory {:?} MiB", peak.map(|kib| kib / 1024));
    assert!(peak.is_none_or(|kib| kib < 1024 * 1024), "{peak:?} KiB");
}
