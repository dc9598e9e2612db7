//! The Text Conference Manager (TC) of a node: hosts aliases, starts rooms, lets aliases go.
//!
//! Accepts stanzas for the aliases that its node owns, and orders to host an alias or to let it go.
//! Its mailbox holds 65536; whoever sends one more gets it back and answers
//! `resource-constraint`. When it starts it hosts every alias that its node owns; when it ends, in
//! whatever way, its rooms end with it and their occupants stay on record for the next host.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use takeover_core::id::NodeId;
use takeover_core::journal::Event;
use takeover_core::sync::Ownership;
use takeover_protocols::jid::BareJid;
use takeover_protocols::muc::service::Listed;
use takeover_protocols::stanza::{Condition, ErrorType, Stanza, StanzaError};
use takeover_storage::{Claim as Lease, Fence, LeaseGrant, StoreError};

use super::alias::Alias;
use super::front;
use super::room::{Place, RoomActor, RoomMsg};
use super::switch::Switch;
use crate::plane::{Entrusted, Outcome, Parcel};
use crate::rt::{Actor, Addr, ChildExited, ChildId, ChildSpec, Ctx, MailboxSpec};

/// The mailbox of a TC.
pub const TC_MAILBOX: MailboxSpec = MailboxSpec::reject(65_536);

const ROOM_MAILBOX: MailboxSpec = MailboxSpec::reject(8192);

/// How long after a database did not answer it is asked again: doubled each time, up to the second.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// How an order about an alias ended.
pub type Moved = Result<AliasReport, StoreError>;

/// What became of an alias.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AliasReport {
    /// The alias.
    pub alias: String,
    /// Who owns it now.
    pub owner: Ownership,
    /// How many rooms were loaded, or unloaded.
    pub rooms: usize,
}

/// Whoever gave an order hears its outcome here.
pub type Done = Box<dyn FnOnce(Moved) + Send>;

/// What a TC hears.
pub enum TcMsg {
    /// A stanza to a room of this alias, or to the alias itself.
    Stanza(Arc<Alias>, Entrusted),
    /// Host an alias that this node owns since a moment ago.
    Host(Arc<Alias>, Done),
    /// Let an alias go to another node: rooms are unloaded, the lease is given back, the alias is
    /// published for `to` and stays closed until that node hosts it.
    LetGo(Arc<Alias>, NodeId, Done),
    /// A room is over.
    #[doc(hidden)]
    RoomOver {
        /// Its alias.
        alias: String,
        /// Its name.
        room: String,
    },
    /// The database has answered the request for a lease.
    #[doc(hidden)]
    Leased(String, Result<Option<LeaseGrant>, StoreError>),
    /// The database has taken a lease back.
    #[doc(hidden)]
    Released(String),
    /// The list of rooms for a question to the service.
    #[doc(hidden)]
    Listed(Box<Stanza>, Vec<Listed>),
}

/// Why a TC wakes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TcTimer {
    /// Databases that did not answer are asked for their lease again.
    AskAgain,
}

/// An alias at this node.
struct Hosted {
    alias: Arc<Alias>,
    owner: Ownership,
    stage: Stage,
    rooms: BTreeMap<String, (ChildId, Addr<RoomMsg>)>,
    waiting: Vec<Done>,
}

/// Where the hosting of an alias stands.
enum Stage {
    /// The database is asked for the lease.
    Leasing,
    /// The database did not answer; it will be asked again (CHAT-12).
    Refused,
    /// Hosted; the fence of the lease, where there is a database.
    Open(Option<Fence>),
    /// Rooms are being unloaded for another node.
    Leaving {
        to: NodeId,
        fence: Option<Fence>,
        unloaded: usize,
    },
}

/// The actor of the service.
pub struct TextConference {
    node: NodeId,
    aliases: Vec<Arc<Alias>>,
    switch: Arc<dyn Switch>,
    hosted: BTreeMap<String, Hosted>,
    back_off: Duration,
}

impl TextConference {
    /// The TC of `node`. It hosts those of `aliases` that the node owns when it starts.
    #[must_use]
    pub fn new(node: NodeId, aliases: Vec<Arc<Alias>>, switch: Arc<dyn Switch>) -> Self {
        Self {
            node,
            aliases,
            switch,
            hosted: BTreeMap::new(),
            back_off: BACK_OFF.0,
        }
    }

    fn answer(&self, entrusted: Entrusted, error: &StanzaError) {
        let reply = entrusted.stanza.error_reply_with_payload(error);
        self.settle(entrusted, reply);
    }

    /// The stanza is handled; `reply` is what is said about it.
    fn settle(&self, entrusted: Entrusted, reply: Option<Stanza>) {
        let next = entrusted.promise.finish();
        for parcel in next.into_iter().chain(reply.map(Parcel::of)) {
            self.switch.route(self.node, parcel);
        }
    }
}

