//! Chapter 2 of the specification: the Server Recovery Manager, as those who are logged in see it.

#[path = "../common/mod.rs"]
mod common;

mod by_hand;
mod by_itself;
mod detection;
mod durable;
mod enabling;
mod failed_mode;
mod too_early;

use common::*;
use takeover::client::Client;
use takeover::ha::{Reason, State};
use takeover::journal::{Event, Power};
use takeover::lab::Lab;
use takeover::service::{ServiceCause, ServiceKind, ServiceState};

/// Everybody is logged in and talks, one with another.
fn talking(seed: u64) -> (Lab, [Client; 4]) {
    let mut lab = lab(seed);
    let people = online(&mut lab, PEOPLE);
    talk(&people, None, 4 * SECOND);
    lab.pass(MINUTE);
    (lab, people)
}

/// Andy is logged in at `place`.
#[track_caller]
fn andy_at(lab: &mut Lab, andy: &Client, place: &str) {
    let what = format!("Andy is logged in at {place}");
    await_that(lab, &what, LONG, |_| {
        andy.place().is_ok_and(|at| at == place)
    });
}

#[track_caller]
fn reasons(lab: &Lab, first: Reason, second: Reason) {
    let seen = (lab.reason("1A"), lab.reason("1B"));
    assert_eq!(seen, (Some(first), Some(second)));
}
