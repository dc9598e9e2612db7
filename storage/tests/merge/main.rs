//! Merging two external databases into a third: MRG-1, MRG-2, MRG-3.

#[path = "../support/mod.rs"]
mod support;

mod histories;
mod postgresql;
mod refused;
mod stage;
mod whole;
