//! Clients against a small server, in virtual time.

mod office;

use std::sync::Arc;
use std::time::Duration;

use office::{Office, Order, user};
use parking_lot::Mutex;
use takeover_actors::rt::{VirtualDriver, WorldSpec};

use super::*;

struct Scene {
    driver: VirtualDriver,
    office: Office,
    oracle: Arc<Mutex<Oracle>>,
}

const MINUTE: Duration = Duration::from_secs(60);

impl Scene {
    fn new(seed: u64) -> Self {
        let driver = VirtualDriver::new(WorldSpec::new(seed, 1)).unwrap();
        let office = Office::default();
        std::mem::forget(office.open(driver.world(), "1A"));
        std::mem::forget(office.open(driver.world(), "1B"));
        Self {
            driver,
            office,
            oracle: Arc::default(),
        }
    }

    fn client(&mut self, name: &str) -> Client {
        self.client_with(name, |_| {})
    }

    fn client_with(&mut self, name: &str, change: impl FnOnce(&mut ClientSpec)) -> Client {
        let places = vec!["1A".to_owned(), "1B".to_owned()];
        let mut spec = ClientSpec::new(user(name), &format!("{name}-secret"), places);
        change(&mut spec);
        let dialer = Arc::new(self.office.clone());
        let client = Client::start(spec, self.driver.world(), dialer, self.oracle.clone());
        client.log_in();
        client
    }

    #[track_caller]
    fn until(&mut self, what: &str, mut condition: impl FnMut() -> bool) {
        assert!(
            self.driver.until(&mut condition, 20 * MINUTE),
            "never came to pass: {what}"
        );
    }

    fn settle(&mut self) {
        self.driver.pass(Duration::from_secs(1));
    }
}

#[test]
fn messages_are_sent_acknowledged_and_delivered() {
    let mut scene = Scene::new(1);
    let (andy, bob) = (scene.client("andy"), scene.client("bob"));
    scene.until("both online", || andy.is_online() && bob.is_online());
    andy.say("bob", "hello");
    bob.say("andy", "good day");
    scene.until("both heard", || {
        bob.has_received("hello") && andy.has_received("good day")
    });
    scene.settle();
    let finding = scene.oracle.lock().finding();
    assert!(finding.total.is_clean(), "{finding:?}");
    assert_eq!(
        (finding.total.acknowledged, finding.total.delivered),
        (2, 2)
    );
}

#[test]
fn a_wrong_password_is_final_and_named() {
    let mut scene = Scene::new(1);
    let andy = scene.client_with("andy", |spec| spec.password = "wrong".into());
    scene.until("turned away", || {
        matches!(andy.state(), ClientState::Refused { .. })
    });
    assert!(
        andy.state().to_string().contains("not-authorized"),
        "{}",
        andy.state()
    );
}

/// SES-2: the client follows `see-other-host` at once and goes on there.
#[test]
fn a_redirected_client_is_at_the_other_node_at_once() {
    let mut scene = Scene::new(1);
    let andy = scene.client("andy");
    scene.until("online", || andy.is_online());
    scene
        .office
        .tell("andy@example.test", Order::Redirect("1B".into()));
    scene.settle();
    assert_eq!(andy.place().unwrap(), "1B");
    assert!(
        andy.downtime() < Duration::from_secs(1),
        "{:?}",
        andy.downtime()
    );
}

/// SES-5: a client that lost its node waits a random time of the window, the same for the same
/// seed and another one for another.
#[test]
fn a_lost_node_is_waited_for_within_the_window_and_by_the_seed() {
    let wait = |seed| {
        let mut scene = Scene::new(seed);
        let andy = scene.client("andy");
        scene.until("online", || andy.is_online());
        scene.office.tell("andy@example.test", Order::Shutdown);
        scene.settle();
        assert!(
            matches!(andy.state(), ClientState::Waiting { .. }),
            "{}",
            andy.state()
        );
        scene.until("online again", || andy.is_online());
        andy.downtime()
    };
    let (first, again, other) = (wait(1), wait(1), wait(2));
    assert!(
        (Duration::from_secs(120)..=Duration::from_secs(538)).contains(&first),
        "{first:?}"
    );
    assert_eq!(first, again);
    assert_ne!(first, other);
}

