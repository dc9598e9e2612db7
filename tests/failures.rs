//! Four people talk, one to one and in a room, while a node of theirs fails in some way: nothing that
//! was acknowledged is lost, doubled or reordered, and in the end everybody is online (SES-3, CHAT-10).

use std::time::Duration;

use takeover::client::{Client, Target};
use takeover::demo::Story;
use takeover::service::ServiceKind;
use takeover::{Lab, LabError};

const PEOPLE: [&str; 4] = ["andy", "bob", "catherine", "deborah"];
const NODES: [&str; 4] = ["1A", "1B", "2A", "2B"];

#[derive(Clone, Copy, Debug)]
enum Failure {
    /// SVC-5: its power is cut.
    Kill,
    /// HA-15: it reboots in order.
    Reboot,
    /// SVC-2, SVC-3: its XCP Router panics, and with it all messaging ends there.
    Panic,
}

struct Run {
    lab: Lab,
    people: Vec<Client>,
    victim: &'static str,
}

impl Run {
    fn new(seed: u64, victim: &'static str) -> Result<Self, LabError> {
        let mut lab = Lab::virtual_time(seed)
            .parameter("Client Re-Login Lower Limit", 20)
            .parameter("Client Re-Login Upper Limit", 60)
            .start()?;
        let room = lab.room("lunch", "1A")?;
        let mut people = Vec::new();
        for (place, name) in PEOPLE.into_iter().enumerate() {
            let client = lab.client(name)?;
            let next = PEOPLE[(place + 1) % PEOPLE.len()].to_owned();
            client.log_in();
            client.enter(&room);
            let targets = vec![Target::Client(next), Target::Room(room.to_string())];
            client.keep_talking(Duration::from_secs(2), targets);
            people.push(client);
        }
        assert!(lab.until(
            |_| people.iter().all(Client::is_online),
            Duration::from_secs(60)
        ));
        Ok(Self {
            lab,
            people,
            victim,
        })
    }

    fn fail(&mut self, failure: Failure) -> Result<(), LabError> {
        let mut node = self.lab.node(self.victim)?;
        match failure {
            Failure::Kill => node.kill(),
            Failure::Reboot => node.reboot(),
            Failure::Panic => node
                .service(ServiceKind::XcpRouter)
                .panic("a planted panic"),
        }
    }

    /// Mends what failed, as an administrator would, and brings the users home.
    fn mend(&mut self, failure: Failure) -> Result<(), LabError> {
        let mut node = self.lab.node(self.victim)?;
        match failure {
            Failure::Kill => node.power_on()?,
            Failure::Reboot => {}
            Failure::Panic => {
                let router_and_what_needs_it = [
                    ServiceKind::XcpRouter,
                    ServiceKind::XcpConnectionManager,
                    ServiceKind::TextConference,
                ];
                for kind in router_and_what_needs_it {
                    // It may have been started with the router.
                    let _ = node.service(kind).start();
                    node = self.lab.node(self.victim)?;
                }
            }
        }
        self.lab.pass(Duration::from_secs(300));
        // Where nobody was failed over there is nothing to bring home.
        let _ = self.lab.node(self.victim)?.fall_back();
        self.lab.pass(Duration::from_secs(200));
        Ok(())
    }

    fn judge(mut self, what: &str) {
        self.people.iter().for_each(Client::fall_silent);
        let people = &self.people;
        let online = self.lab.until(
            |_| people.iter().all(Client::is_online),
            Duration::from_secs(900),
        );
        assert!(
            online,
            "{what}: {:?}",
            people.iter().map(Client::state).collect::<Vec<_>>()
        );
        self.lab.pass(Duration::from_secs(60));
        let finding = self.lab.finding();
        assert!(finding.total.is_clean(), "{what}: {finding:#?}");
        assert!(
            finding.total.acknowledged > 500,
            "{what}: {:?}",
            finding.total
        );
    }
}

fn run(seed: u64, failure: Failure) {
    let victim = NODES[(seed % 4) as usize];
    let mut run = Run::new(seed, victim).unwrap();
    run.lab.pass(Duration::from_secs(20 + seed % 13));
    run.fail(failure).unwrap();
    run.lab.pass(Duration::from_secs(400));
    run.mend(failure).unwrap();
    run.judge(&format!("seed {seed}, {failure:?} of {victim}"));
}

#[test]
fn a_node_loses_its_power() {
    (0..4).for_each(|seed| run(seed, Failure::Kill));
}

#[test]
fn a_node_reboots() {
    (10..14).for_each(|seed| run(seed, Failure::Reboot));
}

#[test]
fn a_router_panics() {
    (20..24).for_each(|seed| run(seed, Failure::Panic));
}

/// CHAT-8, CHAT-9: whatever the seed draws, the story ends well.
#[test]
fn the_story_ends_well_for_every_seed() {
    for seed in 100..106 {
        let mut lab = Lab::virtual_time(seed).start().unwrap();
        let played = Story::new(&mut lab, |_| std::ops::ControlFlow::Continue(()))
            .unwrap()
            .play();
        played.unwrap_or_else(|error| panic!("seed {seed}: {error}\n{}", lab.journal().lines()));
        assert!(
            lab.finding().total.is_clean(),
            "seed {seed}: {:#?}",
            lab.finding()
        );
    }
}
