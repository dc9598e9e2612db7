//! One suite that every engine passes: see `support/*_suite.rs`.

mod support;

use support::{chat_suite, node_suite, user_suite};
use takeover_storage::{Embedded, Memory, StoreError};

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
