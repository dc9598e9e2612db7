//! The small models: one file per protocol, and under `pairs` one per pair of protocols that meet.
#![cfg_attr(
    takeover_loom,
    allow(missing_docs, reason = "a model's claim is its documentation")
)]

#[cfg(takeover_loom)]
mod common;
#[cfg(takeover_loom)]
mod deadline;
#[cfg(takeover_loom)]
mod directory;
#[cfg(takeover_loom)]
mod heartbeat;
#[cfg(takeover_loom)]
mod lease;
#[cfg(takeover_loom)]
mod loan;
#[cfg(takeover_loom)]
mod owner;
#[cfg(takeover_loom)]
mod pairs;
#[cfg(takeover_loom)]
mod queue;
#[cfg(takeover_loom)]
mod slot_claims;
#[cfg(takeover_loom)]
mod slot_larger;
#[cfg(takeover_loom)]
mod slot_moves;
#[cfg(takeover_loom)]
mod ticket;
#[cfg(takeover_loom)]
mod tickets;

/// Says how the models are run, where this build has none of them.
#[cfg(not(takeover_loom))]
#[test]
#[ignore = "no model is in this build: RUSTFLAGS=\"--cfg takeover_loom\" cargo test -p takeover-loom-tests --release --target-dir target/loom"]
fn the_small_models_need_their_own_build() {
    unreachable!("the message above says how to run them");
}
