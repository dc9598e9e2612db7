//! `takeover db merge`: MRG-1 to MRG-3 from the command line.

use std::sync::Arc;

use clap::Args;
use serde_json::json;
use takeover_storage::merge::{
    Leases, MERGEABLE, Merge as Job, MergeError, Options, Part, Report, Verified, Watch,
};
use takeover_storage::{ChatAddress, ChatStore, Opener};
use tokio::runtime::Runtime;

use super::DbError;
use super::progress::{Seen, Stopwatch, show};
use crate::cli::{OK, print};

/// Merge two databases of rooms into a third.
///
/// First schemas and privileges are verified, then every room, affiliation, configuration and message
/// of both sources is written to the target, once. A room that both have has its histories joined in
/// time order. The sources stay untouched. Interrupted at any moment, it can be run again and ends in
/// the same target.
#[derive(Args)]
pub(super) struct Merge {
    /// A source; give two.
    #[arg(long = "source", value_name = "DATABASE", required = true)]
    sources: Vec<String>,
    /// The target, made if it is not there.
    #[arg(long, value_name = "DATABASE")]
    target: String,
    /// Verify only; nothing is written.
    #[arg(long)]
    verify: bool,
    /// The Text Conference Managers that hold rooms in these databases are dead: they were killed
    /// and left their leases behind.
    #[arg(long)]
    dead: bool,
    /// Print progress and outcome as JSON objects, one a line, the outcome last.
    #[arg(long)]
    json: bool,
}

impl Merge {
    pub(super) fn run(&self, runtime: &Runtime) -> Result<u8, DbError> {
        let job = runtime.block_on(self.job())?;
        if self.verify {
            let verified = runtime.block_on(job.verify())?;
            self.tell_verified(&verified);
            return Ok(OK);
        }
        let watch = Stopwatch::start();
        let report = show(self.json, &watch, look(job.watch()), || {
            runtime.block_on(job.run())
        })?;
        self.tell(&report, &watch);
        Ok(OK)
    }

    async fn job(&self) -> Result<Job, DbError> {
        let [first, second] = &self.sources[..] else {
            let given = self.sources.len();
            let why = format!("{given} sources were given; a merge has two: --source A --source B");
            return Err(DbError::Refused(why));
        };
        let mut opener = super::opener();
        let first = open(&mut opener, Part::First, first).await?;
        let second = open(&mut opener, Part::Second, second).await?;
        let target = open(&mut opener, Part::Target, &self.target).await?;
        let leases = if self.dead {
            Leases::LeftBehind
        } else {
            Leases::Respect
        };
        let options = Options {
            leases,
            ..Options::default()
        };
        Ok(Job::new([first, second], target).with_options(options))
    }

    fn tell_verified(&self, verified: &Verified) {
        let [first, second] = verified.counts;
        if self.json {
            print(json!({
                "type": "verified",
                "ok": true,
                "aliases": verified.aliases,
                "rooms": [first.rooms, second.rooms],
                "messages": [first.messages, second.messages],
                "bytes": verified.bytes,
                "free": verified.free,
            }));
        } else {
            print(format_args!(
                "The databases can be merged: {} and {} rooms, {} and {} messages, {} bytes.",
                first.rooms, second.rooms, first.messages, second.messages, verified.bytes
            ));
        }
    }

    fn tell(&self, report: &Report, watch: &Stopwatch) {
        let Report {
            rooms,
            joined,
            messages,
            doubles,
            found,
        } = report;
        let seconds = watch.seconds();
        let rate = watch.rate(*messages);
        if self.json {
            print(json!({
                "type": "merged",
                "ok": true,
                "rooms": rooms,
                "joined": joined,
                "messages": messages,
                "doubles": doubles,
                "found": found,
                "elapsed_s": seconds,
                "messages_per_s": rate.round(),
            }));
        } else {
            print(format_args!(
                "{messages} messages of {rooms} rooms are in the target; {joined} rooms were in both \
                 sources, and {doubles} messages; {found} were there already. {seconds:.1} s, \
                 {rate:.0} messages a second."
            ));
        }
    }
}

/// Opens one of the three. Of a type that cannot be merged nothing is opened.
async fn open(opener: &mut Opener, part: Part, given: &str) -> Result<Arc<dyn ChatStore>, DbError> {
    let address: ChatAddress = given.parse()?;
    let kind = address.kind();
    if !MERGEABLE.contains(&kind) {
        return Err(MergeError::TypeNotMergeable { part, kind }.into());
    }
    Ok(match part {
        Part::First | Part::Second => opener.open(&address).await?,
        Part::Target => opener.create(&address).await?,
    })
}

fn look(watch: Watch) -> impl Fn() -> Seen + Send {
    move || {
        let status = watch.status();
        Seen {
            phase: status.phase.name(),
            percent: status.percent(),
            messages: status.messages_done,
            of: status.messages,
        }
    }
}
