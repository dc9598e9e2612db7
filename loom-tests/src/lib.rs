//! Models of the shared-memory protocols.