impl Actor for TextConference {
    type Msg = TcMsg;
    type Timer = TcTimer;
    const KIND: &'static str = "Text Conference Manager";

    fn started(&mut self, ctx: &mut Ctx<Self>) {
        for alias in self.aliases.clone() {
            if alias.owner().node() == self.node {
                self.host(alias, None, ctx);
            }
        }
    }

    fn handle(&mut self, msg: TcMsg, ctx: &mut Ctx<Self>) {
        match msg {
            TcMsg::Stanza(alias, parcel) => self.stanza(&alias, parcel, ctx),
            TcMsg::Host(alias, done) => self.host(alias, Some(done), ctx),
            TcMsg::LetGo(alias, to, done) => self.let_go(&alias, to, done, ctx),
            TcMsg::RoomOver { alias, room } => self.room_over(&alias, &room, ctx),
            TcMsg::Leased(alias, answer) => self.leased(&alias, answer, ctx),
            TcMsg::Released(alias) => self.released(&alias, ctx),
            TcMsg::Listed(question, rooms) => {
                if let Some(answer) = front::answer(&question, rooms) {
                    self.switch.route(self.node, Parcel::of(answer));
                }
            }
        }
    }

    fn expired(&mut self, timer: TcTimer, ctx: &mut Ctx<Self>) {
        match timer {
            TcTimer::AskAgain => {
                let refused = self.hosted.values().filter(|hosted| hosted.is_refused());
                let refused: Vec<_> = refused.map(|hosted| hosted.alias.clone()).collect();
                for alias in refused {
                    self.ask_for_lease(&alias, ctx);
                }
            }
        }
    }

    fn child_exited(&mut self, exit: ChildExited, ctx: &mut Ctx<Self>) {
        // A room that panicked: its occupants are on record, the next stanza loads it again.
        let lost = self.hosted.iter().find_map(|(alias, hosted)| {
            let room = hosted
                .rooms
                .iter()
                .find(|(_, (id, _))| *id == exit.child)?
                .0;
            Some((alias.clone(), room.clone()))
        });
        if let Some((alias, room)) = lost {
            self.room_over(&alias, &room, ctx);
            self.reload(&alias, &room, ctx);
        }
    }
}

/// Stanzas.
impl TextConference {
    fn stanza(&mut self, alias: &Arc<Alias>, entrusted: Entrusted, ctx: &mut Ctx<Self>) {
        let ours = self
            .hosted
            .get(alias.domain())
            .filter(|hosted| hosted.owner == alias.owner());
        match ours.map(|hosted| &hosted.stage) {
            Some(Stage::Open(_)) => self.take(alias, entrusted, ctx),
            // The database has not said no, nor yes (CHAT-12).
            Some(Stage::Leasing | Stage::Refused) => {
                let error = StanzaError::new(Condition::RecipientUnavailable)
                    .with_text("the conference service waits for its database");
                self.answer(entrusted, &error);
            }
            // It has moved meanwhile: look it up again.
            Some(Stage::Leaving { .. }) | None => {
                if let Some(parcel) = entrusted.give_back() {
                    self.switch.route(self.node, parcel);
                }
            }
        }
    }

    fn take(&mut self, alias: &Arc<Alias>, entrusted: Entrusted, ctx: &mut Ctx<Self>) {
        let to = entrusted.stanza.to.as_ref();
        match to
            .and_then(|to| to.node())
            .map(|node| node.as_str().to_owned())
        {
            Some(room) => self.pass_to_room(alias, &room, entrusted, ctx),
            None => self.answer_for_service(alias, entrusted, ctx),
        }
    }

    fn pass_to_room(
        &mut self,
        alias: &Arc<Alias>,
        room: &str,
        what: Entrusted,
        ctx: &mut Ctx<Self>,
    ) {
        let Some(addr) = self.room(alias.domain(), room, ctx) else {
            return self.answer(what, &StanzaError::new(Condition::JidMalformed));
        };
        if let Err(refused) = addr.send(RoomMsg::Stanza(what))
            && let RoomMsg::Stanza(what) = refused.message
        {
            self.answer(what, &StanzaError::new(Condition::ResourceConstraint));
        }
    }

