//! The users of one node, in order, so that nothing that concerns a node looks at all users of the
//! deployment.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use takeover_core::time::Moment;

use super::user::User;

/// The users whose home a node is, its guests, and those of its users that it has to look at some
/// time.
#[derive(Debug, Default)]
pub struct Residents {
    home: Book,
    /// Users it owns whose home is in another group: they have been assigned there and are still
    /// to move.
    guests: Book,
    watched: Mutex<Watched>,
}

/// Users in order of their addresses.
#[derive(Debug, Default)]
struct Book(RwLock<Vec<Arc<User>>>);

impl Book {
    fn add(&self, user: Arc<User>) {
        let mut users = self.0.write();
        if let Err(place) = users.binary_search_by(|known| in_order(known, &user)) {
            users.insert(place, user);
        }
    }

    fn remove(&self, user: &Arc<User>) {
        let mut users = self.0.write();
        if let Ok(place) = users.binary_search_by(|known| in_order(known, user)) {
            users.remove(place);
        }
    }

    fn copy(&self) -> Vec<Arc<User>> {
        self.0.read().clone()
    }
}

fn in_order(a: &Arc<User>, b: &Arc<User>) -> Ordering {
    a.jid.as_str().cmp(b.jid.as_str())
}

/// Users with detached sessions, by when the first of these is given up. An entry may be out of
/// date: who looks finds nothing then. There is none too few.
#[derive(Debug, Default)]
struct Watched {
    next: u64,
    by_end: BTreeMap<(Moment, u64), Arc<User>>,
}

impl Residents {
    /// The node is the home of this user from now on.
    pub(super) fn add(&self, user: Arc<User>) {
        self.home.add(user);
    }

    /// The node is not the home of this user any more.
    pub(super) fn remove(&self, user: &Arc<User>) {
        self.home.remove(user);
    }

    /// The node owns this user, who is at home in another group, or does so no longer.
    pub(super) fn set_guest(&self, user: &Arc<User>, is_guest: bool) {
        if is_guest {
            self.guests.add(user.clone());
        } else {
            self.guests.remove(user);
        }
    }

    /// All whose home the node is, in order of their addresses.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<User>> {
        self.home.copy()
    }

    /// As [`Residents::all`], with the guests behind them.
    pub(super) fn with_guests(&self) -> Vec<Arc<User>> {
        let mut users = self.home.copy();
        users.append(&mut self.guests.copy());
        users
    }

    /// The node is to look at this user then. Whether that is earlier than anybody else.
    pub(super) fn watch(&self, until: Moment, user: Arc<User>) -> bool {
        let mut watched = self.watched.lock();
        watched.next += 1;
        let number = watched.next;
        let first = watched.by_end.keys().next().map(|(until, _)| *until);
        watched.by_end.insert((until, number), user);
        first.is_none_or(|first| until < first)
    }

    /// When the node is to look at somebody next.
    #[must_use]
    pub fn next_due(&self) -> Option<Moment> {
        let watched = self.watched.lock();
        watched.by_end.keys().next().map(|(until, _)| *until)
    }

    /// Whom to look at by now, each once, in order of their addresses.
    pub(super) fn due(&self, now: Moment) -> Vec<Arc<User>> {
        let mut watched = self.watched.lock();
        let later = watched.by_end.split_off(&(Moment(now.0 + 1), 0));
        let due = std::mem::replace(&mut watched.by_end, later);
        drop(watched);
        let mut due: Vec<Arc<User>> = due.into_values().collect();
        due.sort_by(in_order);
        due.dedup_by(|a, b| Arc::ptr_eq(a, b));
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use takeover_core::id::NodeId;
    use takeover_protocols::jid::BareJid;

    fn user(name: &str) -> Arc<User> {
        let jid = BareJid::new(&format!("{name}@example.com")).expect("a good address");
        Arc::new(User::new(jid, NodeId(0)))
    }

    fn names(users: &[Arc<User>]) -> Vec<&str> {
        users.iter().map(|user| user.jid.as_str()).collect()
    }

    /// DET-1: in whatever order users come, they are gone through in order of their addresses.
    #[test]
    fn residents_are_in_order() {
        let residents = Residents::default();
        for name in ["c", "a", "b"] {
            residents.add(user(name));
        }
        assert_eq!(
            names(&residents.all()),
            ["a@example.com", "b@example.com", "c@example.com"]
        );
    }

    /// USR-4: who is assigned to another node is found at both until it has moved.
    #[test]
    fn guests_are_found() {
        let (old, new) = (Residents::default(), Residents::default());
        let andy = user("andy");
        old.add(andy.clone());
        old.add(user("bob"));
        old.remove(&andy);
        new.add(andy.clone());
        old.set_guest(&andy, true);
        old.set_guest(&andy, true);
        let both = ["bob@example.com", "andy@example.com"];
        assert_eq!(names(&old.with_guests()), both);
        old.set_guest(&andy, false);
        assert_eq!(names(&old.with_guests()), ["bob@example.com"]);
        assert_eq!(names(&new.all()), ["andy@example.com"]);
    }

    /// SES-3: a user is looked at when its time has come, once, and not before.
    #[test]
    fn watched_users_are_due_in_time() {
        let residents = Residents::default();
        let (andy, bob) = (user("andy"), user("bob"));
        assert_eq!(residents.next_due(), None);
        assert!(residents.watch(Moment(6), bob.clone()), "the first");
        assert!(!residents.watch(Moment(7), andy.clone()));
        assert!(residents.watch(Moment(5), andy), "an earlier one");
        assert!(!residents.watch(Moment(5), bob));
        assert_eq!(residents.next_due(), Some(Moment(5)));
        assert!(residents.due(Moment(4)).is_empty());
        let due = residents.due(Moment(6));
        assert_eq!(names(&due), ["andy@example.com", "bob@example.com"]);
        assert_eq!(names(&residents.due(Moment(9))), ["andy@example.com"]);
    }
}
