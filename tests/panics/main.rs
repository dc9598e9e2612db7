//! A panic in any actor reaches its parent as a message with its text, is on the journal, and takes
//! neither the process nor a sibling along (SVC-3). One row for every kind of actor and light child;
//! a new kind without a row fails [`kinds`].
//!
//! In every row four people talk one to one and in a room; one actor panics; what its parent's rule
//! says is done; the people beside it notice nothing, and in the end all is well: nobody is away and
//! nothing that was acknowledged is lost, doubled or reordered.

#[path = "../common/mod.rs"]
mod common;

mod control_plane;
mod data_plane;
mod kinds;
mod lines;
mod of_the_lab;
mod sockets;

use common::*;
use takeover::client::Client;
use takeover::ha::State;
use takeover::journal::{Entry, Event};
use takeover::service::{ServiceCause, ServiceKind, ServiceState};
use takeover::{Control, Lab};
use takeover_protocols::jid::BareJid;

/// What the planted panics say.
const TEXT: &str = "a planted panic";

/// The four of the chat chapter, talking, in a room that 1A hosts.
struct Scene {
    lab: Lab,
    people: [Client; 4],
    room: BareJid,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let windows = Lab::virtual_time(seed)
            .parameter("Client Re-Login Lower Limit", 20)
            .parameter("Client Re-Login Upper Limit", 60);
        let mut lab = started(windows);
        let people = online(&mut lab, PEOPLE);
        let room = gather(&mut lab, &people, "1A");
        talk(&people, Some(&room), 2 * SECOND);
        lab.pass(30 * SECOND);
        Self { lab, people, room }
    }

    /// One of them panics; the journal has it, once, and nobody else's panic.
    #[track_caller]
    fn strike(&mut self, node: Option<&str>, kind: &'static str, name: &str) {
        let since = mark(&self.lab);
        self.lab
            .panic_in(node, kind, name, TEXT)
            .unwrap_or_else(|error| panic!("{error}\n{}", tail(&self.lab, 40)));
        let panics = panics(&self.lab, since);
        let node = node.map(|node| self.lab.node_id(node).expect("a node"));
        let words = format!("panicked: {TEXT}");
        let told: Vec<_> = panics.iter().map(in_words).collect();
        assert_eq!(told, [(node, kind, name, words.as_str())]);
    }

    /// Those at 2A and 2B, one to one: their talk goes on as if nothing had happened.
    #[track_caller]
    fn assert_beside_goes_on(&mut self) {
        let beside = self.people[2..].to_vec();
        let heard = |one: &Client| one.received().len();
        let before: Vec<usize> = beside.iter().map(heard).collect();
        self.lab.pass(20 * SECOND);
        for (one, before) in beside.iter().zip(before) {
            assert!(heard(one) > before, "{} hears nothing any more", one.name());
            let never_away = [(one.place().expect("online"), false)];
            assert_eq!(places(one), never_away, "{}", one.name());
        }
        for node in ["2A", "2B"] {
            assert_eq!(self.lab.state(node), Some(State::Normal), "{node}");
        }
    }

    /// Everybody is online and in the room, and everything acknowledged has arrived.
    #[track_caller]
    fn assert_all_well(mut self) {
        let (people, room) = (self.people.clone(), self.room.clone());
        await_that(&mut self.lab, "everybody is back", LONG, |_| {
            people.iter().all(|one| one.is_online() && one.is_in(&room))
        });
        people.iter().for_each(Client::fall_silent);
        self.lab.pass(10 * SECOND);
        people[1].post(&room, "is everybody here?");
        await_that(&mut self.lab, "the room lives", MINUTE, |_| {
            people
                .iter()
                .all(|one| one.has_received("is everybody here?"))
        });
        hush(&mut self.lab, &people);
        assert_epochs_grow(&self.lab);
    }

    /// A service of 1A has failed with the text, and an administrator starts it.
    #[track_caller]
    fn assert_failed_and_start(&mut self, kind: ServiceKind) {
        let failed = ServiceState::Failed(ServiceCause::Panicked(TEXT.to_owned()));
        assert_eq!(self.lab.service_state("1A", kind), failed);
        self.lab.pass(20 * SECOND);
        self.lab
            .node("1A")
            .unwrap()
            .service(kind)
            .start()
            .unwrap_or_else(|error| panic!("{error}"));
        await_that(&mut self.lab, "it serves again", MINUTE, |lab| {
            is_up(lab, "1A", kind)
        });
    }

    /// An administrator brings the users of 1A home; the pair is in row 1 again.
    #[track_caller]
    fn bring_home(&mut self) {
        await_that(&mut self.lab, "1A is able", 10 * MINUTE, |lab| {
            lab.state("1A") == Some(State::FailedOver)
        });
        self.lab.pass(MINUTE);
        self.lab
            .node("1A")
            .unwrap()
            .fall_back()
            .unwrap_or_else(|error| panic!("{error}"));
        self.await_row_1();
    }

    #[track_caller]
    fn await_row_1(&mut self) {
        let normal = |lab: &Control| ["pair-1", "pair-2"].iter().all(|g| row(lab, g) == Some(1));
        await_that(&mut self.lab, "all is normal", 20 * MINUTE, normal);
    }
}

/// The ends by panic after journal entry `since`.
fn panics(lab: &Lab, since: u64) -> Vec<Entry> {
    let panicked = |event: &Event| matches!(event, Event::ActorExited { exit, .. } if exit.starts_with("panicked"));
    lab.journal()
        .select(|entry| entry.seq > since && panicked(&entry.event))
}

fn in_words(entry: &Entry) -> (Option<takeover::id::NodeId>, &str, &str, &str) {
    match &entry.event {
        Event::ActorExited { kind, name, exit } => (entry.node, kind, name, exit),
        other => panic!("{other}"),
    }
}
