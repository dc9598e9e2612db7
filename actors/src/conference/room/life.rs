//! Beginning and ending of a room.

use std::collections::BTreeMap;
use std::sync::Arc;

use takeover_protocols::muc::{Broadcast, OccupantRecord, Room, RoomConfig};
use takeover_protocols::ns;
use takeover_protocols::stanza::{PresenceType, Stanza};
use takeover_protocols::xml::Element;
use takeover_storage::StoreError;

use super::database::failure;
use super::{DRAIN_LIMIT, Life, RoomActor, RoomTimer, Stage};
use crate::conference::Rush;
use crate::conference::ledger::Ledger;
use crate::conference::loading::Loaded;
use crate::conference::manager::TcMsg;
use crate::plane::{Entrusted, Parcel};
use crate::rt::Ctx;

impl RoomActor {
    pub(super) fn open(&mut self, loaded: Option<Loaded>, ctx: &mut Ctx<Self>) {
        let Stage::Loading(waiting) = std::mem::replace(&mut self.stage, Stage::Over) else {
            return;
        };
        let soft = self.place.alias.rooms().get(&self.name).unwrap_or_default();
        let occupants: Vec<OccupantRecord> = soft.occupants.values().cloned().collect();
        let reflected = loaded.as_ref().map_or(0, |loaded| loaded.room.last_seq);
        let room = match loaded {
            Some(loaded) => {
                self.reflect_unseen(&loaded, &occupants);
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
            entering: BTreeMap::new(),
            next_ticket: 0,
            reflected,
        }));
        self.watch_idleness(ctx);
        for jid in &soft.left {
            let nick = soft.occupants.get(jid).map(|occupant| &*occupant.nick);
            let address = nick.and_then(|nick| self.jid.with_resource_str(nick).ok());
            let leaves = Stanza::presence(PresenceType::Unavailable).with_from(jid.clone());
            if let Some(address) = address {
                let leaves = Parcel::of(leaves.with_to(address));
                self.stanza(Entrusted::of(leaves), ctx);
            }
        }
        for entrusted in waiting {
            self.stanza(entrusted, ctx);
        }
    }

    /// Shows what an earlier host stored and could not show any more (CHAT-10).
    fn reflect_unseen(&self, loaded: &Loaded, occupants: &[OccupantRecord]) {
        let rooms = self.place.alias.rooms();
        let reflected = rooms.reflect(&self.name, loaded.room.last_seq);
        if !occupants.is_empty() {
            let all: Arc<[_]> = occupants
                .iter()
                .map(|occupant| occupant.jid.clone())
                .collect();
            for said in loaded.history.iter().filter(|said| said.seq > reflected) {
                if let Ok(stanza) = Stanza::parse(&said.stanza) {
                    let all = Broadcast::new(stanza, all.clone());
                    let switch = &self.place.switch;
                    switch.broadcast(self.place.node, &all, Rush::Together);
                }
            }
        }
    }

    /// CHAT-11: the room did not survive its host; whoever was in it is told (XEP-0045, 9.1.3 and
    /// status 332).
    pub(super) fn dismiss(&self, occupants: &[OccupantRecord]) {
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
    pub(super) fn not_loaded(&mut self, error: &StoreError, ctx: &mut Ctx<Self>) {
        tracing::warn!(node = self.node_name(), room = %self.jid, %error, "the room could not be loaded");
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
    pub(super) fn over(&mut self, ctx: &mut Ctx<Self>) {
        self.turn_away();
        self.stage = Stage::Over;
        for timer in [RoomTimer::Drained, RoomTimer::Idle] {
            ctx.cancel(timer);
        }
        let over = TcMsg::RoomOver {
            alias: self.place.alias.domain().into(),
            room: self.name.clone(),
            life: ctx.addr().id(),
            fenced: self
                .place
                .fence
                .as_ref()
                .filter(|_| self.fenced)
                .map(|fence| fence.epoch),
        };
        if self.place.manager.send(over).is_err() {
            // The manager is gone, and with it whoever could send anything.
            ctx.stop();
        }
        self.end_when_over(ctx);
    }

    /// Ends the actor when nothing is left to do here, nothing more will come, and every question is answered.
    pub(super) fn end_when_over(&self, ctx: &mut Ctx<Self>) {
        if self.ending && self.recalls == 0 && matches!(self.stage, Stage::Over) {
            ctx.stop();
        }
    }

    pub(super) fn let_go(&mut self, ctx: &mut Ctx<Self>) {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Loading(waiting) => {
                self.over(ctx);
                for entrusted in waiting {
                    self.send_on(entrusted);
                }
            }
            Stage::Open(life) => {
                self.stage = Stage::Draining(life);
                self.turn_away();
                ctx.cancel(RoomTimer::Idle);
                ctx.arm(RoomTimer::Drained, DRAIN_LIMIT);
                self.finish_draining(ctx);
            }
            stage @ (Stage::Draining(_) | Stage::Over) => self.stage = stage,
        }
    }

    pub(super) fn finish_draining(&mut self, ctx: &mut Ctx<Self>) {
        if let Stage::Draining(life) = &self.stage
            && life.ledger.is_idle()
            && self.recalls == 0
        {
            self.shut_down(ctx);
        }
    }

    pub(super) fn shut_down(&mut self, ctx: &mut Ctx<Self>) {
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