/// A home node that is gone is not waited for a second time: the backup is tried next.
#[test]
fn where_the_home_node_is_gone_the_backup_is_tried() {
    let mut scene = Scene::new(3);
    let andy = scene.client_with("andy", |spec| spec.reconnect = Reconnect::Promptly);
    scene.until("online", || andy.is_online());
    scene.office.close("1A");
    scene.office.tell("andy@example.test", Order::Die);
    scene.settle();
    assert_eq!(andy.place().unwrap(), "1B");
}

/// XEP-0198: what was not acknowledged is sent again on resumption, and only that.
#[test]
fn a_resumed_session_loses_and_doubles_nothing() {
    let mut scene = Scene::new(4);
    let prompt = |spec: &mut ClientSpec| spec.reconnect = Reconnect::Promptly;
    let (andy, bob) = (
        scene.client_with("andy", prompt),
        scene.client_with("bob", prompt),
    );
    scene.until("both online", || andy.is_online() && bob.is_online());
    andy.say("bob", "one");
    scene.until("heard", || bob.has_received("one"));
    scene.office.tell("andy@example.test", Order::Deafen);
    scene.settle();
    andy.say("bob", "two");
    andy.say("bob", "three");
    scene.settle();
    assert!(!bob.has_received("two"));
    andy.cut();
    scene.until("resumed", || {
        matches!(andy.state(), ClientState::Online { resumed: true, .. })
    });
    scene.until("all heard", || bob.has_received("three"));
    scene.settle();
    let finding = scene.oracle.lock().finding();
    assert!(finding.total.is_clean(), "{finding:?}");
    assert_eq!(
        (
            finding.total.sent,
            finding.total.acknowledged,
            finding.total.delivered
        ),
        (3, 3, 3)
    );
    assert_eq!(scene.office.logins(), 2);
}

/// A message whose outcome is unknown is not sent a second time on a new session.
#[test]
fn where_the_session_is_forgotten_an_unknown_outcome_stays_unknown() {
    let mut scene = Scene::new(5);
    let prompt = |spec: &mut ClientSpec| spec.reconnect = Reconnect::Promptly;
    let (andy, bob) = (scene.client_with("andy", prompt), scene.client("bob"));
    scene.until("both online", || andy.is_online() && bob.is_online());
    scene.office.tell("andy@example.test", Order::Deafen);
    scene.settle();
    andy.say("bob", "lost");
    scene.settle();
    scene.office.forget();
    andy.cut();
    scene.settle();
    assert!(matches!(
        andy.state(),
        ClientState::Online { resumed: false, .. }
    ));
    scene.settle();
    let finding = scene.oracle.lock().finding();
    assert_eq!((finding.total.sent, finding.total.acknowledged), (1, 0));
    assert!(finding.total.is_clean() && !bob.has_received("lost"));
}

#[test]
fn a_talker_posts_numbered_messages_until_it_falls_silent() {
    let mut scene = Scene::new(6);
    let (andy, bob) = (scene.client("andy"), scene.client("bob"));
    scene.until("both online", || andy.is_online() && bob.is_online());
    andy.keep_talking(Duration::from_secs(2), vec![Target::Client("bob".into())]);
    scene.driver.pass(MINUTE);
    andy.fall_silent();
    scene.settle();
    let heard = bob.received().len();
    assert!((20..=60).contains(&heard), "{heard}");
    assert_eq!(bob.received()[0].body, "andy says number 1");
    scene.driver.pass(MINUTE);
    assert_eq!(bob.received().len(), heard);
    assert!(scene.oracle.lock().finding().total.is_clean());
}

#[test]
fn one_who_logs_out_stays_out_until_told_otherwise() {
    let mut scene = Scene::new(7);
    let andy = scene.client("andy");
    scene.until("online", || andy.is_online());
    andy.log_out();
    scene.driver.pass(10 * MINUTE);
    assert_eq!(andy.state(), ClientState::Idle);
    andy.log_in();
    scene.until("online again", || andy.is_online());
}
