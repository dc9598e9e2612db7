//! The user mover: carries out what the SRMs order, user by user, alias by alias.
//!
//! **For:** the whole lab; it belongs to the soft-state store, not to a node. **Accepts:**
//! [`UserOrder`]. **Mailbox full**: the order is refused, and SRM's timer of the transition
//! decides (HA-14). Each order is a light child; a later order of the same node ends an earlier
//! one; one that panics is answered with the panic's text, so that SRM need not wait for its timer.
//! All of it may be repeated: who has been moved is not moved again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::join_all;
use takeover_core::canary;
use takeover_core::id::NodeId;
use takeover_core::sync::{Ownership, SlotError};
use takeover_core::time::Moment;

use super::move_rooms::Rooms;
use super::settings::SessionSettings;
use crate::conference::Alias;
use crate::plane::{Outlet, Plane, User};
use crate::rt::{Actor, ChildExited, ChildId, Ctx, Exit, MailboxSpec, NoTimer};
use crate::user_mover::{UserOrder, UserWork};

/// Users that are moved in order side by side.
const TOGETHER: usize = 256;

/// How often a move looks whether another move of the same user is over.
const LOOK: Duration = Duration::from_millis(50);

/// The user mover of a lab.
pub struct Mover {
    plane: Arc<Plane>,
    settings: Arc<SessionSettings>,
    under_way: BTreeMap<NodeId, (ChildId, UserOrder)>,
}

impl Mover {
    /// Its mailbox.
    pub const MAILBOX: MailboxSpec = MailboxSpec::reject(4096);

    /// A mover of this plane's users.
    #[must_use]
    pub fn new(plane: Arc<Plane>, settings: SessionSettings) -> Self {
        Self {
            plane,
            settings: Arc::new(settings),
            under_way: BTreeMap::new(),
        }
    }
}

impl Actor for Mover {
    type Msg = UserOrder;
    type Timer = NoTimer;
    const KIND: &'static str = "UserMover";

    fn handle(&mut self, order: UserOrder, ctx: &mut Ctx<Self>) {
        if let Some((earlier, _)) = self.under_way.remove(&order.node) {
            ctx.kill_child(earlier);
        }
        if order.work == UserWork::Abandon {
            return;
        }
        let node = order.node;
        let name = format!("{} {}", order.work, order.node);
        let moving = Move {
            plane: self.plane.clone(),
            settings: self.settings.clone(),
            life: order.life,
        };
        let told = order.clone();
        let child = ctx.light("Move", name, async move { moving.carry_out(order).await });
        self.under_way.insert(node, (child, told));
    }

    fn child_exited(&mut self, exit: ChildExited, _ctx: &mut Ctx<Self>) {
        let ended = |(_, (child, _)): &(&NodeId, &(ChildId, UserOrder))| *child == exit.child;
        let Some(node) = self.under_way.iter().find(ended).map(|(node, _)| *node) else {
            return;
        };
        let order = self.under_way.remove(&node).map(|(_, order)| order);
        match (exit.exit, order) {
            (Exit::Panicked(text), Some(order)) => {
                order.answer(Err(format!("the move panicked: {text}")));
            }
            // It has answered, or ended with the life of the node that ordered it.
            (Exit::Stopped | Exit::Killed | Exit::Panicked(_), _) => {}
        }
    }
}

/// A hand-over that was begun. If the move ends before it does, by a panic or a later order, it is
/// called off: nobody stays between two nodes.
struct HandOver<'a>(&'a Move, &'a Arc<User>, Option<Ownership>);

impl HandOver<'_> {
    fn end(mut self) {
        self.2 = None;
    }
}

impl Drop for HandOver<'_> {
    fn drop(&mut self) {
        if let Some(mine) = self.2.take() {
            self.0.plane.call_off(self.1, mine, self.0.until());
        }
    }
}

/// One order being carried out.
pub(super) struct Move {
    plane: Arc<Plane>,
    settings: Arc<SessionSettings>,
    /// The life of the node that orders: an order ends with it.
    life: u32,
}

impl Move {
    /// Moves for `node` in its present life.
    pub(super) fn of(plane: &Arc<Plane>, settings: &SessionSettings, node: NodeId) -> Self {
        Self {
            plane: plane.clone(),
            settings: Arc::new(settings.clone()),
            life: plane.world().network().life(node),
        }
    }

    async fn carry_out(self, order: UserOrder) {
        if let Some(moved) = self.work(&order).await {
            order.answer(Ok(moved));
        }
    }

