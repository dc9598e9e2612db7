//! Four people talk, one to one and in a room, while something befalls the room's database or its
//! node: CHAT-10 is checked message by message, what each client saw against what is stored.

mod common;
#[path = "../storage/tests/support/postgres.rs"]
mod postgres;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use common::*;
use postgres::Server;
use takeover::client::Client;
use takeover::ha::State;
use takeover::lab::{Builder, Lab};
use takeover::service::{ServiceCause, ServiceKind};
use takeover_protocols::jid::BareJid;
use takeover_storage::{ChatStore, Fence, HistoryQuery, StoreError, StoreFuture};

const TC: ServiceKind = ServiceKind::TextConference;
const ALIAS: &str = "conference-1-cluster-1.example.test";

/// Waits for a database on this thread.
fn wait<T>(answer: StoreFuture<T>) -> Result<T, StoreError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(answer)
}

/// The lab, its people in a room of 1A, talking; and a way of our own to the room's database.
struct Scene<'s> {
    lab: Lab,
    people: [Client; 4],
    room: BareJid,
    rooms: Arc<dyn ChatStore>,
    server: Option<&'s mut Server>,
}

fn quick(builder: Builder) -> Builder {
    builder
        .parameter("Client Re-Login Lower Limit", 20)
        .parameter("Client Re-Login Upper Limit", 60)
}

impl<'s> Scene<'s> {
    /// On the lab's own store.
    fn on_own_store(seed: u64) -> Self {
        let lab = started(quick(Lab::virtual_time(seed)));
        let rooms = lab.database("pair-1").unwrap().store().clone();
        Self::set(lab, rooms, None)
    }

    /// On PostgreSQL, in a schema named for `what`.
    fn on_postgresql(builder: Builder, server: &'s mut Server, what: &str) -> Self {
        let builder = builder.postgresql("pair-1", server.settings(what));
        let lab = started(quick(builder));
        let rooms = server.open(what).chat();
        Self::set(lab, rooms, Some(server))
    }

    fn set(mut lab: Lab, rooms: Arc<dyn ChatStore>, server: Option<&'s mut Server>) -> Self {
        let people = online(&mut lab, PEOPLE);
        let room = gather(&mut lab, &people, "1A");
        talk(&people, Some(&room), 3 * SECOND);
        lab.pass(30 * SECOND);
        Self {
            lab,
            people,
            room,
            rooms,
            server,
        }
    }

    fn befall(&mut self, disaster: Disaster) {
        let mend = (disaster.strike)(self);
        self.lab.pass(disaster.lasts);
        mend(self);
        self.lab.pass(4 * MINUTE);
        // Where nobody was failed over there is nothing to bring home.
        let _ = self.lab.node("1A").unwrap().fall_back();
        self.lab.pass(4 * MINUTE);
    }

    /// In the end everybody is online and is heard in the room; no promise was broken.
    fn judge(mut self, what: &str) {
        let people = &self.people;
        let together = self
            .lab
            .until(|_| people.iter().all(Client::is_online), LONG);
        assert!(
            together,
            "{what}: {:?}",
            people.each_ref().map(Client::state)
        );
        for one in people {
            one.fall_silent();
            one.enter(&self.room);
        }
        let (room, last) = (self.room.clone(), format!("the last word on {what}"));
        await_that(&mut self.lab, "all are in the room", LONG, |_| {
            people.iter().all(|one| one.is_in(&room))
        });
        people[3].post(&room, &last);
        await_that(&mut self.lab, "the room is alive", MINUTE, |_| {
            people.iter().all(|one| one.has_received(&last))
        });
        self.lab.pass(MINUTE);
        assert_clean(&self.lab);
        let open = self.people.each_ref().map(Client::unacknowledged);
        assert_eq!(open, [0; 4], "{what}: every word is handled or refused");
        let acknowledged = self.lab.finding().total.acknowledged;
        assert!(acknowledged > 300, "{what}: {acknowledged}");
        self.compare(what);
    }

    /// CHAT-10: what anybody was shown is stored, once; nothing is stored twice.
    fn compare(&self, what: &str) {
        let all = HistoryQuery::last(usize::MAX);
        let stored = wait(self.rooms.history(&self.room, all)).unwrap().entries;
        let mut times: BTreeMap<String, u32> = BTreeMap::new();
        for id in stored.into_iter().filter_map(|entry| entry.id) {
            *times.entry(id).or_default() += 1;
        }
        let twice: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
        assert!(twice.is_empty(), "{what}: stored twice: {twice:?}");
        let mut shown = BTreeSet::new();
        for received in self.people.iter().flat_map(Client::received) {
            let in_room = received
                .from
                .is_some_and(|from| from.to_bare() == self.room);
            shown.extend(received.id.filter(|_| in_room));
        }
        let lost: Vec<_> = shown.iter().filter(|id| !times.contains_key(*id)).collect();
        assert!(lost.is_empty(), "{what}: shown and not stored: {lost:?}");
        assert!(shown.len() > 50, "{what}: {} shown", shown.len());
        eprintln!(
            "{what}: {} shown, {} stored, each once",
            shown.len(),
            times.len()
        );
    }

