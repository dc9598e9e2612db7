//! The sockets of a lab in real time: where XMPP clients from outside come in.
//!
//! Every node listens on two ports of the loopback interface: one where TLS begins by STARTTLS
//! (RFC 6120, section 5), one where it begins with the first octet (XEP-0368). What comes in is
//! handed to the node's Connection Manager as an [`Arrival`](takeover_actors::wire::Arrival), the
//! same that a client in memory is.

mod listener;

pub use listener::{Addresses, Door, Endpoint, EndpointSpec, OpenError};

#[cfg(test)]
mod tests;
