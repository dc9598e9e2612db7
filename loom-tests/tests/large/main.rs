//! The large models: more threads, messages and moves than loom can exhaust. shuttle draws their
//! interleavings.

/// Says how the models are run, where this build has none of them.
#[cfg(not(takeover_shuttle))]
#[test]
#[ignore = "no model is in this build: RUSTFLAGS=\"--cfg takeover_shuttle\" cargo test -p takeover-loom-tests --release --target-dir target/shuttle"]
fn the_large_models_need_their_own_build() {
    unreachable!("the message above says how to run them");
}
