//! How SRM has users moved: orders to the data plane, and what becomes of them.

use crate::rt::{Recipient, Refusal};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use takeover_core::ha::Attempt;
use takeover_core::id::{Incarnation, NodeId};
pub use takeover_core::journal::UserWork;

/// An order of one node's SRM. It runs beside SRM and is answered once. A later order of the same
/// node replaces an earlier one, which then need not be answered.
#[derive(Clone, Debug)]
pub struct UserOrder {
    /// The node whose SRM orders it: "here" in [`UserWork`].
    pub node: NodeId,
    /// The other node of the group.
    pub peer: NodeId,
    /// The life of the node in which it is ordered, as the network counts them: the order ends with it.
    pub life: u32,
    /// The life of SRM that orders it.
    pub incarnation: Incarnation,
    /// The number of the order in that life.
    pub attempt: Attempt,
    /// What to do.
    pub work: UserWork,
    /// Where the answer goes.
    pub report: Recipient<UserReport>,
}

impl UserOrder {
    /// Answers the order: how many users were moved, or why they were not. A report to an SRM that
    /// has ended is dropped: its successor orders anew.
    pub fn answer(&self, outcome: Result<u64, String>) {
        let (attempt, work) = (self.attempt, self.work);
        let _ = self.report.send(UserReport {
            attempt,
            work,
            outcome,
        });
    }
}

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserReport {
    /// The number of the order.
    pub attempt: Attempt,
    /// What was ordered.
    pub work: UserWork,
    /// How many users were moved, or why they were not.
    pub outcome: Result<u64, String>,
}

/// Moves nobody, successfully: for groups without users.
pub fn nobody() -> Recipient<UserOrder> {
    Recipient::from_fn(|order: UserOrder| {
        order.answer(Ok(0));
        Ok(())
    })
}

/// Records every order and answers as told; for tests of the control plane.
#[derive(Clone, Default)]
pub struct RecordingMover(Arc<Mutex<Recorded>>);

#[derive(Default)]
struct Recorded {
    orders: Vec<UserOrder>,
    answers: VecDeque<Option<Result<u64, String>>>,
}

impl RecordingMover {
    /// Where SRM sends its orders.
    pub fn recipient(&self) -> Recipient<UserOrder> {
        let recorded = self.0.clone();
        Recipient::from_fn(move |order: UserOrder| -> Result<(), Refusal> {
            let mut recorded = recorded.lock();
            recorded.orders.push(order.clone());
            let answer = recorded.answers.pop_front().unwrap_or(Some(Ok(0)));
            drop(recorded);
            if let Some(outcome) = answer {
                order.answer(outcome);
            }
            Ok(())
        })
    }

    /// Answers the next order not yet provided for with this; `None`: not at all. All others
    /// succeed with no users.
    pub fn answer_next(&self, outcome: Option<Result<u64, String>>) {
        self.0.lock().answers.push_back(outcome);
    }

    /// Forgets the answers provided for: all orders succeed from now on.
    pub fn forget_answers(&self) {
        self.0.lock().answers.clear();
    }

    /// All orders so far.
    pub fn orders(&self) -> Vec<UserOrder> {
        self.0.lock().orders.clone()
    }

    /// What was ordered so far, by whom.
    pub fn works(&self) -> Vec<(NodeId, UserWork)> {
        self.0
            .lock()
            .orders
            .iter()
            .map(|order| (order.node, order.work))
            .collect()
    }
}
