//! Chapter 4 at the conference manager and its rooms: one host, nothing lost, nothing doubled.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use takeover_actors::conference::{Alias, Switch, TC_MAILBOX, TcMsg, TextConference};
use takeover_actors::plane::{Keeper, Outcome, Parcel, Work};
use takeover_actors::rt::{ChildSpec, Root, VirtualDriver, WorldSpec};
use takeover_core::id::NodeId;
use takeover_core::sync::Delivery;
use takeover_protocols::datetime::Timestamp;
use takeover_protocols::stanza::{Condition, PresenceType, Stanza, StanzaKind};
use takeover_storage::{Claim, FailOnce, HistoryQuery, Memory};

const ALIAS: &str = "conference-1-c.example.test";
const HOME: NodeId = NodeId(0);
const PEER: NodeId = NodeId(1);

/// A switch that keeps what users get, and sends what is for the alias back there.
struct Ends {
    alias: Mutex<Option<Arc<Alias>>>,
    got: Mutex<BTreeMap<String, Vec<Stanza>>>,
    keeper: Root<Work>,
}

impl Switch for Ends {
    fn route(&self, _at: NodeId, parcel: Parcel) {
        let to = parcel
            .stanza
            .to
            .clone()
            .expect("everything that is routed has a target");
        if to.domain().as_str() == ALIAS {
            let alias = self.alias.lock().clone().expect("set before anything runs");
            drop(alias.deliver(alias.owner(), parcel));
            return;
        }
        self.got
            .lock()
            .entry(to.to_string())
            .or_default()
            .push(*parcel.stanza);
    }

    fn keep(&self, work: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.keeper.addr().send(work).unwrap();
    }

    fn wall_time(&self) -> Timestamp {
        Timestamp::from_millis(1_000)
    }
}

/// A pair with one alias and users who are just addresses.
struct Scene {
    driver: VirtualDriver,
    store: Memory,
    alias: Arc<Alias>,
    ends: Arc<Ends>,
}

impl Scene {
    fn new(persistent: bool) -> Self {
        let driver = VirtualDriver::new(WorldSpec::new(7, 2)).unwrap();
        let store = Memory::new();
        let chat = persistent.then(|| store.chat("pair-1"));
        let alias = Arc::new(Alias::new(ALIAS, HOME, chat));
        let ends = Arc::new(Ends {
            alias: Mutex::new(Some(alias.clone())),
            got: Mutex::default(),
            keeper: driver
                .world()
                .root(Keeper::new(), ChildSpec::new("keeper", Keeper::MAILBOX)),
        });
        Self {
            driver,
            store,
            alias,
            ends,
        }
    }

    fn conference(&mut self, node: NodeId) -> Root<TcMsg> {
        let actor = TextConference::new(node, vec![self.alias.clone()], self.ends.clone());
        let spec = ChildSpec::new("tc", TC_MAILBOX).on_node(node);
        let root = self.driver.world().root(actor, spec);
        self.driver.settle();
        root
    }

    /// A stanza arrives at the alias; what happens to it at once.
    fn send(&mut self, xml: &str) -> Outcome {
        let parcel = Parcel::of(Stanza::parse(xml).unwrap());
        let outcome = match self.alias.deliver(self.alias.owner(), parcel) {
            Delivery::Delivered(outcome) => outcome,
            Delivery::Held => Outcome::Parked,
            other => panic!("{other:?}"),
        };
        self.driver.settle();
        outcome
    }

    fn join(&mut self, user: &str) {
        self.join_with(user, "");
    }

    fn join_with(&mut self, user: &str, history: &str) {
        self.send(&format!(
            "<presence from='{user}@example.test/d' to='cave@{ALIAS}/{user}'>\
             <x xmlns='http://jabber.org/protocol/muc'>{history}</x></presence>"
        ));
    }