    fn server(&mut self) -> &mut Server {
        self.server.as_deref_mut().expect("a server")
    }
}

const fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

type Deed = fn(&mut Scene<'_>);

/// Something that strikes, lasts for a while, and is mended.
struct Disaster {
    what: &'static str,
    lasts: Duration,
    strike: fn(&mut Scene<'_>) -> Deed,
}

fn nothing(_: &mut Scene<'_>) {}

fn heal(scene: &mut Scene<'_>) {
    scene.lab.database("pair-1").unwrap().heal();
}

fn start_conference(scene: &mut Scene<'_>) {
    let mut node = scene.lab.node("1A").unwrap();
    node.service(TC).refuse_start(None).unwrap();
    // It may be on its way up by itself.
    let _ = node.service(TC).start();
}

/// What befalls databases and nodes, whatever the engine.
const DISASTERS: &[Disaster] = &[
    Disaster {
        what: "both nodes lose the database",
        lasts: minutes(1),
        strike: |scene| {
            scene.lab.database("pair-1").unwrap().down();
            heal
        },
    },
    Disaster {
        what: "the disk is full",
        lasts: minutes(1),
        strike: |scene| {
            scene.lab.database("pair-1").unwrap().fill_disk();
            heal
        },
    },
    Disaster {
        what: "the database is slow",
        lasts: minutes(2),
        strike: |scene| {
            scene.lab.database("pair-1").unwrap().slow(4 * SECOND);
            heal
        },
    },
    Disaster {
        what: "answers are lost",
        lasts: minutes(1),
        strike: |scene| {
            scene.lab.database("pair-1").unwrap().lose_answers(30);
            heal
        },
    },
    Disaster {
        what: "TC is killed",
        lasts: minutes(3),
        strike: |scene| {
            scene.lab.node("1A").unwrap().service(TC).kill().unwrap();
            start_conference
        },
    },
    Disaster {
        what: "TC is killed with words in its hands, and clients resume",
        lasts: minutes(1),
        strike: |scene| {
            scene.lab.database("pair-1").unwrap().slow(4 * SECOND);
            scene.lab.pass(11 * SECOND);
            scene.lab.node("1A").unwrap().service(TC).kill().unwrap();
            |scene| {
                heal(scene);
                start_conference(scene);
                scene.lab.pass(30 * SECOND);
                scene.people.iter().for_each(Client::cut);
            }
        },
    },
    Disaster {
        what: "TC panics",
        lasts: minutes(3),
        strike: |scene| {
            let mut node = scene.lab.node("1A").unwrap();
            node.service(TC).panic("a planted panic").unwrap();
            start_conference
        },
    },
    Disaster {
        what: "TC refuses to start",
        lasts: minutes(4),
        strike: |scene| {
            let mut node = scene.lab.node("1A").unwrap();
            let cause = ServiceCause::Other("a planted refusal".to_owned());
            node.service(TC).refuse_start(Some(cause)).unwrap();
            node.service(TC).kill().unwrap();
            start_conference
        },
    },
    Disaster {
        what: "the node loses its power",
        lasts: minutes(4),
        strike: |scene| {
            scene.lab.node("1A").unwrap().kill().unwrap();
            |scene| scene.lab.node("1A").unwrap().power_on().unwrap()
        },
    },
    Disaster {
        what: "the node reboots",
        lasts: minutes(1),
        strike: |scene| {
            scene.lab.node("1A").unwrap().reboot().unwrap();
            nothing
        },
    },
];

/// CHAT-7, CHAT-10, CHAT-12 on the lab's own store.
#[test]
fn disasters_on_the_own_store() {
    for (seed, disaster) in (1..).zip(DISASTERS) {
        let mut scene = Scene::on_own_store(seed);
        scene.befall(Disaster { ..*disaster });
        scene.judge(disaster.what);
    }
}

/// CHAT-7, CHAT-10, CHAT-12 on PostgreSQL.
#[test]
fn disasters_on_postgresql() {
    let Some(mut server) = postgres::server("room_databases::disasters_on_postgresql") else {
        return;
    };
    for (seed, disaster) in (1..).zip(DISASTERS) {
        let builder = Lab::virtual_time(seed);
        let mut scene = Scene::on_postgresql(builder, &mut server, &format!("disaster_{seed}"));
        scene.befall(Disaster { ..*disaster });
        scene.judge(disaster.what);
    }
}

/// CHAT-12: a server killed (`kill -9`) for a minute of protocol time; both nodes lose it, and have it
/// back by themselves.
#[test]
fn the_server_is_killed() {
    let Some(mut server) = postgres::server("room_databases::the_server_is_killed") else {
        return;
    };
    let mut scene = Scene::on_postgresql(Lab::virtual_time(21), &mut server, "killed");
    scene.befall(Disaster {
        what: "the server is killed",
        lasts: minutes(1),
        strike: |scene| {
            scene.server().kill();
            |scene| scene.server().start()
        },
    });
    scene.judge("the server is killed");
}

/// SVC-4, CHAT-6: TC does not start while its server is away, and does when it is back.
#[test]
fn no_conference_without_its_server() {
    let Some(mut server) = postgres::server("room_databases::no_conference_without_its_server")
    else {
        return;
    };
    let mut scene = Scene::on_postgresql(Lab::virtual_time(22), &mut server, "away");
    scene.server().stop();
    // Its answer is that it does not run: the server is away.
    let _ = scene.lab.node("1A").unwrap().service(TC).restart();
    scene.lab.pass(20 * SECOND);
    assert!(!is_up(&scene.lab, "1A", TC));
    scene.server().start();
    start_conference(&mut scene);
    await_that(&mut scene.lab, "TC runs again", MINUTE, |lab| {
        is_up(lab, "1A", TC)
    });
    scene.lab.pass(4 * MINUTE);
    scene.judge("a server that was away");
}

/// HA-10: in a network split both nodes take over; the database knows one host at a time, refuses
/// what the other would write, and the room has lost nothing when the split is healed.
fn split_brain(mut scene: Scene<'_>, what: &str) {
    let before = wait(scene.rooms.lease(ALIAS)).unwrap();
    let node = |lab: &Lab, name: &str| lab.node_id(name).unwrap();
    assert_eq!(before.held_by, Some(node(&scene.lab, "1A")));
    scene.lab.link("1A", "1B").unwrap().cut();
    await_states(
        &mut scene.lab,
        ("1A", State::Backup),
        ("1B", State::Backup),
        5 * MINUTE,
    );
    scene.lab.pass(2 * MINUTE);
    // Each has claimed the room from the other; whoever was last has it, under the newest epoch.
    let after = wait(scene.rooms.lease(ALIAS)).unwrap();
    assert!(after.epoch > before.epoch, "{before:?}, then {after:?}");
    for (name, epoch) in ["1A", "1B"]
        .into_iter()
        .flat_map(|name| (before.epoch..=after.epoch).map(move |epoch| (name, epoch)))
    {
        let (alias, host) = (ALIAS.to_owned(), node(&scene.lab, name));
        let now = after.held_by == Some(host) && epoch == after.epoch;
        let fence = Fence { alias, host, epoch };
        let late = wait(scene.rooms.write(&fence, &scene.room, Vec::new()));
        let fenced = matches!(late, Err(StoreError::Fenced { .. }));
        assert_eq!(fenced, !now, "{name} at {epoch}, {after:?}: {late:?}");
    }
    scene.lab.link("1A", "1B").unwrap().heal();
    scene.lab.pass(2 * MINUTE);
    scene.lab.pair("pair-1").unwrap().recover().unwrap();
    scene.lab.pass(5 * MINUTE);
    assert_eq!(row(&scene.lab, "pair-1"), Some(1));
    scene.judge(what);
}

/// HA-10, CHAT-10 on the lab's own store.
#[test]
fn split_brain_on_the_own_store() {
    split_brain(Scene::on_own_store(31), "split brain");
}

/// HA-10, CHAT-10 on PostgreSQL.
#[test]
fn split_brain_on_postgresql() {
    let Some(mut server) = postgres::server("room_databases::split_brain_on_postgresql") else {
        return;
    };
    let scene = Scene::on_postgresql(Lab::virtual_time(31), &mut server, "split");
    split_brain(scene, "split brain on PostgreSQL");
}

/// CHAT-10, CHAT-12 in real time: connections cut in mid-transaction and a server killed (`kill -9`)
/// under load, while the lab runs on threads of its own.
#[test]
fn a_server_is_killed_and_cut_off_under_load() {
    let test = "room_databases::a_server_is_killed_and_cut_off_under_load";
    let Some(mut server) = postgres::server(test) else {
        return;
    };
    let builder = Lab::real_time(30.0).threads(2);
    let mut scene = Scene::on_postgresql(builder, &mut server, "load");
    talk(&scene.people, Some(&scene.room), SECOND);
    for _ in 0..3 {
        for _ in 0..5 {
            scene.server().sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE application_name = 'takeover'",
            );
            scene.lab.pass(4 * SECOND);
        }
        scene.server().kill();
        scene.lab.pass(10 * SECOND);
        scene.server().start();
        scene.lab.pass(20 * SECOND);
    }
    scene.judge("a server killed and cut off under load");
}
