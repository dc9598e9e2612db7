//! How often logins may fail (XMPP-3).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use takeover_core::time::Moment;
use takeover_protocols::jid::BareJid;

use crate::rt::World;

/// Failed logins of one address, or attempts as one user that did not succeed, after which more are
/// refused for a while.
pub(super) const FAILURES: u32 = 20;

/// For how long they are counted, and refused.
pub(super) const WHILE: Duration = Duration::from_secs(60);

/// Entries from which on the outdated ones are looked for.
const SWEEP: usize = 1024;

/// Whose attempts are counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Whose {
    /// Those from this address, without its port.
    Address(String),
    /// Those as this user, whether it exists or not.
    User(BareJid),
}

#[derive(Debug, Default)]
struct Counts {
    of: BTreeMap<Whose, (u32, Moment)>,
    /// How many entries there may be until the outdated ones are looked for.
    sweep: usize,
}

/// Counts failed logins per address and per user.
///
/// An attempt counts against its user when it begins and is forgiven when it succeeds, so that many
/// exchanges side by side guess no more often than one after the other. Against its address it
/// counts when it has failed: many users may come from one.
#[derive(Clone)]
pub(in super::super) struct Guard {
    world: World,
    counts: Arc<Mutex<Counts>>,
}

impl Guard {
    pub(super) fn new(world: World) -> Self {
        Self {
            world,
            counts: Arc::default(),
        }
    }

    /// Whether a login from `label` as `user` is looked at; refused without a look otherwise.
    pub(super) fn admits(&self, label: &str, user: &BareJid) -> bool {
        let now = self.world.now();
        let mut counts = self.counts.lock();
        let (address, user) = (address(label), Whose::User(user.clone()));
        if counts.is_over(&address, now) || counts.is_over(&user, now) {
            return false;
        }
        counts.add(user, now);
        true
    }

    /// A login from `label` that was looked at has failed.
    pub(super) fn failed(&self, label: &str) {
        let now = self.world.now();
        self.counts.lock().add(address(label), now);
    }

    /// The user has logged in: its attempts are forgotten, the failures of the address are not.
    pub(super) fn succeeded(&self, user: &BareJid) {
        self.counts.lock().of.remove(&Whose::User(user.clone()));
    }
}

impl Counts {
    fn is_over(&self, whose: &Whose, now: Moment) -> bool {
        let count = self.of.get(whose);
        count.is_some_and(|(count, until)| *count >= FAILURES && *until > now)
    }

    fn add(&mut self, whose: Whose, now: Moment) {
        if self.of.len() >= self.sweep.max(SWEEP) {
            self.of.retain(|_, (_, until)| *until > now);
            self.sweep = self.of.len() * 2;
        }
        let entry = self.of.entry(whose).or_insert((0, now));
        let counted = if entry.1 > now { entry.0 } else { 0 };
        *entry = (counted.saturating_add(1), now + WHILE);
    }
}

/// The address without its port.
fn address(label: &str) -> Whose {
    let host = label.rsplit_once(':').map_or(label, |(host, _)| host);
    Whose::Address(host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rt::{VirtualDriver, WorldSpec};

    fn user(name: &str) -> BareJid {
        BareJid::new(&format!("{name}@example.test")).expect("an address")
    }

    /// XMPP-3: a user is guarded whatever addresses the attempts come from, side by side or not,
    /// and nobody else with it.
    #[test]
    fn attempts_as_one_user_are_limited() {
        let mut driver = VirtualDriver::new(WorldSpec::new(1, 1)).expect("a runtime");
        let guard = Guard::new(driver.world().clone());
        let from = |n: u32| format!("192.0.2.{n}:4000");
        let admitted = (0..30)
            .filter(|n| guard.admits(&from(*n), &user("andy")))
            .count();
        assert_eq!(admitted, FAILURES as usize);
        assert!(guard.admits(&from(1), &user("bob")));
        driver.pass(WHILE);
        assert!(guard.admits(&from(1), &user("andy")));
    }

    /// XMPP-3: an address is guarded whatever users are tried; those who succeed do not count.
    #[test]
    fn failures_of_one_address_are_limited() {
        let mut driver = VirtualDriver::new(WorldSpec::new(1, 1)).expect("a runtime");
        let guard = Guard::new(driver.world().clone());
        for n in 0..FAILURES * 2 {
            let andy = user("andy");
            assert!(guard.admits(&format!("192.0.2.2:{n}"), &andy));
            guard.succeeded(&andy);
        }
        for n in 0..FAILURES {
            assert!(guard.admits(&format!("192.0.2.1:{n}"), &user(&format!("user{n}"))));
            guard.failed(&format!("192.0.2.1:{n}"));
        }
        assert!(!guard.admits("192.0.2.1:9", &user("bob")));
        assert!(guard.admits("192.0.2.2:9", &user("bob")));
        driver.pass(WHILE);
        assert!(guard.admits("192.0.2.1:9", &user("bob")));
    }
}
