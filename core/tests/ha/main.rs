//! The HA machine, two of them as a pair: chapter 2 of the specification.
#![allow(missing_docs)]

mod corpus;
mod explore;
mod matrix;
mod meet;
mod rows;
mod sim;
mod storm;
mod trouble;
mod words;
