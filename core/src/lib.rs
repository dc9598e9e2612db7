//! The rules of an IM and Presence deployment: values in, values out.
//!
//! Nothing here waits, asks for the time, draws a number or reads a file. Whoever acts hands a value in
//! and carries out what comes back.

pub mod assignment;
pub mod canary;
pub mod chat;
pub mod digest;
pub mod ha;
pub mod id;
pub mod journal;
pub mod params;
pub mod profile;
pub mod service;
pub mod sync;
pub mod time;
pub mod topology;
