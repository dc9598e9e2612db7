//! The command line.
//!
//! Exit codes: 0 when all went well; 1 when a verdict is not OK, a command was refused or something
//! failed on the way; 2 when the command line or the configuration is refused.

mod canaries;
mod console;
mod db;
mod demo;
mod drill;
mod explore;
mod interrupt;
mod logging;
#[cfg(unix)]
#[doc(hidden)]
pub mod open_files;
mod profile;
mod reliability;
mod scale;
mod searched;
mod serve;
mod storm;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// All went well.
const OK: u8 = 0;
/// A verdict is not OK, a command was refused, or something failed on the way.
const FAILED: u8 = 1;
/// The command line or the configuration is refused.
const REFUSED: u8 = 2;

const EXIT_CODES: &str = "Exit codes: 0 all went well; 1 the verdict is not OK, a command was \
refused or something failed on the way; 2 the command line or the configuration is refused.";

/// A high-availability IM and Presence deployment inside one process.
#[derive(Parser)]
#[command(name = "takeover", version, about, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Play a failover and a fallback from end to end, with four clients who talk all along.
    Demo(demo::Demo),
    /// Take a pair through the state table, in virtual time.
    Drill(drill::Drill),
    /// Go through every history of a pair, up to a number of faults.
    Explore(explore::Explore),
    /// Keep a lab running for clients from outside.
    Serve(serve::Serve),
    /// Look up the re-login limits that fit a node's size and its users.
    Profile(profile::Profile),
    /// Replay the logins after a failover, with the re-login limits that fit and with the default ones.
    Storm(storm::Storm),
    /// Boot a deployment with every user logged in, and fail one node of every pair over at once.
    Scale(scale::Scale),
    /// Break a whole deployment on purpose, from seeds, and look for a broken promise.
    Verify(verify::Verify),
    /// Give an administrator's commands to a lab that `serve` keeps running.
    Console(console::Console),
    /// Merge, look into, and export external databases while no lab has them open.
    Db(db::Db),
}

/// Runs the command line of this process.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let code = match arguments.command {
        Command::Demo(demo) => demo.run(),
        Command::Drill(drill) => drill.run(),
        Command::Explore(explore) => explore.run(),
        Command::Serve(serve) => serve.run(),
        Command::Profile(profile) => profile.run(),
        Command::Storm(storm) => storm.run(),
        Command::Scale(scale) => scale.run(),
        Command::Verify(verify) => verify.run(),
        Command::Console(console) => console.run(),
        Command::Db(db) => db.run(),
    };
    ExitCode::from(code)
}

/// Says on standard error why the command ends with `code`.
fn fail(code: u8, why: impl std::fmt::Display) -> u8 {
    eprintln!("error: {why}");
    code
}

/// Prints a line on standard output; a reader that has gone away is not an error of ours.
fn print(text: impl std::fmt::Display) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }
}
