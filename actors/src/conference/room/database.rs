//! A room and its database: asking, and what comes of the answer.

use std::sync::Arc;
use std::time::Duration;

use takeover_protocols::jid::BareJid;
use takeover_protocols::muc::{StoreFailure, WriteId};
use takeover_storage::{ChatStore, EngineKind, Fence, StoreError};

use super::{RoomActor, RoomMsg, Stage, Written, is_broadcast};
use crate::conference::ledger::Batch;
use crate::plane::Promise;
use crate::rt::{Ctx, World};

impl RoomActor {
    pub(super) fn write_next(&mut self, ctx: &mut Ctx<Self>) {
        let (Stage::Open(life) | Stage::Draining(life)) = &mut self.stage else {
            return;
        };
        if let Some(batch) = life.ledger.next() {
            self.carry_out(batch, ctx);
        }
    }

    /// Sends a batch to the database, to be kept there whatever becomes of this node.
    pub(super) fn carry_out(&mut self, batch: Batch, ctx: &mut Ctx<Self>) {
        let (tell, told) = tokio::sync::oneshot::channel();
        let (room, persistence) = (self.jid.clone(), self.persistence());
        let world = ctx.world().clone();
        let node = self.node_name();
        self.place.switch.keep(Box::pin(async move {
            let written = write(batch, &room, persistence, &world).await;
            // Nobody is left to show it where the room is gone: its next host will.
            if let Err(unheard) = tell.send(written) {
                tracing::debug!(node, %room, stored = unheard.result.is_ok(), "its host is gone");
            }
        }));
        ctx.run(told, |written| RoomMsg::Written(written.ok().map(Box::new)));
    }

    pub(super) fn written(&mut self, written: Written, ctx: &mut Ctx<Self>) {
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
                let stored = batch.ids.iter().flat_map(|id| life.room.stored(*id));
                let mut effects: Vec<_> = stored.collect();
                life.reflected = life.reflected.max(batch.last_seq().unwrap_or_default());
                // The next host may have found it in the database, and shown it, before the answer was here.
                let rooms = self.place.alias.rooms();
                let is_mine = |last| rooms.reflect(&self.name, last) < last;
                if !batch.last_seq().is_none_or(is_mine) {
                    effects.retain(|effect| !is_broadcast(effect));
                }
                self.carry(effects, ctx);
            }
            Err(error) => {
                let cause = failure(&error);
                let failed = |id: &WriteId| life.room.store_failed(*id, cause);
                let effects = batch.ids.iter().flat_map(failed).collect();
                tracing::warn!(node = self.node_name(), room = %self.jid, %error, "a write failed");
                self.carry(effects, ctx);
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
        // Half on the way there: a slow write may find that its lease has gone to somebody else.
        let slow = store.latency();
        world.play(slow / 2).await;
        let answer = store.write(&fence, room, batch.writes.clone()).await;
        world.play(slow - slow / 2).await;
        match answer {
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

pub(super) fn failure(error: &StoreError) -> StoreFailure {
    match error {
        StoreError::Fenced { .. } | StoreError::LeaseHeld { .. } => StoreFailure::Fenced,
        error if error.is_transient() => StoreFailure::Unreachable,
        _ => StoreFailure::Failed,
    }
}
