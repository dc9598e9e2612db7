//! Who acts: nodes, services, supervisors, sessions and rooms.
//!
//! One file an actor. The [`rack`] powers [`node`]s; a node keeps its [`service`]s as its
//! [`service_table`] decides; [`srm`] carries out what the HA machine asks for and has users moved
//! through [`user_mover`]; [`icsa`] and SRM watch each other. Everything stands on [`rt`].

mod backoff;
pub mod board;
pub mod conference;
pub mod database;
pub mod gate;
pub mod icsa;
pub mod node;
mod node_msg;
pub mod node_record;
pub mod plane;
pub mod rack;
pub mod rt;
pub mod service;
pub mod service_table;
pub mod session;
pub mod setup;
pub mod srm;
mod srm_msg;
pub mod srm_work;
pub mod user_mover;
pub mod wire;
pub mod works;
