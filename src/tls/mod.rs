//! Certificates of a lab: one certificate authority made at start, one server certificate a node.
//!
//! Nothing is bought, asked for or kept: the authority lives as long as its lab, its certificate is
//! written to the data folder so that a client from outside can trust it. Keys are ECDSA P-256,
//! which a small machine makes in well under a millisecond.

mod authority;
mod configs;

pub use authority::{LabAuthority, ServerIdentity, TlsError};
pub use configs::{ALPN_XMPP_CLIENT, client_config, client_config_trusting, server_config};

/// File name of the authority's certificate inside a lab's data folder.
pub const CA_FILE: &str = "ca.pem";
