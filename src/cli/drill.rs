//! `takeover drill`: pairs taken through the state table.

use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args, ValueEnum};
use takeover_core::ha::table;
use takeover_storage::{AddressError, ChatAddress, PostgresSettings};

use super::{FAILED, OK, REFUSED, fail, print};
use crate::drill::{self, Engine, Outcome, Rooms, Run, Skipped, Summary, Told, shipped};
use crate::report::{Picture, Table, Timeline, album};

const MORE: &str = "A drill of your own is a text file: drills/README.md lists what it may say.";

/// Take a pair through the state table, in virtual time.
///
/// A drill is a list of steps, waits, faults and expectations. What happens is told with its protocol
/// time: the states of the pair, the row of the table, its cause, and what an operator should do. A
/// drill goes wrong when a step does not go as written or a pair rests outside the table.
#[derive(Args)]
#[command(after_help = MORE, group = ArgGroup::new("which").required(true))]
pub(super) struct Drill {
    /// A drill that comes with the program, or a file.
    #[arg(value_name = "NAME|FILE", group = "which")]
    name: Option<String>,
    /// List the drills that come with the program, with the rows they show.
    #[arg(long, group = "which")]
    list: bool,
    /// Carry out the drills that show a row of the state table.
    #[arg(long, group = "which", value_name = "N", value_parser = clap::value_parser!(u8).range(1..=27))]
    row: Option<u8>,
    /// Carry out all drills that come with the program, and count the rows that were reached.
    #[arg(long, group = "which")]
    all: bool,
    /// Print the graph of a node's states as it is in the code.
    #[arg(long, group = "which", value_enum, value_name = "FORMAT", num_args = 0..=1, default_missing_value = "mermaid")]
    diagram: Option<Format>,
    /// Carry drills of rooms out on this PostgreSQL server, too: a connection string. Each pair gets a
    /// schema of its own there, named SCHEMA_1 and so on, which is dropped afterwards.
    #[arg(long, value_name = "URL[#SCHEMA]")]
    postgresql: Option<String>,
    /// Print one JSON object for each drill on standard output, all else on standard error.
    #[arg(long)]
    json: bool,
    /// Write a self-contained page with a picture of each drill.
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
}

/// How the graph of states is printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For pages that draw it themselves.
    Mermaid,
    /// A picture.
    Svg,
}

impl Drill {
    pub(super) fn run(&self) -> u8 {
        if let Some(format) = self.diagram {
            let diagram = drill::Diagram::of_the_code();
            let text = match format {
                Format::Mermaid => drill::mermaid(&diagram),
                Format::Svg => drill::svg(&diagram),
            };
            print(text.trim_end());
            return OK;
        }
        let drills = match self.chosen() {
            Ok(drills) => drills,
            Err(why) => return fail(REFUSED, why),
        };
        if self.list {
            self.show_list(&drills);
            return OK;
        }
        let server = match self.server() {
            Ok(server) => server,
            Err(error) => return fail(REFUSED, error),
        };
        self.carry_out_all(&drills, server.as_ref())
    }

    /// The server that was named.
    fn server(&self) -> Result<Option<PostgresSettings>, AddressError> {
        let given = self.postgresql.as_deref();
        let named = given.map(|url| url.parse::<ChatAddress>()?.postgresql());
        named.transpose()
    }

