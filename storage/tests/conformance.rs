//! One suite that every engine passes: see `support/*_suite.rs`.

mod support;

use support::{chat_suite, node_suite, user_suite};
use takeover_storage::Memory;

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
