//! A high-availability IM and Presence deployment inside one process.

pub mod admin;
pub mod client;
pub mod config;
pub mod endpoint;
pub mod report;
pub mod tls;
