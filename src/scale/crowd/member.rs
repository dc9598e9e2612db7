//! One slim client.

use std::sync::Arc;

/// Which of the two nodes of a pair: 0 is the first.
pub(super) type Side = u8;

/// Where a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seat {
    /// It has not been told to log in.
    Out,
    /// It waits for its time to log in.
    Waiting,
    /// It is at the door of a node.
    Asking(Side),
    /// It is logged in there.
    In(Side),
    /// It was told to stay away.
    Refused,
}

/// One client: what it knows of its session, and where it is.
#[derive(Debug)]
pub(super) struct Slim {
    /// The name to resume its session by, once it had one.
    pub(super) previd: Option<Arc<str>>,
    /// Stanzas that it has received in its session, modulo 2³².
    pub(super) received: u32,
    pub(super) seat: Seat,
    /// It has had a session since it was last sent away or lost one.
    pub(super) had_session: bool,
    /// Redirects in a row.
    pub(super) redirects: u8,
}

impl Slim {
    pub(super) fn new() -> Self {
        Self {
            previd: None,
            received: 0,
            seat: Seat::Out,
            had_session: false,
            redirects: 0,
        }
    }
}
