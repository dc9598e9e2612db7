//! A process that is killed at any moment has lost nothing it acknowledged.
//!
//! The test starts itself again as a child that writes to an embedded database from several threads
//! and prints what was acknowledged; kills it (SIGKILL) at a moment drawn from a seed; opens the
//! database and looks for everything that was printed. Then the next child goes on with the same
//! database. `TAKEOVER_KILLS` sets how often (default 40), `TAKEOVER_KILL_SEED` the seed.

mod support;

use std::{
    collections::BTreeMap,
    env,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use proptest::prelude::Rng as _;
use proptest::test_runner::{RngAlgorithm, TestRng};
use support::{
    A, ALIAS, create, good, message, room, says,
    user_suite::{ANDY, item, offline},
};
use takeover_protocols::roster::subscription::State;
use takeover_storage::{
    ChatStore, Claim, Embedded, Fence, HistoryQuery, NodeStore, RosterItem, UserStore,
    embedded::Options, get_value, put_value,
};

const CHILD: &str = "TAKEOVER_KILL_CHILD";
const ROOMS: [&str; 2] = ["lunch", "tea"];

/// CHAT-10, XEP-0160, HA-12: `kill -9` at any moment loses, doubles and reorders nothing that was
/// acknowledged.
#[test]
fn a_kill_loses_nothing_acknowledged() {
    if let Ok(folder) = env::var(CHILD) {
        child(Path::new(&folder));
    }
    let number = |name, default| env::var(name).map_or(default, |text| text.parse().unwrap());
    let (kills, seed): (u64, u64) = (
        number("TAKEOVER_KILLS", 40),
        number("TAKEOVER_KILL_SEED", 1),
    );
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut chance = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let folder = tempfile::tempdir().unwrap();
    let mut promised = Promised::default();
    for round in 0..kills {
        let (lines, pause) = (chance.next_u64() % 250, chance.next_u64() % 3000);
        run_and_kill(
            folder.path(),
            lines,
            Duration::from_micros(pause),
            &mut promised,
        );
        eprintln!("seed {seed}, kill {round} after {lines} lines: {promised:?}");
        promised.check(&Embedded::open(folder.path()).unwrap());
    }
    let rooms_written = ROOMS.iter().all(|room| promised.rooms.contains_key(*room));
    assert!(rooms_written && promised.pushed > 0 && promised.roster > 0 && promised.node > 0);
}

/// Lets a child acknowledge so many things and a little more, and kills it.
#[allow(
    clippy::disallowed_methods,
    reason = "the moment of the kill is real time"
)]
fn run_and_kill(folder: &Path, lines: u64, pause: Duration, promised: &mut Promised) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "a_kill_loses_nothing_acknowledged",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(CHILD, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut read = |promised: &mut Promised| {
        let mut line = String::new();
        let there = out.read_line(&mut line).unwrap() > 0;
        if line.ends_with('\n') {
            promised.hear(line.trim_end());
        }
        there
    };
    for _ in 0..lines {
        assert!(read(promised), "the child ended by itself");
    }
    thread::sleep(pause);
    child.kill().unwrap();
    while read(promised) {}
    child.wait().unwrap();
}

/// What children have said was acknowledged.
#[derive(Debug, Default)]
struct Promised {
    rooms: BTreeMap<String, u64>,
    pushed: u64,
    confirming: u64,
    confirmed: u64,
    roster: u64,
    node: u64,
}

impl Promised {
    fn hear(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let number = || words.last().unwrap().parse().unwrap();
        match words[0] {
            "room" => drop(self.rooms.insert(words[1].to_owned(), number())),
            "pushed" => self.pushed = number(),
            "confirming" => self.confirming = number(),
            "confirmed" => self.confirmed = number(),
            "roster" => self.roster = number(),
            "node" => self.node = number(),
            // What the test harness of the child prints.
            _ => {}
        }
    }

    fn check(&mut self, embedded: &Embedded) {
        let chat = embedded.chat("pair");
        for (name, &promised) in &self.rooms {
            check_room(&*chat, name, promised);
        }
        self.check_offline(&*embedded.users("cluster"));
        let roster = good(embedded.users("cluster").roster(ANDY));
        assert!(
            roster.version >= self.roster,
            "roster is {}, promised {self:?}",
            roster.version
        );
        for back in 0..roster.version.min(5) {
            let expected = contact(roster.version - back);
            assert_eq!(roster.items.get(&expected.jid), Some(&expected));
        }
        let node = good(get_value::<u64>(&*embedded.node("1A"), "ha")).unwrap_or_default();
        assert!(
            node >= self.node,
            "the node's record is {node}, promised {self:?}"
        );
    }

