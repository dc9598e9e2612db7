//! Hosting an alias: the lease, the rooms that somebody is in, and what was held.

use std::collections::BTreeMap;
use std::sync::Arc;

use takeover_core::journal::Event;
use takeover_core::sync::Ownership;
use takeover_protocols::stanza::{ErrorType, StanzaError};
use takeover_storage::{EngineKind, StoreError};
use tokio::sync::oneshot;

use super::lease::Lent;
use super::{BACK_OFF, Done, Hosted, Stage, TcMsg, TcTimer, TextConference, report};
use crate::conference::Alias;
use crate::conference::room::RoomMsg;
use crate::plane::{Entrusted, Outcome};
use crate::rt::Ctx;

impl TextConference {
    pub(super) fn host(&mut self, alias: Arc<Alias>, done: Option<Done>, ctx: &mut Ctx<Self>) {
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
        self.give_up(alias.domain());
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

    /// Asks the database for the lease of an alias that this node still owns.
    pub(super) fn ask_for_lease(&mut self, alias: &Arc<Alias>, ctx: &mut Ctx<Self>) {
        let Some(hosted) = self.hosted.get_mut(alias.domain()) else {
            return;
        };
        if hosted.is_over() {
            return self.give_up(alias.domain());
        }
        hosted.stage = Stage::Leasing;
        let (owner, node, alias) = (hosted.owner, self.node, alias.clone());
        let (tell, told) = oneshot::channel();
        let (asked, switch) = (alias.clone(), self.switch.clone());
        // Asked for to the end, for the database may grant it when nobody is left who would give it back.
        self.switch.keep(Box::pin(async move {
            let answer = match asked.store() {
                Some(store) => Lent::ask(store, asked.domain(), node, switch)
                    .await
                    .map(Some),
                None => Ok(None),
            };
            let _ = tell.send(answer);
        }));
        ctx.run(told, move |answer| {
            let answer = answer.unwrap_or_else(|_| Err(unheard(&alias)));
            TcMsg::Leased(alias, owner, answer)
        });
    }

    pub(super) fn leased(
        &mut self,
        alias: &Alias,
        owner: Ownership,
        answer: Result<Option<Lent>, StoreError>,
        ctx: &mut Ctx<Self>,
    ) {
        let name = alias.domain();
        let asking = |hosted: &&mut Hosted| hosted.owner == owner && hosted.is_leasing();
        let asking = self.hosted.get_mut(name).filter(asking);
        let Some(hosted) = asking.filter(|hosted| !hosted.is_over()) else {
            // A lease that is not kept goes back. The new host may have had it already: it is told at its next write.
            if self.hosted.get(name).is_some_and(Hosted::is_over) {
                self.give_up(name);
            }
            return;
        };
        match answer {
            Ok(lent) => {
                self.back_off = BACK_OFF.0;
                hosted.stage = Stage::Open(lent.and_then(Lent::keep));
                self.open(name, ctx);
            }
            Err(error) => {
                let node = self.switch.name_of(self.node);
                tracing::warn!(node, alias = name, %error, "no lease");
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

    /// The alias was claimed by somebody else: what is left of its time here ends.
    pub(super) fn give_up(&mut self, name: &str) {
        let Some(hosted) = self.hosted.remove(name) else {
            return;
        };
        for (_, room) in hosted.rooms.into_values() {
            // Ended already, if this fails.
            room.send(RoomMsg::LetGo).ok();
            room.send(RoomMsg::End).ok();
        }
        for done in hosted.waiting {
            report(Some(done), &hosted.alias, 0);
        }
    }

    /// The database has refused a write under the lease of this epoch. If that is the latest one, and the
    /// alias is this node's all the same, a host that was late has taken it by force: it is asked for anew.
    pub(super) fn lease_lost(&mut self, name: &str, epoch: u64, ctx: &mut Ctx<Self>) {
        let Some(hosted) = self.hosted.get(name) else {
            return;
        };
        if matches!(&hosted.stage, Stage::Open(Some(fence)) if fence.epoch == epoch) {
            self.ask_for_lease(&hosted.alias.clone(), ctx);
        }
    }

    /// Loads the rooms that somebody is in, then lets in what was held.
    pub(super) fn open(&mut self, name: &str, ctx: &mut Ctx<Self>) {
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
    pub(super) fn let_in(&self, name: &str, ctx: &mut Ctx<Self>) {
        let Some(hosted) = self.hosted.get(name) else {
            return;
        };
        let outcomes = hosted.alias.open(hosted.owner, ctx.addr());
        tracing::debug!(
            node = self.switch.name_of(self.node),
            alias = name,
            held = outcomes.as_ref().map(Vec::len),
            "alias opened"
        );
        for outcome in outcomes.unwrap_or_default() {
            self.after(outcome);
        }
    }

    /// What is left to do when a parcel that was held was handed in.
    pub(super) fn after(&self, outcome: Outcome) {
        match outcome {
            Outcome::Bounce(parcel, condition) => {
                let error = StanzaError::new(condition).with_type(ErrorType::Wait);
                self.answer(Entrusted::of(parcel), &error);
            }
            Outcome::Next(parcel) => self.switch.route(self.node, parcel),
            // Nothing is left to do: a stale one is sent again by its client.
            Outcome::Done(_)
            | Outcome::Missed(_)
            | Outcome::Store(..)
            | Outcome::Account(_)
            | Outcome::Parked
            | Outcome::Stale(_) => {}
        }
    }

    /// Has a room loaded again in a while that ended under its occupants: a stanza to it may do so
    /// before.
    pub(super) fn load_later(&mut self, alias: String, room: String, ctx: &mut Ctx<Self>) {
        if !self.is_occupied(&alias, &room) {
            return;
        }
        self.lost.insert((alias, room));
        if ctx.is_armed(TcTimer::Reload) {
            return;
        }
        let (wait, before) = self.reload;
        let calm = ctx.now().saturating_since(before) > 2 * BACK_OFF.1;
        let wait = if calm { BACK_OFF.0 } else { wait };
        self.reload = ((wait * 2).min(BACK_OFF.1), ctx.now());
        ctx.arm(TcTimer::Reload, wait);
    }

    /// Starts a room again that ended badly, if somebody is still in it.
    pub(super) fn reload(&mut self, alias: &str, room: &str, ctx: &mut Ctx<Self>) {
        if self.is_occupied(alias, room) {
            self.room(alias, room, ctx);
        }
    }

    fn is_occupied(&self, alias: &str, room: &str) -> bool {
        self.hosted
            .get(alias)
            .and_then(|hosted| hosted.alias.rooms().get(room))
            .is_some_and(|soft| !soft.occupants.is_empty())
    }
}

/// The keeper has ended over a question to the alias's database.
fn unheard(alias: &Alias) -> StoreError {
    let store = alias.store();
    StoreError::AnswerLost {
        engine: store.map_or(EngineKind::Embedded, |store| store.info().kind),
        reason: "whoever asked it has ended".into(),
    }
}
