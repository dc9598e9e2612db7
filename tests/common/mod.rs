//! What the chapters share: the four of the chat chapter, talk, and the rows a pair goes through.
#![allow(dead_code, reason = "each chapter uses its part")]

use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use takeover::admin::command::Command;
use takeover::admin::http::Administrator;
use takeover::admin::reply::{Refusal, Reply};
use takeover::client::{Client, ClientState, Note, Target};
use takeover::ha::table::{self, Seen};
use takeover::ha::{Reason, State};
use takeover::id::NodeId;
use takeover::journal::{Entry, Event, Power};
use takeover::lab::Builder;
use takeover::service::{ServiceKind, ServiceState};
use takeover::{Control, Lab};
use takeover_protocols::jid::BareJid;

/// The four of the chat chapter, each at home on another node.
pub const PEOPLE: [&str; 4] = ["andy", "bob", "catherine", "deborah"];
/// Where they are at home.
pub const HOMES: [&str; 4] = ["1A", "1B", "2A", "2B"];

pub const SECOND: Duration = Duration::from_secs(1);
pub const MINUTE: Duration = Duration::from_secs(60);
/// Longer than the longest re-login window.
pub const LONG: Duration = Duration::from_secs(1200);

/// The built-in lab, up.
pub fn lab(seed: u64) -> Lab {
    started(Lab::virtual_time(seed))
}

/// A lab of one's own, up.
pub fn started(builder: Builder) -> Lab {
    builder.start().unwrap_or_else(|error| panic!("{error}"))
}

/// Lets time pass until `condition` holds, or fails with `what` and the journal.
#[track_caller]
pub fn await_that(
    lab: &mut Lab,
    what: &str,
    limit: Duration,
    condition: impl FnMut(&Control) -> bool,
) {
    let happened = lab.until(condition, limit);
    assert!(
        happened,
        "within {limit:?} it did not happen that {what}\n{}\n{}",
        clients_in_words(lab),
        tail(lab, 150)
    );
}

/// The states of two nodes.
#[track_caller]
pub fn await_states(lab: &mut Lab, first: (&str, State), second: (&str, State), limit: Duration) {
    let what = format!(
        "{} is {} and {} is {}",
        first.0, first.1, second.0, second.1
    );
    await_that(lab, &what, limit, |lab| {
        lab.state(first.0) == Some(first.1) && lab.state(second.0) == Some(second.1)
    });
}

