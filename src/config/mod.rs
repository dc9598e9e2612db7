//! `lab.toml`: what a lab consists of, read with errors that help.
//!
//! A file may leave anything out: what is missing keeps the built-in default, which
//! `takeover serve --print-config` prints with a comment on every key. A key that is unknown or a
//! value that is not allowed is refused with file, line, key, value and what would be allowed; all
//! such findings of a file are reported together.

mod databases;
mod error;
mod parse;
mod print;
mod reader;
mod types;

pub use databases::{DatabaseConfig, DatabasePlace};
pub use error::{ConfigError, Problem};
pub use parse::{load, parse};
pub use print::default_file;
pub use types::{
    ClusterConfig, EndpointsConfig, GroupConfig, LabConfig, LimitsConfig, LogFormat, LoggingConfig,
    NodeConfig, StorageConfig, StorageEngine, UserConfig, UserPattern, UsersConfig,
};

#[cfg(test)]
mod tests;
