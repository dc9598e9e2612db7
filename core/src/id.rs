//! Identities: small dense numbers for what a deployment is made of.
//!
//! Names belong to people and live in the topology; the rules, the journal and the packed states of the
//! explorer use these numbers.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! identity {
    ($(#[$doc:meta])* $name:ident($inner:ty), $prefix:literal) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl $name {
            /// The number as an index into a dense list.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&format!(concat!($prefix, "{}"), self.0))
            }
        }
    };
}

identity!(
    /// A node, numbered from 0 over the whole deployment.
    NodeId(u16), "node-"
);
identity!(
    /// A presence redundancy group (subcluster), numbered from 0 over the whole deployment.
    GroupId(u16), "group-"
);
identity!(
    /// A cluster, numbered from 0 over the deployment.
    ClusterId(u8), "cluster-"
);

/// One life of a node's SRM: it grows with each start, so that a message of an old life can be told
/// from one of the present life. 0 is "never started".
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Incarnation(pub u32);

impl Incarnation {
    /// The next life.
    #[must_use]
    pub const fn next(self) -> Incarnation {
        Incarnation(self.0.saturating_add(1))
    }
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match f.width() {
            Some(_) => f.pad(&format!("#{}", self.0)),
            None => write!(f, "#{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_say_what_they_number() {
        assert_eq!(NodeId(3).to_string(), "node-3");
        assert_eq!(GroupId(1).to_string(), "group-1");
        assert_eq!(ClusterId(0).to_string(), "cluster-0");
        assert_eq!(Incarnation::default().next().to_string(), "#1");
    }
}