    /// Messages are pushed as k1, k2, … and confirmed in order. What was being confirmed and is gone is so for good,
    /// though nobody has said so: the next child begins there.
    fn check_offline(&mut self, users: &dyn UserStore) {
        let waiting = good(users.offline(ANDY, None, usize::MAX));
        assert_eq!(good(users.offline_count(ANDY)), waiting.len() as u64);
        let first = waiting
            .first()
            .map_or(self.confirmed + 1, |stored| stored.seq);
        let gone = first - 1;
        assert!(
            gone == self.confirmed || gone == self.confirming,
            "{gone} gone, {self:?}"
        );
        self.confirmed = gone;
        for (seq, stored) in (first..).zip(&waiting) {
            assert_eq!(
                (stored.seq, &stored.message),
                (seq, &offline(&format!("k{seq}")))
            );
        }
        let last = waiting.last().map_or(gone, |stored| stored.seq);
        assert!(last >= self.pushed, "{last} pushed, {self:?}");
    }
}

/// Numbers from 1 without a gap, each with its own text, at least as many as promised.
fn check_room(chat: &dyn ChatStore, name: &str, promised: u64) {
    let room = room(name);
    let stored = good(chat.room(&room)).unwrap();
    assert!(
        stored.last_seq >= promised,
        "{name}: {} stored, {promised} promised",
        stored.last_seq
    );
    let entries = good(chat.history(&room, HistoryQuery::last(usize::MAX))).entries;
    assert_eq!(entries.len() as u64, stored.last_seq);
    assert_eq!(stored.messages, stored.last_seq);
    for (seq, entry) in (1..).zip(&entries) {
        assert_eq!(*entry, message(seq, "andy", &text(seq)));
    }
}

fn text(seq: u64) -> String {
    format!(
        "number {seq} {}",
        "x".repeat(usize::try_from(seq * 37 % 400).unwrap())
    )
}

fn contact(version: u64) -> RosterItem {
    RosterItem {
        name: Some(format!("version {version}")),
        ..item(&format!("c{}@example.com", version % 10), State::Both)
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

fn child(folder: &Path) -> ! {
    let options = Options {
        checkpoint: 64 * 1024,
        ..Options::default()
    };
    let embedded = Embedded::open_with(folder, options).unwrap();
    let chat = embedded.chat("pair");
    let fence = good(chat.acquire(ALIAS, A, Claim::Force)).fence;
    thread::scope(|scope| {
        for name in ROOMS {
            let (chat, fence) = (&*chat, &fence);
            scope.spawn(move || talk(chat, fence, name));
        }
        scope.spawn(|| leave_messages(&*embedded.users("cluster")));
        scope.spawn(|| befriend(&*embedded.users("cluster")));
        scope.spawn(|| remember(&*embedded.node("1A")));
    });
    unreachable!("the threads write until they are killed")
}

fn talk(chat: &dyn ChatStore, fence: &Fence, name: &str) {
    let room = room(name);
    let mut last = good(chat.room(&room)).map_or(0, |stored| stored.last_seq);
    if last == 0 {
        let there = good(chat.room(&room)).is_some();
        let first = if there {
            Vec::new()
        } else {
            vec![create(&room)]
        };
        good(chat.write(fence, &room, first));
    }
    loop {
        let next = last + 1 + last % 3;
        let writes = (last + 1..=next)
            .map(|seq| says(seq, "andy", &text(seq)))
            .collect();
        good(chat.write(fence, &room, writes));
        say(&format!("room {name} {next}"));
        last = next;
    }
}

fn leave_messages(users: &dyn UserStore) {
    let waiting = good(users.offline(ANDY, None, usize::MAX));
    let mut gone = waiting.first().map(|stored| stored.seq - 1);
    loop {
        let probe = gone.unwrap_or(0) + good(users.offline_count(ANDY)) + 1;
        let pushed = match gone {
            Some(_) => good(users.push_offline(ANDY, offline(&format!("k{probe}")), 100)),
            // Nothing waits: the last number is not known, so the next one is looked for.
            None => push_next(users),
        };
        say(&format!("pushed {pushed}"));
        let gone = gone.get_or_insert(pushed - 1);
        if pushed - *gone > 12 {
            let until = *gone + 7;
            say(&format!("confirming {until}"));
            good(users.confirm_offline(ANDY, (*gone + 1..=until).collect()));
            say(&format!("confirmed {until}"));
            *gone = until;
        }
    }
}

/// Pushes the first message ever; children never leave less than a few waiting.
fn push_next(users: &dyn UserStore) -> u64 {
    let pushed = good(users.push_offline(ANDY, offline("k1"), 100));
    assert_eq!(pushed, 1);
    pushed
}

fn befriend(users: &dyn UserStore) {
    let mut version = good(users.roster(ANDY)).version;
    loop {
        version += 1;
        assert_eq!(good(users.put_roster_item(ANDY, contact(version))), version);
        say(&format!("roster {version}"));
    }
}

fn remember(node: &dyn NodeStore) {
    let mut value = good(get_value::<u64>(node, "ha")).unwrap_or_default();
    loop {
        value += 1;
        good(put_value(node, "ha", &value));
        say(&format!("node {value}"));
    }
}
