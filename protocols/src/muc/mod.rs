//! Multi-user chat (XEP-0045).

pub mod config;
pub mod privilege;
pub mod record;
