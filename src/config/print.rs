//! The default configuration as a file that explains itself.

/// A complete commented default: what `takeover serve --print-config` prints.
///
/// Reading it gives [`super::LabConfig::default`].
pub const DEFAULT_FILE: &str = include_str!("default.toml");
