//! One room: drives its machine, stores before it shows, and keeps the pair's soft state true.
//!
//! Accepts stanzas to the room from its Text Conference Manager, in order. Its mailbox holds 8192;
//! one more is refused with `resource-constraint`. When the room is over, or nobody has been in it
//! for a while, it tells the manager, sends back what still comes, and ends when the manager says
//! that nothing more will.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use takeover_core::id::NodeId;
use takeover_core::sync::Ownership;
use takeover_protocols::jid::BareJid;
use takeover_protocols::muc::{
    Broadcast, OccupantChange, OccupantRecord, Phase, Room, RoomConfig, RoomEffect, RoomLimits,
    StoreFailure, Ticket, WriteId,
};
use takeover_protocols::ns;
use takeover_protocols::stanza::{Condition, PresenceType, Stanza, StanzaError};
use takeover_protocols::xml::Element;
use takeover_storage::{ChatStore, EngineKind, Fence, StoreError};

use super::alias::Alias;
use super::ledger::{Batch, Entry, Ledger};
use super::loading::{Loaded, load};
use super::manager::TcMsg;
use super::switch::Switch;
use crate::plane::{Entrusted, Parcel, Promise};
use crate::rt::{Actor, Addr, Ctx, World};

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
    /// No more stanzas will come.
    End,
    /// The database has answered with the room.
    #[doc(hidden)]
    Loaded(Box<LoadAnswer>),
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
    next_ticket: u64,
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

