//! The protocols one step at a time, in one thread. What threads make of them: `loom-tests/`.

mod deadline;
mod directory;
mod heartbeat;
mod lease;
mod queue;
mod slot;
mod ticket;

use super::*;
use crate::id::{Incarnation, NodeId};
use crate::time::Moment;
use proptest::prelude::*;
use std::time::Duration;

const A: NodeId = NodeId(1);
const B: NodeId = NodeId(2);
const C: NodeId = NodeId(3);
