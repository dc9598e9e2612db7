//! Who acts: nodes, services, supervisors, sessions and rooms.

pub mod rt;
