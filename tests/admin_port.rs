//! The administration port as a program meets it: token, commands, refusals.

use std::sync::Arc;

use takeover::admin::call::{CallError, call};
use takeover::admin::command::{Command, HaCommand};
use takeover::admin::http::{Administrator, Answer, router};
use takeover::admin::reply::{Refusal, Reply};
use takeover::admin::token::Token;

/// Answers `show status`, refuses a failover as HA-11 would, knows no other node.
struct OneNode;

impl Administrator for OneNode {
    fn execute(&self, command: Command) -> Answer<'_> {
        Box::pin(async move {
            match command {
                Command::Status => Ok(Reply {
                    text: "1A up".into(),
                    data: serde_json::json!({"1A": "up"}),
                }),
                Command::Ha(HaCommand::Failover { node }) if node == "1A" => {
                    Err(Refusal::Forbidden("1A is Idle; allowed: fallback".into()))
                }
                other => Err(Refusal::NoSuch {
                    what: "node",
                    name: format!("{other:?}"),
                    known: vec!["1A".into()],
                }),
            }
        })
    }
}

/// Serves the port on a thread of its own until the sender is dropped.
fn serve(token: Token) -> (String, tokio::sync::oneshot::Sender<()>, impl FnOnce()) {
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (told, tell) = std::sync::mpsc::channel();
    let thread = std::thread::Builder::new().spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            told.send(listener.local_addr().unwrap().to_string())
                .unwrap();
            axum::serve(listener, router(Arc::new(OneNode), token))
                .with_graceful_shutdown(async move { drop(stopped.await) })
                .await
                .unwrap();
        });
    });
    (tell.recv().unwrap(), stop, move || {
        thread.unwrap().join().unwrap()
    })
}

/// Chapter 7, *AXL and administration*: HTTP with JSON; nobody enters without the token, a
/// refusal carries its reason, and what was not understood names what is allowed (HA-11, CFG-6).
#[test]
fn the_port_answers_commands_and_refuses_with_reasons() {
    let token = Token::draw().unwrap();
    let (address, stop, join) = serve(token.clone());

    let reply = call(&address, &token, "show status").unwrap();
    assert_eq!(reply.text, "1A up");
    assert_eq!(reply.data["1A"], "up");

    let refused = |line: &str, token: &Token| match call(&address, token, line).unwrap_err() {
        CallError::Refused(error) => error,
        CallError::Unreachable { cause, .. } => panic!("unreachable: {cause}"),
    };
    assert!(refused("utils ha failover 1A", &token).contains("allowed: fallback"));
    assert!(refused("utils ha failover 9Z", &token).contains("there are: 1A"));
    assert!(refused("make coffee", &token).contains("'make coffee' is no command"));
    assert!(refused("show status", &Token::from_text("guess")).contains("token"));

    drop(stop);
    join();
    assert!(matches!(
        call(&address, &token, "show status"),
        Err(CallError::Unreachable { .. })
    ));
}

/// What is no request of the port is refused as everything else is: in JSON, with what was asked and what is allowed.
#[test]
fn what_is_no_request_is_refused_in_json_too() {
    let token = Token::draw().unwrap();
    let (address, stop, join) = serve(token.clone());
    let json = "Content-Type: application/json\r\n";
    let long = format!("{{\"command\": \"{}\"}}", "x".repeat(20_000));
    for (line, headers, body, status, why) in [
        (
            "GET /nope",
            "",
            "",
            404,
            "there is nothing at /nope; there are: POST /v1/command",
        ),
        (
            "DELETE /v1/status",
            "",
            "",
            405,
            "DELETE /v1/status is no request; there are:",
        ),
        (
            "POST /v1/command",
            "",
            "show status",
            415,
            "application/json",
        ),
        (
            "POST /v1/command",
            json,
            "{\"command\": 5}",
            422,
            "expected a string",
        ),
        ("POST /v1/command", json, "{\"command\"", 400, "EOF"),
        (
            "POST /v1/command",
            json,
            "{\"order\": \"x\"}",
            422,
            "unknown field `order`",
        ),
        (
            "POST /v1/command",
            json,
            &long,
            413,
            "length limit exceeded",
        ),
    ] {
        let (said, answer) = request(&address, &token, line, headers, body);
        assert_eq!(said, status, "{line}: {answer}");
        assert_eq!(answer["ok"], false, "{line}: {answer}");
        let error = answer["error"].as_str().unwrap();
        assert!(error.contains(why), "{line}: {error}");
    }
    drop(stop);
    join();
}

/// Status and JSON of one request as it is written.
fn request(
    address: &str,
    token: &Token,
    line: &str,
    headers: &str,
    body: &str,
) -> (u16, serde_json::Value) {
    use std::io::{Read, Write};
    let mut socket = std::net::TcpStream::connect(address).unwrap();
    let (token, length) = (token.reveal(), body.len());
    let head = format!(
        "{line} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n{headers}\
         Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    // A body that is too long need not be read to its end.
    let _ = socket.write_all(format!("{head}{body}").as_bytes());
    let mut answer = String::new();
    let _ = socket.read_to_string(&mut answer);
    let (head, body) = answer.split_once("\r\n\r\n").expect(&answer);
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).expect(&answer))
}