    /// Andy makes the room, with the defaults of the service.
    fn create(&mut self) {
        self.join("andy");
        self.send(&format!(
            "<iq from='andy@example.test/d' to='cave@{ALIAS}' id='c' type='set'>\
             <query xmlns='http://jabber.org/protocol/muc#owner'>\
             <x xmlns='jabber:x:data' type='submit'/></query></iq>"
        ));
    }

    fn say(&mut self, user: &str, text: &str) -> Outcome {
        self.send(&format!(
            "<message from='{user}@example.test/d' to='cave@{ALIAS}' type='groupchat' \
             id='{text}'><body>{text}</body></message>"
        ))
    }

    /// Texts that a user was shown, in order; old ones (with a delay) in brackets.
    fn shown(&self, user: &str) -> Vec<String> {
        let got = self.ends.got.lock();
        let mine = got
            .get(&format!("{user}@example.test/d"))
            .into_iter()
            .flatten();
        mine.filter(|stanza| matches!(stanza.kind, StanzaKind::Message(kind) if kind.as_str() == "groupchat"))
            .filter_map(|stanza| {
                let text = stanza.body()?;
                let late = stanza.has_child("delay", "urn:xmpp:delay");
                Some(if late { format!("[{text}]") } else { text })
            })
            .collect()
    }

    fn errors(&self, user: &str) -> Vec<Condition> {
        let got = self.ends.got.lock();
        let mine = got
            .get(&format!("{user}@example.test/d"))
            .into_iter()
            .flatten();
        mine.filter_map(|stanza| stanza.error().map(|error| error.condition))
            .collect()
    }

    fn kept(&mut self) -> Vec<String> {
        let chat = self.store.chat("pair-1");
        let room = takeover_protocols::jid::BareJid::new(&format!("cave@{ALIAS}")).unwrap();
        let page = self
            .driver
            .block_on(chat.history(&room, HistoryQuery::last(100)))
            .unwrap();
        page.entries
            .iter()
            .filter_map(takeover_storage::text_of)
            .collect()
    }
}

/// CHAT-8, CHAT-10: the host dies; the peer takes the alias over; occupants stay in the room, and
/// the history is the one that everybody saw.
#[test]
fn a_room_goes_on_at_the_peer_when_its_host_dies() {
    let mut scene = Scene::new(true);
    let home = scene.conference(HOME);
    scene.create();
    scene.join("bob");
    scene.say("andy", "one");
    scene.say("bob", "two");
    assert_eq!(scene.shown("andy"), ["one", "two"]);

    home.kill();
    scene.driver.settle();
    assert!(matches!(
        scene.say("bob", "nobody"),
        Outcome::Bounce(_, Condition::RecipientUnavailable)
    ));

    let _peer = scene.conference(PEER);
    assert!(scene.alias.claim(PEER).is_some());
    assert!(
        matches!(scene.say("bob", "three"), Outcome::Parked),
        "held while the peer gets ready"
    );
    let alias = scene.alias.clone();
    let (told, hears) = std::sync::mpsc::channel();
    let done = Box::new(move |moved| told.send(moved).unwrap());
    _peer.addr().send(TcMsg::Host(alias, done)).unwrap();
    scene.driver.settle();
    assert_eq!(hears.try_recv().unwrap().unwrap().rooms, 1);

    scene.say("andy", "four");
    assert_eq!(scene.shown("andy"), ["one", "two", "three", "four"]);
    assert_eq!(scene.shown("bob"), ["one", "two", "three", "four"]);
    scene.join("carol");
    assert_eq!(
        scene.shown("carol"),
        ["[one]", "[two]", "[three]", "[four]"]
    );
    assert_eq!(scene.kept(), ["one", "two", "three", "four"]);
}

