//! What is wrong with a configuration file, finding by finding.

use std::fmt;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// One finding in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Line in the file, counted from 1.
    pub line: usize,
    /// The key's full path, as in `limits.stanza_bytes` or `clusters[0].name`.
    pub key: String,
    /// The value as it stands in the file; `None` where the key itself is the trouble.
    pub value: Option<String>,
    /// What is wrong, and what would be allowed.
    pub why: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{} = {value}: {}", self.key, self.why),
            None => write!(f, "{}: {}", self.key, self.why),
        }
    }
}

/// Why a configuration was refused.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The text is not TOML.
    #[error("{}:{line}: not TOML: {why}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, counted from 1.
        line: usize,
        /// What the TOML parser said.
        why: String,
    },
    /// Keys or values are not allowed; every finding of the file is here.
    #[error("{}", Findings(path, problems))]
    Refused {
        /// The file.
        path: PathBuf,
        /// The findings, in the order of their lines.
        problems: Vec<Problem>,
    },
}

impl ConfigError {
    /// The findings, where the file was TOML at all.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Refused { problems, .. } => problems,
            Self::File { .. } | Self::Syntax { .. } => &[],
        }
    }
}

struct Findings<'a>(&'a Path, &'a [Problem]);

impl fmt::Display for Findings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.1.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{}:{}: {problem}", self.0.display(), problem.line)?;
        }
        Ok(())
    }
}
