//! What becomes of those who came back while HA was off (HA-17).

use super::*;
use takeover::ha::Alarm;
use takeover_protocols::jid::BareJid;
use takeover_protocols::stanza::Stanza;

/// Whether HA is switched on before all sessions are back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    Little,
    Enough,
}

/// Andy at 1A; Bob, Carol and Dave at 1B.
struct Office {
    lab: Lab,
    andy: Client,
    bob: Client,
    carol: Client,
    dave: Client,
    room: BareJid,
}

impl Office {
    fn open(seed: u64) -> Self {
        let office = Lab::virtual_time(seed)
            .cluster("c", |cluster| cluster.pair("pair-1", "1A", "1B"))
            .parameter("Client Re-Login Lower Limit", 20)
            .parameter("Client Re-Login Upper Limit", 60)
            .user("andy", "1A")
            .user("bob", "1B")
            .user("carol", "1B")
            .user("dave", "1B");
        let mut lab = started(office);
        let people = online(&mut lab, ["andy", "bob", "carol", "dave"]);
        befriend(&mut lab, &people);
        let room = gather(&mut lab, &people[..2], "1A");
        let [andy, bob, carol, dave] = people;
        Self {
            lab,
            andy,
            bob,
            carol,
            dave,
            room,
        }
    }

    fn off(&mut self) {
        self.lab.pair("pair-1").unwrap().disable_ha().unwrap();
        self.lab.pass(2 * MINUTE);
    }

    fn on(&mut self) {
        self.lab.pair("pair-1").unwrap().enable_ha().unwrap();
        await_that(&mut self.lab, "row 1", 3 * MINUTE, |lab| {
            row(lab, "pair-1") == Some(1)
        });
    }

    /// Logs out, if it is logged in, and in.
    fn log_in_anew(&mut self, pick: fn(&Self) -> &Client) {
        let client = pick(self).clone();
        client.log_out();
        await_that(&mut self.lab, "it is away", MINUTE, |_| !client.is_online());
        log_in(&mut self.lab, &[client]);
        self.lab.pass(10 * SECOND);
    }

    /// Bob comes anew while HA is off, and Carol leaves; she is back in time or not.
    fn restless(&mut self, patience: Patience) {
        self.off();
        self.carol.log_out();
        self.log_in_anew(|office| &office.bob);
        if patience == Patience::Enough {
            self.log_in_anew(|office| &office.carol);
        }
        self.bob.enter(&self.room);
        self.lab.pass(10 * SECOND);
        self.on();
        self.lab.pass(10 * SECOND);
    }

    /// A counter of 1B's session manager.
    fn counter(&mut self, name: &str) -> u64 {
        counter(&mut self.lab, name)["1B"]
    }

    /// Andy and Bob still write to each other, and in the room.
    fn messages_flow(&mut self, word: &str) {
        self.andy.say("bob", &format!("{word} to Bob"));
        self.bob.say("andy", &format!("{word} to Andy"));
        self.bob.post(&self.room, &format!("{word} to all"));
        self.lab.pass(5 * SECOND);
        assert!(self.bob.has_received(&format!("{word} to Bob")));
        assert!(self.andy.has_received(&format!("{word} to Andy")));
        assert!(self.andy.has_received(&format!("{word} to all")));
    }
}

/// HA-17: who came while HA was off is without presence when it is switched on too early: contacts do not
/// see it, it hears nothing of them, and what it says of itself has no effect, whether its session is
/// resumed or not. Messages flow. Who stayed is as before. `ActiveJsmSessions` is too low until the
/// client logs in again.
#[test]
fn ha_17_without_presence() {
    let mut office = Office::open(320);
    office.restless(Patience::Little);
    let (andy, bob) = (office.andy.clone(), office.bob.clone());
    assert!(!andy.sees(bob.user()), "{}", tail(&office.lab, 40));
    assert!(andy.sees(office.dave.user()), "Dave stayed");
    assert_eq!(office.counter("ActiveJsmSessions"), 1);
    assert_eq!(office.counter("JsmSessionsClient"), 2);
    assert_eq!(office.lab.assigned_users("1B").unwrap(), 3);
    office.messages_flow("early");

    bob.send(Stanza::parse("<presence><show>chat</show></presence>").unwrap());
    bob.send(Stanza::parse(format!("<presence to='{}'/>", andy.user())).unwrap());
    office.log_in_anew(|office| &office.andy);
    andy.enter(&office.room);
    office.lab.pass(10 * SECOND);
    assert!(!andy.sees(bob.user()));
    assert!(andy.sees(office.dave.user()));
    andy.log_out();
    office.lab.pass(10 * SECOND);
    assert!(!office.dave.sees(andy.user()));
    assert!(bob.sees(andy.user()), "what Bob saw last is stale");
    log_in(&mut office.lab, std::slice::from_ref(&andy));
    andy.enter(&office.room);

    bob.cut();
    await_that(&mut office.lab, "Bob is back", LONG, |_| {
        bob.is_online() && places(&bob).last() == Some(&("1B".to_owned(), true))
    });
    office.lab.pass(10 * SECOND);
    assert!(!andy.sees(bob.user()), "a resumption is no login");
    office.messages_flow("resumed");

    office.log_in_anew(|office| &office.bob);
    bob.enter(&office.room);
    office.lab.pass(10 * SECOND);
    assert!(andy.sees(bob.user()) && bob.sees(andy.user()));
    assert_eq!(office.counter("ActiveJsmSessions"), 2);
    office.messages_flow("anew");
    office.log_in_anew(|office| &office.carol);
    assert_eq!(office.counter("ActiveJsmSessions"), 3);
    assert!(andy.sees(office.carol.user()), "she came after the switch");
    assert_clean(&office.lab);
}

/// HA-17: switched on when all sessions are back: nobody loses anything.
#[test]
fn ha_17_with_patience() {
    let mut office = Office::open(321);
    office.restless(Patience::Enough);
    for other in [&office.bob, &office.carol, &office.dave] {
        assert!(office.andy.sees(other.user()));
        assert!(other.sees(office.andy.user()));
    }
    assert_eq!(office.counter("ActiveJsmSessions"), 3);
    office.messages_flow("late");
    assert_clean(&office.lab);
}

/// HA-17: a session whose client is not back yet counts as missing, and it is without presence when the
/// client resumes it, also after a failover.
#[test]
fn ha_17_a_client_that_is_not_back() {
    let mut office = Office::open(322);
    office.off();
    office.bob.cut();
    let began = mark(&office.lab);
    office.on();
    let warned = |event: &Event| matches!(event, Event::HaAlarm(Alarm::EnabledTooEarly));
    assert_eq!(entries(&office.lab, "1B", began, warned).len(), 1);
    assert!(entries(&office.lab, "1A", began, warned).is_empty());
    let (andy, bob) = (office.andy.clone(), office.bob.clone());
    await_that(&mut office.lab, "Bob is back", LONG, |_| bob.is_online());
    assert!(!andy.sees(bob.user()));
    assert_eq!(office.counter("ActiveJsmSessions"), 2);

    office.lab.node("1B").unwrap().fail_over().unwrap();
    await_that(&mut office.lab, "Bob is at 1A", LONG, |_| {
        bob.place().is_ok_and(|place| place == "1A")
    });
    office.lab.pass(10 * SECOND);
    assert!(!andy.sees(bob.user()));
    office.messages_flow("moved");
    office.log_in_anew(|office| &office.bob);
    assert!(andy.sees(bob.user()));
    assert_clean(&office.lab);
}
