//! Moving conference aliases, and their rooms with them, from node to node.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use takeover_core::canary;
use takeover_core::id::NodeId;
use tokio::sync::oneshot;

use crate::conference::{Alias, Done, TcMsg};
use crate::plane::Plane;
use crate::rt::Addr;

/// Moves aliases.
pub(super) struct Rooms<'a> {
    pub(super) plane: &'a Arc<Plane>,
    /// How long a manager may take to let an alias go, or to host it, before it is not waited for.
    pub(super) limit: Duration,
}

impl Rooms<'_> {
    fn picked(&self, pick: impl Fn(&Alias) -> bool) -> Vec<Arc<Alias>> {
        let mut picked: Vec<_> = self
            .plane
            .aliases()
            .filter(|alias| pick(alias))
            .cloned()
            .collect();
        if canary!("LastAliasLeftBehind") {
            picked.pop();
        }
        picked
    }

    /// `here` lets go of the aliases that it hosts, for `to`.
    pub(super) async fn give(&self, here: NodeId, to: NodeId, pick: impl Fn(&Alias) -> bool) {
        for alias in self.picked(|alias| alias.may_go_to(to) && pick(alias)) {
            if alias.owner().node() == here {
                self.let_go(&alias, here, to).await;
            }
        }
    }

    /// `here` owns these aliases from now on; stanzas for them are held until it hosts them.
    pub(super) async fn claim(&self, here: NodeId, forced: bool, pick: impl Fn(&Alias) -> bool) {
        for alias in self.picked(|alias| alias.may_go_to(here) && pick(alias)) {
            let owner = alias.owner().node();
            if owner != here && forced {
                self.take(&alias, owner, here);
            } else if owner != here {
                self.let_go(&alias, owner, here).await;
            }
        }
    }

    /// The manager at `here` hosts what the node owns. One that does not run does so when it
    /// starts; a database that does not answer is asked again by it (CHAT-12).
    pub(super) async fn host(&self, here: NodeId, pick: impl Fn(&Alias) -> bool) {
        let Some(manager) = self.plane.node(here).conference() else {
            return;
        };
        for alias in self.picked(pick) {
            if alias.owner().node() == here {
                self.ask(&manager, |done| TcMsg::Host(alias.clone(), done))
                    .await;
            }
        }
    }

    /// In order where the manager runs and does it in time, else by a claim.
    async fn let_go(&self, alias: &Arc<Alias>, from: NodeId, to: NodeId) {
        if let Some(manager) = self.plane.node(from).conference() {
            self.ask(&manager, |done| TcMsg::LetGo(alias.clone(), to, done))
                .await;
        }
        self.take(alias, from, to);
    }

    /// `to` owns the alias, whether or not its host has let it go. What the rooms were told on the way to `from`
    /// must not come behind what is sent to `to`, and what they have said there not behind what they say here.
    fn take(&self, alias: &Alias, from: NodeId, to: NodeId) {
        if alias.claim(to).is_some() {
            self.plane.sweep_to_alias(alias, from);
        }
        self.plane.send_on(from, to, |stanza| {
            let said = stanza.from.as_ref().map(|from| from.domain().as_str());
            said == Some(alias.domain())
        });
    }

    async fn ask(&self, manager: &Addr<TcMsg>, order: impl FnOnce(Done) -> TcMsg) {
        let (answer, answered) = oneshot::channel();
        let done: Done = Box::new(move |moved| {
            // Nobody may be waiting any more.
            let _ = answer.send(moved.is_ok());
        });
        if manager.send(order(done)).is_err() {
            return;
        }
        match select(answered, self.plane.world().sleep(self.limit)).await {
            Either::Left(_) | Either::Right(_) => {}
        }
    }
}
