//! Values of parameters.

use std::fmt;

use serde::Serialize;

/// What values a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole number, both bounds allowed.
    Int {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// On or off.
    Bool,
    /// One of these words.
    Choice(&'static [&'static str]),
}

impl Kind {
    /// Reads a value, or `None` where it is of the wrong type or out of range.
    #[must_use]
    pub fn read(self, text: &str) -> Option<Value> {
        let text = text.trim();
        match self {
            Kind::Int { min, max } => {
                let number: u64 = text.parse().ok()?;
                (min..=max).contains(&number).then_some(Value::Int(number))
            }
            Kind::Bool => match text.to_ascii_lowercase().as_str() {
                "true" | "on" | "yes" | "enabled" => Some(Value::Bool(true)),
                "false" | "off" | "no" | "disabled" => Some(Value::Bool(false)),
                _ => None,
            },
            Kind::Choice(words) => words
                .iter()
                .find(|word| word.eq_ignore_ascii_case(text))
                .map(|word| Value::Choice(word)),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Int { min, max } => write!(f, "a whole number from {min} to {max}"),
            Kind::Bool => f.write_str("true or false"),
            Kind::Choice(words) => write!(f, "one of {}", words.join(", ")),
        }
    }
}

/// A value of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// On or off.
    Bool(bool),
    /// A number, in the parameter's unit.
    Int(u64),
    /// A word.
    Choice(&'static str),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bool(on) => write!(f, "{on}"),
            Value::Int(number) => write!(f, "{number}"),
            Value::Choice(word) => f.pad(word),
        }
    }
}
