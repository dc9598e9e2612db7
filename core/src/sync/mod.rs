//! The shared-memory protocols: who owns what, and how it passes from one to another.
//!
//! Stanzas do not travel through the control plane. A router finds the target's [`Slot`] in the
//! [`Directory`], reads its [`Ownership`] and delivers under that ownership's epoch; a migration
//! *freezes* the slot, *drains* it, *hands it over*, *publishes* the new owner with epoch + 1 and
//! *thaws*. An older epoch is re-routed, never executed (SES-4). The other types serve the same
//! end: a [`Deadline`] fires or is cancelled exactly once, a [`HeartbeatCell`] tells a silent peer
//! from one that has come back, a [`Lease`] has one holder per epoch (CHAT-10), a [`BoundedQueue`]
//! states what happens when it is full, a [`Loan`] lets others do an owner's work while it waits and keeps its
//! order, a [`TicketWindow`] knows which stanzas of a client are
//! handled, once and in order (XEP-0198).
//!
//! Each type does one job, holds no lock across an await (nothing here awaits) and allocates
//! nothing on the path of a stanza. All of them stand on the primitives that [`shim`] chooses, so
//! that the models in `loom-tests/` run this very code under a model checker. `README.md` in this
//! folder tells the protocols in words and names the model that proves each claim.

mod deadline;
mod directory;
mod heartbeat;
mod lease;
mod loan;
mod owner;
#[cfg(any(takeover_loom, takeover_shuttle))]
pub mod planted;
mod queue;
pub mod shim;
mod slot;
#[cfg(all(test, not(any(takeover_loom, takeover_shuttle))))]
mod tests;
mod ticket;

pub use deadline::{Arming, Deadline, Ended, Phase};
pub use directory::Directory;
pub use heartbeat::{Beat, Heard, HeartbeatCell, NotDown};
pub use lease::{Grant, Lease, LeaseError};
pub use loan::{After, Loan};
pub use owner::{OwnerCell, Ownership};
pub use queue::{BoundedQueue, Counters, Overflow, Pop, Pushed, RefusedPush};
pub use slot::{Delivery, Gate, Slot, SlotError, TakenOver};
pub use ticket::{Claim, Issued, Ticket, TicketWindow};
