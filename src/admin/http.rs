//! The administration port: HTTP with JSON, on the loopback interface, behind a token.
//!
//! | request | answer |
//! | --- | --- |
//! | `POST /v1/command` with `{"command": "utils ha status"}` | `{"ok": true, "text": …, "data": …}` |
//! | `GET /v1/status` | the same as the command `show status` |
//!
//! Every request carries `Authorization: Bearer TOKEN`. A refusal is
//! `{"ok": false, "error": …}` with status 400, 401, 404, 409 or 503; of what is no request of this port at all
//! with the one that HTTP has for it (404, 405, 413, 415, 422).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{Method, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use super::command::Command;
use super::reply::{Refusal, Reply};
use super::token::Token;

/// The longest request body that is read, in bytes.
const BODY_LIMIT: usize = 16 * 1024;

/// The requests there are.
const REQUESTS: &str = "POST /v1/command, GET /v1/status";

/// The answer of an [`Administrator`], once it is there.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Reply, Refusal>> + Send + 'a>>;

/// Whoever carries commands out: a running lab.
pub trait Administrator: Send + Sync + 'static {
    /// Carries one command out, whole or not at all.
    fn execute(&self, command: Command) -> Answer<'_>;
}

/// The routes of the administration port.
pub fn router(administrator: Arc<dyn Administrator>, token: Token) -> Router {
    Router::new()
        .route("/v1/command", post(command))
        .route("/v1/status", get(status))
        .fallback(no_request)
        .method_not_allowed_fallback(no_method)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn_with_state(token, guard))
        .with_state(administrator)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CommandRequest {
    command: String,
}

async fn guard(State(token): State<Token>, request: Request, next: Next) -> Response {
    let offered = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    match offered {
        Some(offered) if token.opens(offered) => next.run(request).await,
        Some(_) | None => {
            let error = "the request needs 'Authorization: Bearer TOKEN' with the token that was \
                         printed when the server started";
            refuse(StatusCode::UNAUTHORIZED, error)
        }
    }
}

async fn command(
    State(administrator): State<Arc<dyn Administrator>>,
    request: Result<Json<CommandRequest>, JsonRejection>,
) -> Response {
    let Json(request) = match request {
        Ok(request) => request,
        Err(rejection) => return refuse(rejection.status(), &rejection.body_text()),
    };
    match Command::parse(&request.command) {
        Ok(command) => answer(administrator.execute(command).await),
        Err(error) => answer(Err(Refusal::NotUnderstood(error.to_string()))),
    }
}

async fn status(State(administrator): State<Arc<dyn Administrator>>) -> Response {
    answer(administrator.execute(Command::Status).await)
}

async fn no_request(uri: Uri) -> Response {
    let error = format!("there is nothing at {}; there are: {REQUESTS}", uri.path());
    refuse(StatusCode::NOT_FOUND, &error)
}

async fn no_method(method: Method, uri: Uri) -> Response {
    let error = format!(
        "{method} {} is no request; there are: {REQUESTS}",
        uri.path()
    );
    refuse(StatusCode::METHOD_NOT_ALLOWED, &error)
}

fn answer(result: Result<Reply, Refusal>) -> Response {
    match result {
        Ok(reply) => {
            Json(json!({"ok": true, "text": reply.text, "data": reply.data})).into_response()
        }
        Err(refusal) => {
            let status = StatusCode::from_u16(refusal.http_status())
                .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            refuse(status, &refusal.to_string())
        }
    }
}

fn refuse(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({"ok": false, "error": error}))).into_response()
}
