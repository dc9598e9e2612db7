//! A pair with one alias, and users who are just addresses.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use parking_lot::Mutex;
use takeover_actors::conference::{Alias, Rush, Switch, TC_MAILBOX, TcMsg, TextConference};
use takeover_actors::plane::{Keeper, Outcome, Parcel, Work};
use takeover_actors::rt::{ChildSpec, Root, VirtualDriver, WorldSpec};
use takeover_core::id::NodeId;
use takeover_core::sync::Delivery;
use takeover_protocols::datetime::Timestamp;
use takeover_protocols::muc::Broadcast;
use takeover_protocols::stanza::{Condition, Stanza, StanzaKind};

use takeover_storage::{HistoryQuery, Memory};

pub const ALIAS: &str = "conference-1-c.example.test";
pub const HOME: NodeId = NodeId(0);
pub const PEER: NodeId = NodeId(1);

/// A switch that keeps what users get, and sends what is for the alias back there.
pub struct Ends {
    pub alias: Mutex<Option<Arc<Alias>>>,
    pub got: Mutex<BTreeMap<String, Vec<Stanza>>>,
    /// When each broadcast is written, in their order.
    pub rushes: Mutex<Vec<Rush>>,
    pub keeper: Root<Work>,
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

    fn broadcast(&self, at: NodeId, broadcast: &Broadcast, rush: Rush) {
        self.rushes.lock().push(rush);
        for recipient in broadcast.recipients().iter() {
            self.route(at, Parcel::of(broadcast.stanza_for(recipient)));
        }
    }

    fn keep(&self, work: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.keeper.addr().send(work).unwrap();
    }

    fn wall_time(&self) -> Timestamp {
        Timestamp::from_millis(1_000)
    }
}

/// A pair with one alias and users who are just addresses.
pub struct Scene {
    pub driver: VirtualDriver,
    pub store: Memory,
    pub alias: Arc<Alias>,
    pub ends: Arc<Ends>,
}

impl Scene {
    pub fn new(persistent: bool) -> Self {
        let driver = VirtualDriver::new(WorldSpec::new(7, 2)).unwrap();
        let store = Memory::new();
        let chat = persistent.then(|| store.chat("pair-1"));
        let alias = Arc::new(Alias::new(ALIAS, HOME, chat));
        let ends = Arc::new(Ends {
            alias: Mutex::new(Some(alias.clone())),
            got: Mutex::default(),
            rushes: Mutex::default(),
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

    /// A conference service that starts.
    pub fn start(&self, node: NodeId) -> Root<TcMsg> {
        let actor = TextConference::new(node, vec![self.alias.clone()], self.ends.clone());
        let spec = ChildSpec::new("tc", TC_MAILBOX).on_node(node);
        self.driver.world().root(actor, spec)
    }

    pub fn conference(&mut self, node: NodeId) -> Root<TcMsg> {
        let root = self.start(node);
        self.driver.settle();
        root
    }

    /// This conference service hosts the alias from now on, whoever did before.
    pub fn take_over(&mut self, node: NodeId, conference: &Root<TcMsg>) {
        assert!(self.alias.claim(node).is_some());
        let host = TcMsg::Host(self.alias.clone(), Box::new(drop));
        conference.addr().send(host).unwrap();
        self.driver.settle();
    }

    /// A stanza arrives at the alias; what happens to it at once.
    pub fn send(&mut self, xml: &str) -> Outcome {
        let outcome = self.post(xml);
        self.driver.settle();
        outcome
    }

    /// A stanza arrives at the alias, and nothing happens yet.
    pub fn post(&mut self, xml: &str) -> Outcome {
        let parcel = Parcel::of(Stanza::parse(xml).unwrap());
        match self.alias.deliver(self.alias.owner(), parcel) {
            Delivery::Delivered(outcome) => outcome,
            Delivery::Held => Outcome::Parked,
            other => panic!("{other:?}"),
        }
    }

    pub fn join(&mut self, user: &str) {
        self.join_with(user, "");
    }

    pub fn join_with(&mut self, user: &str, history: &str) {
        self.send(&format!(
            "<presence from='{user}@example.test/d' to='cave@{ALIAS}/{user}'>\
             <x xmlns='http://jabber.org/protocol/muc'>{history}</x></presence>"
        ));
    }

    /// Andy makes the room, with the defaults of the service.
    pub fn create(&mut self) {
        self.join("andy");
        self.send(&format!(
            "<iq from='andy@example.test/d' to='cave@{ALIAS}' id='c' type='set'>\
             <query xmlns='http://jabber.org/protocol/muc#owner'>\
             <x xmlns='jabber:x:data' type='submit'/></query></iq>"
        ));
    }

    /// A user's message to the room.
    pub fn words(user: &str, text: &str) -> String {
        format!(
            "<message from='{user}@example.test/d' to='cave@{ALIAS}' type='groupchat' \
             id='{text}'><body>{text}</body></message>"
        )
    }

    pub fn say(&mut self, user: &str, text: &str) -> Outcome {
        self.send(&Self::words(user, text))
    }

    /// Texts that a user was shown, in order; old ones (with a delay) in brackets.
    pub fn shown(&self, user: &str) -> Vec<String> {
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

    pub fn errors(&self, user: &str) -> Vec<Condition> {
        let got = self.ends.got.lock();
        let mine = got
            .get(&format!("{user}@example.test/d"))
            .into_iter()
            .flatten();
        mine.filter_map(|stanza| stanza.error().map(|error| error.condition))
            .collect()
    }

    pub fn kept(&mut self) -> Vec<String> {
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
