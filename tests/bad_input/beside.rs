//! A node with two well-behaved clients that talk all the time, for others to disturb.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use takeover::Lab;
use takeover::client::{Client, Target};
use takeover::config::{LabConfig, UserConfig};

/// The node that everything here happens at.
pub const NODE: &str = "1A";
/// Real time for what should take none: only a hung test waits so long.
const PATIENCE: Duration = Duration::from_secs(120);
/// Real time between two messages of one client.
const EVERY: Duration = Duration::from_millis(20);

/// One node, the two clients, and users for the others.
pub struct Scene {
    pub lab: Lab,
    speed: f64,
    pair: [Client; 2],
}

impl Scene {
    /// A lab of one node, without TLS where the client likes. Its time is `speed` times that of
    /// life.
    pub fn new(speed: f64, change: impl FnOnce(&mut LabConfig)) -> Self {
        let mut config = LabConfig::default();
        let cluster = &mut config.clusters[0];
        cluster.groups.truncate(1);
        cluster.groups[0].nodes.truncate(1);
        cluster.groups[0].high_availability = false;
        config.users.list = ["andy", "bob", "mallory", "trudy"].map(user).into();
        config.endpoints.allow_plaintext = true;
        change(&mut config);
        let builder = Lab::real_time(speed).config(config);
        let lab = builder.start().expect("a lab");
        let pair = ["andy", "bob"].map(|name| lab.client(name).expect("a user of the lab"));
        let mut scene = Self { lab, speed, pair };
        for (me, you) in [(0, "bob"), (1, "andy")] {
            scene.pair[me].log_in();
            let target = Target::Client(you.to_owned());
            scene.pair[me].keep_talking(EVERY.mul_f64(speed), vec![target]);
        }
        scene.goes_on();
        scene
    }

    /// Where clients come in, and TLS begins later or never.
    pub fn plain(&self) -> SocketAddr {
        self.lab.addresses(NODE).expect("sockets").xmpp
    }

    /// Where TLS begins with the first octet.
    pub fn direct(&self) -> SocketAddr {
        self.lab.addresses(NODE).expect("sockets").xmpp_tls
    }

    /// What clients trust.
    pub fn trust(&self) -> Arc<ClientConfig> {
        self.lab.trust().expect("an authority")
    }

    /// Waits for something that comes by itself.
    pub fn until(&mut self, what: &str, mut condition: impl FnMut(&Lab) -> bool) {
        let limit = PATIENCE.mul_f64(self.speed);
        // The lab lends its control alone while it waits.
        let start = self.lab.now();
        while !condition(&self.lab) {
            let waited = self.lab.now().saturating_since(start);
            assert!(waited < limit, "{what}: not after {waited:?}");
            self.lab.pass(Duration::from_millis(10).mul_f64(self.speed));
        }
    }

    /// Sees both of the pair receive something new.
    pub fn goes_on(&mut self) {
        let before = self.pair.clone().map(|client| client.received().len());
        let pair = self.pair.clone();
        self.until("the two go on talking", |_| {
            let news = |(client, before): (&Client, usize)| client.received().len() > before;
            pair.iter().zip(before).all(news)
        });
    }

    /// How many sessions a user has.
    pub fn sessions_of(lab: &Lab, user: &str) -> usize {
        let jid = format!("{user}@example.test");
        let user = lab.plane().user(&jid).expect("a user of the lab");
        user.slot.peek(|state, _| state.sessions.len())
    }

    /// Ends the talk: all of it was delivered, in order, once, over the first connection.
    pub fn finish(mut self) {
        self.goes_on();
        self.pair.iter().for_each(Client::fall_silent);
        self.until("all is acknowledged and delivered", |lab| {
            let total = lab.finding().total;
            total.acknowledged == total.sent && total.delivered == total.sent
        });
        let finding = self.lab.finding();
        assert!(finding.total.is_clean(), "{finding:?}");
        assert_eq!(finding.total.refused, 0, "{finding:?}");
        for client in &self.pair {
            assert!(client.is_online(), "{}", client.state());
            assert_eq!(client.downtime(), Duration::ZERO, "{:?}", client.notes());
        }
        let limit = Duration::from_secs(60);
        self.lab.shut_down(limit).expect("an orderly end");
    }
}

fn user(name: &str) -> UserConfig {
    UserConfig {
        name: name.to_owned(),
        password: format!("{name}-secret"),
        home: Some(NODE.to_owned()),
    }
}
