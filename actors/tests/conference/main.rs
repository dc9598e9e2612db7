//! Chapter 4 at the conference manager and its rooms: one host, nothing lost, nothing doubled.

mod archive;
mod history;
mod hosting;
mod scene;
