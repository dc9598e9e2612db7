//! Finding a user, and what a router does when the user it found is no longer there.

use crate::common::*;

type Users = Directory<UserSlot>;

/// As a router does it: find, deliver, and look again where the place was closed meanwhile.
fn route_to(users: &Users, name: &str, message: u32) -> bool {
    while let Some(slot) = users.get(name) {
        if route(&slot, message) {
            return true;
        }
        if planted::is(Bug::Misuse("the router does not look again")) {
            return false;
        }
        thread::yield_now();
    }
    false
}

model! {
    /// SES-3: a user's place is replaced by a new one while a message comes: it arrives in one of
    /// the two, once.
    a_place_is_replaced, Exhaustive;
    Bug::Misuse("the router does not look again") => "lost or doubled",
    Bug::DirectoryRemovesSuccessor => "lost or doubled";
    {
        let users = Arc::new(Users::with_shards(1));
        let old = user();
        users.insert("andy", Arc::clone(&old));
        let router = beside(&users, |users| route_to(users, "andy", 1));
        let new = user();
        users.insert("andy", Arc::clone(&new));
        old.close(first(), |_| ()).expect("A owns it");
        // A clean-up of the old place, which may only take out the old place.
        users.remove_exact("andy", &old);
        let routed = join(router);
        let arrived = log(&old).len() + log(&new).len();
        assert!(routed && arrived == 1, "lost or doubled");
    }
}

model! {
    /// SES-2: two first logins of one user at once share one place, and both messages are there.
    two_first_logins, Exhaustive;
    Bug::DirectoryInsertsUnchecked => "one of two is lost";
    {
        let users = Arc::new(Users::with_shards(1));
        let login = |message| move |users: &Users| {
            let slot = users.get_or_insert_with("andy", || Arc::new(Slot::new(first(), Place::new())));
            route(&slot, message)
        };
        let other = beside(&users, login(1));
        assert!(login(2)(&users));
        assert!(join(other));
        let count = users.get("andy").map(|slot| log(&slot).len());
        assert_eq!(count, Some(2), "one of two is lost");
    }
}