    /// The room's actor, started if need be; `None` if it cannot be a room's name.
    fn room(&mut self, alias: &str, room: &str, ctx: &mut Ctx<Self>) -> Option<Addr<RoomMsg>> {
        let hosted = self.hosted.get_mut(alias)?;
        if let Some((_, addr)) = hosted.rooms.get(room)
            && addr.is_alive()
        {
            return Some(addr.clone());
        }
        let Stage::Open(fence) = &hosted.stage else {
            return None;
        };
        let jid = BareJid::new(&format!("{room}@{alias}")).ok()?;
        let place = Place {
            alias: hosted.alias.clone(),
            owner: hosted.owner,
            fence: fence.clone(),
            node: self.node,
            switch: self.switch.clone(),
            manager: ctx.addr(),
        };
        let actor = RoomActor::new(place, room.to_owned(), jid);
        let addr = ctx.child(
            actor,
            ChildSpec::new(format!("{room}@{alias}"), ROOM_MAILBOX),
        );
        hosted
            .rooms
            .insert(room.to_owned(), (addr.id(), addr.clone()));
        Some(addr)
    }

    fn answer_for_service(&mut self, alias: &Arc<Alias>, asked: Entrusted, ctx: &mut Ctx<Self>) {
        if front::asks_for_rooms(&asked.stanza) {
            let question = Box::new(asked.stanza.clone());
            ctx.run(front::rooms(alias.clone()), |rooms| {
                TcMsg::Listed(question, rooms)
            });
            self.settle(asked, None);
        } else {
            let answer = front::answer(&asked.stanza, Vec::new());
            self.settle(asked, answer);
        }
    }
}

/// Hosting an alias.
impl TextConference {
    fn host(&mut self, alias: Arc<Alias>, done: Option<Done>, ctx: &mut Ctx<Self>) {
        let owner = alias.owner();
        if owner.node() != self.node {
            // It was claimed by somebody else before this order was heard.
            report(done, &alias, 0);
            return;
        }
        if let Some(hosted) = self.hosted.get_mut(alias.domain())
            && hosted.owner == owner
        {
            match hosted.stage {
                Stage::Open(_) => report(done, &alias, 0),
                Stage::Leasing | Stage::Refused | Stage::Leaving { .. } => {
                    hosted.waiting.extend(done);
                }
            }
            return;
        }
        let hosted = Hosted {
            alias: alias.clone(),
            owner,
            stage: Stage::Leasing,
            rooms: BTreeMap::new(),
            waiting: done.into_iter().collect(),
        };
        self.hosted.insert(alias.domain().to_owned(), hosted);
        self.ask_for_lease(&alias, ctx);
    }

    fn ask_for_lease(&mut self, alias: &Arc<Alias>, ctx: &mut Ctx<Self>) {
        if let Some(hosted) = self.hosted.get_mut(alias.domain()) {
            hosted.stage = Stage::Leasing;
        }
        let (store, name, node) = (alias.store().cloned(), alias.domain().to_owned(), self.node);
        let told = name.clone();
        let asking = async move {
            match store {
                // Who owns the alias is decided in its slot; the database only follows.
                Some(store) => store.acquire(&name, node, Lease::Force).await.map(Some),
                None => Ok(None),
            }
        };
        ctx.run(asking, |answer| TcMsg::Leased(told, answer));
    }

    fn leased(
        &mut self,
        name: &str,
        answer: Result<Option<LeaseGrant>, StoreError>,
        ctx: &mut Ctx<Self>,
    ) {
        let Some(hosted) = self.hosted.get_mut(name) else {
            return;
        };
        match answer {
            Ok(grant) => {
                self.back_off = BACK_OFF.0;
                hosted.stage = Stage::Open(grant.map(|grant| grant.fence));
                self.open(name, ctx);
            }
            Err(error) => {
                tracing::warn!(alias = name, %error, "no lease");
                hosted.stage = Stage::Refused;
                let waiting = std::mem::take(&mut hosted.waiting);
                self.let_in(name, ctx);
                for done in waiting {
                    done(Err(error.clone()));
                }
                ctx.arm(TcTimer::AskAgain, self.back_off);
                self.back_off = (self.back_off * 2).min(BACK_OFF.1);
            }
        }
    }

    /// Loads the rooms that somebody is in, then lets in what was held.
    fn open(&mut self, name: &str, ctx: &mut Ctx<Self>) {
        let Some(hosted) = self.hosted.get(name) else {
            return;
        };
        let (alias, owner) = (hosted.alias.clone(), hosted.owner);
        let occupied = alias.rooms().occupied();
        for room in &occupied {
            self.room(name, room, ctx);
        }
        self.let_in(name, ctx);
        ctx.journal(Event::RoomsHosted {
            alias: name.to_owned(),
            epoch: owner.epoch(),
            rooms: occupied.len() as u64,
        });
        if let Some(hosted) = self.hosted.get_mut(name) {
            for done in std::mem::take(&mut hosted.waiting) {
                report(Some(done), &alias, occupied.len());
            }
        }
    }

