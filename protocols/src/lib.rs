//! The languages of the deployment: XMPP and SIP without I/O.
//!
//! Octets come in as values, octets and decisions go out as values. Nothing here knows a socket,
//! a clock or a source of randomness: whoever drives a machine passes those in.

pub mod carbons;
pub mod csi;
pub mod datetime;
pub mod delay;
pub mod disco;
pub mod forms;
pub mod jid;
pub mod mam;
pub mod muc;
pub mod ns;
pub mod offline;
pub mod ping;
pub mod presence;
pub mod push;
pub mod roster;
pub mod routing;
pub mod rsm;
pub mod sasl;
pub mod search;
pub mod sm;
pub mod stanza;
pub mod stream;
pub mod version;
pub mod xml;
