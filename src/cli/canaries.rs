//! `takeover verify --canaries`: each planted bug is found, or the search is too weak.

use std::path::Path;

use super::{REFUSED, fail};

/// The section that a hunt for all of them writes.
pub(super) const SECTION: &str = "canaries";

/// Plants each bug, or those of these names; fails where one is not found.
#[cfg(feature = "canaries")]
pub(super) fn run(names: &[String], threads: usize, page: Option<&Path>) -> u8 {
    use crate::verify::canaries::CANARIES;

    let known = |name: &String| CANARIES.iter().find(|canary| canary.name == name);
    if let Some(unknown) = names.iter().find(|name| known(name).is_none()) {
        let all: Vec<&str> = CANARIES.iter().map(|canary| canary.name).collect();
        let allowed = all.join(", ");
        return fail(
            REFUSED,
            format!("no planted bug: {unknown:?}; allowed: {allowed}"),
        );
    }
    let wanted = match names.is_empty() {
        true => CANARIES.iter().collect(),
        false => names.iter().filter_map(known).collect(),
    };
    hunts::run(wanted, threads, page)
}

/// A build without the feature has no bug to plant.
#[cfg(not(feature = "canaries"))]
pub(super) fn run(_: &[String], _: usize, _: Option<&Path>) -> u8 {
    fail(
        REFUSED,
        "this build has no planted bugs: \
         `cargo run --release --features canaries -- verify --canaries` makes one that has",
    )
}

#[cfg(feature = "canaries")]
mod hunts {
    use std::collections::BTreeMap;
    use std::path::Path;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use parking_lot::Mutex;

    use crate::cli::reliability::{self, Section};
    use crate::cli::{FAILED, OK, fail};
    use crate::lab::LabError;
    use crate::verify::canaries::{Canary, Caught, WITHIN, hunt};

    /// Hunts for each of them, as many at a time as there are threads.
    pub(super) fn run(wanted: Vec<&'static Canary>, threads: usize, page: Option<&Path>) -> u8 {
        let next = AtomicUsize::new(0);
        let caught: Mutex<BTreeMap<usize, Result<Caught, LabError>>> = Mutex::default();
        let work = || {
            while let Some((number, canary)) = {
                let number = next.fetch_add(1, Ordering::Relaxed);
                wanted.get(number).map(|canary| (number, *canary))
            } {
                let came = hunt(canary);
                if let Ok(caught) = &came {
                    eprintln!("{}: {}", canary.name, said(caught));
                }
                caught.lock().insert(number, came);
            }
        };
        // A bug is planted on the thread that hunts for it, and on no other.
        std::thread::scope(|scope| {
            for _ in 1..threads.max(1) {
                scope.spawn(work);
            }
            work();
        });
        let caught: Result<Vec<Caught>, LabError> = caught.into_inner().into_values().collect();
        match caught {
            Ok(caught) => tell(&wanted, &caught, page),
            Err(error) => fail(FAILED, error),
        }
    }

    fn said(caught: &Caught) -> String {
        let said = caught
            .found
            .as_ref()
            .map_or("not found", |(_, _, said)| said.as_str());
        format!("{} schedules: {said}", caught.schedules)
    }

    fn tell(wanted: &[&Canary], caught: &[Caught], page: Option<&Path>) -> u8 {
        let (found, all) = (
            caught
                .iter()
                .filter(|caught| caught.found.is_some())
                .count(),
            wanted.len(),
        );
        let verdict = format!("{found} of {all} found, each within {WITHIN} schedules");
        eprintln!("{verdict}");
        let mut text = format!(
            "{verdict}.\n\n| planted bug | what it is | found by | schedules |\n| --- | --- | --- | --- |\n"
        );
        for (canary, caught) in wanted.iter().zip(caught) {
            let by = match &caught.found {
                Some((_, id, _)) => format!("`{id}`"),
                None => "**nothing**".to_owned(),
            };
            let (name, what, schedules) = (canary.name, canary.what, caught.schedules);
            text.push_str(&format!("| `{name}` | {what} | {by} | {schedules} |\n"));
        }
        let section = Section {
            name: super::SECTION,
            text,
        };
        match page.map_or(Ok(()), |page| reliability::put(page, &section)) {
            Err(why) => fail(FAILED, why),
            Ok(()) if found < all => FAILED,
            Ok(()) => OK,
        }
    }
}
