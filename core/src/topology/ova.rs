//! Node sizes (TOP-8).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The size of a node: the OVA profile it was made from (TOP-8).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "u32", into = "u32")]
pub enum OvaSize {
    /// 500 users.
    U500,
    /// 1 000 users.
    U1000,
    /// 2 000 users.
    U2000,
    /// 5 000 users.
    U5000,
    /// 15 000 users.
    #[default]
    U15000,
    /// 25 000 users.
    U25000,
}

impl OvaSize {
    /// Every size, the smallest first.
    pub const ALL: [OvaSize; 6] = [
        OvaSize::U500,
        OvaSize::U1000,
        OvaSize::U2000,
        OvaSize::U5000,
        OvaSize::U15000,
        OvaSize::U25000,
    ];

    /// The users it carries.
    #[must_use]
    pub const fn users(self) -> u32 {
        match self {
            OvaSize::U500 => 500,
            OvaSize::U1000 => 1_000,
            OvaSize::U2000 => 2_000,
            OvaSize::U5000 => 5_000,
            OvaSize::U15000 => 15_000,
            OvaSize::U25000 => 25_000,
        }
    }
}

/// There is no OVA profile of this size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no OVA profile for {value:?} users; there are 500, 1000, 2000, 5000, 15000 and 25000")]
pub struct UnknownOva {
    /// The value refused.
    pub value: String,
}

impl TryFrom<u32> for OvaSize {
    type Error = UnknownOva;

    fn try_from(users: u32) -> Result<Self, UnknownOva> {
        OvaSize::ALL
            .into_iter()
            .find(|size| size.users() == users)
            .ok_or_else(|| UnknownOva {
                value: users.to_string(),
            })
    }
}

impl From<OvaSize> for u32 {
    fn from(size: OvaSize) -> u32 {
        size.users()
    }
}

impl FromStr for OvaSize {
    type Err = UnknownOva;

    fn from_str(text: &str) -> Result<Self, UnknownOva> {
        text.trim()
            .parse::<u32>()
            .ok()
            .and_then(|users| OvaSize::try_from(users).ok())
            .ok_or_else(|| UnknownOva {
                value: text.to_owned(),
            })
    }
}

impl fmt::Display for OvaSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.users().to_string())
    }
}
