//! Parameters: names, ranges, defaults, units, and how they are set (CFG-6).
//!
//! A parameter is set by the name that an administrator knows, or by its key. A batch is set as a whole
//! or not at all.

mod error;
mod list;
mod store;
mod value;

pub use error::{ParamError, ParamErrors, ParamWarning};
pub use list::{Param, ParamSpec, Scope, Unit};
pub use store::{Change, Params, Setting};
pub use value::{Kind, Value};

#[cfg(test)]
mod tests;
