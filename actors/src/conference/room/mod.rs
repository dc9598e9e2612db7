//! One room: drives its machine, stores before it shows, and keeps the pair's soft state true.
//!
//! Accepts stanzas to the room from its Text Conference Manager, in order. Its mailbox holds 8192;
//! one more is refused with `resource-constraint`. When the room is over, or nobody has been in it
//! for a while, it tells the manager, sends back what still comes, and ends when the manager says
//! that nothing more will.

mod archive;
mod database;
mod entering;
mod life;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use takeover_core::id::NodeId;
use takeover_core::sync::Ownership;
use takeover_protocols::jid::{BareJid, FullJid};
use takeover_protocols::muc::{
    CloseReason, OccupantChange, Phase, Room, RoomEffect, RoomLimits, Ticket,
};
use takeover_protocols::stanza::{Condition, Stanza, StanzaError};
use takeover_storage::{ChatStore, Fence, HistoryPage, StoreError};

use crate::conference::alias::Alias;
use crate::conference::ledger::{Batch, Entry, Ledger};
use crate::conference::loading::{Loaded, load};
use crate::conference::manager::TcMsg;
use crate::conference::switch::{Rush, Switch};
use crate::plane::{Entrusted, Parcel, Promise};
use crate::rt::{Actor, Addr, Ctx};

/// How many parcels wait while the room is fetched.
const LOADING_LIMIT: usize = 4096;

/// How long a room that is let go waits for the database before it gives its stanzas back.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// How long a room without occupants stays in memory.
const IDLE_LIMIT: Duration = Duration::from_secs(60);

/// What a room's actor hears.
pub enum RoomMsg {
    /// A stanza to the room or an occupant of it.
    Stanza(Entrusted),
    /// The room is to end in order: another node will host it, or the service stops.
    LetGo,
    /// No more stanzas will come: once the room is over it ends.
    End,
    /// The database has answered with the room.
    #[doc(hidden)]
    Loaded(Box<LoadAnswer>),
    /// The database has answered with the history that a client wants on entering.
    #[doc(hidden)]
    Older(Box<(FullJid, Result<HistoryPage, StoreError>)>),
    /// The database has answered a question to the archive.
    #[doc(hidden)]
    Recalled(Vec<Stanza>),
    /// The database has answered a batch.
    #[doc(hidden)]
    Written(Option<Box<Written>>),
}

/// What came of fetching a room.
#[doc(hidden)]
pub struct LoadAnswer(Result<Option<Loaded>, StoreError>);

/// What came of a batch.
#[doc(hidden)]
pub struct Written {
    batch: Batch,
    /// Whose turn came when the batch's promises were kept.
    followers: Vec<Parcel>,
    result: Result<(), StoreError>,
}

/// Why a room's actor wakes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoomTimer {
    /// The wait for the database at letting go is over.
    Drained,
    /// Nobody has been in the room for a while.
    Idle,
}

/// Where a room's actor stands.
enum Stage {
    /// The database is asked for the room; parcels wait.
    Loading(VecDeque<Entrusted>),
    /// Open.
    Open(Box<Life>),
    /// Being let go: the database's answers are waited for, parcels go back.
    Draining(Box<Life>),
    /// Over.
    Over,
}

/// The room itself, while it is open.
struct Life {
    room: Room,
    ledger: Ledger,
    /// What is promised to the senders of stanzas in the machine's hands. That of a stanza which is
    /// being written has gone with the write.
    promises: BTreeMap<Ticket, Promise>,
    /// Joins that wait for history out of the database, with what the same client said after it.
    entering: BTreeMap<FullJid, VecDeque<Entrusted>>,
    next_ticket: u64,
    /// The last message of the database that its occupants were shown, live or as history.
    reflected: u64,
}

/// What a room's actor needs to know of where it is.
pub(super) struct Place {
    pub(super) alias: Arc<Alias>,
    pub(super) owner: Ownership,
    pub(super) fence: Option<Fence>,
    pub(super) node: NodeId,
    pub(super) switch: Arc<dyn Switch>,
    pub(super) manager: Addr<TcMsg>,
}

impl Place {
    /// The alias has another host by now, or this one hosts it anew.
    fn is_over(&self) -> bool {
        self.alias.owner() != self.owner
    }
}

/// The actor of one room.
pub(super) struct RoomActor {
    place: Place,
    name: String,
    jid: BareJid,
    limits: RoomLimits,
    stage: Stage,
    /// Questions to the archive that are not answered yet.
    recalls: usize,
    /// No more stanzas will come.
    ending: bool,
    /// The database said that the lease is somebody else's.
    fenced: bool,
}

