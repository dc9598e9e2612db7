//! What must hold for any input that comes from outside.
//!
//! Each target is a plain function from octets: it panics where something does not hold. `fuzz/` gives
//! them to libFuzzer, `tests/replay.rs` gives them what fuzzing has found worth keeping
//! (`corpus/TARGET/`), on any toolchain and in seconds.

#[cfg(feature = "storage")]
mod address;
#[cfg(feature = "lab")]
mod command;
#[cfg(feature = "lab")]
mod config;
mod datetime;
#[cfg(feature = "lab")]
mod drill;
mod input;
mod jid;
#[cfg(feature = "lab")]
mod lab;
mod neighbour;
mod params;
mod payload;
#[cfg(feature = "lab")]
mod plan;
#[cfg(feature = "storage")]
mod record;
mod room;
mod roster;
mod sasl;
mod stanza;
mod stream_client;
mod stream_server;
mod xml;

pub use neighbour::Neighbours;

/// A target of fuzzing.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: that of its folder in `corpus/` and of its binary in `fuzz/`.
    pub name: &'static str,
    /// Takes one input; panics where something does not hold.
    pub body: fn(&[u8]),
}

/// Every target of the features that are on.
pub const TARGETS: &[Target] = &[
    #[cfg(feature = "storage")]
    target("address", address::body),
    #[cfg(feature = "lab")]
    target("command", command::body),
    #[cfg(feature = "lab")]
    target("config", config::body),
    target("datetime", datetime::body),
    #[cfg(feature = "lab")]
    target("drill", drill::body),
    target("jid", jid::body),
    #[cfg(feature = "lab")]
    target("lab", lab::body),
    target("params", params::body),
    target("payload", payload::body),
    #[cfg(feature = "lab")]
    target("plan", plan::body),
    #[cfg(feature = "storage")]
    target("record", record::body),
    target("room", room::body),
    target("roster", roster::body),
    target("sasl", sasl::body),
    target("stanza", stanza::body),
    target("stream_client", stream_client::body),
    target("stream_server", stream_server::body),
    target("xml", xml::body),
];

const fn target(name: &'static str, body: fn(&[u8])) -> Target {
    Target { name, body }
}

/// Gives one input to a target.
///
/// # Panics
/// Where something does not hold for the input, and where there is no such target.
pub fn run(name: &str, input: &[u8]) {
    let found = TARGETS.iter().find(|target| target.name == name);
    match found {
        Some(target) => (target.body)(input),
        None => panic!("no target is called {name:?}"),
    }
}
