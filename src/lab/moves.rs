//! Faults in the moves of users: between SRM, which orders them, and the data plane, which does them.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use takeover_actors::rt::Recipient;
use takeover_actors::user_mover::UserOrder;
use takeover_core::id::NodeId;

/// What befalls the moves of users that a node's SRM orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MoveFault {
    /// They fail with this text (rows 19 and 20).
    Fail(String),
    /// They do not begin; once the fault is taken away, the latest one does.
    Hold,
}

#[derive(Default)]
struct State {
    faults: BTreeMap<NodeId, MoveFault>,
    held: BTreeMap<NodeId, UserOrder>,
}

/// The faults of a lab's moves; clones share them.
#[derive(Clone)]
pub(super) struct Moves {
    state: Arc<Mutex<State>>,
    mover: Recipient<UserOrder>,
}

impl Moves {
    /// Before this mover.
    pub(super) fn before(mover: Recipient<UserOrder>) -> Self {
        let state = Arc::default();
        Self { state, mover }
    }

    /// Where SRM sends its orders.
    pub(super) fn recipient(&self) -> Recipient<UserOrder> {
        let (state, mover) = (self.state.clone(), self.mover.clone());
        Recipient::from_fn(move |order: UserOrder| {
            let mut now = state.lock();
            let fault = now.faults.get(&order.node).cloned();
            match fault {
                None => {
                    drop(now);
                    mover.send(order)
                }
                Some(MoveFault::Hold) => {
                    now.held.insert(order.node, order);
                    Ok(())
                }
                Some(MoveFault::Fail(why)) => {
                    drop(now);
                    order.answer(Err(why));
                    Ok(())
                }
            }
        })
    }

    /// From now on this befalls the moves that the node's SRM orders; `None`: nothing any more.
    pub(super) fn set(&self, node: NodeId, fault: Option<MoveFault>) {
        let mut now = self.state.lock();
        let held = now.held.remove(&node);
        match fault {
            Some(fault) => {
                now.faults.insert(node, fault);
            }
            None => {
                now.faults.remove(&node);
            }
        }
        drop(now);
        if let Some(order) = held {
            // What the mover does not take, SRM notices by its timer (HA-14).
            let _ = self.recipient().send(order);
        }
    }
}