impl RoomActor {
    /// The room `name` of the alias; `jid` is its address.
    pub(super) fn new(place: Place, name: String, jid: BareJid) -> Self {
        let stage = Stage::Loading(VecDeque::new());
        Self {
            place,
            name,
            jid,
            limits: RoomLimits::default(),
            stage,
            recalls: 0,
            ending: false,
            fenced: false,
        }
    }

    fn node_name(&self) -> String {
        self.place.switch.name_of(self.place.node)
    }

    fn persistence(&self) -> Option<(Arc<dyn ChatStore>, Fence)> {
        Some((self.place.alias.store()?, self.place.fence.clone()?))
    }

    fn route(&self, parcel: Parcel) {
        self.place.switch.route(self.place.node, parcel);
    }

    fn refuse(&self, entrusted: Entrusted, error: &StanzaError) {
        let Entrusted { stanza, promise } = entrusted;
        self.keep(promise);
        if let Some(reply) = stanza.error_reply_with_payload(error) {
            self.route(Parcel::of(reply));
        }
    }

    /// Routes a stanza anew that was not handled here.
    fn send_on(&self, entrusted: Entrusted) {
        if let Some(parcel) = entrusted.give_back() {
            self.route(parcel);
        }
    }

    /// Keeps a promise: the stanza is handled. What waited behind it goes on.
    fn keep(&self, promise: Promise) {
        if let Some(next) = promise.finish() {
            self.route(next);
        }
    }
}

impl Actor for RoomActor {
    type Msg = RoomMsg;
    type Timer = RoomTimer;
    const KIND: &'static str = "room";

    fn started(&mut self, ctx: &mut Ctx<Self>) {
        let soft = self.place.alias.rooms().get(&self.name);
        let reflected = soft
            .filter(|soft| !soft.occupants.is_empty())
            .map(|soft| soft.reflected);
        let Some((store, _)) = self.persistence() else {
            self.open(None, ctx);
            return;
        };
        ctx.run(
            load(store, self.jid.clone(), self.limits.history, reflected),
            |answer| RoomMsg::Loaded(Box::new(LoadAnswer(answer))),
        );
    }

    fn handle(&mut self, msg: RoomMsg, ctx: &mut Ctx<Self>) {
        match msg {
            RoomMsg::Stanza(entrusted) => self.stanza(entrusted, ctx),
            RoomMsg::LetGo => self.let_go(ctx),
            RoomMsg::End => {
                self.ending = true;
                self.end_when_over(ctx);
            }
            RoomMsg::Loaded(answer) => match answer.0 {
                Ok(loaded) => self.open(loaded, ctx),
                Err(error) => self.not_loaded(&error, ctx),
            },
            RoomMsg::Older(older) => {
                let (from, page) = *older;
                self.fetched(&from, page, ctx);
            }
            RoomMsg::Recalled(answers) => self.recalled(answers, ctx),
            RoomMsg::Written(Some(written)) => self.written(*written, ctx),
            // Its keeper has ended over it: what is in the database shows when it is loaded again.
            RoomMsg::Written(None) => self.over(ctx),
        }
    }

    fn expired(&mut self, timer: RoomTimer, ctx: &mut Ctx<Self>) {
        match timer {
            RoomTimer::Drained => self.shut_down(ctx),
            RoomTimer::Idle => {
                if let Stage::Open(life) = &self.stage
                    && life.is_idle()
                    && self.recalls == 0
                {
                    self.shut_down(ctx);
                } else {
                    self.watch_idleness(ctx);
                }
            }
        }
    }
}

/// Receiving: from the manager to the machine.
impl RoomActor {
    fn stanza(&mut self, entrusted: Entrusted, ctx: &mut Ctx<Self>) {
        match &mut self.stage {
            Stage::Loading(waiting) if waiting.len() < LOADING_LIMIT => {
                waiting.push_back(entrusted);
            }
            Stage::Loading(_) => {
                self.refuse(entrusted, &StanzaError::new(Condition::ResourceConstraint));
            }
            Stage::Open(_) => self.take(entrusted, ctx),
            Stage::Draining(_) | Stage::Over => self.send_on(entrusted),
        }
    }
}

