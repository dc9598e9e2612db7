//! Single stanzas.

use takeover_protocols::carbons;
use takeover_protocols::jid::Jid;
use takeover_protocols::stanza::{Condition, Stanza, StanzaError};
use takeover_protocols::{ping, search};

use crate::input::{check_written, elements};

/// What was read is written and read as the same; so are its answers and copies, and what is refused
/// is answered with a stanza.
pub(crate) fn body(octets: &[u8]) {
    for raw in elements(octets) {
        match Stanza::from_raw(raw) {
            Ok(stanza) => check(&stanza),
            Err(refused) => {
                assert!(!refused.to_string().is_empty());
                refused.reply.iter().for_each(|reply| check_written(reply));
            }
        }
    }
}

fn check(stanza: &Stanza) {
    check_written(stanza);
    for child in stanza.children() {
        assert!(stanza.has_child(child.name(), child.ns()), "{child}");
        assert!(stanza.child(child.name(), child.ns()).is_some(), "{child}");
    }
    let error = StanzaError::new(Condition::ServiceUnavailable);
    let answers = [
        stanza.error_reply(&error),
        stanza.error_reply_with_payload(&error),
        stanza.kind.is_request().then(|| stanza.result()),
    ];
    for answer in answers.iter().flatten() {
        check_written(answer);
        assert_eq!((&answer.to, &answer.id), (&stanza.from, &stanza.id));
    }
    for direction in [carbons::Direction::Sent, carbons::Direction::Received] {
        let _ = carbons::is_eligible(stanza, direction);
        if let Some(Ok(to)) = stanza.to.clone().map(Jid::try_into_full) {
            check_written(&carbons::copy_for(stanza, direction, &to));
        }
    }
    check_written(&carbons::without_mark(stanza.clone()));
    assert!((-128..=127).contains(&i32::from(stanza.priority())));
    let _ = (
        stanza.body(),
        stanza.show(),
        stanza.error(),
        stanza.children(),
    );
    let _ = (ping::is_request(stanza), search::is_request(stanza));
    let _ = (carbons::switch(stanza), stanza.is_availability());
}
