//! The large models: more threads, messages and moves than loom can exhaust. shuttle draws their
//! interleavings.
#![cfg_attr(
    takeover_shuttle,
    allow(missing_docs, reason = "a model's claim is its documentation")
)]

#[cfg(all(takeover_shuttle, not(takeover_loom)))]
#[path = "../models/common.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the small models")]
mod common;
#[cfg(all(takeover_shuttle, not(takeover_loom)))]
mod queues;
#[cfg(all(takeover_shuttle, not(takeover_loom)))]
mod rooms;
#[cfg(all(takeover_shuttle, not(takeover_loom)))]
mod sessions;
#[cfg(all(takeover_shuttle, not(takeover_loom)))]
#[path = "../models/tickets.rs"]
#[allow(dead_code, reason = "shared with the small models")]
mod tickets;
#[cfg(all(takeover_shuttle, not(takeover_loom)))]
mod users;

/// Says how the models are run, where this build has none of them.
#[cfg(not(takeover_shuttle))]
#[test]
#[ignore = "no model is in this build: RUSTFLAGS=\"--cfg takeover_shuttle\" cargo test -p takeover-loom-tests --release --target-dir target/shuttle"]
fn the_large_models_need_their_own_build() {
    unreachable!("the message above says how to run them");
}
