//! Random schedules: failovers, fallbacks, kills, link cuts and lost connections under traffic.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use takeover::client::{Client, Reconnect, Target};
use takeover_actors::rt::Rng;
use takeover_actors::user_mover::UserWork;
use takeover_core::id::NodeId;
use takeover_protocols::jid::BareJid;

use crate::town::{A, B, C, Town};

/// How a pair stands between two steps.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pair {
    Normal,
    /// The first one's users are with the second one; it runs.
    Backup {
        home: NodeId,
    },
    /// As before, and the first one has no power.
    Dead {
        home: NodeId,
    },
}

struct Play {
    town: Town,
    clients: Vec<Client>,
    rng: Rng,
    pair: Pair,
    script: Vec<String>,
    cast: Cast,
}

/// Who is in a schedule, and how much they say.
#[derive(Clone, Copy)]
pub struct Cast {
    /// Users of three nodes.
    pub users: u64,
    /// So many of them speak XML; the others hand their stanzas over.
    pub on_wires: u64,
    /// How often each of them says something, about.
    pub every: Duration,
}

/// Plays one schedule; everything is as it should be afterwards, or the seed is in the panic.
pub fn play(seed: u64, steps: u64, cast: Cast) {
    let names: Vec<String> = (0..cast.users).map(|n| format!("user{n}")).collect();
    let homes = [A, B, A, B, C];
    let users: Vec<(&str, NodeId)> = names
        .iter()
        .enumerate()
        .map(|(index, name)| (name.as_str(), homes[index % homes.len()]))
        .collect();
    let mut town = Town::new(seed, &users);
    let rng = town.world().rng("schedule");
    let clients: Vec<Client> = users
        .iter()
        .enumerate()
        .map(|(index, (name, _))| {
            town.client_with(name, |spec| {
                spec.hands_over = index as u64 >= cast.on_wires;
                if index % 3 == 0 {
                    let (lower, upper) = (Duration::from_secs(5), Duration::from_secs(40));
                    spec.reconnect = Reconnect::Window { lower, upper };
                }
            })
        })
        .collect();
    town.until("all online", || clients.iter().all(Client::is_online));
    let mut play = Play {
        town,
        clients,
        rng,
        pair: Pair::Normal,
        script: Vec::new(),
        cast,
    };
    play.begin();
    for _ in 0..steps {
        play.step();
    }
    play.end(seed);
}

fn rooms() -> [BareJid; 2] {
    [
        "lobby@conference-1-east.example.com",
        "yard@conference-2-east.example.com",
    ]
    .map(|room| BareJid::new(room).expect("a good address"))
}

impl Play {
    fn begin(&mut self) {
        // Whoever comes first makes the room.
        for (index, client) in self.clients.iter().enumerate().take(2) {
            let room = &rooms()[index % 2];
            client.enter(room);
            self.town.until("inside", || client.is_in(room));
        }
        for (index, client) in self.clients.iter().enumerate().skip(2) {
            client.enter(&rooms()[index % 2]);
        }
        let clients = self.clients.iter().enumerate();
        let inside = || {
            clients
                .clone()
                .all(|(index, client)| client.is_in(&rooms()[index % 2]))
        };
        self.town.until("all are inside", inside);
        for (index, client) in self.clients.iter().enumerate() {
            let mut targets: Vec<Target> = (0..3)
                .map(|_| self.rng.below(self.cast.users) as usize)
                .filter(|other| *other != index)
                .map(|other| Target::Client(format!("user{other}")))
                .collect();
            targets.push(Target::Room(rooms()[index % 2].to_string()));
            client.keep_talking(self.cast.every, targets);
        }
    }

    fn note(&mut self, what: String) {
        let now = self.town.world().now();
        self.script.push(format!("{now} {what}"));
    }

    fn step(&mut self) {
        let wait = self
            .rng
            .between(Duration::from_millis(1), Duration::from_secs(8));
        self.town.driver.pass(wait);
        match self.rng.below(10) {
            0..=3 => self.move_users(),
            4..=5 => self.lose_connections(),
            6..=7 => self.cut_link(),
            8 => self.kill_rooms(),
            _ => self.slow_link(),
        }
    }

