//! Calling an administration port from another process.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::reply::Reply;
use super::token::Token;

/// How long a call may take: a fallback's start is answered at once, so this is generous.
const CALL_LIMIT: Duration = Duration::from_secs(30);

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nothing answers there, or not in HTTP.
    #[error("no answer from {address}: {cause}")]
    Unreachable {
        /// The address that was called.
        address: String,
        /// What the connection said.
        cause: String,
    },
    /// The server refused; the text is its own.
    #[error("{0}")]
    Refused(String),
}

#[derive(Deserialize)]
struct Body {
    ok: bool,
    #[serde(default)]
    text: String,
    #[serde(default)]
    data: serde_json::Value,
    #[serde(default)]
    error: String,
}

/// Sends one command line to the administration port at `address` (`host:port`) and waits for
/// the answer, 30 s at the most.
///
/// # Errors
/// [`CallError::Unreachable`] where nobody answers, [`CallError::Refused`] where the server says no.
pub fn call(address: &str, token: &Token, line: &str) -> Result<Reply, CallError> {
    let unreachable = |cause: ureq::Error| CallError::Unreachable {
        address: address.into(),
        cause: cause.to_string(),
    };
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(CALL_LIMIT))
        .http_status_as_error(false)
        .build()
        .into();
    let mut response = agent
        .post(format!("http://{address}/v1/command"))
        .header("Authorization", &format!("Bearer {}", token.reveal()))
        .send_json(json!({ "command": line }))
        .map_err(unreachable)?;
    let body: Body = response.body_mut().read_json().map_err(unreachable)?;
    if body.ok {
        Ok(Reply {
            text: body.text,
            data: body.data,
        })
    } else {
        Err(CallError::Refused(body.error))
    }
}