/// CHAT-9: the alias is let go in order and goes home; what comes in between waits.
#[test]
fn an_alias_goes_home_in_order() {
    let mut scene = Scene::new(true);
    let home = scene.conference(HOME);
    let peer = scene.conference(PEER);
    scene.create();
    scene.say("andy", "one");
    let (alias, (told, hears)) = (scene.alias.clone(), std::sync::mpsc::channel());
    let done = Box::new(move |moved: takeover_actors::conference::Moved| told.send(moved).unwrap());
    home.addr()
        .send(TcMsg::LetGo(alias.clone(), PEER, done))
        .unwrap();
    scene.driver.settle();
    assert_eq!(hears.try_recv().unwrap().unwrap().rooms, 1);
    assert_eq!(alias.owner().node(), PEER);
    assert!(matches!(scene.say("andy", "two"), Outcome::Parked));
    peer.addr()
        .send(TcMsg::Host(alias, Box::new(|moved| drop(moved.unwrap()))))
        .unwrap();
    scene.driver.settle();
    scene.say("andy", "three");
    assert_eq!(scene.shown("andy"), ["one", "two", "three"]);
    assert_eq!(scene.kept(), ["one", "two", "three"]);
}

/// CHAT-10: what the database took and nobody was shown, because the host died right then, is
/// shown by the next host, once.
#[test]
fn what_was_stored_but_not_shown_is_shown_by_the_next_host() {
    let mut scene = Scene::new(true);
    let home = scene.conference(HOME);
    scene.create();
    scene.say("andy", "one");
    scene.say("andy", "two");
    // As if the host had died between the database's answer and the reflection.
    scene
        .alias
        .rooms()
        .change("cave", |soft| soft.reflected = 1);
    scene.ends.got.lock().clear();
    home.kill();
    scene.driver.settle();
    assert!(scene.alias.claim(PEER).is_some());
    let _peer = scene.conference(PEER);
    assert_eq!(scene.shown("andy"), ["two"]);
    scene.say("andy", "three");
    assert_eq!(scene.shown("andy"), ["two", "three"]);
}

/// CHAT-11: an ad hoc room does not survive its host; its occupants are told.
#[test]
fn occupants_of_an_ad_hoc_room_are_told_that_it_is_gone() {
    let mut scene = Scene::new(false);
    let home = scene.conference(HOME);
    scene.create();
    scene.join("bob");
    home.kill();
    scene.driver.settle();
    let _home = scene.conference(HOME);
    let got = scene.ends.got.lock();
    let last = got["bob@example.test/d"].last().unwrap();
    assert_eq!(last.kind, StanzaKind::Presence(PresenceType::Unavailable));
    let told = last
        .child("x", "http://jabber.org/protocol/muc#user")
        .unwrap();
    assert!(
        told.children()
            .any(|child| child.attr("code") == Some("332"))
    );
}

/// CHAT-12: while the database does not answer, what cannot be stored is refused with the
/// standard's error, nothing is shown, and what comes after it is answered is stored.
#[test]
fn a_message_that_cannot_be_stored_is_refused() {
    let mut scene = Scene::new(true);
    let _home = scene.conference(HOME);
    scene.create();
    scene.say("andy", "one");
    scene.store.faults().set_down(true);
    scene.say("andy", "lost");
    assert_eq!(scene.errors("andy"), [Condition::RecipientUnavailable]);
    scene.store.faults().set_down(false);
    scene.say("andy", "two");
    assert_eq!(scene.shown("andy"), ["one", "two"]);
    assert_eq!(scene.kept(), ["one", "two"]);
}

/// CHAT-10: an answer of the database that gets lost is asked for again; the message is there once.
#[test]
fn a_lost_answer_is_asked_for_again() {
    let mut scene = Scene::new(true);
    let _home = scene.conference(HOME);
    scene.create();
    scene.store.faults().fail_next(FailOnce::AfterCommit, 1);
    scene.say("andy", "one");
    scene.driver.pass(Duration::from_secs(5));
    assert_eq!(scene.shown("andy"), ["one"]);
    assert_eq!(scene.kept(), ["one"]);
}

