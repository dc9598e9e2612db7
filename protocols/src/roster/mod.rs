//! Roster and subscriptions (RFC 6121, sections 2 and 3).

pub mod subscription;
