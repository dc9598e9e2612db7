//! Why parameters are refused.

use std::fmt;

use super::list::{Param, Scope};

/// Why a setting is refused (CFG-6).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParamError {
    /// There is no such parameter.
    #[error("there is no parameter {name:?}{}", near(.name))]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// Out of range, or of the wrong type.
    #[error("{} is {value:?}; allowed: {}{}", .param.spec().name, .param.spec().kind, in_unit(*.param))]
    Value {
        /// The parameter.
        param: Param,
        /// The value refused.
        value: String,
    },
    /// A node's parameter for a cluster, or the other way round.
    #[error("{} is set for a {}, not for a {given}", .param.spec().name, .param.spec().scope)]
    Scope {
        /// The parameter.
        param: Param,
        /// What it was to be set for.
        given: Scope,
    },
    /// Two parameters that do not go together.
    #[error("{} ({low_value}{}) must {relation} {} ({high_value}{})", .low.spec().name, in_unit(*.low), .high.spec().name, in_unit(*.high))]
    Order {
        /// The one that must be lower.
        low: Param,
        /// Its value.
        low_value: u64,
        /// `be less than` or `not exceed`.
        relation: &'static str,
        /// The one that must be higher.
        high: Param,
        /// Its value.
        high_value: u64,
    },
}

fn in_unit(param: Param) -> String {
    match param.spec().unit.to_string() {
        unit if unit.is_empty() => unit,
        unit => format!(" {unit}"),
    }
}

/// Parameters whose name shares a word with what was asked for.
fn near(name: &str) -> String {
    let words: Vec<String> = name
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.len() > 3)
        .map(str::to_lowercase)
        .collect();
    let shares = |known: &&str| {
        let known = known.to_lowercase();
        words.iter().any(|word| known.contains(word.as_str()))
    };
    let found: Vec<&str> = Param::all()
        .map(|spec| spec.name)
        .filter(shares)
        .take(4)
        .collect();
    if found.is_empty() {
        String::new()
    } else {
        format!("; there is {}", found.join(", "))
    }
}

/// Everything that is wrong with a batch of settings. Nothing of it was set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ParamErrors(pub Vec<ParamError>);

impl fmt::Display for ParamErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, error) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str("; ")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

/// What is set, but should not stay so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParamWarning {
    /// SES-5: the nodes of a group differ in a limit.
    Unequal {
        /// The group's name.
        group: String,
        /// The parameter.
        param: Param,
        /// The first node's value.
        first: u64,
        /// The second node's value.
        second: u64,
    },
    /// SES-5: the lower limit should follow the critical-service delay.
    LowerLimitBelowDelay {
        /// The node's name.
        node: String,
        /// The lower limit in seconds.
        lower: u64,
        /// The delay in seconds.
        delay: u64,
    },
}

impl fmt::Display for ParamWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParamWarning::Unequal {
                group,
                param,
                first,
                second,
            } => write!(
                f,
                "{} differs on the nodes of group {group:?} ({first} and {second}); it must be equal",
                param.spec().name
            ),
            ParamWarning::LowerLimitBelowDelay { node, lower, delay } => write!(
                f,
                "{} on {node:?} ({lower} s) is below {} ({delay} s)",
                Param::ReLoginLowerLimit.spec().name,
                Param::CriticalServiceDownDelay.spec().name
            ),
        }
    }
}
