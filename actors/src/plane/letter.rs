//! What the router of one node says to the router of another (port 7400).

use takeover_core::sync::Ownership;

use super::parcel::Parcel;
use crate::rt::Packet;

/// The port of XMPP between XCP routers (chapter 1).
pub const ROUTER_PORT: u16 = 7400;

/// A parcel for whoever lives at the receiving node, as far as the sender knew.
#[derive(Debug)]
pub struct Letter {
    /// The ownership that the sender saw; an older one is not delivered but routed anew (SES-4).
    pub seen: Ownership,
    /// What is carried.
    pub parcel: Parcel,
}

impl Packet for Letter {
    fn wire_size(&self) -> usize {
        self.parcel.stanza.payload().len() + 200
    }
}
