//! One suite that every engine passes: see `support/*_suite.rs`.

mod support;

use std::sync::Arc;
use support::{chat_suite, node_suite, postgres, user_suite};

use takeover_storage::{Embedded, Faults, Guarded, Memory, Passage, StoreError};

/// CHAT-3: the memory engine keeps the promises of all three traits.
#[test]
fn memory() {
    for (name, part) in chat_suite::SUITE {
        eprintln!("chat: {name}");
        part(&*Memory::new().chat("pair-1"));
    }
    for (name, part) in user_suite::SUITE {
        eprintln!("users: {name}");
        part(&*Memory::new().users("cluster-1"));
    }
    for (name, part) in node_suite::SUITE {
        eprintln!("node: {name}");
        part(&*Memory::new().node("1A"));
    }
}

/// CHAT-12: so does a database with faults of its own before it, when none is injected.
#[test]
fn guarded() {
    for (name, part) in chat_suite::SUITE {
        let passage: Passage = Arc::new(|| Box::pin(std::future::ready(())));
        let inner = Memory::new().chat(name);
        part(&Guarded::new(inner, Faults::none(), Some(passage)));
    }
}

/// CHAT-3: so does the embedded engine, and what it was told is there when it is opened again.
#[test]
fn embedded() {
    let folder = tempfile::tempdir().unwrap();
    let embedded = Embedded::open(folder.path()).unwrap();
    for (name, part) in chat_suite::SUITE {
        part(&*embedded.chat(name));
    }
    for (name, part) in user_suite::SUITE {
        part(&*embedded.users(name));
    }
    for (name, part) in node_suite::SUITE {
        part(&*embedded.node(name));
    }
    let counts = |embedded: &Embedded| {
        let count = |&(name, _): &support::Part<_>| support::good(embedded.chat(name).counts(None));
        chat_suite::SUITE.iter().map(count).collect::<Vec<_>>()
    };
    let before = counts(&embedded);
    let in_use = Embedded::open(folder.path()).unwrap_err();
    assert!(matches!(in_use, StoreError::InUse { .. }), "{in_use}");
    drop(embedded);
    assert_eq!(counts(&Embedded::open(folder.path()).unwrap()), before);
}

/// CHAT-3, CHAT-5: PostgreSQL passes the same suite; instances on one server are apart, and what
/// one was told is there when it is opened again.
#[test]
fn postgresql() {
    let Some(server) = postgres::server("conformance::postgresql") else {
        return;
    };
    let schema = |number: usize| format!("instance_{number}");
    for (number, (name, part)) in chat_suite::SUITE.iter().enumerate() {
        eprintln!("chat: {name}");
        part(&*server.open(&schema(number)).chat());
    }
    let counts = |number| support::good(server.open(&schema(number)).chat().counts(None));
    let before: Vec<_> = (0..chat_suite::SUITE.len()).map(counts).collect();
    assert!(before.iter().any(|counts| counts.messages == 1000));
    let stored: u64 = before.iter().map(|counts| counts.messages).sum();
    let all = (0..chat_suite::SUITE.len())
        .map(|number| {
            format!(
                "SELECT count(*) AS n FROM {}.takeover_message",
                schema(number)
            )
        })
        .collect::<Vec<_>>()
        .join(" UNION ALL ");
    let counted = server.sql(&format!("SELECT sum(n) FROM ({all}) AS counts"));
    assert_eq!(counted, stored.to_string());
}