/// CHAT-12, SVC-4: an alias whose database does not answer refuses with the standard's error, and
/// opens when the database is back.
#[test]
fn an_alias_waits_for_its_database() {
    let mut scene = Scene::new(true);
    scene.store.faults().set_down(true);
    let _home = scene.conference(HOME);
    scene.join("andy");
    assert_eq!(scene.errors("andy"), [Condition::RecipientUnavailable]);
    scene.store.faults().set_down(false);
    scene.driver.pass(Duration::from_secs(60));
    scene.ends.got.lock().clear();
    scene.create();
    scene.say("andy", "one");
    assert_eq!(scene.shown("andy"), ["one"]);
}

/// HA-10, CHAT-10: both nodes took the alias while its database was down. Who has lost it does not take the
/// lease from who has it.
#[test]
fn a_host_that_lost_its_alias_leaves_the_lease_alone() {
    let mut scene = Scene::new(true);
    scene.store.faults().set_down(true);
    let _home = scene.conference(HOME);
    // The first host's next try comes after the second one's.
    scene.driver.pass(Duration::from_secs(4));
    let peer = scene.conference(PEER);
    assert!(scene.alias.claim(PEER).is_some());
    let host = TcMsg::Host(scene.alias.clone(), Box::new(drop));
    peer.addr().send(host).unwrap();
    scene.driver.settle();
    scene.store.faults().set_down(false);
    scene.driver.pass(Duration::from_secs(60));
    let chat = scene.store.chat("pair-1");
    let lease = scene.driver.block_on(chat.lease(ALIAS)).unwrap();
    assert_eq!((lease.held_by, lease.epoch), (Some(PEER), 1));
    scene.create();
    scene.say("andy", "one");
    assert_eq!(scene.shown("andy"), ["one"]);
}

/// CHAT-10: a lease that a late host has taken by force comes back to the host of the alias, and what was
/// said meanwhile is stored once.
#[test]
fn a_lease_that_was_taken_by_force_is_taken_back() {
    let mut scene = Scene::new(true);
    let _home = scene.conference(HOME);
    scene.create();
    scene.say("andy", "one");
    let chat = scene.store.chat("pair-1");
    let late = chat.acquire(ALIAS, PEER, Claim::Force);
    scene.driver.block_on(late).unwrap();
    scene.say("andy", "two");
    scene.driver.pass(Duration::from_secs(10));
    scene.say("andy", "three");
    let shown = scene.shown("andy");
    assert_eq!(shown.last().map(String::as_str), Some("three"), "{shown:?}");
    assert_eq!(scene.kept(), shown);
    let lease = scene.driver.block_on(chat.lease(ALIAS)).unwrap();
    assert_eq!(lease.held_by, Some(HOME));
}

/// What somebody sees who was away while the numbers in `said` were said.
fn old(said: std::ops::Range<u32>) -> Vec<String> {
    said.map(|number| format!("[{number}]")).collect()
}

/// CHAT-8, XEP-0045 section 7.2.14: who was away for long gets all it asks for, also what is no
/// longer in memory, in order and once; who does not ask gets what the room sends by itself.
#[test]
fn history_comes_out_of_the_database() {
    let mut scene = Scene::new(true);
    let _tc = scene.conference(HOME);
    scene.create();
    for number in 0..230 {
        scene.say("andy", &number.to_string());
    }
    scene.join("bob");
    assert_eq!(scene.shown("bob"), old(210..230));
    scene.join_with("carol", "<history maxstanzas='225'/>");
    assert_eq!(scene.shown("carol"), old(5..230));
    scene.join_with("deborah", "<history since='1970-01-01T00:00:00Z'/>");
    assert_eq!(scene.shown("deborah"), old(0..230));
    scene.join_with("edith", "<history seconds='60' maxchars='0'/>");
    assert!(scene.shown("edith").is_empty());
    scene.say("andy", "now");
    assert_eq!(scene.shown("carol").last().map(String::as_str), Some("now"));
}