    /// Puts this TC's address into the slot, and takes what was held there.
    fn let_in(&self, name: &str, ctx: &mut Ctx<Self>) {
        let Some(hosted) = self.hosted.get(name) else {
            return;
        };
        let outcomes = hosted.alias.open(hosted.owner, ctx.addr());
        tracing::debug!(
            alias = name,
            held = outcomes.as_ref().map(Vec::len),
            "alias opened"
        );
        for outcome in outcomes.unwrap_or_default() {
            self.after(outcome);
        }
    }

    /// What is left to do when a parcel was handed in.
    fn after(&self, outcome: Outcome) {
        match outcome {
            Outcome::Done(origin) => {
                if let Some(next) = origin.and_then(|origin| origin.accepted()) {
                    self.switch.route(self.node, next);
                }
            }
            Outcome::Bounce(parcel, condition) => {
                let error = StanzaError::new(condition).with_type(ErrorType::Wait);
                self.answer(Entrusted::of(parcel), &error);
            }
            // Nothing is left of these: a stale one is sent again by its client.
            Outcome::Store(..) | Outcome::Account(_) | Outcome::Parked | Outcome::Stale(_) => {}
        }
    }

    /// Starts a room again that ended badly, if somebody is in it.
    fn reload(&mut self, alias: &str, room: &str, ctx: &mut Ctx<Self>) {
        let occupied = self
            .hosted
            .get(alias)
            .and_then(|hosted| hosted.alias.rooms().get(room))
            .is_some_and(|soft| !soft.occupants.is_empty());
        if occupied {
            self.room(alias, room, ctx);
        }
    }
}

/// Letting an alias go.
impl TextConference {
    fn let_go(&mut self, alias: &Arc<Alias>, to: NodeId, done: Done, ctx: &mut Ctx<Self>) {
        let Some(hosted) = self.hosted.get_mut(alias.domain()) else {
            report(Some(done), alias, 0);
            return;
        };
        if hosted.owner != alias.owner() {
            self.hosted.remove(alias.domain());
            report(Some(done), alias, 0);
            return;
        }
        // False where somebody holds it already: then it is on its way.
        let _ = alias.freeze(hosted.owner);
        let fence = match std::mem::replace(&mut hosted.stage, Stage::Refused) {
            Stage::Open(fence) => fence,
            Stage::Leasing | Stage::Refused => None,
            Stage::Leaving { fence, .. } => fence,
        };
        hosted.waiting.push(done);
        hosted.stage = Stage::Leaving {
            to,
            fence,
            unloaded: hosted.rooms.len(),
        };
        for (_, room) in hosted.rooms.values() {
            // One whose mailbox is full has ended or will hear of its end below.
            room.send(RoomMsg::LetGo).ok();
        }
        self.leave_if_empty(alias.domain(), ctx);
    }

    fn room_over(&mut self, alias: &str, room: &str, ctx: &mut Ctx<Self>) {
        let Some(hosted) = self.hosted.get_mut(alias) else {
            return;
        };
        if let Some((_, addr)) = hosted.rooms.remove(room) {
            addr.send(RoomMsg::End).ok();
        }
        self.leave_if_empty(alias, ctx);
    }

    fn leave_if_empty(&mut self, name: &str, ctx: &mut Ctx<Self>) {
        let Some(hosted) = self.hosted.get(name) else {
            return;
        };
        let Stage::Leaving { fence, .. } = &hosted.stage else {
            return;
        };
        if !hosted.rooms.is_empty() {
            return;
        }
        let (store, fence, told) = (
            hosted.alias.store().cloned(),
            fence.clone(),
            name.to_owned(),
        );
        let releasing = async move {
            if let (Some(store), Some(fence)) = (store, fence)
                && let Err(error) = store.release(&fence).await
            {
                // The next host takes the lease by force.
                tracing::warn!(%error, "the lease was not given back");
            }
        };
        ctx.run(releasing, |()| TcMsg::Released(told));
    }

    fn released(&mut self, name: &str, _ctx: &mut Ctx<Self>) {
        let Some(hosted) = self.hosted.remove(name) else {
            return;
        };
        if let Stage::Leaving { to, unloaded, .. } = hosted.stage {
            hosted
                .alias
                .slot()
                .with(hosted.owner, |state| state.conference = None)
                .ok();
            let published = hosted.alias.slot().publish(hosted.owner, to);
            tracing::debug!(alias = name, ?published, "alias let go");
            for done in hosted.waiting {
                report(Some(done), &hosted.alias, unloaded);
            }
        }
    }
}

impl Hosted {
    fn is_refused(&self) -> bool {
        match self.stage {
            Stage::Refused => true,
            Stage::Leasing | Stage::Open(_) | Stage::Leaving { .. } => false,
        }
    }
}

fn report(done: Option<Done>, alias: &Alias, rooms: usize) {
    if let Some(done) = done {
        done(Ok(AliasReport {
            alias: alias.domain().to_owned(),
            owner: alias.owner(),
            rooms,
        }));
    }
}
