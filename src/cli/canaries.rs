//! `takeover verify --canaries`: each planted bug is found, or the search is too weak.

use std::path::Path;

use super::fail;
#[cfg(debug_assertions)]
use super::reliability::{self, Section};
#[cfg(debug_assertions)]
use super::{FAILED, OK};
#[cfg(debug_assertions)]
use crate::verify::canaries::{CANARIES, WITHIN, hunt};

/// Plants each bug in turn; fails where one is not found.
#[cfg(debug_assertions)]
pub(super) fn run(page: Option<&Path>) -> u8 {
    let mut table = String::from(
        "| planted bug | what it is | found by | schedules |\n| --- | --- | --- | --- |\n",
    );
    let mut missed = 0;
    for canary in CANARIES {
        let caught = match hunt(&canary) {
            Ok(caught) => caught,
            Err(error) => return fail(FAILED, error),
        };
        let (by, said) = match &caught.found {
            Some((_, id, said)) => (format!("`{id}`"), said.as_str()),
            None => ("**nothing**".to_owned(), "not found"),
        };
        missed += usize::from(caught.found.is_none());
        eprintln!("{}: {} schedules: {said}", canary.name, caught.schedules);
        table.push_str(&format!(
            "| `{}` | {} | {by} | {} |\n",
            canary.name, canary.what, caught.schedules
        ));
    }
    let found = CANARIES.len() - missed;
    let all = CANARIES.len();
    eprintln!("{found} of {all} found, each within {WITHIN} schedules");
    table.insert_str(
        0,
        &format!("{found} of {all} found within {WITHIN} schedules each.\n\n"),
    );
    let section = Section {
        name: "canaries",
        text: table,
    };
    match page.map_or(Ok(()), |page| reliability::put(page, &section)) {
        Err(why) => fail(FAILED, why),
        Ok(()) if missed > 0 => FAILED,
        Ok(()) => OK,
    }
}

/// A release build has no bug to plant.
#[cfg(not(debug_assertions))]
pub(super) fn run(_: Option<&Path>) -> u8 {
    fail(
        super::REFUSED,
        "this build has no planted bugs: `cargo run -- verify --canaries` makes one that has",
    )
}
