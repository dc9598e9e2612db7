//! The default configuration as a file that explains itself.

use std::fmt::Write as _;

use takeover_core::params::Param;

use super::LabConfig;

/// The file without its parameters.
const FRAME: &str = include_str!("default.toml");
const PARAMETERS: &str = "# @parameters@\n";

/// A complete commented default: what `takeover serve --print-config` prints.
///
/// Reading it gives [`LabConfig::default`].
#[must_use]
pub fn default_file() -> String {
    let mut lines = String::new();
    let ours = LabConfig::default().parameters;
    for spec in Param::all() {
        let value = ours.get(&spec.param).copied().unwrap_or(spec.default);
        let text = value.to_string();
        let bare = text.parse::<u64>().is_ok() || matches!(text.as_str(), "true" | "false");
        let text = if bare { text } else { format!("{text:?}") };
        let unit = match spec.unit.to_string() {
            unit if unit.is_empty() => unit,
            unit => format!(", {unit}"),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(lines, "# For a {}: {}{unit}.", spec.scope, spec.kind);
        let _ = writeln!(lines, "{:?} = {text}", spec.name);
    }
    FRAME.replace(PARAMETERS, &lines)
}
