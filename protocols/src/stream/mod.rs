//! Streams (RFC 6120): negotiating them, from both sides, without I/O.

mod client;
mod config;
mod dual;
mod effect;
mod entropy;
mod error;
mod features;
mod server;

pub use client::{
    C2sClient, ClientCause, ClientConfig, ClientEffect, ClientTls, Earlier, Management, Ready,
};
pub use config::{C2sConfig, C2sLimits, Layer, Secret, Tls};
pub use effect::{Cause, Effect, Timer};
pub use error::{StreamCondition, StreamError};
pub use server::{C2sServer, answer_stream_request};