/// The last lines of the journal.
pub fn tail(lab: &Lab, lines: usize) -> String {
    let all = lab.journal().lines();
    let all: Vec<&str> = all.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

fn clients_in_words(lab: &Lab) -> String {
    let clients = lab.clients();
    let words = clients
        .iter()
        .map(|(name, one)| format!("{name}: {}", one.state()));
    words.collect::<Vec<_>>().join("; ")
}

/// These clients, logged in.
#[track_caller]
pub fn online<const N: usize>(lab: &mut Lab, names: [&str; N]) -> [Client; N] {
    let clients = names.map(|name| lab.client(name).unwrap_or_else(|error| panic!("{error}")));
    log_in(lab, &clients);
    clients
}

/// Logs clients in.
#[track_caller]
pub fn log_in(lab: &mut Lab, clients: &[Client]) {
    clients.iter().for_each(Client::log_in);
    await_that(lab, "all are logged in", MINUTE, |_| {
        clients.iter().all(Client::is_online)
    });
}

/// All know each other's presence.
#[track_caller]
pub fn befriend(lab: &mut Lab, people: &[Client]) {
    let pairs = || {
        people
            .iter()
            .flat_map(|one| people.iter().map(move |other| (one, other)))
    };
    let strangers = || pairs().filter(|(one, other)| one.user() != other.user());
    strangers().for_each(|(one, other)| one.subscribe(other.user()));
    await_that(lab, "everybody sees everybody", MINUTE, |_| {
        strangers().all(|(one, other)| one.sees(other.user()))
    });
}

/// The first one makes a room on `node`; all enter it.
#[track_caller]
pub fn gather(lab: &mut Lab, people: &[Client], node: &str) -> BareJid {
    let room = lab
        .room("lunch", node)
        .unwrap_or_else(|error| panic!("{error}"));
    people[0].enter(&room);
    await_that(lab, "the room is there", MINUTE, |_| people[0].is_in(&room));
    people[1..].iter().for_each(|other| other.enter(&room));
    await_that(lab, "everybody is in the room", MINUTE, |_| {
        people
            .iter()
            .all(|one| one.occupants(&room).len() == people.len())
    });
    room
}

/// Everybody posts numbered messages, to the next one and (where there is one) in the room.
pub fn talk(people: &[Client], room: Option<&BareJid>, every: Duration) {
    for (place, one) in people.iter().enumerate() {
        let next = people[(place + 1) % people.len()].name().to_owned();
        let mut targets = vec![Target::Client(next)];
        targets.extend(room.map(|room| Target::Room(room.to_string())));
        one.keep_talking(every, targets);
    }
}

/// Nobody talks any more; what was said arrives; nothing acknowledged is lost, doubled, reordered.
#[track_caller]
pub fn hush(lab: &mut Lab, people: &[Client]) {
    people.iter().for_each(Client::fall_silent);
    lab.pass(10 * SECOND);
    lab.until(Control::nothing_missing, 5 * MINUTE);
    assert_clean(lab);
}

/// Nothing acknowledged is lost, doubled or reordered.
#[track_caller]
pub fn assert_clean(lab: &Lab) {
    let finding = lab.finding();
    assert!(finding.total.is_clean(), "{finding:#?}\n{}", tail(lab, 150));
}

/// The reason of a client's last stream's end, and all before.
pub fn ends(client: &Client) -> Vec<String> {
    let ended = |noted: takeover::client::Noted| match noted.note {
        Note::StreamEnded { why } => Some(why),
        Note::State(_) | Note::Entered { .. } | Note::Left { .. } | Note::Error { .. } => None,
    };
    client.notes().into_iter().filter_map(ended).collect()
}

/// Where a client has been logged in, one after the other, and whether by resumption.
pub fn places(client: &Client) -> Vec<(String, bool)> {
    let place = |noted: takeover::client::Noted| match noted.note {
        Note::State(ClientState::Online { place, resumed, .. }) => Some((place, resumed)),
        _ => None,
    };
    client.notes().into_iter().filter_map(place).collect()
}

/// The rows of the table that a pair has gone through after journal entry `after`, without
/// repetition. Between two rows a pair is in none for as long as a word is on its way.
pub fn rows(lab: &Lab, first: &str, second: &str, after: u64) -> Vec<u8> {
    let ids = [first, second].map(|name| lab.node_id(name).expect("a node of the lab"));
    let mut seen = [Seen::Unreachable; 2];
    let mut rows: Vec<u8> = Vec::new();
    for entry in lab.journal().entries() {
        let Some(side) = ids.iter().position(|id| Some(*id) == entry.node) else {
            continue;
        };
        match entry.event {
            Event::Ha(change) => seen[side] = Seen::Reachable(change.to, change.reason),
            Event::Power {
                power: Power::Off | Power::Killed | Power::Rebooting,
                ..
            } => {
                seen[side] = Seen::Unreachable;
            }
            _ => continue,
        }
        let row = table::find(seen[0], seen[1]).map(|found| found.row.number);
        if let Some(row) = row.filter(|row| entry.seq > after && rows.last() != Some(row)) {
            rows.push(row);
        }
    }
    rows
}

/// The row a pair is in now.
pub fn row(lab: &Control, group: &str) -> Option<u8> {
    let states = lab.pair_states(group).ok()?;
    let seen = |side: Option<(State, Reason)>| {
        side.map_or(Seen::Unreachable, |(state, reason)| {
            Seen::Reachable(state, reason)
        })
    };
    let [first, second] = states.nodes.map(seen);
    table::find(first, second).map(|found| found.row.number)
}

/// The number of the last entry of the journal.
pub fn mark(lab: &Lab) -> u64 {
    lab.journal().len()
}

/// The entries of a node after `after` that `pick` picks.
pub fn entries(lab: &Lab, node: &str, after: u64, pick: impl Fn(&Event) -> bool) -> Vec<Entry> {
    let id = lab.node_id(node).expect("a node of the lab");
    let mine = |entry: &Entry| entry.node == Some(id) && entry.seq > after && pick(&entry.event);
    lab.journal().select(mine)
}

/// Every user's owner is one node, and each hand-over had an epoch above the one before (SES-4).
#[track_caller]
pub fn assert_epochs_grow(lab: &Lab) {
    let mut last: std::collections::BTreeMap<String, (u64, NodeId)> = Default::default();
    for entry in lab.journal().entries() {
        if let Event::UserMoved {
            user,
            from,
            to,
            epoch,
        } = entry.event
        {
            if let Some((before, owner)) = last.get(&user) {
                assert!(*before < epoch, "{user}: epoch {epoch} after {before}");
                assert_eq!(*owner, from, "{user} moved from where it was not");
            }
            last.insert(user, (epoch, to));
        }
    }
}

/// What `work` answers; the lab runs on meanwhile.
#[track_caller]
pub fn answered<T>(lab: &mut Lab, work: impl Future<Output = T>) -> T {
    let mut work = Box::pin(work);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..100 {
        if let Poll::Ready(answer) = work.as_mut().poll(&mut context) {
            return answer;
        }
        lab.settle();
    }
    panic!("no answer");
}

/// One command; the lab runs on while its answer is on the way.
#[track_caller]
pub fn typed(lab: &mut Lab, line: &str) -> Result<Reply, Refusal> {
    let control: Control = lab.control();
    let command = Command::parse(line).unwrap_or_else(|error| panic!("{error}"));
    answered(lab, control.execute(command))
}

/// A counter of each node, as `show perf query counter` tells it.
pub fn counter(lab: &mut Lab, name: &str) -> std::collections::BTreeMap<String, u64> {
    let told = typed(lab, &format!("show perf query counter * {name}"));
    let told = told.unwrap_or_else(|error| panic!("{error}")).data;
    let nodes = told.as_object().expect("an object for each node");
    let value = |values: &serde_json::Value| values[name].as_u64().expect("a number");
    nodes
        .iter()
        .map(|(node, values)| (node.clone(), value(values)))
        .collect()
}

/// Runs it and prints the wall time it took.
pub fn timed<T>(what: &str, run: impl FnOnce() -> T) -> T {
    #[expect(clippy::disallowed_methods, reason = "told, and of no effect")]
    let since = Instant::now();
    let result = run();
    println!("{what}: {:?} of wall time", since.elapsed());
    result
}

/// Whether a service of a node serves.
pub fn is_up(lab: &Control, node: &str, kind: ServiceKind) -> bool {
    lab.service_state(node, kind) == ServiceState::Started
}

/// Whether a service of a node has come to its end.
pub fn has_stopped(lab: &Control, node: &str, kind: ServiceKind) -> bool {
    lab.service_state(node, kind) == ServiceState::Stopped
}