    /// How many users were moved; nothing if the node died before it or over it, for a dead node takes nothing.
    async fn work(&self, order: &UserOrder) -> Option<u64> {
        let (here, peer) = (order.node, order.peer);
        let rooms = Rooms {
            plane: &self.plane,
            limit: self.settings.moving,
        };
        if !self.goes_on(here) {
            return None;
        }
        match order.work {
            UserWork::Abandon => None,
            UserWork::Release => {
                rooms.give(here, peer, |_| true).await;
                let users = self.plane.hosted_by(here);
                self.give(here, users, peer).await
            }
            UserWork::HandBack => {
                rooms.give(here, peer, |alias| alias.home() == peer).await;
                let mut users = self.plane.hosted_by(here);
                users.retain(|user| user.home() == peer);
                self.give(here, users, peer).await
            }
            UserWork::TakeOver { forced } => {
                let users = self.plane.of_group(here);
                let moved = self.take(here, users, forced).await?;
                let of_group = |alias: &Alias| alias.home() == here || alias.home() == peer;
                rooms.claim(here, forced, of_group).await;
                self.plane.send_orphans(peer, here);
                self.plane.give_up(peer);
                rooms.host(here, of_group).await;
                Some(moved)
            }
            UserWork::TakeBack { forced } => {
                let users = self.plane.node(here).residents.all();
                let moved = self.take(here, users, forced).await?;
                let own = |alias: &Alias| alias.home() == here;
                rooms.claim(here, forced, own).await;
                rooms.host(here, own).await;
                Some(moved)
            }
        }
    }

    /// Whether the node that orders still lives the life in which it did.
    fn goes_on(&self, node: NodeId) -> bool {
        let network = self.plane.world().network();
        network.is_up(node) && network.life(node) == self.life
    }

    fn until(&self) -> Moment {
        self.plane.world().now() + self.settings.relogin
    }

    /// Hands users over in order; how many, or nothing if the node died over it.
    async fn give(&self, here: NodeId, users: Vec<Arc<User>>, to: NodeId) -> Option<u64> {
        let mut moved = 0;
        for users in users.chunks(TOGETHER) {
            if !self.goes_on(here) {
                return None;
            }
            let moves = users.iter().map(|user| self.bring(user, to));
            moved += join_all(moves)
                .await
                .into_iter()
                .filter(|moved| *moved)
                .count() as u64;
        }
        self.goes_on(here).then_some(moved)
    }

    async fn take(&self, here: NodeId, users: Vec<Arc<User>>, forced: bool) -> Option<u64> {
        if !forced {
            return self.give(here, users, here).await;
        }
        let mut moved = 0;
        for users in users.chunks(TOGETHER) {
            if !self.goes_on(here) {
                return None;
            }
            let left = usize::from(canary!("LastUserLeftBehind"));
            for user in users.iter().skip(left) {
                moved += u64::from(self.plane.take_over(user, here, self.until()).is_some());
            }
            // Others have a turn: 12 500 users must not hold up the rest of the thread.
            give_way().await;
        }
        self.goes_on(here).then_some(moved)
    }

    /// Brings one user to `to` in order; whether that was needed.
    pub(super) async fn bring(&self, user: &Arc<User>, to: NodeId) -> bool {
        let world = self.plane.world();
        let patience = world.now() + self.settings.moving;
        loop {
            let seen = user.slot.owner();
            if seen.node() == to {
                return false;
            }
            match self.plane.begin_hand_over(user, seen, to) {
                Ok(outlets) => {
                    let begun = HandOver(self, user, Some(seen));
                    self.see_off(outlets).await;
                    begun.end();
                    if self.plane.pass_on(user, seen, to, self.until()).is_ok() {
                        return true;
                    }
                }
                Err(SlotError::Frozen { .. }) if world.now() < patience => {
                    world.sleep(LOOK).await;
                }
                // Whoever froze it has not come to an end.
                Err(SlotError::Frozen { .. } | SlotError::Open { .. }) => {
                    return self.plane.take_over(user, to, self.until()).is_some();
                }
                Err(SlotError::Stale { .. }) => {}
                Err(SlotError::Closed { .. }) => return false,
            }
        }
    }

    /// Waits until the clients have been told; not for ever, since one may not read.
    async fn see_off(&self, outlets: Vec<Arc<Outlet>>) {
        if outlets.is_empty() {
            return;
        }
        let limit = self.plane.world().sleep(self.settings.farewell + LOOK);
        let all = join_all(outlets.iter().map(|outlet| outlet.ended()));
        futures_util::future::select(std::pin::pin!(all), limit).await;
    }
}

/// Lets other tasks of the thread run. Not tokio's own, whose wake-up waits for the runtime to
/// park, which a virtual lab at work does not.
async fn give_way() {
    let mut given = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut given, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