/// Doing what the machine asks.
impl RoomActor {
    /// Carries effects out in order.
    fn carry(&mut self, effects: Vec<RoomEffect>, ctx: &mut Ctx<Self>) {
        let shown = effects.iter().filter(|effect| is_broadcast(effect));
        let rush = match shown.count() {
            0 | 1 if ctx.waiting() == 0 => Rush::Now,
            // What waits goes to the same people.
            _ => Rush::Together,
        };
        for effect in effects {
            self.carry_one(effect, rush, ctx);
        }
        self.follow_alias();
        self.write_next(ctx);
        self.watch_idleness(ctx);
    }

    fn carry_one(&mut self, effect: RoomEffect, rush: Rush, ctx: &mut Ctx<Self>) {
        let (Stage::Open(life) | Stage::Draining(life)) = &mut self.stage else {
            return;
        };
        match effect {
            RoomEffect::Store { id, ticket, write } => {
                let promise = life.promises.remove(&ticket);
                life.ledger.push(Entry {
                    id,
                    ticket,
                    promise,
                    write,
                });
            }
            RoomEffect::Handled(ticket) => {
                if let Some(promise) = life.promises.remove(&ticket) {
                    self.keep(promise);
                }
            }
            RoomEffect::Reroute(ticket, stanza) => {
                // One that is being written is not routed anew: it will be in the history.
                if let Some(promise) = life.promises.remove(&ticket)
                    && let Some(parcel) = promise.give_back(stanza)
                {
                    self.route(parcel);
                }
            }
            RoomEffect::Occupant(change) => self.remember(change),
            RoomEffect::Send(stanza) => self.route(Parcel::of(stanza)),
            RoomEffect::Broadcast(all) => {
                self.place.switch.broadcast(self.place.node, &all, rush);
            }
            RoomEffect::Recall(recall) => self.recall(*recall, ctx),
            RoomEffect::Closed(reason) => {
                tracing::debug!(node = self.node_name(), room = %self.jid, ?reason, "room closed");
                self.fenced = reason == CloseReason::Fenced;
                self.be_listed(None);
                self.over(ctx);
            }
        }
    }

    /// Where the alias has another host by now, what was said here after that host had taken over this one's words
    /// goes on from there, before anything newer: two hosts reach an occupant by two ways.
    fn follow_alias(&self) {
        let (mine, now) = (self.place.owner, self.place.alias.owner());
        if now != mine && now.node() != self.place.node {
            let switch = &self.place.switch;
            switch.send_on(self.place.node, now.node(), &self.jid);
        }
    }

    /// Keeps the soft state true, as long as this node is the host.
    fn remember(&self, change: OccupantChange) {
        if self.place.is_over() {
            return;
        }
        let reflected = match &self.stage {
            Stage::Open(life) | Stage::Draining(life) => life.reflected,
            Stage::Loading(_) | Stage::Over => 0,
        };
        self.place
            .alias
            .rooms()
            .change(&self.name, |soft| match change {
                OccupantChange::Put(record) => {
                    soft.left.remove(&record.jid);
                    soft.occupants.insert(record.jid.clone(), *record);
                    // Nothing was remembered of a room that was empty; who comes has its history.
                    soft.reflected = soft.reflected.max(reflected);
                }
                OccupantChange::Gone(jid) => {
                    soft.occupants.remove(&jid);
                    soft.left.remove(&jid);
                }
            });
    }

    fn list(&self, life: &Life) {
        let record = life.room.record();
        let open = life.room.phase() == Phase::Open;
        self.be_listed((open && record.config.public).then(|| record.config.name.clone()));
    }

    /// What the service says of the room to who asks for a list, as long as this node is the host.
    fn be_listed(&self, name: Option<String>) {
        if self.place.is_over() {
            return;
        }
        let rooms = self.place.alias.rooms();
        rooms.change(&self.name, |soft| soft.listed = name);
    }

    fn watch_idleness(&mut self, ctx: &mut Ctx<Self>) {
        let Stage::Open(life) = &self.stage else {
            return;
        };
        self.list(life);
        if !life.is_idle() {
            ctx.cancel(RoomTimer::Idle);
        } else if !ctx.is_armed(RoomTimer::Idle) {
            ctx.arm(RoomTimer::Idle, IDLE_LIMIT);
        }
    }
}

pub(super) fn is_broadcast(effect: &RoomEffect) -> bool {
    matches!(effect, RoomEffect::Broadcast(_))
}

impl Life {
    /// Nobody is in the room, and nothing is under way.
    fn is_idle(&self) -> bool {
        let still = !self.room.is_waiting() && self.entering.is_empty();
        self.room.is_empty() && still && self.ledger.is_idle()
    }
}
