//! How fast virtual time flies.

use std::time::Duration;

use takeover::Lab;
use takeover::client::Client;
use tokio::runtime::Builder;

use super::measure::{Bench, Cost};

/// Users of the busy pair; each says something every second.
const USERS: u64 = 100;

pub fn measure(bench: &mut Bench) {
    let floor = "a wake-up of tokio's paused clock";
    let name = "second of an idle pair";
    if bench.wants(name) {
        let mut lab = pair(0);
        let cost = bench.cost(name, 600, || lab.pass(Duration::from_secs(600)));
        let least = ticks(bench, &format!("{name}/floor"));
        bench.beside(name, floor, (cost, least));
    }
    let name = "second of a pair with 100 who talk";
    if bench.wants(name) {
        let mut lab = pair(USERS);
        let clients: Vec<Client> = (1..=USERS)
            .map(|number| lab.client(&format!("user{number}")).expect("a user"))
            .collect();
        clients.iter().for_each(Client::log_in);
        lab.pass(Duration::from_secs(2));
        assert!(clients.iter().all(Client::is_online));
        let mut number = 0_u64;
        let cost = bench.cost(name, 1, || {
            number += 1;
            for (index, client) in clients.iter().enumerate() {
                let to = (index as u64 + number) % USERS + 1;
                client.say(&format!("user{to}"), &format!("words {number}"));
            }
            lab.pass(Duration::from_secs(1));
        });
        let least = ticks(bench, &format!("{name}/floor"));
        bench.beside(name, floor, (cost, least));
    }
}

fn pair(users: u64) -> Lab {
    let pair = Lab::virtual_time(1).cluster("c", |cluster| cluster.pair("pair", "1A", "1B"));
    let pair = pair.password_rounds(1).users(users.max(1));
    pair.start().expect("a lab")
}

/// One wake-up a second.
fn ticks(bench: &mut Bench, name: &str) -> Option<Cost> {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    bench.cost(name, 600, || {
        runtime.block_on(async {
            for _ in 0..600 {
                #[expect(clippy::disallowed_methods, reason = "this is the floor")]
                let second = tokio::time::sleep(Duration::from_secs(1));
                second.await;
            }
        });
    })
}
