//! How fast what matters is, each thing beside its floor in the same run: what a bare channel, a bare
//! socket or the bare engine takes for the same octets. Costs are processor time, which others on the
//! machine disturb less than they do the clock; a ratio of two of them is what to go by.
//!
//! `cargo bench` runs all, `cargo bench -- rooms` the families and benchmarks with that in their names,
//! `cargo test --bench speed` each of them once.

mod control;
mod directory;
mod measure;
mod octets;
mod people;
mod relay;
mod rooms;
mod time;

use measure::Bench;

fn main() {
    // A room of a thousand is two thousand sockets.
    #[cfg(unix)]
    takeover::cli::open_files::allow_most();
    let mut bench = Bench::new();
    control::measure(&mut bench);
    directory::measure(&mut bench);
    people::measure(&mut bench);
    time::measure(&mut bench);
    rooms::measure(&mut bench);
    bench.finish();
}
