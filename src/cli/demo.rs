//! `takeover demo`: CHAT-8 and CHAT-9 before your eyes.

use std::fs::File;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use parking_lot::Mutex;

use super::interrupt::Interrupt;
use super::{FAILED, OK, REFUSED, fail, print};
use crate::Lab;
use crate::demo::{Story, StoryError, Teller, Times, Verdict};
use crate::lab::{Control, LabError};
use crate::report::{Timeline, page, paint};

const TITLE: &str = "A node loses its conference service";
const GROUP: &str = "pair-1";

/// Play a failover and a fallback from end to end, with four clients who talk all along.
///
/// A cluster of four nodes in two pairs comes up with real sockets on loopback. Andy, Bob, Catherine
/// and Deborah log in over TLS and talk, in a persistent room that node 1A hosts and with one another.
/// Then the Text Conference service of 1A dies; 90 protocol seconds later users and room move to 1B;
/// an administrator mends it and brings them home.
#[derive(Args)]
pub(super) struct Demo {
    /// Protocol seconds per second; 1 is life.
    #[arg(long, default_value_t = 30.0, allow_negative_numbers = true)]
    speed: f64,
    /// Seed of everything that is drawn at random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print the verdict as one JSON object on the last line of standard output, all else on
    /// standard error.
    #[arg(long)]
    json: bool,
    /// Write a self-contained page with the picture of the run.
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
}

impl Demo {
    pub(super) fn run(&self) -> u8 {
        if !(self.speed.is_finite() && (0.1..=300.0).contains(&self.speed)) {
            let why = format!("--speed {}: allowed are 0.1 to 300", self.speed);
            return fail(REFUSED, why);
        }
        // Before the story, not after it.
        let report = match &self.report {
            Some(path) => match File::create(path) {
                Ok(file) => Some((path.clone(), file)),
                Err(error) => {
                    return fail(REFUSED, format!("--report {}: {error}", path.display()));
                }
            },
            None => None,
        };
        match self.play(report) {
            Ok(true) => OK,
            Ok(false) => FAILED,
            Err(error) => fail(FAILED, error),
        }
    }

    fn play(&self, report: Option<(PathBuf, File)>) -> Result<bool, LabError> {
        let interrupt = Interrupt::listen();
        let mut timeline = Timeline::on_terminal(self.json);
        timeline.write(&self.heading());
        let mut lab = Lab::real_time(self.speed).seed(self.seed).start()?;
        let teller = Arc::new(Mutex::new(Teller::new(&lab, timeline)));
        let played = tell(&mut lab, &teller, &interrupt);
        teller.lock().catch_up(&lab);
        let verdict = Verdict::of(&lab, GROUP, played.map_err(|error| error.to_string()))?;
        teller.lock().timeline().finish();
        let mut ok = verdict.ok;
        self.judge(&verdict, &teller);
        if let Some(report) = report {
            let subtitle = self.subtitle(&verdict);
            ok &= write_report(&lab, report, &subtitle, &verdict, &teller);
        }
        if self.json {
            print(serde_json::json!(verdict));
        }
        lab.shut_down(Duration::from_secs(5))?;
        Ok(ok)
    }

    fn heading(&self) -> String {
        format!(
            "{TITLE}: four nodes in two pairs, four clients, {} times faster than life, seed {}.\n\
             Times are protocol seconds.\n",
            self.speed, self.seed
        )
    }

    fn subtitle(&self, verdict: &Verdict) -> String {
        format!(
            "{}. Seed {}, {} times faster than life.",
            verdict.sentence(),
            self.seed,
            self.speed
        )
    }

    fn judge(&self, verdict: &Verdict, teller: &Arc<Mutex<Teller>>) {
        let mut teller = teller.lock();
        let timeline = teller.timeline();
        timeline.write(&format!("\n{}", verdict.clients_table()));
        timeline.write(&verdict.times_table().to_string());
        for broken in &verdict.broken {
            timeline.write(&format!("  {broken}"));
        }
        timeline.write(&verdict.sentence());
    }
}

/// Plays the story while the teller tells it, until somebody breaks it off.
fn tell(
    lab: &mut Lab,
    teller: &Arc<Mutex<Teller>>,
    interrupt: &Interrupt,
) -> Result<Times, StoryError> {
    let watch = |lab: &Control| {
        teller.lock().catch_up(lab);
        match interrupt.has_come() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    };
    Story::new(lab, watch)?.play()
}

/// Writes the page; whether it worked.
fn write_report(
    lab: &Lab,
    (path, mut file): (PathBuf, File),
    subtitle: &str,
    verdict: &Verdict,
    teller: &Arc<Mutex<Teller>>,
) -> bool {
    let tables = [
        ("What the clients were promised", verdict.clients_table()),
        ("How long it took", verdict.times_table()),
    ];
    let html = page(&paint(lab, TITLE, subtitle), &tables);
    match file.write_all(html.as_bytes()) {
        Ok(()) => {
            teller
                .lock()
                .timeline()
                .write(&format!("The picture is in {}.", path.display()));
            true
        }
        Err(error) => {
            fail(FAILED, format!("{}: {error}", path.display()));
            false
        }
    }
}