/// CHAT-12: with its database away a room still lets in, with what is in memory; and what a client
/// says while its join waits for the database comes after the join.
#[test]
fn who_waits_for_history_is_not_lost() {
    let mut scene = Scene::new(true);
    let _tc = scene.conference(HOME);
    scene.create();
    for number in 0..205 {
        scene.say("andy", &number.to_string());
    }
    scene.store.faults().set_down(true);
    scene.join_with("bob", "<history maxstanzas='300'/>");
    assert_eq!(scene.shown("bob"), old(5..205));
    scene.store.faults().set_down(false);
    let join = format!(
        "<presence from='carol@example.test/d' to='cave@{ALIAS}/carol'>\
         <x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='300'/></x></presence>"
    );
    let said = format!(
        "<message from='carol@example.test/d' to='cave@{ALIAS}' type='groupchat' id='c'>\
         <body>hello</body></message>"
    );
    for xml in [join, said] {
        let parcel = Parcel::of(Stanza::parse(xml).unwrap());
        drop(scene.alias.deliver(scene.alias.owner(), parcel));
    }
    scene.driver.settle();
    let mut expected = old(0..205);
    expected.push("hello".into());
    assert_eq!(scene.shown("carol"), expected);
    assert!(scene.errors("carol").is_empty());
}

/// Questions to the archive.
impl Scene {
    /// What a question to the archive is answered with: ids of the messages, and the answer.
    fn recall(&mut self, user: &str, inside: &str) -> (Vec<String>, Stanza) {
        let mine = format!("{user}@example.test/d");
        self.ends.got.lock().remove(&mine);
        self.send(&format!(
            "<iq from='{mine}' to='cave@{ALIAS}' id='q' type='set'>\
             <query xmlns='urn:xmpp:mam:2' queryid='f1'>{inside}</query></iq>"
        ));
        let mut got = self.ends.got.lock().remove(&mine).unwrap_or_default();
        let answer = got.pop().expect("an answer");
        let result = |stanza: Stanza| {
            let result = stanza.child("result", "urn:xmpp:mam:2").expect("a result");
            assert_eq!(result.attr("queryid"), Some("f1"));
            result.attr("id").unwrap_or_default().to_owned()
        };
        (got.into_iter().map(result).collect(), answer)
    }

    /// As [`Scene::recall`], with what the end of the page says: complete, first, last, count.
    fn page(&mut self, user: &str, inside: &str) -> (String, String) {
        let (ids, answer) = self.recall(user, inside);
        let fin = answer.child("fin", "urn:xmpp:mam:2").expect("an end");
        let set = fin
            .child("set", "http://jabber.org/protocol/rsm")
            .expect("a set");
        let mut end = fin
            .attr("complete")
            .map_or("more".to_owned(), |_| "complete".to_owned());
        for child in set.children() {
            end += &format!(" {}={}", child.name(), child.text());
        }
        (ids.join(" "), end)
    }
}

/// A form with these fields.
fn filter(fields: &[(&str, &str)]) -> String {
    let field = |(var, values): &(&str, &str)| {
        let values: String = values
            .split(' ')
            .map(|v| format!("<value>{v}</value>"))
            .collect();
        format!("<field var='{var}'>{values}</field>")
    };
    let fields: String = fields.iter().map(field).collect();
    format!(
        "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>\
         <value>urn:xmpp:mam:2</value></field>{fields}</x>"
    )
}

fn paged(inside: &str) -> String {
    format!("<set xmlns='http://jabber.org/protocol/rsm'>{inside}</set>")
}

