//! Protocols that meet: one file per pair.
//!
//! Where the bug of a pair is not in either protocol but in how they are put together, the model
//! plants it itself, as a [`Bug::Misuse`](takeover_core::sync::planted::Bug::Misuse).

mod deadline_heartbeat;
mod deadline_lease;
mod deadline_queue;
mod deadline_slot;
mod directory_lease;
mod directory_slot;
mod heartbeat_lease;
mod heartbeat_slot;
mod lease_slot;
mod owner_slot;
mod queue_slot;
mod queue_ticket;
mod shutdown;
mod slot_ticket;
