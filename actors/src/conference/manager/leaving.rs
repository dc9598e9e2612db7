//! Letting an alias go: rooms are unloaded, the lease is given back, the alias is published.

use std::sync::Arc;

use takeover_core::id::NodeId;

use super::{Done, Stage, TcMsg, TextConference, report};
use crate::conference::Alias;
use crate::conference::room::RoomMsg;
use crate::rt::Ctx;

impl TextConference {
    pub(super) fn let_go(
        &mut self,
        alias: &Arc<Alias>,
        to: NodeId,
        done: Done,
        ctx: &mut Ctx<Self>,
    ) {
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

    pub(super) fn room_over(&mut self, alias: &str, room: &str, ctx: &mut Ctx<Self>) {
        let Some(hosted) = self.hosted.get_mut(alias) else {
            return;
        };
        if let Some((_, addr)) = hosted.rooms.remove(room) {
            addr.send(RoomMsg::End).ok();
        }
        self.leave_if_empty(alias, ctx);
    }

    pub(super) fn leave_if_empty(&mut self, name: &str, ctx: &mut Ctx<Self>) {
        let Some(hosted) = self.hosted.get(name) else {
            return;
        };
        let Stage::Leaving { fence, .. } = &hosted.stage else {
            return;
        };
        if !hosted.rooms.is_empty() {
            return;
        }
        let (store, fence, told) = (hosted.alias.store(), fence.clone(), name.to_owned());
        let node = self.switch.name_of(self.node);
        let releasing = async move {
            if let (Some(store), Some(fence)) = (store, fence)
                && let Err(error) = store.release(&fence).await
            {
                // The next host takes the lease by force.
                tracing::warn!(node, %error, "the lease was not given back");
            }
        };
        ctx.run(releasing, |()| TcMsg::Released(told));
    }

    pub(super) fn released(&mut self, name: &str, _ctx: &mut Ctx<Self>) {
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