/// XEP-0313, XEP-0059: the archive is paged both ways, filtered and counted.
#[test]
fn the_archive_is_paged_and_filtered() {
    let mut scene = Scene::new(true);
    let _home = scene.conference(HOME);
    scene.create();
    scene.join("bob");
    for n in 1..=5 {
        scene.say(if n % 2 == 1 { "andy" } else { "bob" }, &format!("word{n}"));
    }
    let ends = |page: (&str, &str)| (page.0.to_owned(), page.1.to_owned());
    let mut page = |inside: &str| scene.page("bob", inside);
    assert_eq!(
        page(""),
        ends(("1 2 3 4 5", "complete first=1 last=5 count=5"))
    );
    let two = |more: &str| paged(&format!("<max>2</max>{more}"));
    assert_eq!(page(&two("")), ends(("1 2", "more first=1 last=2 count=5")));
    assert_eq!(
        page(&two("<after>2</after>")),
        ends(("3 4", "more first=3 last=4 count=5"))
    );
    assert_eq!(
        page(&two("<after>4</after>")),
        ends(("5", "complete first=5 last=5 count=5"))
    );
    assert_eq!(
        page(&two("<before/>")),
        ends(("4 5", "more first=4 last=5 count=5"))
    );
    assert_eq!(
        page(&two("<before>3</before>")),
        ends(("1 2", "complete first=1 last=2 count=5"))
    );
    let flipped = format!("{}<flip-page/>", two("<before/>"));
    assert_eq!(page(&flipped), ends(("5 4", "more first=4 last=5 count=5")));
    assert_eq!(page(&paged("<max>0</max>")).1, "more count=5");
    let room = format!("cave@{ALIAS}");
    let by_bob = filter(&[("with", &format!("{room}/bob"))]);
    assert_eq!(page(&by_bob), ends(("2 4", "complete first=2 last=4")));
    let counted = format!("{by_bob}{}", paged("<max>0</max>"));
    assert_eq!(page(&counted).1, "more count=2");
    let between = filter(&[("after-id", "1"), ("before-id", "5")]);
    assert_eq!(page(&between).0, "2 3 4");
    assert_eq!(page(&format!("{between}{}", two("<before/>"))).0, "3 4");
    assert_eq!(
        page(&filter(&[("ids", "4 2 5"), ("before-id", "5")])).0,
        "2 4"
    );
    assert_eq!(
        page(&filter(&[("{urn:xmpp:fulltext:0}fulltext", "WORD3")])).0,
        "3"
    );
    assert_eq!(page(&filter(&[("start", "1970-01-01T00:00:02Z")])).0, "");
    assert_eq!(
        page(&filter(&[("end", "1970-01-01T00:00:02Z")])).0,
        "1 2 3 4 5"
    );
    let stranger = filter(&[("with", "andy@example.test")]);
    assert_eq!(
        page(&stranger),
        ends(("", "complete count=0")),
        "Bob may not know who is who"
    );
    assert_eq!(scene.page("andy", &stranger).0, "1 3 5");
    for missing in [
        filter(&[("ids", "9")]),
        filter(&[("after-id", "9")]),
        paged("<after>9</after>"),
    ] {
        let (_, answer) = scene.recall("bob", &missing);
        assert_eq!(
            answer.error().unwrap().condition,
            Condition::ItemNotFound,
            "{missing}"
        );
    }
}

/// XEP-0313, CHAT-8, CHAT-12: the archive is the database's: it is there at the next host, to people
/// outside the room too, and its failure is an error.
#[test]
fn the_archive_is_there_at_the_next_host() {
    let mut scene = Scene::new(true);
    let home = scene.conference(HOME);
    scene.create();
    scene.say("andy", "one");
    scene.say("andy", "two");
    home.kill();
    scene.driver.settle();
    scene.alias.claim(PEER).expect("it was at home");
    let _peer = scene.conference(PEER);
    assert_eq!(scene.page("eve", "").0, "1 2");
    let eve = "eve@example.test/d";
    scene.send(&format!(
        "<iq from='{eve}' to='cave@{ALIAS}' id='m' type='get'><metadata xmlns='urn:xmpp:mam:2'/></iq>"
    ));
    let metadata = scene.ends.got.lock().remove(eve).unwrap().pop().unwrap();
    let metadata = metadata.first_child().unwrap();
    let end = |name| {
        metadata
            .child(name, "urn:xmpp:mam:2")
            .unwrap()
            .attr("id")
            .unwrap()
            .to_owned()
    };
    assert_eq!((end("start"), end("end")), ("1".to_owned(), "2".to_owned()));
    scene.store.faults().set_down(true);
    let (_, answer) = scene.recall("eve", "");
    assert_eq!(
        answer.error().unwrap().condition,
        Condition::RecipientUnavailable
    );
}
