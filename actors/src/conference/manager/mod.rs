//! The Text Conference Manager (TC) of a node: hosts aliases, starts rooms, lets aliases go.
//!
//! Accepts stanzas for the aliases that its node owns, and orders to host an alias or to let it go.
//! Its mailbox holds 65536; whoever sends one more gets it back and answers
//! `resource-constraint`. When it starts it hosts every alias that its node owns; when it ends, in
//! whatever way, its rooms end with it and their occupants stay on record for the next host. Stopped in
//! order, it gives its leases back; others are left behind, and the next host takes them by force. A room
//! that panics, or loses its database, is loaded again while somebody is in it: after a moment, later
//! each time.

mod hosting;
mod lease;
mod leaving;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use takeover_core::id::NodeId;
use takeover_core::sync::Ownership;
use takeover_core::time::Moment;
use takeover_protocols::jid::BareJid;
use takeover_protocols::muc::service::Listed;
use takeover_protocols::stanza::{Condition, Stanza, StanzaError};
use takeover_storage::{Fence, StoreError};

use crate::conference::alias::Alias;
use crate::conference::front;
use crate::conference::room::{Place, RoomActor, RoomMsg};
use crate::conference::switch::Switch;
use crate::plane::{Entrusted, Parcel};
use crate::rt::{Actor, Addr, ChildExited, ChildId, ChildSpec, Ctx, MailboxSpec};

use lease::Lent;

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
        /// Which of the lives of the room it was.
        life: ChildId,
        /// The epoch of its lease, if the database refused a write under it: somebody else has had the
        /// lease since.
        fenced: Option<u64>,
    },
    /// The database has answered the request for a lease, made under this ownership.
    #[doc(hidden)]
    Leased(Arc<Alias>, Ownership, Result<Option<Lent>, StoreError>),
    /// The database has taken the lease back that was had under this ownership.
    #[doc(hidden)]
    Released(String, Ownership),
    /// The list of rooms for a question to the service.
    #[doc(hidden)]
    Listed(Box<Stanza>, Vec<Listed>),
}

/// Why a TC wakes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TcTimer {
    /// Databases that did not answer are asked for their lease again.
    AskAgain,
    /// Rooms that ended under their occupants are loaded again.
    Reload,
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
    /// Rooms to load again: alias and name.
    lost: BTreeSet<(String, String)>,
    /// How long the next of them waits, and since when none was lost.
    reload: (Duration, Moment),
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
            lost: BTreeSet::new(),
            reload: (BACK_OFF.0, Moment::ZERO),
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
            TcMsg::RoomOver {
                alias,
                room,
                life,
                fenced,
            } => {
                // Else somebody else has had the alias since, and the room was told to end.
                if self.room_over(&alias, &room, life, ctx) {
                    if let Some(epoch) = fenced {
                        self.lease_lost(&alias, epoch, ctx);
                    }
                    self.load_later(alias, room, ctx);
                }
            }
            TcMsg::Leased(alias, owner, answer) => self.leased(&alias, owner, answer, ctx),
            TcMsg::Released(alias, owner) => self.released(&alias, owner),
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
            TcTimer::Reload => {
                for (alias, room) in std::mem::take(&mut self.lost) {
                    self.reload(&alias, &room, ctx);
                }
            }
        }
    }

    fn stopping(&mut self, _ctx: &mut Ctx<Self>) {
        for hosted in self.hosted.values() {
            if let (Some(store), Some(fence)) = (hosted.alias.store(), hosted.fence()) {
                lease::give_back(&*self.switch, store, fence.clone());
            }
        }
    }

    fn child_exited(&mut self, exit: ChildExited, ctx: &mut Ctx<Self>) {
        // A room that panicked: its occupants are on record.
        let lost = self.hosted.iter().find_map(|(alias, hosted)| {
            let room = hosted
                .rooms
                .iter()
                .find(|(_, (id, _))| *id == exit.child)?
                .0;
            Some((alias.clone(), room.clone()))
        });
        if let Some((alias, room)) = lost {
            self.room_over(&alias, &room, exit.child, ctx);
            self.load_later(alias, room, ctx);
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
            Some(Stage::Leasing | Stage::Refused)
                if !takeover_core::canary!("RefusedGoesRound") =>
            {
                let error = StanzaError::new(Condition::RecipientUnavailable)
                    .with_text("the conference service waits for its database");
                self.answer(entrusted, &error);
            }
            // It has moved meanwhile: look it up again.
            Some(Stage::Leasing | Stage::Refused | Stage::Leaving { .. }) | None => {
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
            let question = asked.stanza.clone();
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

impl Hosted {
    /// Somebody else owns the alias by now.
    fn is_over(&self) -> bool {
        self.owner != self.alias.owner()
    }

    /// The lease that it holds.
    fn fence(&self) -> Option<&Fence> {
        match &self.stage {
            Stage::Open(fence) | Stage::Leaving { fence, .. } => fence.as_ref(),
            Stage::Leasing | Stage::Refused => None,
        }
    }

    fn is_refused(&self) -> bool {
        matches!(self.stage, Stage::Refused)
    }

    fn is_leasing(&self) -> bool {
        matches!(self.stage, Stage::Leasing)
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
