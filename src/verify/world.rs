//! The world of a schedule: a cluster of pairs, its users, rooms, contacts, and their talk.

use std::time::Duration;

use takeover_protocols::jid::BareJid;

use super::knobs::Knobs;
use crate::client::{Client, Target};
use crate::drill::Drill;
use crate::lab::{Control, Lab, LabError};

/// Protocol time for everybody to come online, and into their rooms.
const READY: Duration = Duration::from_secs(600);
/// How often a connection that is silent is asked whether its client is there.
const ASK_AFTER: Duration = Duration::from_secs(3600);

/// Entries of a journal that nobody will read.
const LATEST: usize = 4096;

/// What of a lab's journal stays in memory; its digest has all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// All, for whoever looks at the lab afterwards.
    All,
    /// The latest entries: of a thousand schedules the outcomes are what is asked for.
    Latest,
}

/// The clients of a world, and what they talk about.
pub(super) struct World {
    pub(super) clients: Vec<Client>,
    rooms: Vec<BareJid>,
    knobs: Knobs,
}

/// The lab of a world, every node off.
pub(super) fn lab(seed: u64, cast: &Drill, knobs: &Knobs, kept: Kept) -> Result<Lab, LabError> {
    let mut builder = Lab::virtual_time(seed).cluster("cluster-1", |cluster| {
        let groups = cast.groups().iter();
        groups.fold(cluster, |cluster, (name, [first, second])| {
            cluster.pair(name, first, second)
        })
    });
    for (name, value) in &knobs.parameters {
        builder = builder.parameter(name, value);
    }
    if kept == Kept::Latest {
        builder = builder.journal_capacity(LATEST);
    }
    builder
        .users(knobs.users)
        .password_rounds(1)
        .ask_after(ASK_AFTER)
        .without_foreign_timers()
        .start()
}

/// Whether something holds of each. Of whom it was seen to hold it is not asked again, as nothing is broken while a
/// world settles: all of them are asked at every step otherwise.
fn each<'a, T>(
    all: &'a [T],
    holds: impl Fn(usize, &T) -> bool + 'a,
) -> impl FnMut(&Control) -> bool + 'a {
    let mut seen = 0;
    move |_| {
        while all.get(seen).is_some_and(|one| holds(seen, one)) {
            seen += 1;
        }
        seen == all.len()
    }
}

impl World {
    /// Brings everybody online, into a room, and together with their contacts.
    pub(super) fn settle(lab: &mut Lab, knobs: &Knobs) -> Result<Self, LabError> {
        let client = |number: u64| {
            let name = format!("user{number}");
            // One in four speaks XML; that all is the same for the others is what makes them cheap.
            lab.client_with(&name, |spec| {
                spec.hands_over = !number.is_multiple_of(4);
                spec.distance = knobs.distance;
            })
        };
        let clients: Vec<Client> = (1..=knobs.users).map(client).collect::<Result<_, _>>()?;
        clients.iter().for_each(Client::log_in);
        let nodes = lab.node_names();
        let room = |number: u64| {
            let node = &nodes[number as usize % nodes.len()];
            lab.room(&format!("room{number}"), node)
        };
        let rooms = (0..knobs.rooms).map(room).collect::<Result<_, _>>()?;
        let world = Self {
            clients,
            rooms,
            knobs: knobs.clone(),
        };
        let online = lab.until(each(&world.clients, |_, client| client.is_online()), READY);
        for (index, client) in world.clients.iter().enumerate() {
            world
                .room_of(index)
                .into_iter()
                .for_each(|room| client.enter(room));
        }
        let is_inside = |index, client: &Client| {
            let room = world.room_of(index);
            room.is_none_or(|room| client.is_in(room))
        };
        let inside = lab.until(each(&world.clients, is_inside), READY);
        world.befriend(lab)?;
        let contacts: Vec<_> = world.contacts().collect();
        let sees = |_, (watcher, subject): &(&Client, &Client)| watcher.sees(subject.user());
        let seen = lab.until(each(&contacts, sees), READY);
        match online && inside && seen {
            true => Ok(world),
            false => Err(LabError::NotUp {
                limit_s: READY.as_secs(),
                missing: format!("rooms: {inside}, contacts: {seen}; {}", world.offline()),
            }),
        }
    }

    fn room_of(&self, user: usize) -> Option<&BareJid> {
        self.rooms.get(user % self.rooms.len().max(1))
    }

    /// Who sees whose presence: each of the first users the one half the circle on.
    fn contacts(&self) -> impl Iterator<Item = (&Client, &Client)> {
        let all = self.clients.len();
        let count = (self.knobs.contacts as usize).min(all);
        let pair = move |index: usize| {
            let other = (index + all / 2 + 1) % all;
            (&self.clients[index], &self.clients[other])
        };
        let others = (0..count).map(pair);
        others.filter(|(one, other)| one.name() != other.name())
    }

    fn befriend(&self, lab: &Lab) -> Result<(), LabError> {
        for (watcher, subject) in self.contacts() {
            watcher.subscribe(&lab.jid(subject.name())?);
        }
        Ok(())
    }

    /// Whether everybody is online.
    pub(super) fn all_online(&self) -> bool {
        self.clients.iter().all(Client::is_online)
    }

    /// Who is not online, and how they stand.
    pub(super) fn offline(&self) -> String {
        let offline = self.clients.iter().filter(|client| !client.is_online());
        let states: Vec<String> = offline
            .map(|client| format!("{}: {}", client.name(), client.state()))
            .collect();
        format!("{} offline: {}", states.len(), states.join(", "))
    }

    /// The talk begins: talkers talk, and some others leave for as long.
    pub(super) fn talk(&self) {
        let all = self.clients.len();
        let talkers = (self.knobs.talkers as usize).min(all);
        let step = (all / talkers.max(1)).max(1);
        for index in (0..all).step_by(step).take(talkers) {
            let other = |offset: usize| {
                let other = (index + offset) % all;
                Target::Client(self.clients[other].name().to_owned())
            };
            let mut targets = vec![other(1), other(all / 3 + 1)];
            let room = self.room_of(index);
            targets.extend(room.map(|room| Target::Room(room.to_string())));
            self.clients[index].keep_talking(self.knobs.every, targets);
        }
        self.away().for_each(Client::log_out);
    }

    /// The talk ends, and who left comes back.
    pub(super) fn silence(&self) {
        self.clients.iter().for_each(Client::fall_silent);
        self.away().for_each(Client::log_in);
    }

    /// One of those who are away comes, or leaves again: presence changes while faults stand.
    pub(super) fn stir(&self, number: usize, comes: bool) {
        let away = self.away().count();
        let Some(client) = self.away().nth(number % away.max(1)) else {
            return;
        };
        match comes {
            true => client.log_in(),
            false => client.log_out(),
        }
    }

    /// Those who leave while there is talk: some who are talked to.
    fn away(&self) -> impl Iterator<Item = &Client> {
        let step = (self.clients.len() / (self.knobs.away as usize).max(1)).max(1);
        let away = self.clients.iter().skip(1).step_by(step);
        away.take(self.knobs.away as usize)
    }
}
