//! The languages of the deployment: XMPP and SIP without I/O.
//!
//! Octets come in as values, octets and decisions go out as values. Nothing here knows a socket,
//! a clock or a source of randomness: whoever drives a machine passes those in.

pub mod jid;
pub mod ns;
pub mod stanza;
pub mod xml;
