//! `takeover db`: work on external databases that no lab has open.

mod export;
mod fill;
mod merge;
mod progress;
mod show;

use std::time::Duration;

use clap::{Args, Subcommand};
use takeover_storage::merge::MergeError;
use takeover_storage::{AddressError, Opener, PostgresOptions, StoreError};

use super::{FAILED, REFUSED, fail};

const ADDRESSES: &str = "A database is a folder, as in data/store#pair-1 (the folder of 'serve \
--data' will do), or a connection string. Without #NAME the only one there is meant.";

/// Merge, look into, and export external databases while no lab has them open.
#[derive(Args)]
#[command(after_help = ADDRESSES)]
pub(super) struct Db {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Merge(merge::Merge),
    Fill(fill::Fill),
    Show(show::Show),
    Export(export::Export),
    Search(export::Search),
}

impl Db {
    pub(super) fn run(&self) -> u8 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => return fail(FAILED, error),
        };
        let ended = match &self.command {
            Command::Merge(merge) => merge.run(&runtime),
            Command::Fill(fill) => fill.run(&runtime),
            Command::Show(show) => runtime.block_on(show.run()),
            Command::Export(export) => runtime.block_on(export.run()),
            Command::Search(search) => runtime.block_on(search.run()),
        };
        ended.unwrap_or_else(|error| fail(error.code(), error))
    }
}

/// What opens databases for these commands: they look at whole databases, which takes its time.
fn opener() -> Opener {
    Opener::new().with_options(PostgresOptions {
        statement: Duration::from_secs(600),
        ..PostgresOptions::default()
    })
}

/// Why a command on a database did not go well.
#[derive(Debug, thiserror::Error)]
enum DbError {
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error(transparent)]
    Merge(#[from] MergeError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Refused(String),
}

impl DbError {
    fn code(&self) -> u8 {
        match self {
            Self::Address(_) | Self::Refused(_) => REFUSED,
            Self::Merge(_) | Self::Store(_) => FAILED,
        }
    }
}