/// The actor of one room.
pub(super) struct RoomActor {
    place: Place,
    name: String,
    jid: BareJid,
    limits: RoomLimits,
    stage: Stage,
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
        }
    }

    fn persistence(&self) -> Option<(Arc<dyn ChatStore>, Fence)> {
        Some((self.place.alias.store()?.clone(), self.place.fence.clone()?))
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
            RoomMsg::End => ctx.stop(),
            RoomMsg::Loaded(answer) => match answer.0 {
                Ok(loaded) => self.open(loaded, ctx),
                Err(error) => self.not_loaded(&error, ctx),
            },
            RoomMsg::Written(Some(written)) => self.written(*written, ctx),
            // The lab is ending: nobody writes any more.
            RoomMsg::Written(None) => self.over(ctx),
        }
    }

    fn expired(&mut self, timer: RoomTimer, ctx: &mut Ctx<Self>) {
        match timer {
            RoomTimer::Drained => self.shut_down(ctx),
            RoomTimer::Idle => {
                if let Stage::Open(life) = &self.stage
                    && life.is_idle()
                {
                    self.shut_down(ctx);
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
            Stage::Open(life) => {
                life.next_ticket += 1;
                let ticket = Ticket(life.next_ticket);
                life.promises.insert(ticket, entrusted.promise);
                let now = self.place.switch.wall_time();
                let effects = life.room.handle(ticket, entrusted.stanza, now);
                self.carry(effects, ctx);
            }
            Stage::Draining(_) | Stage::Over => self.send_on(entrusted),
        }
    }
}

/// Doing what the machine asks.
impl RoomActor {
    /// Carries effects out in order.
    fn carry(&mut self, effects: Vec<RoomEffect>, ctx: &mut Ctx<Self>) {
        for effect in effects {
            self.carry_one(effect, ctx);
        }
        self.write_next(ctx);
        self.watch_idleness(ctx);
    }

    fn carry_one(&mut self, effect: RoomEffect, ctx: &mut Ctx<Self>) {
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
                    && let Some(parcel) = promise.give_back(*stanza)
                {
                    self.route(parcel);
                }
            }
            RoomEffect::Occupant(change) => self.remember(change),
            RoomEffect::Send(stanza) => self.route(Parcel::of(*stanza)),
            RoomEffect::Broadcast(all) => self.place.switch.broadcast(self.place.node, &all),
            RoomEffect::Closed(reason) => {
                tracing::debug!(room = %self.jid, ?reason, "room closed");
                self.place
                    .alias
                    .rooms()
                    .change(&self.name, |soft| soft.listed = None);
                self.over(ctx);
            }
        }
    }

    /// Keeps the soft state true, as long as this node is the host.
    fn remember(&self, change: OccupantChange) {
        if self.place.alias.owner() != self.place.owner {
            return;
        }
        self.place
            .alias
            .rooms()
            .change(&self.name, |soft| match change {
                OccupantChange::Put(record) => {
                    soft.occupants.insert(record.jid.clone(), *record);
                }
                OccupantChange::Gone(jid) => {
                    soft.occupants.remove(&jid);
                }
            });
    }

    fn list(&self, life: &Life) {
        let record = life.room.record();
        let open = life.room.phase() == Phase::Open;
        let name = (open && record.config.public).then(|| record.config.name.clone());
        self.place
            .alias
            .rooms()
            .change(&self.name, |soft| soft.listed = name);
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

/// The database: asking, and what it answers.
impl RoomActor {
    fn write_next(&mut self, ctx: &mut Ctx<Self>) {
        let (Stage::Open(life) | Stage::Draining(life)) = &mut self.stage else {
            return;
        };
        if let Some(batch) = life.ledger.next() {
            self.carry_out(batch, ctx);
        }
    }

    /// Sends a batch to the database, to be kept there whatever becomes of this node.
    fn carry_out(&mut self, batch: Batch, ctx: &mut Ctx<Self>) {
        let (tell, told) = tokio::sync::oneshot::channel();
        let (room, persistence) = (self.jid.clone(), self.persistence());
        let world = ctx.world().clone();
        self.place.switch.keep(Box::pin(async move {
            let written = write(batch, &room, persistence, &world).await;
            // Nobody is left to show it where the room is gone: its next host will.
            if let Err(unheard) = tell.send(written) {
                tracing::debug!(%room, stored = unheard.result.is_ok(), "its host is gone");
            }
        }));
        ctx.run(told, |written| RoomMsg::Written(written.ok().map(Box::new)));
    }

    fn written(&mut self, written: Written, ctx: &mut Ctx<Self>) {
        let Written {
            batch,
            followers,
            result,
        } = written;
        let (Stage::Open(life) | Stage::Draining(life)) = &mut self.stage else {
            return;
        };
        life.ledger.done();
        match result {
            Ok(()) => {
                self.settle(&batch.ids, Ok(()), ctx);
                if let Some(last) = batch.last_seq() {
                    let rooms = self.place.alias.rooms();
                    rooms.change(&self.name, |soft| soft.reflected = soft.reflected.max(last));
                }
            }
            Err(error) => {
                tracing::warn!(room = %self.jid, %error, "a write failed");
                self.settle(&batch.ids, Err(failure(&error)), ctx);
            }
        }
        for promise in batch.promises {
            self.keep(promise);
        }
        for follower in followers {
            self.route(follower);
        }
        self.write_next(ctx);
        self.finish_draining(ctx);
    }

    fn settle(&mut self, ids: &[WriteId], verdict: Result<(), StoreFailure>, ctx: &mut Ctx<Self>) {
        for id in ids {
            let (Stage::Open(life) | Stage::Draining(life)) = &mut self.stage else {
                return;
            };
            let effects = match verdict {
                Ok(()) => life.room.stored(*id),
                Err(cause) => life.room.store_failed(*id, cause),
            };
            self.carry(effects, ctx);
        }
    }
}

/// Beginning and ending.
impl RoomActor {
    fn open(&mut self, loaded: Option<Loaded>, ctx: &mut Ctx<Self>) {
        let Stage::Loading(waiting) = std::mem::replace(&mut self.stage, Stage::Over) else {
            return;
        };
        let soft = self.place.alias.rooms().get(&self.name).unwrap_or_default();
        let occupants: Vec<OccupantRecord> = soft.occupants.values().cloned().collect();
        let room = match loaded {
            Some(loaded) => {
                self.reflect_unseen(&loaded, soft.reflected, &occupants);
                let Loaded { room, history } = loaded;
                Room::restore(room.record, history, room.last_seq, occupants, self.limits)
            }
            None => {
                self.dismiss(&occupants);
                let persistent = self.place.fence.is_some();
                let defaults = RoomConfig {
                    persistent,
                    ..RoomConfig::default()
                };
                Room::vacant(self.jid.clone(), defaults, self.limits)
            }
        };
        self.stage = Stage::Open(Box::new(Life {
            room,
            ledger: Ledger::default(),
            promises: BTreeMap::new(),
            next_ticket: 0,
        }));
        self.watch_idleness(ctx);
        for entrusted in waiting {
            self.stanza(entrusted, ctx);
        }
    }

    /// Shows what an earlier host stored and could not show any more (CHAT-10).
    fn reflect_unseen(&self, loaded: &Loaded, reflected: u64, occupants: &[OccupantRecord]) {
        if !occupants.is_empty() {
            let all: Arc<[_]> = occupants
                .iter()
                .map(|occupant| occupant.jid.clone())
                .collect();
            for said in loaded.history.iter().filter(|said| said.seq > reflected) {
                if let Ok(stanza) = Stanza::parse(&said.stanza) {
                    let all = Broadcast::new(stanza, all.clone());
                    self.place.switch.broadcast(self.place.node, &all);
                }
            }
        }
        self.place.alias.rooms().change(&self.name, |soft| {
            soft.reflected = soft.reflected.max(loaded.room.last_seq);
        });
    }

    /// CHAT-11: the room did not survive its host; whoever was in it is told (XEP-0045, 9.1.3 and
    /// status 332).
    fn dismiss(&self, occupants: &[OccupantRecord]) {
        self.place.alias.rooms().forget(&self.name);
        for occupant in occupants {
            let Ok(from) = self.jid.with_resource_str(&occupant.nick) else {
                continue;
            };
            let code = |code| Element::new("status", ns::MUC_USER).with_attr("code", code);
            let item = Element::new("item", ns::MUC_USER)
                .with_attr("affiliation", "none")
                .with_attr("role", "none");
            let told =
                Element::new("x", ns::MUC_USER).with_children([item, code("110"), code("332")]);
            let stanza = Stanza::presence(PresenceType::Unavailable)
                .with_from(from)
                .with_to(occupant.jid.clone())
                .with_child(&told);
            self.route(Parcel::of(stanza));
        }
    }

    /// CHAT-12: without its database a room cannot be entered.
    fn not_loaded(&mut self, error: &StoreError, ctx: &mut Ctx<Self>) {
        tracing::warn!(room = %self.jid, %error, "the room could not be loaded");
        let Stage::Loading(waiting) = std::mem::replace(&mut self.stage, Stage::Over) else {
            return;
        };
        let error = failure(error).to_error();
        self.over(ctx);
        for entrusted in waiting {
            self.refuse(entrusted, &error);
        }
    }

    /// Nothing is left to do here; what still comes belongs to the room's next life.
    fn over(&mut self, ctx: &mut Ctx<Self>) {
        self.stage = Stage::Over;
        for timer in [RoomTimer::Drained, RoomTimer::Idle] {
            ctx.cancel(timer);
        }
        let over = TcMsg::RoomOver {
            alias: self.place.alias.domain().into(),
            room: self.name.clone(),
        };
        if self.place.manager.send(over).is_err() {
            // The manager is gone, and with it whoever could send anything.
            ctx.stop();
        }
    }

    fn let_go(&mut self, ctx: &mut Ctx<Self>) {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Loading(waiting) => {
                self.over(ctx);
                for entrusted in waiting {
                    self.send_on(entrusted);
                }
            }
            Stage::Open(life) => {
                self.stage = Stage::Draining(life);
                ctx.cancel(RoomTimer::Idle);
                ctx.arm(RoomTimer::Drained, DRAIN_LIMIT);
                self.finish_draining(ctx);
            }
            stage @ (Stage::Draining(_) | Stage::Over) => self.stage = stage,
        }
    }

    fn finish_draining(&mut self, ctx: &mut Ctx<Self>) {
        if let Stage::Draining(life) = &self.stage
            && life.ledger.is_idle()
        {
            self.shut_down(ctx);
        }
    }

    fn shut_down(&mut self, ctx: &mut Ctx<Self>) {
        let (Stage::Open(life) | Stage::Draining(life)) = &mut self.stage else {
            return;
        };
        for entry in life.ledger.give_up() {
            life.promises
                .extend(entry.promise.map(|promise| (entry.ticket, promise)));
        }
        let effects = life.room.shut_down();
        self.carry(effects, ctx);
    }
}

