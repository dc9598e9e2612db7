//! Who acts: nodes, services, supervisors, sessions and rooms.

pub mod rt;

pub mod conference;
pub mod plane;
pub mod wire;
