//! Letting an alias go: rooms are unloaded, the lease is given back, the alias is published.

use std::sync::Arc;

use takeover_core::id::NodeId;
use takeover_core::sync::Ownership;

use super::{Done, Hosted, Stage, TcMsg, TextConference, report};
use crate::conference::Alias;
use crate::conference::room::RoomMsg;
use crate::rt::{ChildId, Ctx};

impl TextConference {
    pub(super) fn let_go(
        &mut self,
        alias: &Arc<Alias>,
        to: NodeId,
        done: Done,
        ctx: &mut Ctx<Self>,
    ) {
        let over = self.hosted.get(alias.domain()).is_some_and(Hosted::is_over);
        if over {
            self.give_up(alias.domain());
        }
        let Some(hosted) = self.hosted.get_mut(alias.domain()) else {
            report(Some(done), alias, 0);
            return;
        };
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

    /// This life of a room is over. False where the room has another one, or none, here.
    pub(super) fn room_over(
        &mut self,
        alias: &str,
        room: &str,
        life: ChildId,
        ctx: &mut Ctx<Self>,
    ) -> bool {
        let Some(hosted) = self.hosted.get_mut(alias) else {
            return false;
        };
        if hosted.rooms.get(room).is_none_or(|(id, _)| *id != life) {
            return false;
        }
        if let Some((_, addr)) = hosted.rooms.remove(room) {
            addr.send(RoomMsg::End).ok();
        }
        self.leave_if_empty(alias, ctx);
        true
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
        let (store, fence, owner) = (hosted.alias.store(), fence.clone(), hosted.owner);
        let told = name.to_owned();
        let node = self.switch.name_of(self.node);
        let releasing = async move {
            if let (Some(store), Some(fence)) = (store, fence)
                && let Err(error) = store.release(&fence).await
            {
                // The next host takes the lease by force.
                tracing::warn!(node, %error, "the lease was not given back");
            }
        };
        ctx.run(releasing, move |()| TcMsg::Released(told, owner));
    }

    /// The lease is given back, and with it the alias: to the next host, unless somebody has taken it before.
    pub(super) fn released(&mut self, name: &str, owner: Ownership) {
        // A database may take so long that the alias was elsewhere meanwhile, and is back.
        if self
            .hosted
            .get(name)
            .is_none_or(|hosted| hosted.owner != owner)
        {
            return;
        }
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
            self.switch.sweep_to(&hosted.alias, self.node);
            let node = self.switch.name_of(self.node);
            tracing::debug!(node, alias = name, ?published, "alias let go");
            for done in hosted.waiting {
                report(Some(done), &hosted.alias, unloaded);
            }
        }
    }
}