    fn carry_out_all(&self, drills: &[drill::Drill], server: Option<&PostgresSettings>) -> u8 {
        let mut timeline = Timeline::on_terminal(self.json);
        let (mut outcomes, mut pictures, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
        let each = |drill| drill_on_each(drill, server);
        for (drill, rooms) in drills.iter().flat_map(each) {
            match rooms {
                Ok(rooms) => {
                    let run = self.carry_out(drill, rooms, &mut timeline);
                    if self.report.is_some() {
                        pictures.extend(drill::picture(&run));
                    }
                    outcomes.push(run.outcome);
                }
                Err(not) => {
                    self.tell_skipped(&not, &mut timeline);
                    skipped.push(not);
                }
            }
        }
        let mut summary = Summary::of(&outcomes);
        summary.skipped = skipped;
        if self.all {
            self.show_summary(&summary, &mut timeline);
        }
        timeline.finish();
        let written = match &self.report {
            Some(path) => write_report(path, &outcomes, &pictures),
            None => true,
        };
        let went = if self.all {
            summary.is_ok()
        } else {
            !outcomes.is_empty() && outcomes.iter().all(|outcome| outcome.ok)
        };
        if went && written { OK } else { FAILED }
    }

    /// The drills that were asked for.
    fn chosen(&self) -> Result<Vec<drill::Drill>, String> {
        let known = shipped().map_err(|error| error.to_string())?;
        if let Some(row) = self.row {
            let mut showing = known;
            showing.retain(|drill| drill.shows.contains(&row));
            return Ok(showing);
        }
        let Some(name) = &self.name else {
            return Ok(known);
        };
        if let Some(found) = known.iter().find(|drill| drill.name == *name) {
            return Ok(vec![found.clone()]);
        }
        let names: Vec<&str> = known.iter().map(|drill| drill.name.as_str()).collect();
        let path = Path::new(name);
        let text = std::fs::read_to_string(path).map_err(|error| {
            format!(
                "no drill and no file {name:?} ({error}); there are: {}",
                names.join(", ")
            )
        })?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let read = drill::parse(name, &stem, &text).map_err(|error| error.to_string())?;
        Ok(vec![read])
    }

    fn show_list(&self, drills: &[drill::Drill]) {
        if self.json {
            for drill in drills {
                let (name, title) = (&drill.name, &drill.title);
                print(serde_json::json!({ "drill": name, "title": title, "rows": drill.shows }));
            }
            return;
        }
        let mut list = Table::new(["drill", "what it shows", "rows of the table"]);
        for drill in drills {
            let rows: Vec<String> = drill.shows.iter().map(u8::to_string).collect();
            list.row([drill.name.clone(), drill.title.clone(), rows.join(" ")]);
        }
        print(list);
    }

    fn tell_skipped(&self, not: &Skipped, timeline: &mut Timeline) {
        timeline.write(&format!(
            "SKIPPED: {} on {}: {}\n",
            not.drill,
            not.engine.name(),
            not.skipped
        ));
        if self.json {
            print(serde_json::json!(not));
        }
    }

    fn carry_out(&self, drill: &drill::Drill, rooms: Rooms<'_>, timeline: &mut Timeline) -> Run {
        let on = match rooms {
            Rooms::Own => String::new(),
            Rooms::PostgreSql(_) => format!(" (rooms in {})", rooms.engine().name()),
        };
        timeline.write(&format!("{}{on}: {}", drill.name, drill.title));
        for about in &drill.about {
            timeline.write(&format!("  {about}"));
        }
        let run = drill::run_on(drill, rooms, &mut |told: &Told| timeline.show(&told.line()));
        timeline.write(&format!("{}\n", run.outcome.verdict()));
        if self.json {
            print(serde_json::json!(run.outcome));
        }
        run
    }

    fn show_summary(&self, summary: &Summary, timeline: &mut Timeline) {
        let (reached, rows) = (summary.rows_reached, summary.rows);
        timeline.write(&format!(
            "{} drills, {} failed, {} skipped; {reached} of {rows} rows of the table reached; {} rests \
             outside it",
            summary.drills,
            summary.failed.len(),
            summary.skipped.len(),
            summary.misfits
        ));
        for row in summary.missing.iter().filter_map(|row| table::row(*row)) {
            timeline.write(&format!("  row {} not reached: {}", row.number, row.cause));
        }
        if self.json {
            print(serde_json::json!(summary));
        }
    }
}

/// A drill, once for each of its engines, and why one has to be left out.
fn drill_on_each<'d>(
    drill: &'d drill::Drill,
    server: Option<&'d PostgresSettings>,
) -> impl Iterator<Item = (&'d drill::Drill, Result<Rooms<'d>, Skipped>)> {
    drill.engines.iter().map(move |engine| {
        let rooms = match (engine, server) {
            (Engine::Own, _) => Ok(Rooms::Own),
            (Engine::PostgreSql, Some(server)) => Ok(Rooms::PostgreSql(server)),
            (Engine::PostgreSql, None) => Err(Skipped {
                drill: drill.name.clone(),
                engine: *engine,
                skipped: "no server was named; --postgresql URL[#SCHEMA] names one".to_owned(),
            }),
        };
        (drill, rooms)
    })
}

/// Writes the page; whether it worked.
fn write_report(path: &Path, outcomes: &[Outcome], pictures: &[Picture]) -> bool {
    let count = outcomes.iter().filter(|outcome| outcome.ok).count();
    let subtitle = format!("{count} of {} drills went as written.", outcomes.len());
    let tables = [("The drills", drill::table(outcomes))];
    let html = album("Drills", &subtitle, &tables, pictures);
    match std::fs::write(path, html) {
        Ok(()) => true,
        Err(error) => {
            fail(FAILED, format!("{}: {error}", path.display()));
            false
        }
    }
}