impl Life {
    /// Nobody is in the room, and nothing is under way.
    fn is_idle(&self) -> bool {
        self.room.is_empty() && !self.room.is_waiting() && self.ledger.is_idle()
    }
}

/// How often a batch whose answer was lost is asked for again, and how long after each time.
const ASK_AGAIN: (u32, Duration) = (5, Duration::from_secs(1));

/// Writes a batch, and keeps its promises if it is written.
async fn write(
    mut batch: Batch,
    room: &BareJid,
    persistence: Option<(Arc<dyn ChatStore>, Fence)>,
    world: &World,
) -> Written {
    let Some((store, fence)) = persistence else {
        let reason = "persistent chat is not enabled on this node".into();
        let result = Err(StoreError::Unreachable {
            engine: EngineKind::Embedded,
            reason,
        });
        return Written {
            batch,
            followers: Vec::new(),
            result,
        };
    };
    let mut tries = 1;
    let result = loop {
        match store.write(&fence, room, batch.writes.clone()).await {
            Err(error) if error.is_unknown() && tries < ASK_AGAIN.0 => {
                tries += 1;
                world.sleep(ASK_AGAIN.1).await;
            }
            result => break result,
        }
    };
    let kept = if result.is_ok() {
        std::mem::take(&mut batch.promises)
    } else {
        Vec::new()
    };
    let followers = kept.into_iter().filter_map(Promise::finish).collect();
    Written {
        batch,
        followers,
        result,
    }
}

fn failure(error: &StoreError) -> StoreFailure {
    match error {
        StoreError::Fenced { .. } | StoreError::LeaseHeld { .. } => StoreFailure::Fenced,
        error if error.is_transient() => StoreFailure::Unreachable,
        _ => StoreFailure::Failed,
    }
}
