//! A subject and its floor, measured by criterion in processor time, with allocations counted.

use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use rustix::time::{ClockId, clock_gettime};

/// What one unit of work costs.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Nanoseconds: the median of all samples.
    nanos: f64,
    by: Clock,
    /// Allocations of the thread that drives it.
    allocations: f64,
}

/// What time is measured by.
#[derive(Clone, Copy, Debug)]
enum Clock {
    /// Processor time of the whole process.
    Processor,
    /// The clock on the wall, for what waits for a disk or for another process.
    Wall,
}

/// One line of the table.
struct Row {
    subject: String,
    floor: &'static str,
    cost: Cost,
    least: Cost,
    /// Whether the work is done on the thread whose allocations are counted.
    counted: bool,
}

/// The benchmarks of a run.
pub struct Bench {
    criterion: Criterion,
    wanted: Vec<String>,
    rows: Vec<Row>,
}

impl Bench {
    /// As the command line says.
    pub fn new() -> Self {
        let criterion = Criterion::default()
            .sample_size(20)
            .warm_up_time(Duration::from_millis(500))
            .measurement_time(Duration::from_secs(2))
            .without_plots()
            .configure_from_args();
        let words = std::env::args().skip(1);
        let wanted = words.filter(|word| !word.starts_with('-')).collect();
        Self {
            criterion,
            wanted,
            rows: Vec::new(),
        }
    }

    /// Whether something of a family is asked for: what it needs is dear to build.
    pub fn wants(&self, family: &str) -> bool {
        let named = |word: &String| family.contains(word.as_str()) || word.contains(family);
        self.wanted.is_empty() || self.wanted.iter().any(named)
    }

    /// The processor time of a unit, of which `body` does so many; `None` where it is not asked for.
    pub fn cost(&mut self, name: &str, units: u64, body: impl FnMut()) -> Option<Cost> {
        self.measured(name, Clock::Processor, units, body)
    }

    /// How long a unit takes, of which `body` does so many; `None` where it is not asked for.
    pub fn time(&mut self, name: &str, units: u64, body: impl FnMut()) -> Option<Cost> {
        self.measured(name, Clock::Wall, units, body)
    }

    fn measured(
        &mut self,
        name: &str,
        by: Clock,
        units: u64,
        mut body: impl FnMut(),
    ) -> Option<Cost> {
        let mut costs = Vec::new();
        let mut group = self.criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(units));
        group.bench_function(by.name(), |bencher| {
            bencher.iter_custom(|iterations| {
                let mut spent = Duration::ZERO;
                let counted = allocation_counter::measure(|| {
                    let since = by.now();
                    for _ in 0..iterations {
                        body();
                    }
                    spent = by.now() - since;
                });
                let done = (iterations * units) as f64;
                costs.push(Cost {
                    nanos: spent.as_nanos() as f64 / done,
                    by,
                    allocations: counted.count_total as f64 / done,
                });
                spent.max(Duration::from_nanos(1))
            });
        });
        group.finish();
        costs.sort_by(|a, b| a.nanos.total_cmp(&b.nanos));
        costs.get(costs.len() / 2).copied()
    }

    /// A subject whose work is done on this thread, and its floor.
    pub fn beside(
        &mut self,
        subject: &str,
        floor: &'static str,
        costs: (Option<Cost>, Option<Cost>),
    ) {
        self.row(subject, floor, costs, true);
    }

    /// As [`Bench::beside`], where other threads take part.
    pub fn beside_elsewhere(
        &mut self,
        subject: &str,
        floor: &'static str,
        costs: (Option<Cost>, Option<Cost>),
    ) {
        self.row(subject, floor, costs, false);
    }

    fn row(
        &mut self,
        subject: &str,
        floor: &'static str,
        costs: (Option<Cost>, Option<Cost>),
        counted: bool,
    ) {
        let (Some(cost), Some(least)) = costs else {
            return;
        };
        self.rows.push(Row {
            subject: subject.to_owned(),
            floor,
            cost,
            least,
            counted,
        });
    }

    /// Prints the table.
    pub fn finish(self) {
        self.criterion.final_summary();
        println!(
            "\n{:<44} {:<5} {:>12} {:>12}   {:<34} {:>10} {:>8}",
            "subject, of one unit", "by", "ns", "allocations", "floor", "ns", "ratio"
        );
        for row in &self.rows {
            let allocations = match row.counted {
                true => format!("{:.2}", row.cost.allocations),
                false => "-".to_owned(),
            };
            println!(
                "{:<44} {:<5} {:>12.0} {:>12}   {:<34} {:>10.0} {:>8.2}",
                row.subject,
                row.cost.by.name(),
                row.cost.nanos,
                allocations,
                row.floor,
                row.least.nanos,
                row.cost.nanos / row.least.nanos.max(0.1)
            );
        }
    }
}

impl Clock {
    fn name(self) -> &'static str {
        match self {
            Self::Processor => "cpu",
            Self::Wall => "clock",
        }
    }

    /// Time since some moment before the run.
    fn now(self) -> Duration {
        match self {
            Self::Processor => {
                let time = clock_gettime(ClockId::ProcessCPUTime);
                Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
            }
            Self::Wall => {
                static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(now);
                let start = *START;
                now().saturating_duration_since(start)
            }
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "it is the clock that is asked for"
)]
fn now() -> Instant {
    Instant::now()
}
