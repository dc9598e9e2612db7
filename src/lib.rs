//! A high-availability IM and Presence deployment inside one process.

pub mod admin;
pub mod cli;
pub mod client;
pub mod config;
pub mod demo;
pub mod drill;
pub mod endpoint;
pub mod lab;
pub mod report;
pub mod scale;
pub mod storm;
pub mod tls;
pub mod verify;

pub use lab::{Control, Lab, LabError};
pub use takeover_core::{ha, id, journal, service, time};

/// The README's example runs as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
