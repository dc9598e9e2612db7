//! What came of a search: in words, as a section of the page of what was measured, and as a row of its table of long
//! searches.

use std::time::Duration;

use super::reliability::Section;
use crate::client::Tally;
use crate::verify::{self, Search, Searched};

/// The section that a search writes.
pub(super) const SECTION: &str = "search";
/// The table that a search adds a row to.
pub(super) const TABLE: &str = "searches";

/// A search that has ended.
pub(super) struct Report<'s> {
    pub(super) search: &'s Search,
    pub(super) searched: &'s Searched,
    /// How long it took.
    pub(super) wall: Duration,
}

impl Report<'_> {
    /// For people.
    pub(super) fn tell(&self) {
        let searched = self.searched;
        eprintln!(
            "{} schedules, {:.2} virtual years in {:.0} s ({:.0} times life), {} events, digest {:016x}",
            searched.schedules,
            searched.years(),
            self.wall.as_secs_f64(),
            self.speed(),
            searched.entries,
            searched.digest()
        );
        eprintln!("{}", messages(&searched.tally));
        eprint!("{}", verify::faults(&searched.coverage));
        eprintln!("{}", verify::grid(&searched.coverage));
        for (seed, found) in &searched.found {
            eprintln!("seed {seed}: {} at {}", found.violation, found.at);
        }
    }

    /// What is said of a search that was ended by a signal.
    pub(super) fn broken_off(&self) -> String {
        let (done, all) = (self.searched.schedules, self.search.schedules);
        format!(
            "broken off after {done} of {all} schedules, seeds {}",
            self.seeds()
        )
    }

    /// From the first to the last seed: what was under way when the search was ended was carried out as well.
    fn seeds(&self) -> String {
        let first = self.search.seed;
        let last = first.wrapping_add(self.searched.schedules.saturating_sub(1));
        format!("{first} to {last}")
    }

    fn speed(&self) -> f64 {
        self.searched.took.as_secs_f64() / self.wall.as_secs_f64().max(0.001)
    }

    /// As a section.
    pub(super) fn section(&self) -> Section {
        let (search, figures) = (self.search, self.searched.figures());
        let mut text = format!(
            "| figure | value |\n| --- | --- |\n\
             | schedules | {} (seeds {}{}) |\n| violations | {} |\n\
             | protocol time | {:.2} years |\n| events | {} |\n| messages | {} |\n\
             | kinds of faults met by rows of the state table | {} of {} |\n\
             | rows of the state table reached | {} |\n| it took | {:.0} s on {} threads |\n\
             | speed | {:.0} times life |\n| digest | `{}` |\n",
            figures.schedules,
            self.seeds(),
            if search.twice { ", each run twice" } else { "" },
            figures.violations.len(),
            figures.virtual_years,
            figures.events,
            messages(&figures.messages),
            figures.coverage,
            figures.coverage_possible,
            figures.rows_reached,
            self.wall.as_secs_f64(),
            search.threads,
            self.speed(),
            figures.digest,
        );
        for (seed, violation) in &figures.violations {
            text.push_str(&format!("\nSeed {seed}: {violation}\n"));
        }
        Section {
            name: SECTION,
            text,
        }
    }

    /// As a row.
    pub(super) fn row(&self) -> Vec<String> {
        let searched = self.searched;
        let violations: Vec<String> = searched.found.keys().map(u64::to_string).collect();
        let violations = match violations.as_slice() {
            [] => "none".to_owned(),
            seeds => format!("seed {}", seeds.join(", ")),
        };
        vec![
            self.seeds(),
            searched.schedules.to_string(),
            violations,
            format!("{:.2} years", searched.years()),
            format!(
                "{:.0} s on {} threads",
                self.wall.as_secs_f64(),
                self.search.threads
            ),
            format!("`{:016x}`", searched.digest()),
        ]
    }
}

/// Figures of messages in words.
pub(super) fn messages(tally: &Tally) -> String {
    let Tally {
        sent,
        acknowledged,
        refused,
        delivered,
        lost,
        doubled,
        reordered,
        unread_lost,
    } = tally;
    format!(
        "{sent} messages sent, {acknowledged} acknowledged, {refused} refused, {delivered} delivered, \
         {lost} lost, {doubled} doubled, {reordered} reordered, {unread_lost} lost with a suspended client"
    )
}
