//! Users of the engines against a plain model: any sequence of operations, the same answers.

mod support;

use std::collections::BTreeMap;

use proptest::prelude::*;
use support::{
    user_suite::{ANDY, BOB, item, offline},
    wait,
};
use takeover_protocols::roster::subscription::State;
use takeover_storage::{Embedded, Memory, Roster, StoreError, StoredOffline, UserStore};

const USERS: [&str; 3] = ["owner@example.com", "andy@example.com", "bob@example.com"];

/// Something that is done to a user database.
#[derive(Clone, Debug)]
enum User {
    Put(usize, usize, State),
    Remove(usize, usize),
    Push(usize, u8),
    Confirm(usize, Vec<u64>),
}

/// A user, as far as the model goes.
#[derive(Default)]
struct Person {
    roster: Roster,
    /// Version of the last change of each contact there ever was.
    changed: BTreeMap<String, u64>,
    waiting: Vec<StoredOffline>,
    keys: BTreeMap<String, u64>,
}

impl Person {
    fn change(&mut self, contact: &str) -> u64 {
        self.roster.version += 1;
        self.changed.insert(contact.to_owned(), self.roster.version);
        self.roster.version
    }
}

const LIMIT: u64 = 5;

fn run_users(users: &dyn UserStore, steps: &[User]) -> Result<(), TestCaseError> {
    let names = [ANDY, BOB];
    let mut people: [Person; 2] = Default::default();
    for step in steps {
        match step {
            User::Put(user, contact, state) => {
                let (item, person) = (item(USERS[*contact], *state), &mut people[*user]);
                if person.roster.items.insert(item.jid.clone(), item.clone()) != Some(item.clone())
                {
                    person.change(&item.jid);
                }
                prop_assert_eq!(
                    wait(users.put_roster_item(names[*user], item)),
                    Ok(person.roster.version)
                );
            }
            User::Remove(user, contact) => {
                let person = &mut people[*user];
                if person.roster.items.remove(USERS[*contact]).is_some() {
                    person.change(USERS[*contact]);
                }
                let version = wait(users.remove_roster_item(names[*user], USERS[*contact]));
                prop_assert_eq!(version, Ok(person.roster.version));
            }
            User::Push(user, key) => push(users, names[*user], &mut people[*user], *key)?,
            User::Confirm(user, delivered) => {
                let person = &mut people[*user];
                let before = person.waiting.len();
                person
                    .waiting
                    .retain(|stored| !delivered.contains(&stored.seq));
                let gone = (before - person.waiting.len()) as u64;
                prop_assert_eq!(
                    wait(users.confirm_offline(names[*user], delivered.clone())),
                    Ok(gone)
                );
            }
        }
    }
    names
        .iter()
        .zip(&people)
        .try_for_each(|(name, person)| same(users, name, person))
}

fn push(
    users: &dyn UserStore,
    name: &str,
    person: &mut Person,
    key: u8,
) -> Result<(), TestCaseError> {
    let message = offline(&format!("k{key}"));
    let answer = wait(users.push_offline(name, message.clone(), LIMIT));
    let next = person.keys.len() as u64 + 1;
    match person.keys.get(&message.key) {
        Some(seq) => prop_assert_eq!(answer, Ok(*seq)),
        None if person.waiting.len() as u64 == LIMIT => {
            prop_assert_eq!(
                answer,
                Err(StoreError::OfflineFull {
                    user: name.into(),
                    limit: LIMIT
                })
            );
        }
        None => {
            prop_assert_eq!(answer, Ok(next));
            person.keys.insert(message.key.clone(), next);
            person.waiting.push(StoredOffline { seq: next, message });
        }
    }
    Ok(())
}

fn same(users: &dyn UserStore, name: &str, person: &Person) -> Result<(), TestCaseError> {
    prop_assert_eq!(&wait(users.roster(name)).unwrap(), &person.roster);
    prop_assert_eq!(
        &wait(users.offline(name, None, 99)).unwrap(),
        &person.waiting
    );
    prop_assert_eq!(
        wait(users.offline_count(name)),
        Ok(person.waiting.len() as u64)
    );
    for since in 0..=person.roster.version {
        let delta = wait(users.roster_since(name, since)).unwrap();
        let mut touched: Vec<(u64, String)> = delta.removed.clone();
        touched.extend(
            delta
                .changed
                .iter()
                .map(|(changed, item)| (*changed, item.jid.clone())),
        );
        touched.sort();
        let later = person
            .changed
            .iter()
            .filter(|(_, changed)| **changed > since);
        let mut expected: Vec<_> = later
            .map(|(jid, changed)| (*changed, jid.clone()))
            .collect();
        expected.sort();
        prop_assert_eq!(touched, expected);
        for (_, item) in &delta.changed {
            prop_assert_eq!(Some(item), person.roster.items.get(&item.jid));
        }
    }
    Ok(())
}

fn user_step() -> impl Strategy<Value = User> {
    let state = prop::sample::select(State::ALL.as_slice());
    prop_oneof![
        (0_usize..2, 0_usize..3, state)
            .prop_map(|(user, contact, state)| User::Put(user, contact, state)),
        (0_usize..2, 0_usize..3).prop_map(|(user, contact)| User::Remove(user, contact)),
        (0_usize..2, 0_u8..40).prop_map(|(user, key)| User::Push(user, key)),
        (0_usize..2, prop::collection::vec(0_u64..20, 0..4))
            .prop_map(|(user, delivered)| User::Confirm(user, delivered)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// RFC 6121, XEP-0160: users in memory are what the model says.
    #[test]
    fn users_in_memory(steps in prop::collection::vec(user_step(), 1..60)) {
        run_users(&*Memory::new().users("cluster"), &steps)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// RFC 6121, XEP-0160: the same for the embedded engine.
    #[test]
    fn users_embedded(steps in prop::collection::vec(user_step(), 1..60)) {
        let folder = tempfile::tempdir().unwrap();
        run_users(&*Embedded::open(folder.path()).unwrap().users("cluster"), &steps)?;
    }
}