    fn move_users(&mut self) {
        match self.pair {
            Pair::Normal => {
                let home = if self.rng.chance(0.5) { A } else { B };
                let peer = if home == A { B } else { A };
                if self.rng.chance(0.5) {
                    self.note(format!("kill {home}"));
                    self.town.kill(home);
                    let silence = self.rng.between(Duration::ZERO, Duration::from_secs(60));
                    self.town.driver.pass(silence);
                    self.note(format!("take over by {peer}"));
                    self.town.begin(peer, UserWork::TakeOver { forced: true });
                    self.pair = Pair::Dead { home };
                } else {
                    self.note(format!("failover of {home}"));
                    self.town.begin(home, UserWork::Release);
                    self.town.begin(
                        peer,
                        UserWork::TakeOver {
                            forced: self.rng.chance(0.3),
                        },
                    );
                    self.pair = Pair::Backup { home };
                }
            }
            Pair::Dead { home } => {
                self.note(format!("boot {home}"));
                self.town.boot(home);
                self.pair = Pair::Backup { home };
            }
            Pair::Backup { home } => {
                let peer = if home == A { B } else { A };
                self.note(format!("fallback to {home}"));
                self.town.begin(peer, UserWork::HandBack);
                self.town.begin(
                    home,
                    UserWork::TakeBack {
                        forced: self.rng.chance(0.2),
                    },
                );
                self.pair = Pair::Normal;
            }
        }
    }

    fn lose_connections(&mut self) {
        for _ in 0..=self.rng.below(4) {
            let index = self.rng.below(self.cast.users) as usize;
            self.note(format!("user{index} loses its connection"));
            self.clients[index].cut();
        }
    }

    fn two_nodes(&mut self) -> (NodeId, NodeId) {
        [(A, B), (A, C), (B, C)][self.rng.below(3) as usize]
    }

    fn cut_link(&mut self) {
        let (one, other) = self.two_nodes();
        self.note(format!("cut {one} {other}"));
        self.town.world().network().cut(one, other);
        let silence = self
            .rng
            .between(Duration::from_millis(10), Duration::from_secs(10));
        if self.rng.chance(0.3) {
            self.move_users();
        }
        self.town.driver.pass(silence);
        self.town.world().network().heal(one, other);
        self.note(format!("heal {one} {other}"));
    }

    fn slow_link(&mut self) {
        let (one, other) = self.two_nodes();
        let delay = self
            .rng
            .between(Duration::from_millis(1), Duration::from_millis(900));
        self.note(format!("delay {one} {other} {delay:?}"));
        self.town
            .world()
            .network()
            .change_both(one, other, |link| link.delay = delay);
    }

    fn kill_rooms(&mut self) {
        let node = [A, B][self.rng.below(2) as usize];
        if self.pair == (Pair::Dead { home: node }) {
            return;
        }
        self.note(format!("kill and start rooms of {node}"));
        self.town.kill_rooms(node);
        let silence = self
            .rng
            .between(Duration::from_millis(1), Duration::from_secs(5));
        self.town.driver.pass(silence);
        self.town.start_rooms(node);
    }

    /// Everybody has one session, at home; who moved out of a node has moved into another one.
    fn assert_counters(&self, seed: u64) {
        let (mut attached, mut moved) = ([0; 3], [0; 2]);
        for (place, node) in self.town.plane.nodes().iter().enumerate() {
            let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
            attached[place] = read(&node.counters.attached);
            moved[0] += read(&node.counters.moved_in);
            moved[1] += read(&node.counters.moved_out);
        }
        let mut homes = [0; 3];
        for user in self.town.plane.users() {
            homes[user.home().index()] += 1;
        }
        assert_eq!(attached, homes, "seed {seed}: sessions per node");
        assert_eq!(moved[0], moved[1], "seed {seed}: users moved in and out");
    }

    fn heal(&mut self) {
        for (one, other) in [(A, B), (A, C), (B, C)] {
            self.town.world().network().heal(one, other);
        }
        while self.pair != Pair::Normal {
            self.town.pass(30);
            self.move_users();
        }
        self.town.pass(60);
    }

    fn end(mut self, seed: u64) {
        self.heal();
        for client in &self.clients {
            client.fall_silent();
        }
        let clients = self.clients.clone();
        let minutes = Duration::from_secs(1200);
        let online = self
            .town
            .driver
            .until(|| clients.iter().all(Client::is_online), minutes);
        let oracle = self.town.oracle.clone();
        let all = self
            .town
            .driver
            .until(|| oracle.lock().nothing_missing(), minutes);
        self.town.pass(60);
        let finding = oracle.lock().finding();
        if !online || !all || !finding.total.is_clean() {
            let states: Vec<String> = clients
                .iter()
                .map(|c| format!("{} {}", c.name(), c.state()))
                .collect();
            panic!(
                "seed {seed}: online {online}, complete {all}\n{finding:#?}\n{}\n{}",
                self.script.join("\n"),
                states.join("\n")
            );
        }
        self.assert_counters(seed);
        for user in self.town.plane.users() {
            assert_eq!(
                user.slot.owner().node(),
                user.home(),
                "seed {seed}: {}",
                user.jid
            );
        }
    }
}
